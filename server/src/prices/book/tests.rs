use super::*;
use api::ids::PriceId;
use relay::usage::End;
use uuid::Uuid;

const HERE: WorkspaceId = WorkspaceId(Uuid::nil());
/// 2026-11-22.
const NOW: i64 = 1_795_305_600_000;

fn call(vendor: &'static str, model: &str, answered: Option<&str>, tokens: Tokens) -> UsageRow {
    UsageRow {
        key: Some(api::ids::KeyId(Uuid::nil())),
        asked: 1,
        vendor,
        model: model.to_owned(),
        model_answered: answered.map(str::to_owned),
        status: 200,
        upstream_status: Some(200),
        tokens,
        counted: true,
        latency_ms: 1,
        end: End::Complete,
        ..UsageRow::begun(Uuid::nil(), HERE, Uuid::nil(), NOW)
    }
}

fn own(id: u128, model: &str, input_price: i64, since_ms: i64) -> row::Model {
    row::Model {
        id: PriceId(Uuid::from_u128(id)),
        workspace_id: HERE,
        vendor: "openai".to_owned(),
        model: model.to_owned(),
        input_price,
        output_price: 0,
        cache_read_price: None,
        cache_write_price: None,
        thinking_price: None,
        since_ms,
        up_to_input: None,
        source: None,
    }
}

fn tokens(input: u64, output: u64, cache_read: u64, cache_write: u64) -> Tokens {
    Tokens { input, output, cache_read, cache_write, reasoning: 0 }
}

#[test]
fn a_call_costs_its_tokens_by_kind_to_the_micro_dollar_rounded_up_once() {
    let book = Book::default();
    let cost = |tokens| book.cost(&call("anthropic", "claude-sonnet-5-5", None, tokens));
    // 2, 10, 0.1 and 2.5 USD per million.
    assert_eq!(cost(tokens(1_000_000, 1_000_000, 1_000_000, 1_000_000)), Some(14_600_000));
    assert_eq!(cost(tokens(11, 40, 3, 5)), Some(435), "22 + 400 + 0.3 + 12.5, not each rounded");
    assert_eq!(cost(tokens(0, 0, 1, 0)), Some(1));
    assert_eq!(cost(tokens(0, 0, 10, 0)), Some(1));
    assert_eq!(cost(tokens(0, 0, 0, 0)), Some(0));
    assert_eq!(cost(tokens(u64::MAX, u64::MAX, 0, 0)), None, "more than can be said");
}

#[test]
fn what_is_not_known_is_not_free() {
    let book = Book::default();
    assert_eq!(book.cost(&call("openai", "gpt-9", None, tokens(1, 1, 0, 0))), None);
    assert_eq!(book.cost(&call("mistral", "gpt-4o", None, tokens(1, 1, 0, 0))), None, "another vendor's");
    assert_eq!(book.cost(&call("openai", "gpt-4.1", None, tokens(1, 1, 0, 0))), Some(10));
    assert_eq!(book.cost(&call("zhipu", "glm-4.5", None, tokens(1, 1, 1, 0))), None, "no price of that kind");
    let mut uncounted = call("openai", "gpt-4o", None, tokens(0, 0, 0, 0));
    uncounted.counted = false;
    assert_eq!(book.cost(&uncounted), None);
    uncounted.end = End::TimedOut;
    assert_eq!(book.cost(&uncounted), None, "the vendor may have worked");
    for (end, status) in [(End::Refused, None), (End::Unreachable, None), (End::VendorError, Some(500))] {
        (uncounted.end, uncounted.upstream_status) = (end, status);
        assert_eq!(book.cost(&uncounted), Some(0), "{end:?}");
    }
    (uncounted.end, uncounted.upstream_status) = (End::VendorError, Some(200));
    assert_eq!(book.cost(&uncounted), None, "it failed while it worked");
    uncounted.end = End::KeyRefused;
    assert_eq!(book.cost(&uncounted), None, "words that end a stream are no refusal of the call");
    uncounted.upstream_status = Some(402);
    assert_eq!(book.cost(&uncounted), Some(0));
}

#[test]
fn what_was_cut_is_of_unknown_cost() {
    let book = Book::default();
    let mut asked = call("openai", "gpt-4.1", None, tokens(1, 1, 0, 0));
    for end in [End::ClientGone, End::UpstreamCut, End::TimedOut, End::Stopped, End::VendorError] {
        asked.end = end;
        assert_eq!(book.cost(&asked), None, "{end:?}: it told its tokens so far");
    }
    asked.end = End::Complete;
    assert_eq!(book.cost(&asked), Some(10));
}

#[test]
fn the_model_that_answered_is_priced_with_or_without_its_date() {
    let book = Book::default();
    let cost =
        |asked: &str, answered| book.cost(&call("openai", asked, answered, tokens(1_000_000, 0, 0, 0)));
    assert_eq!(cost("gpt-4o", None), Some(2_500_000));
    assert_eq!(cost("gpt-4o", Some("gpt-4o-mini-2024-07-18")), Some(150_000));
    assert_eq!(cost("my-deployment", Some("gpt-4o-2024-08-06")), Some(2_500_000));
    assert_eq!(cost("gpt-4o", Some("gpt-4o-2024-05-13")), None, "that version had another price");
    assert_eq!(cost("gpt-4o", Some("strange")), None);
    assert_eq!(cost("gpt-4o", Some("")), Some(2_500_000));
    assert_eq!(undated("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
    assert_eq!(undated("claude-sonnet-4-5@20250929"), Some("claude-sonnet-4-5"));
    assert_eq!(undated("claude-opus-4-6@default"), Some("claude-opus-4-6"));
    for whole in ["@20250929", "mistral-large@2411-001", "codestral-2@001", "x@"] {
        assert_eq!(undated(whole), None, "{whole}");
    }
    for whole in
        ["gpt-4o", "-20250929", "kimi-k2-0905", "gpt-4-1106-preview", "日本-2025-1-111", "x-20-5-09-29"]
    {
        assert_eq!(undated(whole), None, "{whole}");
    }
}

#[test]
fn the_newest_own_price_comes_before_the_shipped_one_in_its_workspace() {
    let book = Book::of(vec![own(2, "gpt-4o", 3_000_000, NOW), own(1, "gpt-4o", 1_000_000, NOW - 10)]);
    let mut asked = call("openai", "gpt-4o-2024-08-06", None, tokens(1_000_000, 0, 0, 0));
    assert_eq!(book.cost(&asked), Some(3_000_000));
    let other = call("mistral", "gpt-4o", None, tokens(1_000_000, 0, 0, 0));
    assert_eq!(book.cost(&other), None, "the price of a vendor is no other's");
    asked.workspace = WorkspaceId(Uuid::from_u128(7));
    assert_eq!(book.cost(&asked), Some(2_500_000), "others pay what is shipped");
}

#[test]
fn before_a_call_its_model_is_priced_by_the_name_it_is_asked_for() {
    let book = Book::of(vec![own(1, "my-deployment", 7, NOW)]);
    let input = |model, prompt| book.price(HERE, "openai", model, NOW, prompt).map(|price| price.input);
    assert_eq!(input("my-deployment", 1), Some(7));
    assert_eq!(input("gpt-4o-2024-08-06", 1), Some(2_500_000));
    assert_eq!(input("strange", 1), None);
}

#[test]
fn an_own_price_holds_for_the_name_asked_for_and_comes_before_a_shipped_version_without_figures() {
    let book = Book::of(vec![own(1, "my-deployment", 1_000_000, NOW), own(2, "gpt-4o", 3_000_000, NOW)]);
    let cost =
        |asked: &str, answered| book.cost(&call("openai", asked, Some(answered), tokens(1_000_000, 0, 0, 0)));
    assert_eq!(cost("my-deployment", "strange"), Some(1_000_000));
    assert_eq!(
        cost("my-deployment", "gpt-4o-2024-08-06"),
        Some(3_000_000),
        "the model that answered comes first"
    );
    assert_eq!(cost("gpt-4o", "gpt-4o-2024-05-13"), Some(3_000_000));
}

#[test]
fn an_own_price_holds_from_its_beginning_on_and_no_call_before_it_costs_that() {
    let day = 86_400_000;
    let later = own(2, "gpt-4o", 9_000_000, NOW + day);
    let book = Book::of(vec![later, own(1, "gpt-4o", 3_000_000, NOW)]);
    let cost = |started_ms| {
        let mut asked = call("openai", "gpt-4o", None, tokens(1_000_000, 0, 0, 0));
        asked.started_ms = started_ms;
        book.cost(&asked)
    };
    assert_eq!(cost(NOW - 1), Some(2_500_000), "the shipped one, until then");
    assert_eq!(cost(NOW), Some(3_000_000));
    assert_eq!((cost(NOW + day - 1), cost(NOW + day)), (Some(3_000_000), Some(9_000_000)));
    let before = |at| book.price(HERE, "openai", "gpt-4o", at, 1).map(|price| price.input);
    assert_eq!((before(NOW + day - 1), before(NOW + day)), (Some(3_000_000), Some(9_000_000)));
}

#[test]
fn prices_of_one_beginning_belong_together_and_beyond_them_the_shipped_ones_hold() {
    let up_to = |most: i64, price| row::Model { up_to_input: Some(most), ..price };
    let book = Book::of(vec![
        own(1, "gpt-4o", 1_000_000, NOW - 1),
        up_to(1_000, own(2, "gpt-4o", 2_000_000, NOW)),
        up_to(9_000, own(3, "gpt-4o", 4_000_000, NOW)),
        up_to(5, own(4, "strange", 1, NOW)),
    ]);
    let price = |model, prompt| book.price(HERE, "openai", model, NOW, prompt).map(|price| price.input);
    assert_eq!((price("gpt-4o", 1_000), price("gpt-4o", 1_001)), (Some(2_000_000), Some(4_000_000)));
    assert_eq!(price("gpt-4o", 9_001), Some(2_500_000), "as shipped, not as before");
    assert_eq!((price("strange", 5), price("strange", 6)), (Some(1), None));
    let cost = |input, read| book.cost(&call("openai", "gpt-4o", None, tokens(input, 0, read, 0)));
    assert_eq!(cost(1_000, 0), Some(2_000));
    assert_eq!(cost(1_000, 1), None, "what was cached counts; that tariff has no price for it");
}

#[test]
fn facts_of_ones_own_stand_before_the_shipped_ones_each_by_itself() {
    let mut book = Book::default();
    let said = ModelFacts { context_length: Some(7), ..ModelFacts::default() };
    let models = HashMap::from([("gpt-4o".to_owned(), said.clone()), ("mine".to_owned(), said)]);
    book.facts.insert(HERE, HashMap::from([("openai".to_owned(), models)]));
    let facts = |at, model| {
        let facts = book.facts(at, "openai", model);
        (facts.context_length, facts.max_output_tokens)
    };
    assert_eq!(facts(HERE, "gpt-4o-2024-08-06"), (Some(7), Some(16_384)));
    assert_eq!(facts(HERE, "mine"), (Some(7), None));
    assert_eq!(facts(WorkspaceId(Uuid::from_u128(7)), "gpt-4o"), (Some(128_000), Some(16_384)));
    assert_eq!(facts(HERE, "gpt-9"), (None, None));
}

#[test]
fn models_at_vertex_are_priced_as_they_are_asked_there_and_as_they_answer() {
    let book = Book::default();
    let cost = |model: &str, answered| {
        // After the day the prices were read.
        let call = call("vertex", model, answered, tokens(100_000, 1_000, 0, 0));
        book.cost(&UsageRow { started_ms: catalogue::day_ms("2026-11-24").unwrap(), ..call })
    };
    assert_eq!(cost("gemini-2.5-pro", Some("gemini-2.5-pro")), Some(125_000 + 10_000));
    assert_eq!(cost("google/gemini-2.5-pro", Some("google/gemini-2.5-pro")), Some(125_000 + 10_000));
    let sonnet = Some(300_000 + 15_000);
    assert_eq!(cost("claude-sonnet-4-5@20250929", Some("claude-sonnet-4-5-20250929")), sonnet);
    assert_eq!(cost("claude-sonnet-4-5@20250929", None), sonnet);
    assert_eq!(cost("gemini-2.5-flash", None), None, "its price depends on the kind of input");
    assert_eq!(cost("endpoints/1234567890", None), None, "one's own");
}
