//! How a key is tested: what is asked, and what is made of the answers.

use super::*;
use relay::{ProbeError, probe};
use testkit::vendor::{FakeVendor, Mode, Script};

async fn fake() -> FakeVendor {
    FakeVendor::start(Script { key: "real-key-00001".into(), ..Script::default() }).await.unwrap()
}

/// What is asked of whom, by the hand-written list.
fn wanted(vendor: &Vendor, base: &str) -> Vec<String> {
    let said = lines(include_str!("tests.txt")).find(|l| l[0] == vendor.id);
    let plain = format!("GET {base}/models");
    said.map_or(vec![plain], |l| l[1].split(" then ").map(str::to_owned).collect())
}

#[tokio::test]
async fn a_key_of_every_vendor_is_tested_where_that_vendor_answers_for_nothing() {
    let fake = fake().await;
    for vendor in vendors::all() {
        let base = vendor.base_url.unwrap_or("https://up.example");
        let before = fake.calls().len();
        let probed =
            probe(&egress(fake.address(), [base].into_iter()), &key(vendor, base, "real-key-00001"), 0).await;
        let probed = probed.unwrap_or_else(|e| panic!("{}: {e}", vendor.id));
        let scheme = base.split_once("://").unwrap().0;
        let calls = fake.calls().split_off(before);
        let asked: Vec<String> = calls
            .iter()
            .map(|c| format!("{} {scheme}://{}{}", c.method, c.headers["host"], c.path))
            .collect();
        assert_eq!(asked, wanted(vendor, base), "{}", vendor.id);
        let (name, _) = vendor.auth.header();
        for call in &calls {
            assert!(call.headers[name.as_str()].ends_with("real-key-00001"), "{}", vendor.id);
            assert!(vendor.headers.iter().all(|(n, v)| call.headers[*n] == *v), "{}", vendor.id);
            // Nothing is ever asked that costs.
            assert!(call.method == "GET" || call.body == "{}", "{}", vendor.id);
        }
        let models: &[&str] = if vendor.test.models.is_some() { &["fake-model"] } else { &[] };
        assert_eq!(probed.models, models, "{}", vendor.id);
        assert!(calls.iter().all(|c| c.status == Some(200)));
        let refused =
            probe(&egress(fake.address(), [base].into_iter()), &key(vendor, base, "another-key-02"), 0).await;
        assert!(
            matches!(refused, Err(ProbeError::Refused { status: 401, .. })),
            "{}: {refused:?}",
            vendor.id
        );
    }
}

#[tokio::test]
async fn who_has_no_open_list_is_told_by_the_answer_to_an_empty_question() {
    let fake = fake().await;
    let (vendor, base) = address("perplexity");
    let ask = async |status: u16| {
        fake.play(Mode::Status { status, body: r#"{"error":{"message":"words"}}"#.to_owned() });
        probe(&egress(fake.address(), [base].into_iter()), &key(vendor, base, "real-key-00001"), 0).await
    };
    for fine in [200, 400, 404, 422] {
        assert!(ask(fine).await.is_ok_and(|p| p.models.is_empty()), "{fine}");
    }
    for bad in [401, 402, 403, 429, 500, 503] {
        let refused = ask(bad).await;
        assert!(
            matches!(&refused, Err(ProbeError::Refused { status, words }) if *status == bad && words == "words"),
            "{bad}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn lists_of_models_are_read_in_every_shape() {
    let fake = fake().await;
    for (who, body, want) in [
        ("openai", r#"{"object":"list","data":[{"id":"gpt-x","object":"model"}]}"#, &["gpt-x"][..]),
        (
            "google",
            r#"{"models":[{"name":"models/gemini-x","version":"1"}],"nextPageToken":""}"#,
            &["gemini-x"],
        ),
        ("cohere", r#"{"models":[{"name":"command-x"}]}"#, &["command-x"]),
        ("together", r#"[{"id":"org/llama","type":"chat"},{"id":"b"}]"#, &["org/llama", "b"]),
        ("mistral", r#"{"data":[{"id":"m","name":"Named"}]}"#, &["m"]),
    ] {
        fake.play(Mode::Status { status: 200, body: body.to_owned() });
        let (vendor, base) = address(who);
        let probed =
            probe(&egress(fake.address(), [base].into_iter()), &key(vendor, base, "real-key-00001"), 0).await;
        assert_eq!(probed.unwrap().models, want, "{who}");
    }
}
