//! Every topic that is watched or was watched a short while ago, within bounds.

use super::{
    hub::Sent,
    past::{KEPT, Past},
};
use api::{ids::WorkspaceId, live::Topic};
use std::collections::HashMap;
use tokio::sync::broadcast;

/// Events a reader may lag behind before it must resync.
const TAIL: usize = 256;
/// Bytes of past events kept of all topics together.
const KEPT_IN_ALL: usize = 16 * 1024 * 1024;
/// Topics kept although nobody watches them.
const IDLE: usize = 256;

/// `bots` and `notifications` are one list per workspace; the others are named by an id that exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Channel {
    workspace: Option<WorkspaceId>,
    pub(super) topic: Topic,
}

impl Channel {
    /// The channel of `topic` for a watcher of `workspace`.
    pub(super) fn of(workspace: Option<WorkspaceId>, topic: Topic) -> Self {
        Self { workspace: workspace.filter(|_| topic.is_of_workspace()), topic }
    }
}

struct Tail {
    seq: u64,
    events: broadcast::Sender<Sent>,
    past: Past,
    /// When somebody last watched, as counted by [`Tails::turn`].
    watched: u64,
    /// Bytes published since. When they no longer fit, nobody can take up where they left.
    unwatched: usize,
}

impl Tail {
    fn is_idle(&self) -> bool {
        self.events.receiver_count() == 0
    }
}

/// The topics.
#[derive(Default)]
pub(super) struct Tails {
    map: HashMap<Channel, Tail>,
    /// Bytes of all pasts.
    bytes: usize,
    /// Where the numbers of a new tail begin: above those of any that was forgotten, with a gap, because what was
    /// published in between was not counted.
    first: u64,
    turn: u64,
}

impl Tails {
    /// The number of a topic's next event; none where nobody is interested.
    pub(super) fn next_seq(&self, channel: Channel) -> Option<u64> {
        self.map.get(&channel).map(|tail| tail.seq + 1)
    }

    pub(super) fn publish(&mut self, channel: Channel, event: Sent) {
        self.turn += 1;
        let Some(tail) = self.map.get_mut(&channel) else { return };
        tail.seq += 1;
        self.bytes -= tail.past.bytes();
        tail.past.push(event.clone());
        self.bytes += tail.past.bytes();
        if tail.is_idle() {
            tail.unwatched += event.as_str().len();
            if tail.unwatched > KEPT {
                self.forget(channel);
            }
        } else {
            (tail.watched, tail.unwatched) = (self.turn, 0);
            // No receiver: the last one left between the count and here.
            drop(tail.events.send(event));
        }
        if self.bytes > KEPT_IN_ALL {
            self.shed(channel);
        }
    }

    /// Attaches a reader: the number of what was published last, and everything after it.
    pub(super) fn attach(&mut self, channel: Channel) -> (u64, broadcast::Receiver<Sent>) {
        self.turn += 1;
        if !self.map.contains_key(&channel) && self.map.len() % IDLE == IDLE - 1 {
            self.sweep();
        }
        let (first, watched) = (self.first, self.turn);
        let tail = self.map.entry(channel).or_insert_with(|| Tail {
            seq: first,
            events: broadcast::Sender::new(TAIL),
            past: Past::since(first),
            watched,
            unwatched: 0,
        });
        (tail.watched, tail.unwatched) = (watched, 0);
        (tail.seq, tail.events.subscribe())
    }

    /// Attaches a reader that has everything up to `seq`, if what came since is all here.
    pub(super) fn resume(
        &mut self,
        channel: Channel,
        seq: u64,
    ) -> Option<(Vec<Sent>, broadcast::Receiver<Sent>)> {
        let missed = self.map.get(&channel)?.past.after(seq)?;
        Some((missed, self.attach(channel).1))
    }

    /// Forgets a topic that nobody watches and nothing was said in: who came has not stayed.
    pub(super) fn let_go(&mut self, channel: Channel) {
        if self.map.get(&channel).is_some_and(|tail| tail.is_idle() && tail.past.bytes() == 0) {
            self.forget(channel);
        }
    }

    /// Forgets idle topics, longest unwatched first, until few enough are left.
    pub(super) fn sweep(&mut self) {
        let idle = self.idle();
        for channel in idle.iter().take(idle.len().saturating_sub(IDLE)) {
            self.forget(*channel);
        }
    }

    /// Makes room: idle topics go first, then the past of the one that needs it.
    fn shed(&mut self, channel: Channel) {
        for idle in self.idle() {
            if self.bytes <= KEPT_IN_ALL {
                return;
            }
            self.forget(idle);
        }
        if self.bytes > KEPT_IN_ALL
            && let Some(tail) = self.map.get_mut(&channel)
        {
            self.bytes -= tail.past.bytes();
            tail.past.clear();
        }
    }

    /// Topics nobody watches, longest unwatched first.
    fn idle(&self) -> Vec<Channel> {
        let mut idle: Vec<_> = self
            .map
            .iter()
            .filter(|(_, tail)| tail.is_idle())
            .map(|(at, tail)| (tail.watched, *at))
            .collect();
        idle.sort_unstable_by_key(|(watched, _)| *watched);
        idle.into_iter().map(|(_, channel)| channel).collect()
    }

    fn forget(&mut self, channel: Channel) {
        if let Some(tail) = self.map.remove(&channel) {
            self.bytes -= tail.past.bytes();
            self.first = self.first.max(tail.seq + 1);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::ThreadId;
    use uuid::Uuid;

    fn thread(n: u128) -> Channel {
        Channel::of(None, Topic::Thread(ThreadId(Uuid::from_u128(n))))
    }

    #[test]
    fn a_topic_forgotten_and_watched_again_is_never_taken_up_from_before() {
        let mut tails = Tails::default();
        drop(tails.attach(thread(1)));
        tails.publish(thread(1), "one".into());
        assert!(tails.resume(thread(1), 0).is_some_and(|(missed, _)| missed.len() == 1));
        tails.forget(thread(1));
        // Not counted: nobody is known to care.
        tails.publish(thread(1), "two".into());
        assert!(tails.resume(thread(1), 1).is_none());
        let (seq, _events) = tails.attach(thread(1));
        assert!(seq > 1 && tails.resume(thread(1), 1).is_none(), "{seq}");
    }

    #[test]
    fn a_topic_that_went_on_too_long_without_a_watcher_is_forgotten() {
        let mut tails = Tails::default();
        drop(tails.attach(thread(1)));
        for _ in 0..300 {
            tails.publish(thread(1), "x".repeat(1_000).into());
        }
        assert_eq!((tails.len(), tails.bytes()), (0, 0));
    }

    #[test]
    fn topics_and_bytes_are_bounded_whoever_watches() {
        let mut tails = Tails::default();
        for n in 0..5_000 {
            drop(tails.attach(thread(n)));
            tails.publish(thread(n), "x".into());
        }
        assert!(tails.len() <= 2 * IDLE, "{}", tails.len());
        let watched: Vec<_> = (0..200).map(|n| tails.attach(thread(n)).1).collect();
        for _ in 0..300 {
            for n in 0..200 {
                tails.publish(thread(n), "x".repeat(1_000).into());
                assert!(tails.bytes() <= KEPT_IN_ALL);
            }
        }
        let counted: usize = tails.map.values().map(|tail| tail.past.bytes()).sum();
        assert_eq!(tails.bytes(), counted);
        assert_eq!(tails.len(), 200, "the idle ones went first");
        drop(watched);
    }
}
