use super::{soft::Soft, support::*};
use api::auth::{GetMe, LoginFinish, LoginStart, RegisterStart};
use serde_json::Value;

fn start(name: &str) -> LoginStart {
    LoginStart { user_name: Some(name.into()) }
}

#[tokio::test]
async fn a_passkey_logs_in_by_itself_and_by_name() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    for name in [None, Some("Ada"), Some(" ada ")] {
        let cookie = home.login(&mut soft, name).await.unwrap();
        assert_eq!(home.run(Some(&cookie), GetMe {}).await.unwrap().name, "Ada");
    }
    soft.tells_user = false;
    assert!(home.login(&mut soft, Some("Ada")).await.is_ok(), "a name says who it is");
    assert!(home.login(&mut soft, None).await.is_err(), "nothing says who it is");
}

#[tokio::test]
async fn the_browser_is_asked_for_user_verification_and_for_a_button_not_for_autofill() {
    let home = Home::new().await;
    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    assert_eq!(started.options["publicKey"]["userVerification"], "required");
    assert!(started.options.get("mediation").is_none());
    let token = home.setup_token().await;
    let caller = home.caller(None).await;
    let begin = RegisterStart { token: Some(token), user_name: None, passkey_name: None };
    let started = home.auth.register_start(&caller, begin).await.unwrap();
    let selection = &started.options["publicKey"]["authenticatorSelection"];
    assert_eq!(
        (&selection["userVerification"], &selection["residentKey"]),
        (&"required".into(), &"preferred".into())
    );
}

#[tokio::test]
async fn an_unknown_name_is_answered_like_a_known_one() {
    let home = Home::new().await;
    home.ada().await;
    let shape = |options: &Value| {
        let key = &options["publicKey"];
        let list = key["allowCredentials"].as_array().unwrap();
        let fields: Vec<Vec<&String>> =
            list.iter().map(|c| c.as_object().unwrap().keys().collect()).collect();
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        format!("{names:?} {fields:?}")
    };
    let known = home.auth.login_start(start("Ada")).await.unwrap().options;
    let unknown = home.auth.login_start(start("Nobody")).await.unwrap().options;
    assert_eq!(shape(&known), shape(&unknown));
    // The decoys of a name stay the same, or asking twice would tell.
    let again = home.auth.login_start(start("nobody")).await.unwrap().options;
    assert_eq!(unknown["publicKey"]["allowCredentials"], again["publicKey"]["allowCredentials"]);
    assert_ne!(unknown["publicKey"]["challenge"], again["publicKey"]["challenge"]);
}

/// Bends the device, the request or the time; every refusal must read the same.
#[tokio::test]
async fn every_refusal_has_the_same_words_and_one_audit_row_counts_them() {
    let home = Home::new().await;
    let (soft, _) = home.ada().await;
    let mut stranger = Soft::new();
    stranger.register(&serde_json::json!({ "publicKey": { "challenge": "", "user": { "id": "" } } }));
    type Bend = Box<dyn Fn(&mut Soft)>;
    let bends: Vec<(&str, Bend)> = vec![
        ("wrong origin", Box::new(|s| s.origin = "http://localhost:3001".into())),
        ("subdomain", Box::new(|s| s.origin = "http://evil.localhost:3000".into())),
        ("wrong site", Box::new(|s| s.rp_id = "example.org".into())),
        ("not verified", Box::new(|s| s.verifies = false)),
        ("framed", Box::new(|s| s.cross_origin = true)),
        ("challenge", Box::new(|s| s.challenge = Some("AAAA".into()))),
        ("another's handle", Box::new(|s| s.keys[0].user_handle = vec![7; 16])),
    ];
    let mut refusals = Vec::new();
    for (what, bend) in &bends {
        let mut bent = soft.clone();
        bend(&mut bent);
        refusals.push((*what, home.login(&mut bent, None).await.unwrap_err()));
    }
    // A credential nobody registered; a name nobody has; somebody else's name; a wrong key for a right name.
    let attempt = async |name: Option<&str>, device: &mut Soft| {
        let started = home.auth.login_start(LoginStart { user_name: name.map(str::to_owned) }).await.unwrap();
        let credential = device.login_with(&started.options, 0);
        let finish = LoginFinish { ceremony: started.ceremony, credential };
        home.auth
            .login_finish(&home.caller(None).await, finish)
            .await
            .map(|_| ())
            .map_err(api::ApiError::from)
    };
    refusals.push(("unknown credential", attempt(None, &mut stranger).await.unwrap_err()));
    refusals.push(("unknown name", attempt(Some("Nobody"), &mut stranger).await.unwrap_err()));
    refusals.push(("right key, wrong name", attempt(Some("Nobody"), &mut soft.clone()).await.unwrap_err()));
    refusals.push(("wrong key, right name", attempt(Some("Ada"), &mut stranger).await.unwrap_err()));
    let (_, first) = &refusals[0];
    assert_eq!(first.code.status(), 401);
    for (what, refusal) in &refusals {
        assert_eq!(words(refusal), words(first), "{what}");
    }
    home.clock.advance(61_000);
    home.auth.round().await;
    let rows: Vec<_> = home.audit().await.into_iter().filter(|row| row.act == "auth.login_failed").collect();
    assert_eq!(rows.len(), 1, "one row, not one per try");
    assert_eq!(rows[0].target.as_deref(), Some("203.0.113.0/24"));
    let detail: Value = serde_json::from_str(rows[0].detail.as_deref().unwrap()).unwrap();
    assert_eq!(detail["tries"], refusals.len());
    assert_eq!(detail["reasons"]["wrong origin"], 2);
    assert!(home.login(&mut soft.clone(), None).await.is_ok());
}

#[tokio::test]
async fn a_ceremony_is_answered_once_whatever_the_answer_was() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    let caller = home.caller(None).await;
    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    let good = soft.login(&started.options);
    let finish =
        |credential: &Value| LoginFinish { ceremony: started.ceremony, credential: credential.clone() };
    assert!(home.auth.login_finish(&caller, finish(&Value::Null)).await.is_err());
    assert!(home.auth.login_finish(&caller, finish(&good)).await.is_err(), "spent by the wrong answer");

    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    let good = soft.login(&started.options);
    let finish = || LoginFinish { ceremony: started.ceremony, credential: good.clone() };
    let (a, b) =
        tokio::join!(home.auth.login_finish(&caller, finish()), home.auth.login_finish(&caller, finish()));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
    assert!(home.auth.login_finish(&caller, finish()).await.is_err(), "replayed");
}

#[tokio::test]
async fn a_ceremony_is_over_after_five_minutes_and_a_cancelled_one_harms_nothing() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    let started = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    home.clock.advance(5 * 60 * 1000);
    let credential = soft.login(&started.options);
    let finish = LoginFinish { ceremony: started.ceremony, credential };
    assert!(home.auth.login_finish(&home.caller(None).await, finish).await.is_err());
    for _ in 0..20 {
        home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    }
    assert!(home.login(&mut soft, None).await.is_ok());
    home.clock.advance(6 * 60 * 1000);
    home.auth.round().await;
    let left = sea_orm::PaginatorTrait::count(
        <entity::auth::ceremony::Entity as sea_orm::EntityTrait>::find(),
        home.platform.db.read(),
    );
    assert_eq!(left.await.unwrap(), 0, "cancelled ceremonies are swept");
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_and_told() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    let mut copy = soft.clone();
    home.login(&mut soft, None).await.unwrap();
    home.login(&mut soft, None).await.unwrap();
    let refused = home.login(&mut copy, None).await.unwrap_err();
    assert_eq!(refused.code.status(), 401);
    let event = home.audit().await.into_iter().find(|row| row.act == "auth.passkey_counter_back").unwrap();
    assert_eq!(event.outcome, "refused");
    assert!(event.target.unwrap().starts_with("pk_"));
    assert!(home.login(&mut soft, None).await.is_ok(), "the real one goes on");
}

#[tokio::test]
async fn a_synced_passkey_without_a_counter_is_welcome() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    soft.counts = false;
    for _ in 0..3 {
        assert!(home.login(&mut soft, None).await.is_ok());
    }
}

#[tokio::test]
async fn the_softpasskey_of_the_library_is_accepted_too() {
    use webauthn_authenticator_rs::{WebauthnAuthenticator, prelude::Url, softpasskey::SoftPasskey};
    let home = Home::new().await;
    let token = home.setup_token().await;
    let mut device = SoftPasskey::new(true);
    let origin = Url::parse("http://localhost:3000").unwrap();
    let caller = home.caller(None).await;
    let begin =
        RegisterStart { token: Some(token.clone()), user_name: Some("Ada".into()), passkey_name: None };
    let started = home.auth.register_start(&caller, begin).await.unwrap();
    let options = serde_json::from_value(started.options).unwrap();
    let credential = serde_json::to_value(device.do_registration(origin.clone(), options).unwrap()).unwrap();
    let finish = api::auth::RegisterFinish { ceremony: started.ceremony, token: Some(token), credential };
    home.auth.register_finish(&caller, finish).await.unwrap();
    let started = home.auth.login_start(start("Ada")).await.unwrap();
    let options = serde_json::from_value(started.options).unwrap();
    let credential = serde_json::to_value(device.do_authentication(origin, options).unwrap()).unwrap();
    let finish = LoginFinish { ceremony: started.ceremony, credential };
    home.auth.login_finish(&caller, finish).await.unwrap();
}

#[tokio::test]
async fn thousands_of_started_logins_lock_nobody_out() {
    let home = Home::new().await;
    let (mut soft, _) = home.ada().await;
    home.sql("pragma synchronous = off").await;
    let early = home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    for _ in 0..5_200 {
        home.auth.login_start(LoginStart { user_name: None }).await.unwrap();
    }
    assert!(home.login(&mut soft, None).await.is_ok());
    let credential = soft.login(&early.options);
    let finish = LoginFinish { ceremony: early.ceremony, credential };
    assert!(home.auth.login_finish(&home.caller(None).await, finish).await.is_err(), "the oldest made room");
}
