use super::{soft::Soft, support::*};
use api::auth::{DeletePasskey, GetMe, ListPasskeys, RegisterFinish, RegisterStart, RenamePasskey};
use serde_json::Value;

async fn one_more(home: &Home, cookie: &str, soft: &mut Soft) -> Result<(), api::ApiError> {
    let caller = home.caller(Some(cookie)).await;
    let start = RegisterStart { token: None, user_name: None, passkey_name: Some("Phone".into()) };
    let started = home.auth.register_start(&caller, start).await?;
    let credential = soft.register(&started.options);
    let finish = RegisterFinish { ceremony: started.ceremony, token: None, credential };
    let entered = home.auth.register_finish(&caller, finish).await?;
    assert!(entered.token.is_none(), "the session stays as it is");
    Ok(())
}

#[tokio::test]
async fn a_person_has_several_named_passkeys_and_keeps_the_last_one() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    let mut phone = Soft::new();
    one_more(&home, &cookie, &mut phone).await.unwrap();
    let list = home.run(Some(&cookie), ListPasskeys {}).await.unwrap();
    assert_eq!(list.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Laptop", "Phone"]);
    assert!(list.iter().all(|p| !p.synced && p.last_used_at_ms.is_none()));
    home.run(Some(&cookie), RenamePasskey { passkey: list[1].id, name: " Pocket ".into() }).await.unwrap();
    home.login(&mut phone, None).await.unwrap();
    home.run(Some(&cookie), DeletePasskey { passkey: list[0].id }).await.unwrap();
    let list = home.run(Some(&cookie), ListPasskeys {}).await.unwrap();
    assert_eq!((list[0].name.as_str(), list[0].last_used_at_ms), ("Pocket", Some(NOW)));
    let refused = home.run(Some(&cookie), DeletePasskey { passkey: list[0].id }).await.unwrap_err();
    assert_eq!(refused.code.status(), 409);
    assert_eq!(home.run(Some(&cookie), ListPasskeys {}).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_passkey_logs_nobody_in() {
    let home = Home::new().await;
    let (mut laptop, cookie) = home.ada().await;
    one_more(&home, &cookie, &mut Soft::new()).await.unwrap();
    let list = home.run(Some(&cookie), ListPasskeys {}).await.unwrap();
    home.run(Some(&cookie), DeletePasskey { passkey: list[0].id }).await.unwrap();
    assert_eq!(home.login(&mut laptop, None).await.unwrap_err().code.status(), 401);
}

#[tokio::test]
async fn a_passkey_of_another_is_not_there() {
    let home = Home::new().await;
    let (_, ada) = home.ada().await;
    let invite = home.enrol_token("Bob", None).await;
    let bob = home.enrol(&mut Soft::new(), &invite, None).await.unwrap();
    one_more(&home, &ada, &mut Soft::new()).await.unwrap();
    let of_ada = home.run(Some(&ada), ListPasskeys {}).await.unwrap()[0].id;
    let foreign = home.run(Some(&bob), DeletePasskey { passkey: of_ada }).await.unwrap_err();
    let unknown = api::ids::PasskeyId(uuid::Uuid::now_v7());
    let unknown = home.run(Some(&bob), DeletePasskey { passkey: unknown }).await.unwrap_err();
    assert_eq!(words(&foreign), words(&unknown));
    let rename = RenamePasskey { passkey: of_ada, name: "mine".into() };
    assert_eq!(home.run(Some(&bob), rename).await.unwrap_err().code.status(), 404);
}

#[tokio::test]
async fn the_browser_is_told_which_passkeys_there_are_and_a_second_time_is_refused() {
    let home = Home::new().await;
    let (soft, cookie) = home.ada().await;
    let caller = home.caller(Some(&cookie)).await;
    let start = || RegisterStart { token: None, user_name: None, passkey_name: None };
    let started = home.auth.register_start(&caller, start()).await.unwrap();
    let excluded = &started.options["publicKey"]["excludeCredentials"][0]["id"];
    assert_eq!(excluded.as_str().unwrap(), super::soft::b64(&soft.keys[0].id));

    // Two ceremonies at once answered by one new passkey: the second is known already.
    let again = home.auth.register_start(&caller, start()).await.unwrap();
    let mut device = Soft::new();
    let first = device.register(&started.options);
    device.challenge = Some(again.options["publicKey"]["challenge"].as_str().unwrap().to_owned());
    let client: Value = serde_json::json!({
        "type": "webauthn.create", "challenge": device.challenge.clone().unwrap(), "origin": device.origin,
    });
    let mut second = first.clone();
    second["response"]["clientDataJSON"] = super::soft::b64(client.to_string().as_bytes()).into();
    let finish = RegisterFinish { ceremony: started.ceremony, token: None, credential: first };
    home.auth.register_finish(&caller, finish).await.unwrap();
    let finish = RegisterFinish { ceremony: again.ceremony, token: None, credential: second };
    let refused = api::ApiError::from(home.auth.register_finish(&caller, finish).await.unwrap_err());
    assert_eq!(refused.code.status(), 409);
}

#[tokio::test]
async fn nobody_and_no_other_session_adds_a_passkey() {
    let home = Home::new().await;
    let (mut soft, cookie) = home.ada().await;
    let nobody = home.caller(None).await;
    let start = || RegisterStart { token: None, user_name: None, passkey_name: None };
    assert!(home.auth.register_start(&nobody, start()).await.is_err());
    let caller = home.caller(Some(&cookie)).await;
    let started = home.auth.register_start(&caller, start()).await.unwrap();
    let credential = Soft::new().register(&started.options);
    let other = home.login(&mut soft, None).await.unwrap();
    let other = home.caller(Some(&other)).await;
    let finish = RegisterFinish { ceremony: started.ceremony, token: None, credential };
    assert!(home.auth.register_finish(&other, finish).await.is_err());
}

#[tokio::test]
async fn a_passkey_without_user_verification_is_not_registered() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    let mut soft = Soft::new();
    soft.verifies = false;
    assert_eq!(home.enrol(&mut soft, &token, None).await.unwrap_err().code.status(), 422);
    assert_eq!(home.run(None, GetMe {}).await.unwrap_err().code.status(), 401);
}

#[tokio::test]
async fn a_name_breaks_its_rule() {
    let home = Home::new().await;
    let token = home.setup_token().await;
    for bad in ["", "  ", "evil\u{202e}txt", &"x".repeat(81), "a\0b"] {
        let refused = home.enrol(&mut Soft::new(), &token, Some(bad)).await.unwrap_err();
        assert_eq!(
            (refused.code.status(), refused.fields[0].pointer.as_str()),
            (422, "/user_name"),
            "{bad:?}"
        );
    }
    assert!(home.enrol(&mut Soft::new(), &token, Some("愛達")).await.is_ok(), "a broken rule is no try");
}
