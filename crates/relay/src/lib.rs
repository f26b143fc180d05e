//! The AI data plane: one model call from a caller's token to a vendor's answer.
//!
//! Responsible for vendors as data, for who may call on which wire (from an immutable snapshot), for
//! forwarding both bodies untouched, for counting usage while they pass, for errors in the caller's own
//! dialect, and for the one outbound connector of the product ([`egress`]). Not responsible for storing
//! anything: the server builds the [`Snapshot`], and takes the [`UsageRow`]s from the [`UsageReceiver`].
//! On the path of a call there is no lock and no database.
#![forbid(unsafe_code)]

pub mod chains;
pub mod egress;
pub mod framing;
pub mod guarded;
pub mod health;
pub mod key;
pub mod limits;
pub mod pool;
pub mod price;
pub mod snapshot;
pub mod stops;
pub mod usage;
pub mod vendors;

mod escapes;
mod mint;
mod probe;
mod relay;
mod scan;
mod short;
#[cfg(feature = "bedrock")]
mod sign;
mod wire;

pub use egress::{Egress, EgressError, EgressPolicy};
pub use guarded::Guarded;
pub use key::UpstreamKey;
pub use limits::{Limit, Unit};
pub use pool::KeyPool;
pub use price::{Facts, Price, Prices};
pub use probe::{ProbeError, Probed, probe};
pub use relay::{Limits, Relay, RelayBody, RelayConfig};
pub use snapshot::{Allowed as AllowedModels, Caller, CallerKind, Snapshot, SnapshotBuilder};
pub use stops::Stops;
pub use usage::{End, OpenCall, Tokens, UsageReceiver, UsageRow, UsageSink, UsageTotals};
pub use vendors::{Auth, Dialect, Vendor};
pub use wire::Wire;

/// Any error of a body, as hyper and axum pass them on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
