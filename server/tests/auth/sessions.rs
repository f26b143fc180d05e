use super::{soft::Soft, support::*};
use api::auth::{ListSessions, LoginFinish, LoginStart, RevokeOtherSessions, RevokeSession};
use server::platform::http::{Identify, Revoked};

#[tokio::test]
async fn a_session_ends_after_a_week_unused_and_after_a_month_in_any_case() {
    let home = Home::new().await;
    let (mut soft, cookie) = home.ada().await;
    home.clock.advance(7 * DAY - 1);
    assert!(home.is_in(&cookie).await);
    home.settle().await;
    for _ in 0..4 {
        home.clock.advance(5 * DAY);
        assert!(home.is_in(&cookie).await, "in use");
        home.settle().await;
    }
    home.clock.advance(3 * DAY + 1);
    assert!(!home.is_in(&cookie).await, "a month is over");
    let other = home.login(&mut soft, None).await.unwrap();
    home.clock.advance(7 * DAY);
    assert!(!home.is_in(&other).await, "a week unused");
}

#[tokio::test]
async fn a_clock_set_back_an_hour_revives_no_session() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    home.clock.advance(7 * DAY);
    assert!(!home.is_in(&cookie).await);
    home.clock.advance(-HOUR);
    assert!(!home.is_in(&cookie).await);
    home.settle().await;
    let home = home.restart().await;
    assert!(!home.is_in(&cookie).await, "nor after a restart");

    // Nobody asked while it ended: the sweep did.
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    home.clock.advance(7 * DAY);
    home.auth.round().await;
    home.clock.advance(-HOUR);
    let home = home.restart().await;
    assert!(!home.is_in(&cookie).await);
}

#[tokio::test]
async fn a_clock_an_hour_ahead_breaks_nothing_and_one_years_ahead_leaves_no_endless_session() {
    let home = Home::new().await;
    let (mut soft, cookie) = home.ada().await;
    home.clock.advance(HOUR);
    assert!(home.is_in(&cookie).await);
    let ahead = home.login(&mut soft, None).await.unwrap();
    home.clock.advance(-HOUR);
    assert!(home.is_in(&ahead).await && home.is_in(&cookie).await);

    home.clock.advance(3_650 * DAY);
    let future = home.login(&mut soft, None).await.unwrap();
    home.clock.advance(-3_650 * DAY);
    assert!(!home.is_in(&future).await, "it would last ten years");
    let now = home.login(&mut soft, None).await.unwrap();
    assert!(home.is_in(&now).await);
}

#[tokio::test]
async fn a_login_ends_the_session_the_browser_had() {
    let home = Home::new().await;
    let (mut soft, old) = home.ada().await;
    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    let credential = soft.login(&started.options);
    let caller = home.caller(Some(&old)).await;
    let finish = LoginFinish { ceremony: started.ceremony, credential };
    let new = cookie_of(home.auth.login_finish(&caller, finish).await.unwrap());
    assert!(new != old && home.is_in(&new).await && !home.is_in(&old).await);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_and_their_sockets_are_told() {
    let home = Home::new().await;
    let (mut soft, here) = home.ada().await;
    let there = home.login(&mut soft, None).await.unwrap();
    let elsewhere = home.login(&mut soft, None).await.unwrap();
    let list = home.run(Some(&here), ListSessions {}).await.unwrap();
    assert_eq!(list.iter().map(|s| s.current).collect::<Vec<_>>(), [false, false, true]);
    assert!(list.iter().all(|s| s.label == "Firefox on Linux" && s.expires_at_ms == NOW + 7 * DAY));
    assert!(home.is_in(&there).await);
    let mut told = home.auth.revocations();
    home.run(Some(&here), RevokeSession { session: list[1].id }).await.unwrap();
    assert_eq!(told.try_recv().unwrap(), Revoked::Session(list[1].id));
    assert!(!home.is_in(&there).await && home.is_in(&elsewhere).await);
    assert_eq!(
        home.run(Some(&here), RevokeSession { session: list[1].id }).await.unwrap_err().code.status(),
        404
    );
    home.run(Some(&here), RevokeOtherSessions {}).await.unwrap();
    assert_eq!(told.try_recv().unwrap(), Revoked::Session(list[0].id));
    assert!(home.is_in(&here).await && !home.is_in(&elsewhere).await);
    assert!(
        home.acts().await.ends_with(&["auth.revoke_session".into(), "auth.revoke_other_sessions".into()])
    );
}

#[tokio::test]
async fn nobody_ends_or_sees_the_session_of_another() {
    let home = Home::new().await;
    let (_, ada) = home.ada().await;
    let invite = home.enrol_token("Bob", None).await;
    let bob = home.enrol(&mut Soft::new(), &invite, None).await.unwrap();
    let of_ada = home.run(Some(&ada), ListSessions {}).await.unwrap();
    assert_eq!(home.run(Some(&bob), ListSessions {}).await.unwrap().len(), 1);
    let foreign = home.run(Some(&bob), RevokeSession { session: of_ada[0].id }).await.unwrap_err();
    let unknown = api::ids::SessionId(uuid::Uuid::now_v7());
    let unknown = home.run(Some(&bob), RevokeSession { session: unknown }).await.unwrap_err();
    assert_eq!(words(&foreign), words(&unknown));
    assert!(home.is_in(&ada).await);
}

#[tokio::test]
async fn use_is_noted_once_a_minute_and_beside_the_request() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    let seen = async || home.run(Some(&cookie), ListSessions {}).await.unwrap()[0].seen_at_ms;
    home.clock.advance(59_000);
    home.is_in(&cookie).await;
    home.settle().await;
    assert_eq!(seen().await, NOW);
    home.clock.advance(6_000);
    home.is_in(&cookie).await;
    home.settle().await;
    assert_eq!(seen().await, NOW + 65_000);
}

#[tokio::test]
async fn only_the_hash_of_a_session_is_stored() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    let bytes = [home.dir.path().join("chela.db"), home.dir.path().join("chela.db-wal")]
        .iter()
        .flat_map(|file| std::fs::read(file).unwrap_or_default())
        .collect::<Vec<u8>>();
    assert!(!bytes.windows(cookie.len()).any(|window| window == cookie.as_bytes()));
    for bad in ["", "x", &"x".repeat(43), &format!("{cookie}x"), &cookie.to_lowercase()] {
        assert!(!home.is_in(bad).await, "{bad}");
    }
}
