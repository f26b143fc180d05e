//! `--idle-stop`: after how long a bot sleeps.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_bot_stays_awake_is_said_when_it_is_made_and_later() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    at.add_key(&owner).await;
    let create = ["bot", "create", "Helper", "--model", "openai/fake-model", "--idle-stop", "30", "--wait"];
    assert!(home.run(&create).ok().contains("30 min"));
    assert!(home.run(&["bot", "edit", "helper", "--idle-stop", "60"]).ok().contains("60 min"));
    home.run(&["bot", "edit", "helper", "--idle-stop", "3"]).ended(1, &["10080"]);
    let never = home.run(&["bot", "edit", "helper", "--idle-stop", "0"]).ok();
    assert!(!never.contains("min"), "{never}");
    at.stop().await;
}
