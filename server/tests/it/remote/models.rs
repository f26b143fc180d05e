//! Models and their prices, from the command line.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_keeps_models_and_prices_from_the_command_line() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    let said = |words: &[&str]| home.run(words).ok();
    let listed = said(&["model", "list", "--vendor", "claude", "--search", "haiku-4-5"]);
    assert!(listed.contains("anthropic/claude-haiku-4-5") && listed.contains("200000"), "{listed}");
    assert!(listed.contains("$1.00") && listed.contains("shipped"), "{listed}");

    let set =
        ["model", "set", "openai/mine", "--context-length", "4096", "--kind", "llm", "--vision", "true"];
    assert!(said(&set).contains("own"));
    assert_eq!(said(&["model", "list", "--own", "-o", "name"]).trim(), "openai/mine");
    home.run(&["model", "set", "openai/mine"]).ended(2, &["model rm"]);
    said(&["model", "rm", "openai/mine", "--yes"]);
    assert!(said(&["model", "list", "--own", "-o", "name"]).trim().is_empty());

    let price =
        ["price", "set", "openai/mine", "--input-usd", "2.50", "--output-usd", "10", "--since", "2026-01-01"];
    let more = ["--up-to", "1000", "--thinking-usd", "3", "--source", "our contract"];
    said(&[&price[..], &more[..]].concat());
    let file = home.dir.path().join("prices.csv");
    let path = file.to_str().expect("a path");
    said(&["price", "export", "--file", path]);
    let written = std::fs::read_to_string(&file).expect("the file");
    assert!(written.ends_with("2026-01-01,openai,mine,1000,2.50,10.00,,,3.00,our contract\r\n"), "{written}");
    assert!(said(&["price", "export", "--all"]).contains("claude-haiku-4-5"));
    assert!(said(&["price", "import", path]).contains("unchanged"));

    std::fs::write(&file, written.replace("2.50", "dear")).expect("written");
    home.run(&["price", "import", path]).ended(1, &["line 2: input price must be USD"]);
    std::fs::write(&file, written.replace("2.50", "3")).expect("written");
    let checked = said(&["price", "import", path, "--check"]);
    assert!(checked.contains("replaced") && checked.contains("$2.50 / $10.00"), "{checked}");
    assert!(said(&["price", "export"]).contains(",2.50,"), "a check changes nothing");
    said(&["price", "import", path]);
    assert!(said(&["price", "export"]).contains(",3.00,"));
    at.stop().await;
}
