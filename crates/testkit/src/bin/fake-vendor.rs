//! The fake vendor as a program, for browser tests: prints `{"port":…}` and serves until it is killed.

use clap::Parser;
use std::io::Write;
use testkit::vendor::{FakeVendor, Script};

/// A model vendor on loopback that answers digests.
#[derive(Parser)]
struct Arguments {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The only key it takes.
    #[arg(long, default_value_t = Script::default().key)]
    key: String,
    /// The secret half of every digest.
    #[arg(long, default_value_t = Script::default().nonce)]
    nonce: String,
    /// The one model it lists.
    #[arg(long, default_value_t = Script::default().model)]
    model: String,
    /// Milliseconds between two pieces of a stream.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { port, key, nonce, model, delay_ms } = Arguments::parse();
    let script = Script { key, nonce, model, delay_ms, ..Script::default() };
    let vendor = FakeVendor::start_on(port, script).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{{\"port\":{}}}", vendor.address().port())?;
    out.flush()?;
    vendor.run().await;
    Ok(())
}
