//! Completion: scripts that shells take, and names that live in the panel.

use super::*;

/// The words a shell would offer at the end of this line.
fn offered(home: &Home, line: &[&str]) -> Vec<String> {
    let mut command = home.command(&["--"]);
    command
        .args(line)
        .env("CHELA_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string());
    command.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "true");
    let ran = Ran::new(Vec::new(), command.output().expect("it runs"));
    assert!(ran.err.is_empty(), "nothing among the words somebody types: {ran:?}");
    ran.ok().lines().map(str::to_owned).collect()
}

#[test]
fn scripts_are_what_shells_take() {
    for shell in ["bash", "zsh", "fish"] {
        let home = Home::new();
        let script = home.run(&["completion", shell]).ok();
        assert!(script.contains("chela") && script.contains("CHELA_COMPLETE"), "{script}");
        let file = home.dir.path().join("script");
        std::fs::write(&file, script).expect("written");
        // Where the shell is there, it reads the script.
        match Command::new(shell).arg("-n").arg(&file).output() {
            Ok(read) => assert!(read.status.success() && read.stderr.is_empty(), "{shell}: {read:?}"),
            Err(_) => assert_ne!(shell, "bash"),
        }
    }
    Home::new().run(&["completion", "csh"]).ended(2, &["bash, zsh, fish"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_names_are_offered_and_nothing_where_nobody_answers() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    for name in ["Writer", "Wrangler", "Cook"] {
        at.ready_bot(&owner, name).await;
    }
    let home = Home::at(at.panel, &owner);
    let mut names = offered(&home, &["chela", "bot", "stop", "w"]);
    names.sort();
    assert_eq!(names, ["wrangler", "writer"]);
    assert!(offered(&home, &["chela", "bot", "st"]).iter().any(|verb| verb == "start"));
    assert!(offered(&home, &["chela", "bot", "list", "-o", "j"]).iter().any(|form| form.ends_with("json")));
    let panel = at.panel;
    at.stop().await;
    assert!(offered(&Home::at(panel, &owner), &["chela", "bot", "stop", "w"]).is_empty());
    assert!(offered(&Home::new(), &["chela", "bot", "stop", "w"]).is_empty());
}
