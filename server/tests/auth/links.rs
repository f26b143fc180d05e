use super::{soft::Soft, support::*};
use api::{
    auth::{GetMe, LinkKind, LoginFinish, RegisterFinish, RegisterStart, Role},
    ids::LinkId,
};
use entity::auth::link;
use sea_orm::EntityTrait;
use server::auth::admin;

#[tokio::test]
async fn the_setup_link_makes_the_first_administrator_owner_of_the_first_workspace() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    assert_eq!(home.look(&token).await.unwrap().kind, LinkKind::Setup);
    let cookie = home.enrol(&mut Soft::new(), &token, Some("Ada")).await.unwrap();
    let me = home.run(Some(&cookie), GetMe {}).await.unwrap();
    assert_eq!((me.name.as_str(), me.role, me.admin), ("Ada", Role::Owner, true));
    assert_eq!(home.acts().await, ["auth.setup_link", "auth.set_up", "auth.add_passkey", "auth.login"]);
    assert_eq!(admin::setup_link(&home.auth).await.unwrap(), admin::Setup::Done);
}

#[tokio::test]
async fn first_run_ends_with_the_passkey_and_not_with_a_link() {
    let home = Home::new().await;
    let first = home.setup_token().await;
    home.clock.advance(25 * HOUR);
    let refused = home.look(&first).await.unwrap_err();
    assert_eq!(refused.code.status(), 410);
    assert!(refused.message.contains("expired") && refused.hint.unwrap().contains("chela setup"));
    let home = home.restart().await;
    let fresh = home.setup_token().await;
    assert!(home.enrol(&mut Soft::new(), &fresh, None).await.is_ok());
}

#[tokio::test]
async fn looking_a_hundred_times_uses_nothing_up() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    for _ in 0..100 {
        home.look(&token).await.unwrap();
    }
    assert!(home.enrol(&mut Soft::new(), &token, None).await.is_ok());
}

#[tokio::test]
async fn only_the_newest_link_works_and_only_once() {
    let home = Home::new().await;
    let (old, new) = (home.setup_token().await, home.setup_token().await);
    let refused = home.look(&old).await.unwrap_err();
    assert!(refused.code.status() == 410 && refused.message.contains("newer link"), "{refused}");
    home.enrol(&mut Soft::new(), &new, None).await.unwrap();
    for token in [old, new] {
        let refused = home.enrol(&mut Soft::new(), &token, None).await.unwrap_err();
        assert!(refused.code.status() == 410 && refused.message.contains("set up already"), "{refused}");
    }
}

#[tokio::test]
async fn a_recovery_link_is_used_up_replaced_and_unknown_with_a_reason_each() {
    let home = Home::new().await;
    home.ada().await;
    let old = home.enrol_token("ada", None).await;
    let new = home.enrol_token(" ADA ", None).await;
    home.enrol(&mut Soft::new(), &new, None).await.unwrap();
    for (token, reason) in [(old, "newer link"), (new, "used before"), ("x".repeat(43), "not one of ours")] {
        let refused = home.look(&token).await.unwrap_err();
        assert_eq!(refused.code.status(), 410);
        assert!(refused.message.contains(reason), "{refused}");
        assert!(refused.hint.unwrap().contains("chela admin enrol-link"));
    }
}

#[tokio::test]
async fn a_failed_ceremony_leaves_the_link_usable_for_ten_tries() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    let mut wrong = Soft::new();
    wrong.origin = "https://evil.example".into();
    for _ in 0..9 {
        assert_eq!(home.enrol(&mut wrong, &token, None).await.unwrap_err().code.status(), 422);
    }
    assert!(home.enrol(&mut Soft::new(), &token, None).await.is_ok(), "the tenth may succeed");

    let home = Home::new().await;
    let token = home.setup_token().await;
    for _ in 0..10 {
        home.enrol(&mut wrong, &token, None).await.unwrap_err();
    }
    let refused = home.enrol(&mut Soft::new(), &token, None).await.unwrap_err();
    assert!(refused.code.status() == 410 && refused.message.contains("ten times"), "{refused}");
    assert!(home.run(None, GetMe {}).await.is_err());
    let fresh = home.setup_token().await;
    assert!(home.enrol(&mut Soft::new(), &fresh, None).await.is_ok());
}

#[tokio::test]
async fn two_browsers_with_one_setup_link_make_one_administrator() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    let caller = home.caller(None).await;
    let start = || RegisterStart { token: Some(token.clone()), user_name: None, passkey_name: None };
    let mut finishes = Vec::new();
    for _ in 0..2 {
        let started = home.auth.register_start(&caller, start()).await.unwrap();
        let credential = Soft::new().register(&started.options);
        finishes.push(RegisterFinish { ceremony: started.ceremony, token: Some(token.clone()), credential });
    }
    let (a, b) = (finishes.pop().unwrap(), finishes.pop().unwrap());
    let (a, b) = tokio::join!(home.auth.register_finish(&caller, a), home.auth.register_finish(&caller, b));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_ceremony_of_one_link_is_not_finished_with_another() {
    let home = Home::new().await;
    home.ada().await;
    let (ada, bob) = (home.enrol_token("Ada", None).await, home.enrol_token("Bob", None).await);
    let caller = home.caller(None).await;
    let start = RegisterStart { token: Some(bob), user_name: None, passkey_name: None };
    let started = home.auth.register_start(&caller, start).await.unwrap();
    let credential = Soft::new().register(&started.options);
    for token in [Some(ada), None] {
        let finish = RegisterFinish { ceremony: started.ceremony, token, credential: credential.clone() };
        assert!(home.auth.register_finish(&caller, finish).await.is_err());
    }
    // Nor is a registration's ceremony good for a login.
    let finish = LoginFinish { ceremony: started.ceremony, credential };
    assert!(home.auth.login_finish(&caller, finish).await.is_err());
}

#[tokio::test]
async fn a_link_opened_by_the_wrong_person_says_for_whom_it_is_and_stays_usable() {
    let home = Home::new().await;
    let (_, ada) = home.ada().await;
    let invite = home.enrol_token("Bob", Some(Role::Viewer)).await;
    let refused = home.look_as(Some(&ada), &invite).await.unwrap_err();
    assert_eq!(refused.code.status(), 403);
    assert!(refused.message.contains("Bob") && refused.message.contains("Ada"), "{refused}");
    let caller = home.caller(Some(&ada)).await;
    let start = RegisterStart { token: Some(invite.clone()), user_name: None, passkey_name: None };
    assert!(home.auth.register_start(&caller, start).await.is_err());
    let bob = home.enrol(&mut Soft::new(), &invite, Some("Mallory")).await.unwrap();
    let me = home.run(Some(&bob), GetMe {}).await.unwrap();
    assert_eq!((me.name.as_str(), me.role, me.admin), ("Bob", Role::Viewer, false));
}

#[tokio::test]
async fn an_enrol_link_recovers_who_is_there_and_invites_who_is_new() {
    let home = Home::new().await;
    let early = admin::enrol_link(&home.auth, "Ada", None).await.unwrap_err();
    assert!(api::ApiError::from(early).hint.unwrap().contains("chela setup"));
    home.ada().await;
    let link = admin::enrol_link(&home.auth, "ada", Some(Role::Viewer)).await.unwrap();
    assert_eq!(
        (link.kind, link.user_name.as_str(), link.role),
        (LinkKind::Recovery, "Ada", Some(Role::Owner))
    );
    let link = admin::enrol_link(&home.auth, "Bob", None).await.unwrap();
    assert_eq!((link.kind, link.role), (LinkKind::Invite, Some(Role::Viewer)));
    // A second invite for Bob replaces the first; one for Eve does not.
    home.enrol_token("Eve", None).await;
    assert!(home.look(&token_of(&link.url)).await.is_ok());
    home.enrol_token("Bob", None).await;
    assert!(home.look(&token_of(&link.url)).await.is_err());
}

#[tokio::test]
async fn the_token_of_a_link_is_nowhere_in_the_database() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    let rows = link::Entity::find().all(home.platform.db.read()).await.unwrap();
    assert!(rows.iter().all(|row| row.id != LinkId(uuid::Uuid::nil()) && row.token_hash.len() == 32));
    let bytes = [home.dir.path().join("chela.db"), home.dir.path().join("chela.db-wal")]
        .iter()
        .flat_map(|file| std::fs::read(file).unwrap_or_default())
        .collect::<Vec<u8>>();
    assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
}

#[tokio::test]
async fn after_a_move_everybody_gets_a_link() {
    let home = Home::new().await;
    home.ada().await;
    let invite = home.enrol_token("Bob", Some(Role::Owner)).await;
    home.enrol(&mut Soft::new(), &invite, None).await.unwrap();
    let links = admin::links_for_all(&home.auth).await.unwrap();
    let names: Vec<&str> = links.iter().map(|link| link.user_name.as_str()).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    assert!(links.iter().all(|link| link.kind == LinkKind::Recovery));
}
