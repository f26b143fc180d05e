use super::support::*;
use api::auth::{DeleteToken, GetMe, ListPasskeys, ListTokens, Role};
use policy::Actor;
use server::{
    auth::admin,
    platform::{
        ctx::OpCtx,
        http::{Identify, Revoked},
    },
};

#[tokio::test]
async fn an_operators_token_owns_the_first_workspace_and_does_not_end_first_run() {
    let home = Home::new().await;
    let token = admin::token(&home.auth, "ci", false).await.unwrap();
    assert!(token.reveal().starts_with("chela_pat_"));
    let who = home.auth.identify(None, Some(token.reveal())).await.unwrap();
    assert_eq!(who.subject.role, Some(Role::Owner));
    assert!(who.session.is_none() && who.token.is_some());
    let (_, cookie) = home.ada().await;
    let me = home.run(Some(&cookie), GetMe {}).await.unwrap();
    assert_eq!(Some(me.workspace), who.subject.workspace, "one workspace");
    let list = home.run(Some(&cookie), ListTokens { limit: None, cursor: None }).await.unwrap();
    assert_eq!((list.items[0].name.as_str(), list.items[0].role), ("ci", Role::Owner));
}

#[tokio::test]
async fn a_bearer_wins_over_a_cookie_and_a_bad_one_is_refused() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    let token = admin::token(&home.auth, "ci", false).await.unwrap();
    let who = home.auth.identify(Some(&cookie), Some(token.reveal())).await.unwrap();
    assert!(matches!(who.subject.actor, Actor::Token(_)) && who.session.is_none());
    for bad in ["", "chela_pat_", &format!("chela_pat_{}", "x".repeat(43)), &cookie, "chela_vk_x"] {
        let refused = home.auth.identify(Some(&cookie), Some(bad)).await.unwrap_err();
        assert_eq!(refused.code.status(), 401, "{bad}");
    }
}

#[tokio::test]
async fn a_deleted_token_is_refused_at_once_and_its_sockets_are_told() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    let token = admin::token(&home.auth, "ci", false).await.unwrap();
    let id = home.auth.identify(None, Some(token.reveal())).await.unwrap().token.unwrap();
    let mut told = home.auth.revocations();
    home.run(Some(&cookie), DeleteToken { token: id }).await.unwrap();
    assert_eq!(told.try_recv().unwrap(), Revoked::Token(id));
    assert_eq!(home.auth.identify(None, Some(token.reveal())).await.unwrap_err().code.status(), 401);
    let list = home.run(Some(&cookie), ListTokens { limit: None, cursor: None }).await.unwrap();
    assert!(list.items.is_empty());
    assert_eq!(home.run(Some(&cookie), DeleteToken { token: id }).await.unwrap_err().code.status(), 404);
}

#[tokio::test]
async fn a_token_knows_its_name_and_has_no_passkeys() {
    let home = Home::new().await;
    let token = admin::token(&home.auth, "ci", false).await.unwrap();
    let who = home.auth.identify(None, Some(token.reveal())).await.unwrap();
    let ctx = OpCtx { subject: who.subject, ..home.caller(None).await.ctx };
    let me =
        home.verbs.run_json("auth.me", ctx.clone(), serde_json::to_value(GetMe {}).unwrap()).await.unwrap();
    assert_eq!((me["name"].as_str(), me["admin"].as_bool()), (Some("ci"), Some(false)));
    let mine = serde_json::to_value(ListPasskeys {}).unwrap();
    assert_eq!(home.verbs.run_json("auth.passkeys", ctx, mine).await.unwrap_err().code.status(), 403);
}

#[tokio::test]
async fn tokens_are_paged_and_an_altered_cursor_is_refused() {
    let home = Home::new().await;
    let (_, cookie) = home.ada().await;
    for n in 0..5 {
        admin::token(&home.auth, &format!("t{n}"), false).await.unwrap();
    }
    let page = async |cursor: Option<String>| {
        home.run(Some(&cookie), ListTokens { limit: Some(2), cursor }).await.unwrap()
    };
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let got = page(cursor).await;
        names.extend(got.items.into_iter().map(|t| t.name));
        cursor = got.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["t4", "t3", "t2", "t1", "t0"]);
    for (limit, cursor) in [(0, None), (1_000_000_000, None), (2, Some("tok_x".to_owned()))] {
        let refused = home.run(Some(&cookie), ListTokens { limit: Some(limit), cursor }).await.unwrap_err();
        assert_eq!(refused.code.status(), 422);
    }
}
