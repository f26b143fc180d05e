//! A world (data dir, vendor, bots) and the servers that live in it one after another.

mod callers;
mod engine;
mod events;
mod http;
mod live;
mod struck;
mod world;

pub use callers::*;
pub use engine::*;
pub use events::*;
pub use http::*;
pub use live::*;
pub use struck::*;
pub use world::*;

use std::time::Duration;

/// How long anything may take that happens by itself.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A figure that makes a test larger than it is by default, from the environment.
pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// How often Chela is killed at each step: once, unless `CHELA_TEST_KILL_ROUNDS` says more.
pub fn kill_rounds() -> usize {
    number("CHELA_TEST_KILL_ROUNDS", 1)
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// There is none in time; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut turn = tokio::time::interval(Duration::from_millis(10));
        loop {
            turn.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}
