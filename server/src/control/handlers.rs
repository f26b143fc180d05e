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
            Request::Token { name } => {
                admin::token(&self.auth, &name).await.map(|token| json!({ "token": token.reveal() }))
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
                json!({ "setup_url": link.url, "expires_at": rfc3339(link.expires_at_ms) })
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
        "url": link.url, "expires_at": rfc3339(link.expires_at_ms), "kind": link.kind,
        "user": link.user_name, "role": link.role, "note": note,
    })
}

/// `2026-11-20T09:00:00Z`.
fn rfc3339(at_ms: i64) -> String {
    let (days, second) = ((at_ms / 1000).div_euclid(86_400), (at_ms / 1000).rem_euclid(86_400));
    // The civil calendar from a count of days (Howard Hinnant): eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next_year;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_moment_is_written_as_everybody_writes_it() {
        for (at_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_165_261_999, "2026-11-20T09:01:01Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(super::rfc3339(at_ms), text);
        }
    }
}
