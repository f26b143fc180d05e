//! A bot as a file on somebody's machine.

use super::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_carries_a_bot_in_a_file() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.ready_bot(&owner, "Porter").await;
    let home = Home::at(at.panel, &owner);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("porter.tgz").display().to_string();
    assert_eq!(home.run(&["bot", "export", "porter", "--to", &file]).ok().trim(), file);
    home.run(&["bot", "export", "porter", "--to", &file]).ended(1, &["exists"]);
    home.run(&["bot", "export", "portre", "--to", "x"]).ended(3, &["Did you mean porter?"]);
    let made = home.run(&["bot", "import", &file, "--name", "Carried", "-o", "json"]).json();
    assert_eq!((&made["name"], &made["desired"]), (&json!("Carried"), &json!("stopped")));
    home.run(&["bot", "import", &file]).ended(1, &["another bot has this name"]);
    at.stop().await;
}
