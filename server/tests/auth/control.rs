use super::{soft::Soft, support::*};
use server::{
    control::{self, Handlers, Request},
    platform::clock::ManualClock,
};
use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};

async fn serve(home: &Home) -> JoinHandle<()> {
    let handlers = Handlers::new(Arc::clone(&home.platform), Arc::clone(&home.auth));
    let (platform, stop) = (Arc::clone(&home.platform), home.platform.shutdown.clone());
    let task = tokio::spawn(control::serve(platform, handlers, stop));
    let listening = async {
        while ask(home, Request::Status {}).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listening).await.unwrap();
    task
}

async fn ask(home: &Home, request: Request) -> Option<control::Answer> {
    control::ask(&home.platform.config.data_dir, &request).await.unwrap()
}

#[tokio::test]
async fn commands_reach_the_running_server() {
    let home = Home::new().await;
    assert!(ask(&home, Request::Status {}).await.is_none(), "no server");
    let task = serve(&home).await;
    let mode = std::fs::metadata(home.dir.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let status = ask(&home, Request::Status {}).await.unwrap().unwrap();
    assert_eq!(status["pid"], std::process::id());

    let setup = ask(&home, Request::Setup {}).await.unwrap().unwrap();
    let url = setup["setup_url"].as_str().unwrap();
    assert!(url.starts_with("http://localhost:3000/setup#"), "{url}");
    assert_eq!(setup["expires_at"], "2026-11-21T09:00:00Z");
    home.enrol(&mut Soft::new(), &token_of(url), Some("Ada")).await.unwrap();
    assert!(ask(&home, Request::Setup {}).await.unwrap().unwrap()["setup_url"].is_null(), "never after");

    let token = ask(&home, Request::Token { name: "ci".into(), admin: false }).await.unwrap().unwrap();
    assert!(token["token"].as_str().unwrap().starts_with("chela_pat_"));
    let link = Request::EnrolLink { user: "Bob".into(), role: Some("owner".into()) };
    let link = ask(&home, link).await.unwrap().unwrap();
    assert_eq!((&link["kind"], &link["role"]), (&"invite".into(), &"owner".into()));
    assert!(link["note"].as_str().unwrap().contains("new here"));
    let wrong = Request::EnrolLink { user: "Bob".into(), role: Some("king".into()) };
    assert_eq!(ask(&home, wrong).await.unwrap().unwrap_err().code.status(), 422);

    assert!(ask(&home, Request::Stop {}).await.unwrap().is_ok());
    task.await.unwrap();
    assert!(ask(&home, Request::Status {}).await.is_none());
    assert!(!home.dir.path().join("control.sock").exists());
}

#[tokio::test]
async fn a_socket_left_by_a_server_that_is_gone_is_in_nobodys_way() {
    let home = Home::new().await;
    drop(std::os::unix::net::UnixListener::bind(home.dir.path().join("control.sock")).unwrap());
    assert!(ask(&home, Request::Status {}).await.is_none());
    let task = serve(&home).await;
    home.platform.shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn garbage_and_endless_lines_are_answered_and_cut() {
    let home = Home::new().await;
    let task = serve(&home).await;
    let say = async |bytes: Vec<u8>| {
        let mut stream = UnixStream::connect(home.dir.path().join("control.sock")).await.unwrap();
        // The server may hang up before everything is said.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    };
    assert!(say(b"{\"command\":\"format\"}\n".to_vec()).await.contains("does not know"));
    assert!(say(b"nonsense\n".to_vec()).await.contains("does not know"));
    assert!(say(b"{\"command\":\"status\"}".to_vec()).await.contains("broke off"));
    let endless = say(vec![b' '; 1024 * 1024]).await;
    assert!(endless.is_empty() || endless.contains("too long"), "{endless}");
    home.platform.shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_data_dir_deeper_than_a_sockets_path_works() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a".repeat(60)).join("b".repeat(60));
    std::fs::create_dir_all(&deep).unwrap();
    assert!(Path::new(&deep).join("control.sock").as_os_str().len() > 107);
    let home = Home::at(dir, ManualClock::at(NOW), Some(deep)).await;
    let task = serve(&home).await;
    assert!(ask(&home, Request::Status {}).await.unwrap().is_ok());
    home.platform.shutdown.cancel();
    task.await.unwrap();
}
