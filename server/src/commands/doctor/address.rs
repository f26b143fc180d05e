//! The public address: does it lead here, and do WebSockets pass on the way?

use super::{DEADLINE, Finding, Patient};
use crate::platform::live::NO_UPGRADE;
use serde_json::Value;

/// What a browser sends to open a WebSocket; the key is the one of RFC 6455.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let origin = patient.config.public_url.origin();
    if patient.running.is_none() {
        return vec![Finding::ok("public URL", format!("{origin}; not tried, as no server runs"))];
    }
    let reached = match cli::probe(origin, "/healthz", &[], DEADLINE).await {
        Err(why) => return vec![unreached(origin, &why)],
        Ok(seen) => seen,
    };
    let body: Value = serde_json::from_str(&reached.body).unwrap_or_default();
    if reached.status != 200 || body.get("status").and_then(Value::as_str) != Some("ok") {
        return vec![unreached(origin, &format!("something else answers there, with {}", reached.status))];
    }
    let mut headers = UPGRADE.to_vec();
    headers.push(("origin", origin));
    let socket = match cli::probe(origin, "/api/live", &headers, DEADLINE).await {
        Err(why) => closed(&why),
        Ok(seen) => passed(seen.status, &seen.body),
    };
    vec![Finding::ok("public URL", format!("{origin} leads here")), socket]
}

/// A stranger's upgrade that arrives is refused with 401: that is the good case.
fn passed(status: u16, body: &str) -> Finding {
    match status {
        101 => Finding::ok("WebSocket", "upgrades pass"),
        401 if !body.contains(NO_UPGRADE) => Finding::ok("WebSocket", "upgrades pass"),
        401 => closed("the upgrade is lost on the way"),
        403 => closed(
            "Chela takes the request for another site's: the Host or Origin header is changed on the way",
        ),
        other => closed(&format!("the answer is {other}")),
    }
}

fn closed(why: &str) -> Finding {
    Finding::fail(
        "WebSocket",
        why,
        "Pages do not change by themselves, and answers of bots do not stream into them.",
        "Let the proxy pass Upgrade and Connection for /api/live (docs/ops/install.md, Behind a proxy).",
    )
}

fn unreached(origin: &str, why: &str) -> Finding {
    let why = why.lines().next().unwrap_or_default();
    Finding::fail(
        "public URL",
        format!("{origin} does not lead here: {why}"),
        "Nobody can open the panel at the address that passkeys belong to.",
        "Look at the name in DNS, the proxy and its certificate; the proxy leads to CHELA_LISTEN. The address itself is \
         CHELA_PUBLIC_URL.",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[test]
    fn an_upgrade_that_a_proxy_swallows_is_told_from_one_that_arrives() {
        assert_eq!(passed(401, "{}").level, Level::Ok);
        assert_eq!(passed(401, NO_UPGRADE).level, Level::Fail);
        assert_eq!(passed(403, "").level, Level::Fail);
        assert_eq!(passed(502, "").level, Level::Fail);
    }
}
