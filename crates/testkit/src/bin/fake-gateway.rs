//! A bot's whole process, for tests at scale: stands where `node cell.mjs` stands, keeps the same
//! contract (environment, token files, sockets, exit codes) and is ready within milliseconds.
//!
//! Arguments are ignored, so that it can be started with those of Node. With `FAKE_GATEWAY_START_MS`
//! it says `starting` for so long; with `FAKE_GATEWAY_REPLY=echo` it answers without a model,
//! with `clock` it tells the time.

use std::process::ExitCode;

/// What OpenClaw and the cell exit with when they cannot run as configured.
const EX_CONFIG: u8 = 78;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match testkit::gateway::live().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake-gateway: {error:#}");
            ExitCode::from(EX_CONFIG)
        }
    }
}
