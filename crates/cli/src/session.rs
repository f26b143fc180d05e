//! One run of a remote command: whom it asks, and where it writes.

use crate::{
    address::Address,
    client::{Ask, Client},
    contexts::{Login, Logins},
    env::Env,
    failure::Failure,
    options::{Common, Once, Paging},
    output::Screen,
    routes,
};
use api::Verb;
use serde_json::Value;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long an answer may take when nothing is said.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What a command works with.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) screen: Screen,
    pub(crate) common: Common,
}

impl Session {
    /// Finds the login; nothing is sent yet.
    pub(crate) fn open(common: Common, env: &Env) -> Result<Self, Failure> {
        let login = login(&common, env)?;
        let deadline = common.timeout.unwrap_or(DEADLINE);
        let client = Client::new(Address::parse(&login.url)?, login.token, deadline);
        Ok(Self { client, screen: Screen::new(&common, env), common })
    }

    /// Calls a verb and returns the answer in the API's own words.
    pub(crate) async fn call<V: Verb>(&self, verb: &V) -> Result<Value, Failure> {
        self.call_once(verb, None).await
    }

    /// The same, with an idempotency key.
    pub(crate) async fn call_once<V: Verb>(&self, verb: &V, once: Option<&Once>) -> Result<Value, Failure> {
        let (path, body) = written(verb)?;
        let route = routes::of(V::NAME).ok_or_else(|| no_route(V::NAME))?;
        let idempotency_key = once.and_then(|once| once.idempotency_key.as_deref());
        let ask = Ask {
            method: route.method.clone(),
            path: &path,
            body: body.as_ref(),
            idempotency_key,
            ..Ask::default()
        };
        self.client.json(&ask).await.map_err(|failure| failure.in_terms_of(route.command))
    }

    /// Follows a list from page to page.
    pub(crate) async fn list<V: Verb>(
        &self,
        paging: &Paging,
        page: impl Fn(Option<u32>, Option<String>) -> V,
    ) -> Result<Value, Failure> {
        let most = paging.most();
        let (mut items, mut cursor) = (Vec::new(), None);
        while items.len() < most {
            let limit = u32::try_from(most - items.len()).unwrap_or(u32::MAX).min(api::page::MAX_LIMIT);
            let answer = self.call(&page(Some(limit), cursor.take())).await?;
            let Value::Object(mut answer) = answer else { break };
            if let Some(Value::Array(more)) = answer.remove("items") {
                items.extend(more);
            }
            match answer.remove("next") {
                Some(Value::String(next)) => cursor = Some(next),
                _ => break,
            }
        }
        if cursor.is_some() {
            self.screen.remark(format!("There are more than these {}: --all shows them.", items.len()));
        }
        Ok(Value::Array(items))
    }
}

/// Address with query, and body, of a verb.
pub(crate) fn written<V: Verb>(verb: &V) -> Result<(String, Option<Value>), Failure> {
    let route = routes::of(V::NAME).ok_or_else(|| no_route(V::NAME))?;
    let Ok(Value::Object(mut fields)) = serde_json::to_value(verb) else { return Err(no_route(V::NAME)) };
    fields.retain(|_, value| !value.is_null());
    let mut path = routes::filled(route.path, &mut fields);
    if matches!(route.method, http::Method::GET | http::Method::DELETE) {
        let query = routes::query(&fields);
        if !query.is_empty() {
            path.push('?');
            path.push_str(&query);
        }
        return Ok((path, None));
    }
    Ok((path, Some(Value::Object(fields))))
}

fn no_route(verb: &str) -> Failure {
    Failure::Other(format!("this chela does not know where {verb} is"))
}

/// The environment first, then the named or current login. A stored token only ever goes to its own address.
fn login(common: &Common, env: &Env) -> Result<Login, Failure> {
    let logins = || match env.logins() {
        Some(path) => Logins::read(&path),
        None => Ok(Logins::default()),
    };
    let name = common.context.as_deref().or(env.context.as_deref());
    let not_logged_in = || {
        Failure::Login(
            "you are not logged in.\n  What you can do: `chela login`, or set CHELA_URL and CHELA_TOKEN. On the server \
             machine `chela admin token --name NAME` makes a token."
                .to_owned(),
        )
    };
    match (&env.url, &env.token) {
        (Some(url), Some(token)) => Ok(Login { url: url.clone(), token: token.clone() }),
        (None, Some(token)) => {
            let stored = logins()?.choose(name)?.map(|login| login.url.clone());
            Ok(Login { url: stored.ok_or_else(not_logged_in)?, token: token.clone() })
        }
        (Some(url), None) => {
            let wanted = Address::parse(url)?;
            let logins = logins()?;
            let same = |login: &&Login| Address::parse(&login.url).is_ok_and(|known| known == wanted);
            let chosen = logins.choose(name)?.filter(same);
            let found = chosen.or_else(|| logins.contexts.values().find(same)).cloned();
            found.ok_or_else(|| {
                Failure::Login(format!("there is no token for {wanted}: `chela login --url {wanted}`"))
            })
        }
        (None, None) => logins()?.choose(name)?.cloned().ok_or_else(not_logged_in),
    }
    .map(|login| Login { token: Zeroizing::new(login.token.trim().to_owned()), ..login })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{bots::*, chat::SendMessage};
    use serde_json::json;

    #[test]
    fn a_verb_finds_its_address_query_and_body() {
        let listed = ListBots { limit: Some(5), ..ListBots::default() };
        assert_eq!(written(&listed).unwrap(), ("/api/bots?limit=5".to_owned(), None));
        let gone = DeleteBot { bot: "a b".to_owned(), confirm: None };
        assert_eq!(written(&gone).unwrap(), ("/api/bots/a%20b".to_owned(), None));
        let sent = SendMessage { bot: "w".to_owned(), text: "hi".to_owned(), thread_id: None };
        assert_eq!(
            written(&sent).unwrap(),
            ("/api/bots/w/messages".to_owned(), Some(json!({ "text": "hi" })))
        );
    }

    #[test]
    fn a_stored_token_goes_to_its_own_address_only() {
        let dir = tempfile::tempdir().unwrap();
        let login = Login { url: "https://a.example".to_owned(), token: Zeroizing::new("t".to_owned()) };
        let logins =
            Logins { current: Some("default".to_owned()), contexts: [("default".to_owned(), login)].into() };
        logins.write(&dir.path().join("logins.json")).unwrap();
        let mut env = Env { config_dir: Some(dir.path().to_owned()), ..Env::default() };
        assert_eq!(super::login(&Common::default(), &env).map(|l| l.url), Ok("https://a.example".to_owned()));
        env.url = Some("https://evil.example".to_owned());
        assert_eq!(super::login(&Common::default(), &env).map(|_| ()).unwrap_err().exit(), 4);
        env.url = Some("https://A.example/".to_owned());
        assert!(super::login(&Common::default(), &env).is_ok());
        env.token = Some(Zeroizing::new("other".to_owned()));
        assert_eq!(
            super::login(&Common::default(), &env).map(|l| l.token.to_string()),
            Ok("other".to_owned())
        );
        assert_eq!(super::login(&Common::default(), &Env::default()).map(|_| ()).unwrap_err().exit(), 4);
    }
}
