//! What commands about one bot say and end with, where there is nothing to do or something is wrong.

use super::*;
use testkit::vendor::Mode;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_with_nothing_to_do_or_something_wrong_is_spoken_of_and_ends_as_promised() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let home = Home::at(at.panel, &owner);
    at.ready_bot(&owner, "Fox").await;

    let version = home.run(&["bot", "show", "fox", "-o", "json"]).json()["openclaw"].clone();
    let said = format!(
        "Fox already runs with OpenClaw {}; there is no newer one here.",
        version.as_str().unwrap_or("?")
    );
    home.run(&["bot", "upgrade", "fox"]).ended(0, &[&said]);
    home.run(&["bot", "upgrade", "fox", "--wait"]).ended(0, &[&said]);
    assert!(home.run(&["bot", "uptime", "fox", "--since", "30d"]).ok().contains("Share"));
    home.run(&["bot", "uptime", "fox", "--since", "4w"]).ended(2, &["2h or 30d"]);

    home.run(&["bot", "diagnose", "fox"]).ended(0, &[]);
    at.world.vendor.play(Mode::Status { status: 401, body: "{}".to_owned() });
    let ill = home.run(&["bot", "diagnose", "fox"]).ended(1, &["failed."]);
    assert!(ill.out.contains("provider_key"), "{ill:?}");
    let ill = home.run(&["bot", "diagnose", "fox", "-o", "json"]).ended(1, &[]);
    let told: serde_json::Value = serde_json::from_str(&ill.out).expect("JSON");
    assert_eq!(told["overall"], "error");

    // Last: while it is swapped nothing else can be said of it.
    at.world.cells.things.set_openclaw("2099.1.1");
    assert!(home.run(&["bot", "show", "fox"]).ok().contains("(offered: 2099.1.1)"));
    let begun = home.run(&["bot", "upgrade", "fox"]).ended(0, &[]);
    assert!(!begun.err.contains("already runs"), "{begun:?}");
    at.stop_busy().await;
}
