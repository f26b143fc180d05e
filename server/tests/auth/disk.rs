//! A full disk: reading goes on, and so do login and logout.

use super::support::*;
use api::auth::{ListPasskeys, RenamePasskey};
use sea_orm::EntityTrait;
use server::auth::admin;
use std::sync::Arc;

/// Every write fails the way a full disk fails.
async fn fill(home: &Home) {
    for table in ["ceremonies", "sessions", "audit", "passkeys", "tokens", "links"] {
        for act in ["insert", "update", "delete"] {
            home.sql(&format!(
                "create trigger full_{act}_{table} before {act} on {table} begin \
                 select raise(abort, 'database or disk is full'); end"
            ))
            .await;
        }
    }
}

async fn free(home: &Home) {
    for table in ["ceremonies", "sessions", "audit", "passkeys", "tokens", "links"] {
        for act in ["insert", "update", "delete"] {
            home.sql(&format!("drop trigger full_{act}_{table}")).await;
        }
    }
}

#[tokio::test]
async fn login_and_logout_work_on_a_full_disk_and_are_written_down_when_it_is_free_again() {
    let home = Home::new().await;
    let (mut soft, old) = home.ada().await;
    fill(&home).await;
    let refused =
        admin::token(&home.auth, "ci", false).await.map(|_| ()).map_err(api::ApiError::from).unwrap_err();
    assert_eq!(refused.code.status(), 507, "other writes say so");

    let cookie = home.login(&mut soft, None).await.unwrap();
    assert_eq!(home.run(Some(&cookie), ListPasskeys {}).await.unwrap().len(), 1, "reading works");
    home.auth.logout(&home.caller(Some(&old)).await).await.unwrap();
    assert!(home.is_in(&cookie).await && !home.is_in(&old).await);
    assert!(!home.acts().await.contains(&"auth.logout".to_owned()));
    home.auth.round().await;
    assert!(home.is_in(&cookie).await, "nothing is forgotten while it cannot be written");

    let journal = std::fs::read(home.dir.path().join("audit.journal")).unwrap();
    free(&home).await;
    home.auth.round().await;
    let acts = home.acts().await;
    assert!(acts.ends_with(&["auth.login".into(), "auth.logout".into()]), "{acts:?}");
    assert!(home.is_in(&cookie).await && !home.is_in(&old).await);
    let id = home.run(Some(&cookie), ListPasskeys {}).await.unwrap()[0].id;
    home.run(Some(&cookie), RenamePasskey { passkey: id, name: "x".into() }).await.unwrap();
    // Power lost between the merge and the emptying of the journal.
    std::fs::write(home.dir.path().join("audit.journal"), journal).unwrap();
    let home = home.restart().await;
    assert!(home.is_in(&cookie).await && !home.is_in(&old).await);
    home.auth.round().await;
    assert_eq!(home.acts().await.iter().filter(|act| *act == "auth.logout").count(), 1, "merged once");
}

#[tokio::test]
async fn a_logout_on_a_full_disk_outlives_a_restart() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    fill(&home).await;
    home.auth.logout(&home.caller(Some(&cookie)).await).await.unwrap();
    let home = home.restart().await;
    assert!(!home.is_in(&cookie).await);
    free(&home).await;
    home.auth.round().await;
    let rows = entity::auth::session::Entity::find().all(home.platform.db.read()).await.unwrap();
    assert!(rows.iter().all(|row| row.revoked_at_ms.is_some()));
}

#[tokio::test]
async fn a_ceremony_on_a_full_disk_is_still_answered_once() {
    use api::auth::{LoginFinish, LoginStart};
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    let before = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    fill(&home).await;
    let during = home.auth.login_start(LoginStart { user_name: Some("Ada".into()) }).await.unwrap();
    let caller = home.caller(None).await;
    for started in [before, during] {
        let credential = soft.login(&started.options);
        let finish = || LoginFinish { ceremony: started.ceremony, credential: credential.clone() };
        assert!(home.auth.login_finish(&caller, finish()).await.is_ok());
        assert!(home.auth.login_finish(&caller, finish()).await.is_err());
    }
}

#[tokio::test]
async fn a_read_only_database_lets_people_in_too() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    home.platform.db.close_writes("the database is damaged");
    let cookie = home.login(&mut soft, None).await.unwrap();
    assert!(home.is_in(&cookie).await);
    home.auth.logout(&home.caller(Some(&cookie)).await).await.unwrap();
    assert!(!home.is_in(&cookie).await);
}

#[tokio::test]
async fn a_session_ended_while_it_is_being_written_down_does_not_come_back() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    fill(&home).await;
    let out = home.login(&mut soft, None).await.unwrap();
    let other = home.login(&mut soft, None).await.unwrap();
    free(&home).await;
    let (one, two) = (home.caller(Some(&out)).await, home.caller(Some(&other)).await);
    // Somebody writes; behind them wait a logout, the task that writes down what waited for the disk, and another
    // logout.
    let (go_on, gate) = tokio::sync::oneshot::channel::<()>();
    let (db, auth) = (home.platform.db.clone(), Arc::clone(&home.auth));
    let busy = tokio::spawn(async move { db.write(async |_| Ok(gate.await)).await });
    tokio::task::yield_now().await;
    let logout = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.logout(&one).await }
    });
    tokio::task::yield_now().await;
    let round = tokio::spawn({
        let auth = Arc::clone(&auth);
        async move { auth.round().await }
    });
    tokio::task::yield_now().await;
    let late = tokio::spawn(async move { auth.logout(&two).await });
    tokio::task::yield_now().await;
    go_on.send(()).unwrap();
    busy.await.unwrap().unwrap().unwrap();
    logout.await.unwrap().unwrap();
    round.await.unwrap();
    late.await.unwrap().unwrap();
    home.auth.round().await;
    assert!(!home.is_in(&out).await && !home.is_in(&other).await);
    let home = home.restart().await;
    assert!(!home.is_in(&out).await && !home.is_in(&other).await);
}
