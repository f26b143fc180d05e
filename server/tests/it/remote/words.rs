//! What the command line shows and says of keys, limits, prices, stops and calls: each thing once, and in its own terms.

use super::*;
use serde_json::{Value, json};

async fn house() -> (TestServer, Who, Home) {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    (at, owner, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_keys_shows_their_limits() {
    let (at, owner, home) = house().await;
    at.add_key(&owner).await;
    let set = home.run(&["key", "set", "OpenAI", "--rate", "60", "--budget", "2.50"]).ok();
    assert!(set.contains("60 a minute") && set.contains("$2.50 a month"), "{set}");
    let wide = home.run(&["key", "list", "-o", "wide"]).ok();
    for word in ["RATE", "60 a minute", "BUDGET", "$2.50 a month"] {
        assert!(wide.contains(word), "{word}: {wide}");
    }
    let none = home.run(&["key", "set", "OpenAI", "--rate", "0", "--budget", "0"]).ok();
    assert!(!none.contains("RATE") && !none.contains("BUDGET"), "{none}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_once_in_terms_of_the_command() {
    let (at, owner, home) = house().await;
    at.add_key(&owner).await;
    let once = |ran: Ran, term: &str, api: &str| {
        let said = ran.ended(1, &[term]).err;
        assert_eq!(said.matches("must be").count(), 1, "{said}");
        assert!(!said.contains(api) && !said.contains(&api.replace('_', " ")), "{said}");
    };
    once(
        home.run(&["key", "set", "OpenAI", "--rate", "9999999"]),
        "--rate: must be 1 to",
        "requests_per_minute",
    );
    once(home.run(&["key", "set", "OpenAI", "--expires", "soon"]), "--expires: must be a day", "expires_on");
    let dear = ["price", "set", "openai/x", "--input-usd", "9999999999", "--output-usd", "1"];
    once(home.run(&dear), "--input-usd: must be", "input_price");
    once(home.run(&["budget", "add", "--requests=-1", "--per", "day"]), "the amount: must be", "/most");
    once(
        home.run(&["budget", "add", "--requests", "1", "--per", "day", "--tag", "No Tag"]),
        "--tag: must be",
        "/tag",
    );
    let both =
        home.run(&["key", "set", "OpenAI", "--rate", "9999999", "--expires", "soon"]).ended(1, &[]).err;
    assert_eq!((both.matches("--rate: ").count(), both.matches("--expires: ").count()), (1, 1), "{both}");

    // What clashes is said once, too, and ends with the code for it.
    let base = at.world.vendor.base_url();
    let add = |more: &[&str]| home.piped(&[&["key", "add", "--base-url", &base], more].concat(), KEY);
    let taken = add(&["--vendor", "openai", "--label", "OpenAI"]).ended(5, &["choose another"]).err;
    assert_eq!(taken.matches("choose another").count(), 1, "{taken}");
    let regional = add(&["--vendor", "kimi@intl"]).ended(1, &["--vendor: names a region", "base URL"]);
    assert!(regional.err.contains("leave out the region or the base URL"), "{regional:?}");
    assert_eq!(home.run(&["key", "list", "-o", "name"]).ok().lines().count(), 1, "and nothing was stored");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_0_is_refused_with_the_way_to_have_none() {
    let (at, owner, home) = house().await;
    for limit in [["--rate", "0"], ["--budget", "0"]] {
        let add = [&["virtual-key", "add", "Batch"], &limit[..]].concat();
        home.run(&add).ended(2, &[limit[0], "more than 0", "leave it out for no limit"]);
    }
    home.run(&["virtual-key", "add", "Batch", "--rate", "much"]).ended(2, &["--rate", "whole number"]);
    home.run(&["virtual-key", "add", "Batch", "--rate", "5", "--budget", "2.50"]).ok();
    assert_eq!(at.get(&owner, "/api/budgets").await.ok(200)["items"].as_array().map(Vec::len), Some(2));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_prices_names_them_as_other_commands_take_them() {
    let (at, _owner, home) = house().await;
    let set = ["price", "set", "openai/mine", "--input-usd", "1", "--output-usd", "2", "-o", "name"];
    let own = home.run(&set).ok();
    assert!(own.starts_with("prc_"), "an id: {own}");
    let names = home.run(&["price", "list", "--all", "-o", "name"]).ok();
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.first(), Some(&own.trim()), "one's own come first, by their ids");
    assert!(names.iter().skip(1).all(|name| name.contains('/')), "shipped ones have no id: {names:?}");
    home.run(&["price", "set", names[1], "--input-usd", "1", "--output-usd", "2"]).ok();
    home.run(&["price", "rm", own.trim(), "--yes"]).ended(0, &["openai/mine"]);
    let told = home.run(&["price", "list", "--limit", "1", "-o", "json"]).json();
    assert!(told[0].get("name").is_none(), "JSON stays the API's own words: {told}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_calls_is_told_the_way_back_and_finds_it() {
    let (at, owner, home) = house().await;
    at.add_key(&owner).await;
    at.make_bot(&owner, "Fox").await;
    let count = async |path: &str| at.get(&owner, path).await.ok(200)["items"].as_array().map(Vec::len);

    let stopped =
        home.run(&["budget", "stop", "--bot", "fox", "--yes", "-o", "name"]).ended(0, &["chela budget rm"]);
    assert!(stopped.err.contains(stopped.out.trim()), "by its id: {stopped:?}");
    home.run(&["budget", "stop", "--bot", "fox", "--yes"]).ended(5, &["stopped already", stopped.out.trim()]);
    home.run(&["budget", "stop", "--model", "openai/*", "--yes"]).ended(0, &["chela budget rm"]);
    let soft = ["budget", "add", "--requests", "0", "--per", "minute", "--soft"];
    home.run(&soft).ended(1, &["the amount: must be more than 0 for a budget that only tells"]);
    home.run(&["budget", "add", "--requests", "5", "--per", "day", "--bot", "fox"]).ended(0, &[]);
    home.run(&["budget", "allow"]).ended(3, &["no budget of 0", "openai/*", "spending list"]);
    home.run(&["budget", "allow", "--bot", "fox"]).ended(0, &["deleted"]);
    home.run(&["budget", "allow", "--bot", "fox"]).ended(3, &[]);
    home.run(&["budget", "allow", "--model", "openai"]).ended(0, &["deleted"]);
    assert_eq!(count("/api/budgets").await, Some(1), "what is no stop stays");

    let by_id = home
        .run(&["spending", "stop", "--everything", "--yes", "-o", "name"])
        .ended(0, &["chela spending allow"]);
    assert!(by_id.err.contains(by_id.out.trim()), "{by_id:?}");
    home.run(&["spending", "stop", "--bot", "fox", "--yes"]).ended(0, &["chela spending allow"]);
    home.run(&["spending", "stop", "--vendor", "openai", "--yes"]).ended(0, &[]);
    home.run(&["spending", "allow"]).ended(2, &["--everything"]);
    home.run(&["spending", "allow", by_id.out.trim()]).ended(0, &["allowed again"]);
    home.run(&["spending", "allow", "--everything"]).ended(3, &["not stopped"]);
    home.run(&["spending", "allow", "--bot", "fox"]).ended(0, &["allowed again"]);
    home.run(&["spending", "allow", "--vendor", "nobody"]).ended(3, &["not stopped", "stp_", "openai"]);
    home.run(&["spending", "allow", "--vendor", " openai "]).ended(0, &["allowed again"]);
    assert_eq!(count("/api/stops").await, Some(0));
    let help = home.run(&["budget", "stop", "--help"]).ok();
    assert!(help.contains("chela budget allow"), "{help}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_calls_shows_the_ids_by_which_one_is_shown() {
    let (at, owner, home) = house().await;
    let (_, _, rows) = crate::usage::talked(&at, &owner).await;
    let listed = home.run(&["usage"]).ok();
    assert!(listed.lines().next().is_some_and(|head| head.ends_with("ID")), "{listed}");
    let id = listed.lines().nth(1).and_then(|line| line.split_whitespace().last()).expect("an id");
    assert!(rows.iter().any(|row| row["id"] == json!(id)), "{id}");
    let shown: Value = home.run(&["usage", "show", id, "-o", "json"]).json();
    assert_eq!(shown["call"]["id"], json!(id));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_no_id_and_no_tag_is_told_in_words() {
    let (at, owner, home) = house().await;
    at.add_key(&owner).await;
    at.make_bot(&owner, "Fox").await;
    home.run(&["budget", "rm", "nosuch", "--yes"])
        .ended(3, &["no budget with the id 'nosuch'", "no budgets at all"]);
    home.run(&["budget", "add", "--requests", "5", "--per", "day", "--bot", "fox"]).ok();
    for verb in [&["rm", "nosuch", "--yes"][..], &["change", "nosuch", "--most", "6"]] {
        let told = ["Fox: 5 requests a day", "bud_", "chela budget list"];
        home.run(&[&["budget"], verb].concat()).ended(3, &told);
    }
    home.run(&["spending", "allow", "nosuch"]).ended(3, &["not stopped"]);
    home.run(&["thread", "show", "nosuch"]).ended(2, &["must be an id that begins with thr_"]);

    let number = |words: &[&str], option: &str| {
        let said = home.run(words).ended(2, &[option, "must be a whole number"]).err;
        assert!(!said.contains("digit") && !said.contains("-- -"), "{said}");
    };
    number(&["key", "set", "OpenAI", "--rate", "many"], "--rate: Requests a minute");
    number(&["virtual-key", "add", "V", "--expires", "-1"], "--expires: Days until it ends");
    number(&["budget", "add", "--tokens", "1.5", "--per", "day"], "--tokens");
    number(&["usage", "--limit", "x"], "--limit");
    home.run(&["key", "set", "OpenAI", "--rate", "-1"]).ended(1, &["--rate: must be 1 to", "0 is no limit"]);
    home.run(&["virtual-key", "add", "V", "--rate", "-1"]).ended(2, &["--rate", "must be more than 0"]);
    home.run(&["budget", "add", "--money", "-1", "--per", "day"])
        .ended(2, &["--money", "an amount like 2.50"]);

    home.run(&["virtual-key", "add", "V", "--tag", "eu"]).ok();
    home.run(&["key", "set", "OpenAI", "--tag", "eu"]).ok();
    home.run(&["bot", "edit", "fox", "--tag", "eu"]).ok();
    let tags = |words: &[&str]| home.run(&[words, &["-o", "json"]].concat()).json();
    for (change, list) in [
        (["key", "set", "OpenAI"], ["key", "list"]),
        (["virtual-key", "change", "V"], ["virtual-key", "list"]),
        (["bot", "edit", "fox"], ["bot", "list"]),
    ] {
        home.run(&[&change[..], &["--tag", ""]].concat()).ended(2, &["--tag", "`none` takes away"]);
        assert_eq!(tags(&list)[0]["tags"], json!(["eu"]), "{list:?}");
        home.run(&[&change[..], &["--tag", "none"]].concat()).ok();
        assert_eq!(tags(&list)[0]["tags"], json!([]), "{list:?}");
    }
    home.run(&["key", "set", "OpenAI", "--model", ""]).ended(2, &["--model", "`all` is for all"]);
    home.run(&["key", "set", "OpenAI", "--expires", ""]).ended(2, &["--expires"]);
    home.run(&["bot", "create", "Hen", "--tag", ""]).ended(2, &["--tag"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_set_twice_is_one_and_a_shipped_one_is_told_to_stay() {
    let (at, _owner, home) = house().await;
    let set = |usd: &str, more: &[&str]| {
        home.run(&[&["price", "set", "qwen/mine", "--input-usd", usd, "--output-usd", "2"], more].concat())
            .ok()
    };
    let own = || {
        let all = home.run(&["price", "list", "--all", "-o", "json"]).json();
        let own: Vec<Value> =
            all.as_array().expect("prices").iter().filter(|p| p["id"].is_string()).cloned().collect();
        own
    };
    set("1", &[]);
    set("1", &[]);
    assert_eq!(own().len(), 1, "the same again is the same");
    set("1", &["--since", "2026-01-01"]);
    set("3", &["--since", "2026-01-01"]);
    let both = own();
    assert_eq!(both.len(), 2, "one of each beginning: {both:?}");
    assert!(both.iter().any(|price| price["input_price"] == 3_000_000), "{both:?}");
    home.run(&["price", "rm", "qwen/mine", "--yes"]).ended(2, &["names 2 things", "prc_"]);
    home.run(&["price", "rm", both[0]["id"].as_str().expect("an id"), "--yes"]).ok();
    home.run(&["price", "rm", "qwen/mine", "--yes"]).ended(0, &["dashscope/mine"]);

    let shipped = home.run(&["price", "list", "--all", "-o", "name"]).ok();
    let shipped = shipped.lines().next().expect("a shipped price");
    let told =
        ["shipped with Chela and cannot be removed", &format!("chela price set {shipped} --input-usd")];
    home.run(&["price", "rm", shipped, "--yes"]).ended(1, &told);
    home.run(&["price", "rm", "openai/nobodys", "--yes"]).ended(3, &["chela price list"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_goes_by_its_aliases_wherever_it_is_named() {
    let (at, owner, home) = house().await;
    at.add_key(&owner).await;
    for (said, again, allowed) in [("qwen", "dashscope", "aliyun"), ("togetherai", "together", "togetherai")]
    {
        home.run(&["spending", "stop", "--vendor", said, "--yes"]).ended(0, &["chela spending allow"]);
        home.run(&["spending", "allow", "--vendor", allowed]).ended(0, &["allowed again"]);
        home.run(&["spending", "allow", "--vendor", again]).ended(3, &["not stopped"]);
        for model in [format!("{said}/*"), format!("{said}/some-model")] {
            home.run(&["budget", "stop", "--model", &model, "--yes"]).ended(0, &[]);
            home.run(&["budget", "allow", "--model", &model]).ended(0, &["deleted"]);
        }
    }
    home.run(&["budget", "stop", "--model", "silicon", "--yes"]).ended(0, &[]);
    home.run(&["budget", "allow", "--model", "siliconflow"]).ended(0, &["deleted"]);
    let key = home.run(&["virtual-key", "add", "V", "--model", "zai/glm-5", "-o", "json"]).json();
    assert!(key["secret"].is_string());
    let listed = home.run(&["virtual-key", "list", "-o", "json"]).json();
    assert_eq!(listed[0]["models"], json!(["zhipu/glm-5"]));
    home.run(&["usage", "--vendor", "zai", "--model", "qwen/x"]).ok();
    home.run(&["price", "set", "silicon/x", "--input-usd", "1", "--output-usd", "1"]).ok();
    home.run(&["price", "rm", "silicon/x", "--yes"]).ended(0, &["siliconflow/x"]);
    home.run(&["model", "set", "zai/x", "--context-length", "5"]).ok();
    let models = home.run(&["model", "list", "--vendor", "glm", "--own", "-o", "name"]).ok();
    assert_eq!(models.trim(), "zhipu/x");
    home.run(&["chain", "set", "mine", "togetherai/x", "--patience", "9"]).ok();
    let chain = home.run(&["chain", "show", "mine"]).ok();
    assert!(chain.contains("together/x") && !chain.contains("togetherai"), "{chain}");
    let listed = home.run(&["chain", "list"]).ok();
    assert!(listed.contains("9 s"), "its own time, not the command's: {listed}");
    home.run(&["chain", "set", "mine", "openai/x", "--patience", "0"])
        .ended(1, &["--patience: must be 1 to"]);
    for nothing in ["--notes", "--scenario", "--display-name", "--source"] {
        home.run(&["model", "set", "zai/x", nothing, ""]).ended(2, &[nothing, "must not be empty"]);
    }
    let models = home.run(&["model", "list", "--own", "-o", "name"]).ok();
    assert_eq!(models.trim(), "zhipu/x", "what was said of it stays");
    at.stop().await;
}
