//! What is live: topics that browsers watch, snapshots and the events after them.
//!
//! Slices publish; the one WebSocket `/api/live` delivers, and to programs that wait for one answer a stream of events. A watcher attaches to a topic *before* its
//! snapshot is taken, so no event can fall between the two; who reads too slowly is told to resync and
//! gets a new snapshot. Who comes back with the number of the last event is given those it missed, if they are all
//! still here. Not responsible for what a snapshot holds or who may see it: slices answer that.

mod door;
mod events;
mod hub;
mod past;
mod socket;
mod tails;

pub use door::{LiveDoor, NO_UPGRADE, routes};
pub use events::{EventDoor, Follow, wants_events};
pub use hub::{Attached, Live, Resumed, SnapshotSource, TopicKind};

#[cfg(test)]
mod tests;
