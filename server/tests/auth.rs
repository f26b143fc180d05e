//! People against a real database file: links, passkeys, sessions, tokens, the control socket.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod auth {
    pub mod soft;
    pub mod support;

    mod control;
    mod disk;
    mod http;
    mod links;
    mod login;
    mod mutants;
    mod passkeys;
    mod sessions;
    mod tokens;
}
