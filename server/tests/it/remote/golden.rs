//! What people and scripts read, held as snapshots: a change here is a change for every script.

use super::*;
use insta::assert_snapshot;

/// The forms of an answer, one below the other.
fn forms(home: &Home, words: &[&str]) -> String {
    let mut all = String::new();
    for form in ["table", "wide", "name", "yaml", "json"] {
        let mut words = words.to_vec();
        words.extend(["-o", form]);
        let ran = home.run(&words);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        all.push_str(&format!("== {form}\n{}\n", shape(&ran.out)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_tokens_and_the_instance_are_written_as_before() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    let base = at.world.vendor.base_url();
    let add = ["key", "add", "--vendor", "openai", "--label", "main", "--base-url", &base, "-o", "json"];
    let added = home.piped(&add, &format!("{KEY}\n")).json();
    assert_eq!((&added["status"], &added["last_four"]), (&"working".into(), &"5150".into()));
    assert_snapshot!("key_list", forms(&home, &["key", "list"]));
    assert_snapshot!("key_test", forms(&home, &["key", "test", "main"]));
    // There are many; how one is written says it for all.
    let vendors = forms(&home, &["key", "vendors"]);
    let heads = vendors.split("== ").map(|form| form.lines().take(24).collect::<Vec<_>>().join("\n"));
    assert_snapshot!("key_vendors", heads.collect::<Vec<_>>().join("\n== "));
    assert_snapshot!("token_list", forms(&home, &["token", "list"]));
    assert_snapshot!("whoami", forms(&home, &["whoami"]));
    assert_snapshot!("instance", forms(&home, &["instance"]));
    assert_snapshot!("usage_today", forms(&home, &["usage", "today"]));
    assert_snapshot!("audit", shape(&home.run(&["audit", "--limit", "2"]).ok()));
    let more = home.run(&["audit", "--limit", "1"]);
    assert!(more.err.contains("--all"), "{more:?}");
    assert!(home.run(&["audit", "--limit", "1", "--quiet"]).err.is_empty());
    let set = ["key", "set", "main", "--tag", "eu", "--tag", "cheap", "--model", "fake-*", "--rate", "60"];
    let set =
        home.run(&[&set[..], &["--budget", "2.50", "--expires", "2099-01-31", "-o", "json"]].concat()).json();
    assert_eq!((&set["tags"], &set["allowed_models"]), (&["eu", "cheap"][..].into(), &["fake-*"][..].into()));
    let limits = (&set["requests_per_minute"], &set["month_micro_usd"], &set["expires_on"]);
    assert_eq!(limits, (&60.into(), &2_500_000.into(), &"2099-01-31".into()));
    let none = ["key", "set", "main", "--tag", "none", "--model", "all", "--expires", "never", "-o", "json"];
    let none = home.run(&none).json();
    assert_eq!((&none["tags"], &none["allowed_models"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert!(none["expires_on"].is_null() && none["requests_per_minute"] == 60, "{none}");
    home.run(&["key", "set", "main", "--expires", "soon"]).ended(1, &["2027-01-31"]);
    let replaced = home.piped(&["key", "replace", "main", "-o", "json"], KEY).json();
    assert_eq!(replaced["status"], "working");
    home.run(&["key", "rm", "main", "--yes"]).ended(0, &["deleted"]);
    assert_eq!(home.run(&["key", "list"]).ended(0, &["key add"]).out, "");
    assert_eq!(home.run(&["key", "list", "-o", "json"]).ok(), "[]\n");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_are_made_changed_and_written_as_before() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    home.run(&["bot", "create", "Writer"]).ended(2, &["key add"]);
    at.add_key(&owner).await;
    assert_snapshot!("bot_options", forms(&home, &["bot", "options"]));
    let create =
        ["bot", "create", "Writer", "--model", "openai/fake-model", "--prompt", "Be kind.", "--wait"];
    home.run(&[&create[..], &["-o", "name"]].concat()).ended(0, &["writer: "]);
    assert_snapshot!("bot_list", forms(&home, &["bot", "list"]));
    assert_snapshot!("bot_show", shape(&home.run(&["bot", "show", "writer"]).ok()));
    let shown = home.run(&["bot", "show", "writer", "-o", "json"]).json();
    assert_eq!(shown, at.get(&owner, "/api/bots/writer").await.ok(200), "the API's own words");

    let edited = home.run(&["bot", "edit", "writer", "--prompt", "Be brief."]).ended(0, &["pending"]);
    assert!(edited.out.contains("Pending") && edited.out.contains("prompt"), "{edited:?}");
    home.run(&["bot", "edit", "writer", "--prompt", "x", "--if-version", "1"]).ended(5, &["Reload"]);
    let discarded = home.run(&["bot", "discard", "writer", "-o", "json"]).json();
    assert_eq!(discarded["pending"], serde_json::Value::Null);
    let applied =
        home.piped(&["bot", "edit", "writer", "--prompt-file", "-", "--apply", "-o", "json"], "Be wise.");
    assert_eq!(applied.json()["settings"]["prompt"], "Be wise.");
    home.run(&["bot", "limits", "writer"]).ended(2, &["--memory-mb"]);
    let limited = home.run(&["bot", "limits", "writer", "--memory-mb", "1024", "-o", "json"]).json();
    assert_eq!(limited["settings"]["limits"]["memory_mb"], 1024);
    let versions = home.run(&["bot", "configs", "writer"]).ok();
    assert!(versions.contains("memory_mb: 2048 -> 1024") && versions.contains("applied"), "{versions}");
    let oldest = home.run(&["bot", "configs", "writer", "-o", "name"]).ok();
    let oldest = oldest.lines().last().expect("the first version");
    home.run(&["bot", "rollback", "writer", "--to", oldest])
        .ended(2, &["prompt: Be wise. -> Be kind.", "--yes"]);
    let back = home.run(&["bot", "rollback", "writer", "--to", oldest, "--yes", "-o", "json"]).json();
    assert_eq!(
        (&back["settings"]["prompt"], &back["settings"]["limits"]["memory_mb"]),
        (&"Be kind.".into(), &2048.into())
    );
    home.run(&["bot", "rollback", "writer", "--to", oldest, "--yes"]).ended(0, &["already"]);
    let stopped = home.run(&["bot", "stop", "writer", "--wait", "-o", "json"]).json();
    assert_eq!(stopped["observed"], "stopped");
    let started = home.run(&["bot", "start", "writer", "--wait"]).ok();
    assert!(started.contains("running"), "{started}");
    let starts = at.world.cells.starts().len();
    home.run(&["bot", "restart", "writer", "--wait"]).ended(0, &[]);
    assert_eq!(at.world.cells.starts().len(), starts + 1, "what ran before is not what was waited for");
    assert!(home.run(&["bot", "clone", "writer", "Spare"]).ok().contains("spare"));
    let again = ["bot", "clone", "writer", "Twin", "--idempotency-key", "k", "-o", "name"];
    assert_eq!(home.run(&again).ok(), home.run(&again).ok(), "asked twice, made once");
    home.run(&["bot", "rm", "twin", "--yes"]).ended(0, &["Deleted twin"]);
    home.run(&["bot", "trash", "spare"]).ended(0, &[]);
    assert_eq!(home.run(&["bot", "list", "--trash", "-o", "name"]).ok(), "spare\n");
    let trash = home.run(&["bot", "list", "--trash"]).ok();
    assert!(trash.contains("THROWN AWAY") && trash.contains("DELETED FOR GOOD"), "{trash}");
    home.run(&["bot", "rm", "spare", "--yes"]).ended(0, &["Deleted spare"]);

    let kept = home.run(&["bot", "storage", "writer", "-o", "name"]).ok();
    assert!(kept.lines().any(|part| part == "workspace"), "{kept}");
    let lines = home.run(&["bot", "logs", "writer", "--tail", "5", "-o", "json"]).json();
    assert!(lines.is_array(), "{lines}");
    home.run(&["bot", "logs", "writre"]).ended(3, &["Did you mean writer?"]);
    home.run(&["bot", "allow-unisolated"]).ended(2, &["--yes"]);

    home.run(&["bot", "rm", "writer"]).ended(2, &["--yes"]);
    let gone = home.run(&["bot", "rm", "writer", "--yes", "-o", "json"]).json();
    assert_eq!(gone, serde_json::json!({ "deleted": ["writer"] }));
    assert_eq!(home.run(&["bot", "list", "-o", "name"]).ok(), "");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_followed_from_page_to_page() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Talker").await;
    let home = Home::at(at.panel, &owner);
    for n in 0..3 {
        home.run(&["thread", "create", "talker", "--title", &format!("Number {n}"), "-o", "name"]).ok();
    }
    let all = home.run(&["thread", "list", &bot, "-o", "json"]).json();
    let titles: Vec<_> = all.as_array().expect("a list").iter().map(|t| t["title"].clone()).collect();
    assert_eq!(titles, ["Number 2", "Number 1", "Number 0"]);
    let two = home.run(&["thread", "list", "talker", "--limit", "2", "-o", "name"]).ended(0, &["--all"]);
    assert_eq!(two.out.lines().count(), 2);
    let first = two.out.lines().next().expect("an id").to_owned();
    assert_snapshot!("thread_list", forms(&home, &["thread", "list", "talker"]));
    let renamed = home.run(&["thread", "rename", &first, "Other", "-o", "json"]).json();
    assert_eq!(renamed["title"], "Other");
    home.run(&["thread", "rm", &first]).ended(2, &["--yes"]);
    home.run(&["thread", "rm", &first, "--yes"]).ended(0, &["deleted"]);
    home.run(&["thread", "show", &first]).ended(3, &[]);
    at.stop().await;
}
