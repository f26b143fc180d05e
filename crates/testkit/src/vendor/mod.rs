//! A model vendor on loopback, for tests: OpenAI chat completions and Anthropic messages.
//!
//! It knows one key and refuses every other with 401. It answers what nobody else can compute: it looks for
//! the last `ask:<token>` in the last user message (a gateway may have put context lines around the text) and
//! answers the hex form of sha256(nonce + token), in 40 pieces when it streams. Without an `ask:` it hashes
//! the nonce and the whole last user text. The nonce is the test's secret, given at the start or through
//! `POST /__control`.
//!
//! Every call is remembered and can be read with [`FakeVendor::calls`] or at `GET /__calls`. `POST /__control`
//! takes a JSON object with any of `key`, `also`, `nonce`, `delay_ms`, `model` and `mode`; [`Mode`] lists what it can do
//! besides answering, from a tool call to every way in which an upstream can be hostile.
//!
//! It speaks HTTP by hand, because half of what it must say no HTTP library would write.

mod answer;
mod hostile;
mod http;
mod script;
mod server;

pub use answer::{binary, digest};
pub use script::{Call, Mode, Script, Then};
pub use server::FakeVendor;
