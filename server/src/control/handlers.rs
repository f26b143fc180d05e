//! What can be asked for, and who answers it.

use super::{Answer, Request};
use crate::{
    auth::{Auth, admin},
    platform::{Platform, error::OpError, text},
};
use api::{ApiError, auth::LinkKind, auth::Role};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs requests against the slices.
#[derive(Clone)]
pub struct Handlers {
    platform: Arc<Platform>,
    auth: Arc<Auth>,
}

impl Handlers {
    /// Handlers over these slices.
    pub fn new(platform: Arc<Platform>, auth: Arc<Auth>) -> Self {
        Self { platform, auth }
    }

    /// Runs one request.
    pub async fn run(&self, request: Request) -> Answer {
        let done = match request {
            Request::Setup {} => self.setup().await,
            Request::Token { name, admin } => {
                admin::token(&self.auth, &name, admin).await.map(|token| json!({ "token": token.reveal() }))
            }
            Request::EnrolLink { user, role } => self.enrol_link(&user, role.as_deref()).await,
            Request::Move {} => self.links_for_all().await,
            Request::Status {} => Ok(self.status()),
            Request::Stop {} => {
                self.platform.shutdown.cancel();
                Ok(json!({ "stopping": true }))
            }
        };
        done.map_err(ApiError::from)
    }

    async fn setup(&self) -> Result<Value, OpError> {
        Ok(match admin::setup_link(&self.auth).await? {
            admin::Setup::Open(link) => {
                json!({ "setup_url": link.url, "expires_at": cli::rfc3339(link.expires_at_ms) })
            }
            admin::Setup::Done => json!({ "setup_url": null, "expires_at": null, "set_up": true }),
        })
    }

    async fn enrol_link(&self, user: &str, role: Option<&str>) -> Result<Value, OpError> {
        let unknown = |_unknown| OpError::Api(ApiError::field("/role", "is neither owner nor viewer"));
        let role: Option<Role> = role.map(text::named).transpose().map_err(unknown)?;
        Ok(link_word(&admin::enrol_link(&self.auth, user, role).await?))
    }

    async fn links_for_all(&self) -> Result<Value, OpError> {
        let links = admin::links_for_all(&self.auth).await?;
        Ok(json!({ "links": links.iter().map(link_word).collect::<Vec<_>>() }))
    }

    fn status(&self) -> Value {
        json!({
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
            "public_url": self.platform.config.public_url.origin(),
            "listen": self.platform.config.listen,
            "writes_closed": self.platform.db.writes_closed().map(|why| why.as_ref().clone()),
        })
    }
}

fn link_word(link: &admin::EnrolLink) -> Value {
    let role = link.role.map(|role| text::name_of(&role)).unwrap_or_default();
    let note = match link.kind {
        LinkKind::Invite => format!("{} is new here and will be {role}.", link.user_name),
        LinkKind::Recovery | LinkKind::Setup => {
            format!("{} is here already, as {role}; that stays.", link.user_name)
        }
    };
    json!({
        "url": link.url, "expires_at": cli::rfc3339(link.expires_at_ms), "kind": link.kind,
        "user": link.user_name, "role": link.role, "note": note,
    })
}
