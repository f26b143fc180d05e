//! A look at a panel from outside, as a browser comes: for `chela doctor`.

use crate::{
    address::Address,
    client::{Ask, Client},
};
use http::Method;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest body that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// What a panel answered.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: u16,
    /// The `Date` header.
    pub date: Option<String>,
    /// The body; empty where it is long or broke off.
    pub body: String,
}

/// Asks `origin` for `path` with these headers and no token.
///
/// # Errors
/// Nobody answers, in words.
pub async fn probe(
    origin: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    deadline: Duration,
) -> Result<Seen, String> {
    let address = Address::parse(origin).map_err(|failure| failure.to_string())?;
    let client = Client::new(address, Zeroizing::default(), deadline);
    let ask = Ask { method: Method::GET, path, headers, ..Ask::default() };
    let seen = async {
        let answer = client.send(&ask).await.map_err(|failure| failure.to_string())?;
        let status = answer.status().as_u16();
        let date = answer.headers().get(http::header::DATE).and_then(|d| d.to_str().ok()).map(str::to_owned);
        // After an upgrade there is no body to wait for.
        let body = if status == 101 {
            String::new()
        } else {
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            body.map(|b| String::from_utf8_lossy(&b.to_bytes()).into_owned()).unwrap_or_default()
        };
        Ok(Seen { status, date, body })
    };
    let late = || format!("no answer within {} s", deadline.as_secs());
    tokio::time::timeout(deadline, seen).await.unwrap_or_else(|_elapsed| Err(late()))
}
