//! The page's script at the button that signs out, in a page of a few lines.

use crate::support::node;
use std::process::Command;

/// A page, and a server that answers so; then a click. Prints where the page went and what it said.
const PAGE: &str = r#"
const answer = process.argv[1];
const said = [];
const note = (name) => ({
  dataset: { passkeySay: name }, hidden: true,
  querySelectorAll: () => [{ dataset: { slot: 'message' }, set textContent(text) { said.push(text); } }],
});
const notes = [note('still-signed-in'), note('error')];
const heard = {};
globalThis.document = {
  addEventListener: (event, act) => { heard[event] = act; },
  querySelector: () => null,
  querySelectorAll: (what) => (what === '[data-passkey-say]' ? notes : []),
};
globalThis.addEventListener = () => {};
let went = '';
globalThis.location = { hash: '', assign: (to) => { went = to; } };
globalThis.fetch = async () => {
  if (answer === 'none') throw new TypeError('fetch failed');
  const status = Number(answer);
  const body = status === 200 ? '{}' : JSON.stringify({ detail: 'No.', code: 'x', request_id: 'req_1' });
  return { ok: status === 200, status, text: async () => body };
};
await import(process.argv[2]);
await heard.click({ target: { closest: () => ({}) }, preventDefault: () => {} });
console.log(JSON.stringify({ went, shown: notes.filter((n) => !n.hidden).map((n) => n.dataset.passkeySay), said }));
"#;

fn click(answer: &str) -> serde_json::Value {
    let script = concat!("file://", env!("CARGO_MANIFEST_DIR"), "/../public/passkey.js");
    let ran = Command::new(node())
        .args(["--input-type=module", "-e", PAGE, answer, script])
        .output()
        .expect("Node runs");
    let text = String::from_utf8_lossy(&ran.stdout);
    let error = String::from_utf8_lossy(&ran.stderr);
    serde_json::from_str(text.trim()).unwrap_or_else(|_| panic!("{text}{error}"))
}

#[test]
fn signing_out_that_did_not_work_is_said_and_the_page_stays() {
    for (answer, words) in [("500", "No."), ("none", "")] {
        let page = click(answer);
        assert_eq!(
            (page["went"].as_str(), &page["shown"]),
            (Some(""), &serde_json::json!(["still-signed-in"]))
        );
        assert_eq!(page["said"], serde_json::json!([words]), "{answer}");
    }
}

#[test]
fn who_is_signed_out_is_led_to_the_login_page() {
    for answer in ["200", "401"] {
        let page = click(answer);
        assert_eq!(
            (page["went"].as_str(), &page["shown"]),
            (Some("/login"), &serde_json::json!([])),
            "{answer}"
        );
    }
}
