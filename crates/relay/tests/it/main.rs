//! The relay between real sockets: a caller on one side, a fake vendor on the other.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail loudly")]

mod bedrock;
mod chains;
mod chaos;
mod charged;
mod cheaper;
mod cheaper_chains;
mod choice;
mod errors;
mod exact;
mod fallback;
mod hostile;
mod native;
mod passing;
mod realtime;
mod stops;
mod support;
mod tokens;
mod unified;
mod vendors;
mod vertex;
