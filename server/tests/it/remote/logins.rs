//! Logging in: what is stored, how, and what is refused.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_verified_and_kept_where_only_its_owner_reads() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let Who::Bearer(token) = &owner else { panic!("a token") };
    let home = Home::new();
    let url = format!("http://{}", at.panel);
    home.piped(&["login", "--url", &url], "chela_pat_wrong\n").ended(4, &["does not know this token"]);
    assert!(!home.logins().exists(), "what was not verified is not kept");
    home.piped(&["login", "--url", &url], &format!("{token}\n")).ended(0, &["Logged in", "owner"]);
    let mode = std::fs::metadata(home.logins()).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    home.run(&["whoami"]).ended(0, &[]);
    let listed = home.run(&["context", "list", "-o", "json"]).json();
    assert_eq!(listed, serde_json::json!([{ "name": "default", "url": url, "current": true }]), "no token");

    // A second one beside it, and the environment over both.
    home.piped(&["login", "--url", &url, "--context", "work"], token).ended(0, &["'work'"]);
    home.run(&["context", "use", "default"]).ended(0, &[]);
    home.run(&["whoami", "--context", "work"]).ended(0, &[]);
    home.run(&["whoami", "--context", "nowhere"]).ended(4, &["default, work"]);
    let mut other = Home { dir: home.dir, env: Vec::new() };
    other.set("CHELA_TOKEN", "chela_pat_wrong");
    other.run(&["whoami"]).ended(4, &[]);
    other.env.clear();
    other.set("CHELA_URL", "https://elsewhere.example");
    other.run(&["whoami"]).ended(4, &["no token for https://elsewhere.example"]);
    other.env.clear();

    std::fs::set_permissions(other.logins(), std::fs::Permissions::from_mode(0o644)).expect("mode");
    other.run(&["whoami"]).ended(4, &["chmod 600"]);
    std::fs::set_permissions(other.logins(), std::fs::Permissions::from_mode(0o600)).expect("mode");
    other.run(&["logout"]).ended(0, &["token rm"]);
    other.run(&["logout", "--all"]).ended(0, &[]);
    other.run(&["whoami"]).ended(4, &["chela login"]);
    at.stop().await;
}

#[test]
fn a_token_is_taken_from_no_argument_and_sent_over_no_open_wire() {
    let home = Home::new();
    home.piped(&["login", "--url", "http://chela.example.org"], "chela_pat_x")
        .ended(2, &["could read your token"]);
    home.run(&["login", "--token", "chela_pat_x"]).ended(2, &["--token"]);
    home.run(&["login", "--url", "http://127.0.0.1:9"]).ended(2, &["standard input"]);
}
