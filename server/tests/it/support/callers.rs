//! Those who call: owners, viewers, strangers, and those who may not any more.

use super::TestServer;
use api::ids::{SessionId, TokenId, UserId, WorkspaceId};
use entity::{
    auth::{session, token},
    member, user, workspace,
};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use server::{
    auth::admin,
    platform::ids::{random_token, token_hash},
};
use uuid::Uuid;

/// Who calls, by what they show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    /// A program with a token.
    Bearer(String),
    /// A browser with a session.
    Cookie(String),
}

impl TestServer {
    /// An operator's token: owner of the first workspace.
    pub async fn owner(&self) -> Who {
        let token = admin::token(&self.server.auth, "test", false).await.expect("a token");
        Who::Bearer(token.reveal().to_owned())
    }

    /// The token of an operator who administers the instance, too.
    pub async fn operator(&self) -> Who {
        let token = admin::token(&self.server.auth, "operator", true).await.expect("a token");
        Who::Bearer(token.reveal().to_owned())
    }

    /// A person with a role somewhere who administers the instance, too.
    pub async fn administrator(&self, name: &str, workspace: WorkspaceId, role: &str) -> Who {
        let (id, _, who) = self.person(name, workspace, role).await;
        let raised = self.server.platform.db.write(async |tx| {
            let raise = user::Entity::update_many().col_expr(user::Column::Admin, Expr::value(true));
            raise.filter(user::Column::Id.eq(id)).exec(tx).await?;
            Ok(())
        });
        raised.await.expect("raised");
        who
    }

    /// The first workspace.
    pub async fn first_workspace(&self) -> WorkspaceId {
        let found = workspace::Entity::find().one(self.server.platform.db.read()).await.expect("read");
        found.expect("a workspace").id
    }

    /// A person with this role in a workspace, logged in; their id, session id and cookie.
    pub async fn person(&self, name: &str, workspace: WorkspaceId, role: &str) -> (UserId, SessionId, Who) {
        let now = self.server.platform.clock.now_ms();
        let (id, session_id, secret) = (UserId(Uuid::now_v7()), SessionId(Uuid::now_v7()), random_token(""));
        let person = user::Model {
            id,
            name: name.to_owned(),
            name_key: name.to_lowercase(),
            admin: false,
            created_at_ms: now,
        };
        let member =
            member::Model { workspace_id: workspace, user_id: id, role: role.to_owned(), created_at_ms: now };
        let session = session::Model {
            id: session_id,
            token_hash: token_hash(&secret).to_vec(),
            user_id: id,
            label: "Firefox on Linux".to_owned(),
            created_at_ms: now,
            seen_at_ms: now,
            expires_at_ms: now + 86_400_000,
            revoked_at_ms: None,
        };
        let written = self.server.platform.db.write(async |tx| {
            user::Entity::insert(person.into_active_model()).exec_without_returning(tx).await?;
            member::Entity::insert(member.into_active_model()).exec_without_returning(tx).await?;
            session::Entity::insert(session.into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        });
        written.await.expect("a person");
        (id, session_id, Who::Cookie(secret.as_str().to_owned()))
    }

    /// The token of an owner of another workspace, which is made.
    pub async fn stranger(&self) -> Who {
        let now = self.server.platform.clock.now_ms();
        let id = WorkspaceId(Uuid::now_v7());
        let row = workspace::Model {
            id,
            slug: format!("w-{}", id.0.simple()),
            name: "Elsewhere".to_owned(),
            max_bots: Some(3),
            time_zone: "UTC".to_owned(),
            created_at_ms: now,
        };
        let made = self.server.platform.db.write(async |tx| {
            workspace::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        });
        made.await.expect("a workspace");
        self.token(id, "owner", None).await.1
    }

    /// A token row of a workspace; ended where `revoked_at_ms` says so.
    pub async fn token(
        &self,
        workspace: WorkspaceId,
        role: &str,
        revoked_at_ms: Option<i64>,
    ) -> (TokenId, Who) {
        let (id, secret) = (TokenId(Uuid::now_v7()), random_token("chela_pat_"));
        let row = token::Model {
            id,
            workspace_id: workspace,
            token_hash: token_hash(&secret).to_vec(),
            name: "program".to_owned(),
            role: role.to_owned(),
            admin: false,
            created_at_ms: self.server.platform.clock.now_ms(),
            last_used_at_ms: None,
            revoked_at_ms,
        };
        let made = self.server.platform.db.write(async |tx| {
            token::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        });
        made.await.expect("a token");
        (id, Who::Bearer(secret.as_str().to_owned()))
    }
}
