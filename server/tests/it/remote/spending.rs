//! Virtual keys, from the command line.

use super::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_is_not_made_where_nobody_would_see_its_secret() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    home.run(&["virtual-key", "add", "Batch", "-o", "name"]).ended(2, &["nothing was done", "-o json"]);
    assert!(home.run(&["virtual-key", "list", "-o", "name"]).ok().trim().is_empty(), "and none was made");
    let secret = home.run(&["virtual-key", "add", "Batch"]).ok();
    assert!(secret.contains("chela_vk_"), "{secret}");
    home.run(&["virtual-key", "rotate", "Batch", "-o", "name"]).ended(2, &["nothing was done"]);
    let rotated = home.run(&["virtual-key", "rotate", "Batch"]).ok();
    assert!(rotated.contains("chela_vk_") && rotated != secret, "{rotated}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_when_on_people_are_told_is_shown_changed_and_kept() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    let shown = |args: &[&str]| -> serde_json::Value {
        let out = home.run(&[&["budget", "lookout"], args, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&out).expect("json")
    };
    let shipped = shown(&[]);
    assert_eq!((&shipped["loop_calls"], &shipped["idle_micro_usd"]), (&json!(20), &json!(1_000_000)));
    let changed = shown(&["--calls", "30", "--money", "2.50"]);
    assert_eq!((&changed["loop_calls"], &changed["idle_micro_usd"]), (&json!(30), &json!(2_500_000)));
    assert_eq!(changed["idle_minutes"], shipped["idle_minutes"], "what is not said stays");
    let table = home.run(&["budget", "lookout"]).ok();
    assert!(table.contains("2.50") && table.contains("30"), "{table}");
    home.run(&["budget", "lookout", "--spread", "51"]).ended(1, &["--spread: must be 1 to 50"]);
    home.run(&["budget", "lookout", "--money", "-1"]).ended(2, &["--money"]);
    assert_eq!(shown(&[]), changed, "and nothing of what is wrong was taken");
    at.stop().await;
}
