//! Bots: what their owner wants, what is, and the work of making the one the other.
//!
//! Responsible for the bot's rows, configurations, lifecycle and the connection to its gateway. Not for
//! what is said in chats (`chat`), nor for model calls (`routing`).

mod acts;
mod bundle;
mod bundles;
mod chained;
mod configs;
mod create;
mod diagnose;
mod events;
mod halts;
mod health;
mod hears;
mod idle;
mod lifecycle;
mod links;
mod logs;
mod many;
mod metrics;
mod orphans;
mod past;
mod postmortems;
mod reconcile;
mod redact;
mod rows;
mod runtimes;
mod service;
mod settings;
mod store;
mod trash;
mod unisolated;
mod upgrade;
mod wires;

pub use bundles::{IMPORT, MOST_IMPORT, routes};
pub use health::{AskedChain, KeyAnswer, KeyVerdict, ModelCheck};
pub use hears::{Change, Failed, Hears};
pub use idle::{Activity, Calls, Traffic};
pub use links::{LinkEvent, Links};
pub use runtimes::Runtimes;
pub use service::{Bots, ModelList, ThreadList, register};
pub use settings::tags;
pub use wires::Wires;

/// How soon a bot that waits for its gateway or runtime is looked at again, if nothing wakes it earlier.
const RECONCILE_AGAIN_MS: i64 = 5_000;
