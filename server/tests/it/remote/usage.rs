//! What calls cost, from the command line.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_a_cost_from_the_command_line() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (_, _, rows) = crate::usage::talked(&at, &owner).await;
    let home = Home::at(at.panel, &owner);
    let said = |words: &[&str]| home.run(words).ok();
    assert!(
        said(&["usage", "summary"]).contains("$0.001296 ($0.00 before)"),
        "{}",
        said(&["usage", "summary"])
    );
    let bots = said(&["usage", "breakdown"]);
    let first = bots.lines().nth(1).expect("a line");
    assert!(first.starts_with("Dear ") && first.contains("$0.000864"), "{bots}");
    let models = said(&["usage", "breakdown", "--by", "model", "--bot", "dear", "--range", "today"]);
    assert!(models.contains("openai/fake-model"), "{models}");
    assert!(said(&["usage", "trend", "--range", "7d"]).lines().count() >= 8);
    let listed = said(&["usage", "list", "--bot", "cheap", "-o", "name"]);
    let shown = said(&["usage", "show", listed.trim()]);
    assert!(shown.contains("Cheap") && shown.contains("$0.000432"), "{shown}");
    let file = said(&["usage", "export", "--range", "24h"]);
    assert_eq!(file.lines().count(), 1 + rows.len(), "{file}");
    home.run(&["usage", "list", "--bot", "deer"]).ended(3, &["dear"]);
    at.stop().await;
}
