use super::*;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use relay::{End, Snapshot, snapshot::token_hash};
use std::collections::BTreeMap;
use testkit::vendor::{Call, Mode};

/// One line of `cases.txt`.
pub(super) struct Case {
    pub(super) vendor: &'static Vendor,
    pub(super) base: &'static str,
    /// Below `/v1/{vendor}/`, without its query.
    pub(super) rest: &'static str,
    pub(super) query: Option<&'static str>,
    pub(super) want: &'static str,
    pub(super) auth: &'static str,
    pub(super) extra: Vec<(&'static str, &'static str)>,
    pub(super) keeps: bool,
    pub(super) secret: &'static str,
}

pub(super) fn all() -> Vec<Case> {
    let cases = lines(include_str!("cases.txt")).map(|line| {
        let [who, path, want, how] = line[..] else { unreachable!("{line:?}") };
        let (vendor, base) = address(who);
        let (rest, query) = path.split_once('?').map_or((path, None), |(r, q)| (r, Some(q)));
        let mut words = how.split(' ');
        let auth = words.next().unwrap();
        let mut case = Case {
            vendor,
            base,
            rest,
            query,
            want,
            auth,
            extra: vec![],
            keeps: false,
            secret: "real-key-00001",
        };
        for word in words {
            match word.split_once(':').filter(|(k, _)| *k == "key") {
                Some((_, secret)) => case.secret = secret,
                None if word == "keeps" => case.keeps = true,
                None => case.extra.push(word.split_once('=').unwrap()),
            }
        }
        case
    });
    cases.collect()
}

/// What every caller sends, and who of it must arrive.
const SENT: [(&str, &str, bool); 16] = [
    ("content-type", "application/json", true),
    ("accept", "text/event-stream", true),
    ("user-agent", "Some/1.0", true),
    ("openai-beta", "b", true),
    ("openai-organization", "org-1", true),
    ("idempotency-key", "i", true),
    ("http-referer", "https://app.example", true),
    ("x-title", "App", true),
    ("traceparent", TRACE, true),
    ("cookie", "a=b", false),
    ("accept-encoding", "gzip, br", false),
    ("x-forwarded-for", "10.9.8.7", false),
    ("x-chela-vendor", "spoof", false),
    ("origin", "https://app.example", false),
    ("keep-alive", "timeout=5", false),
    ("via", "1.1 somebody", false),
];

async fn ask(house: &House, case: &Case, body: &str) -> Answer {
    let query = case.query.map_or(String::new(), |q| format!("?{q}"));
    let path = format!("/v1/{}/{}{query}", case.vendor.id, case.rest);
    let mut request = Request::post(path).header("host", "relay").header("x-api-key", PROGRAM_TOKEN);
    for (name, value, _) in SENT {
        request = request.header(name, value);
    }
    send(TcpStream::connect(house.at).await.unwrap(), request.body(Full::from(body.to_owned())).unwrap())
        .await
}

/// Where the call went, and that of all header lines exactly these came.
fn assert_seen(case: &Case, call: &Call, body: &str) {
    let (scheme, rest) = case.want.split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    assert!(case.base.starts_with(&format!("{scheme}://")), "{}", case.want);
    assert_eq!((call.headers["host"].as_str(), call.path.as_str()), (host, format!("/{path}").as_str()));
    let mut want: BTreeMap<String, String> =
        SENT.iter().filter(|s| s.2).map(|(n, v, _)| ((*n).to_owned(), (*v).to_owned())).collect();
    want.insert("host".to_owned(), host.to_owned());
    want.insert("content-length".to_owned(), body.len().to_string());
    want.extend(case.extra.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    match case.auth {
        "bearer" => want.insert("authorization".to_owned(), format!("Bearer {}", case.secret)),
        "none" => None,
        header => want.insert(header.to_owned(), case.secret.to_owned()),
    };
    assert_eq!(call.headers, want, "{}", case.want);
    assert_eq!((call.method.as_str(), call.body.as_str()), ("POST", body), "{}", case.want);
}

#[tokio::test]
async fn every_vendor_is_asked_at_its_address_with_its_key_and_bytes_pass_both_ways() {
    let cases = all();
    let mut house = house_for(&cases.iter().map(|c| c.base).collect::<Vec<_>>()).await;
    for case in &cases {
        let caller = caller(relay::CallerKind::Program, relay::Wire::Tcp);
        let key = Arc::new(key(case.vendor, case.base, case.secret));
        let snapshot =
            Snapshot::builder().caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller).key(workspace(), key);
        house.snapshot.store(snapshot.build().into());
        house.vendor.expect_key(case.secret);
        let id = case.vendor.id;
        // Bedrock goes by these paths alone, whatever a body says.
        let by_path = id == "bedrock" && case.keeps;
        // As other addresses name their model: Gemini's, and what is somebody's own at Google's.
        let place = case.rest.rsplit_once(':').map_or("", |(place, _verb)| place);
        let of_path = place.rsplit_once("models/").map(|(_, model)| model);
        let of_path = of_path.or_else(|| Some(place).filter(|place| place.starts_with("endpoints/")));
        // Spacing, escapes and order that no library would write again.
        let odd = "{ \"messages\":[ {\"role\":\"user\", \"content\":\"a\\u00e9\\/b\"} ],\"model\" : \"m-1\"  , \"n\":1e0}\n";
        let events = "data: {\"x\" : 1}\r\n\r\n: note\n\ndata:{\"y\":\"\\u00e9\"}\n\n";
        for mode in [Mode::Echo, Mode::Events { body: events.to_owned(), whole: true }] {
            let streams = mode != Mode::Echo;
            house.vendor.play(mode);
            let before = house.vendor.calls().len();
            let answer = ask(&house, case, odd).await;
            assert_eq!(
                (answer.status.as_u16(), answer.cut),
                (200, false),
                "{}: {}",
                case.want,
                answer.text()
            );
            let calls = house.vendor.calls();
            assert_eq!(calls.len(), before + 1, "{id}");
            assert_seen(case, &calls[before], odd);
            assert_eq!(answer.body, Bytes::from(if streams { events } else { odd }), "{}", case.want);
            assert!(!answer.headers.contains_key("set-cookie"));
            assert_eq!(answer.headers["x-chela-vendor"], id);
            let row = house.row().await;
            let named = if by_path { "" } else { of_path.unwrap_or("m-1") };
            assert_eq!((row.vendor, row.model.as_str(), row.stream), (id, named, streams));
            assert_eq!(row.end, End::Complete, "{}", case.want);
        }
        house.vendor.play(Mode::Echo);
        let prefixed = format!("{{\"model\":\"{id}/m\",\"z\":1}}");
        let answer = ask(&house, case, &prefixed).await;
        let model = if case.keeps { format!("{id}/m") } else { "m".to_owned() };
        assert_eq!(answer.text(), format!("{{\"model\":\"{model}\",\"z\":1}}"), "{}", case.want);
        let named = of_path.map_or(model, str::to_owned);
        assert_eq!(house.row().await.model, if by_path { String::new() } else { named });
    }
}
