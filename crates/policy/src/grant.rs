//! Subjects, decisions and the proof a store function asks for.

use crate::action::{Action, Needs};
use api::{
    auth::Role,
    ids::{BotId, TokenId, UserId, WorkspaceId},
};
use std::{fmt, marker::PhantomData};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    Nobody,
    User(UserId),
    Token(TokenId),
    Bot(BotId),
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("nobody"),
            Self::User(id) => id.fmt(f),
            Self::Token(id) => id.fmt(f),
            Self::Bot(id) => id.fmt(f),
            Self::System => f.write_str("system"),
        }
    }
}

/// Who acts, where, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub actor: Actor,
    /// The workspace of this request; absent for nobody and for work of the instance.
    pub workspace: Option<WorkspaceId>,
    pub role: Option<Role>,
    /// Administers the instance; apart from roles.
    pub admin: bool,
}

impl Subject {
    /// Nobody.
    pub const NOBODY: Self = Self { actor: Actor::Nobody, workspace: None, role: None, admin: false };
    /// Chela itself, for the whole instance.
    pub const SYSTEM: Self = Self { actor: Actor::System, workspace: None, role: None, admin: false };
}

/// Which rows a grant opens; stores turn it into a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowScope {
    /// Every row of the instance: Chela's own work.
    All,
    /// Rows of one workspace.
    Workspace(WorkspaceId),
    /// Rows of one person.
    Own(UserId),
}

/// Proof that `A` was checked and allowed.
#[derive(Clone, Copy, Debug)]
pub struct Granted<A> {
    scope: RowScope,
    actor: Actor,
    _action: PhantomData<A>,
}

impl<A: Action> Granted<A> {
    /// Which rows may be touched.
    pub const fn scope(&self) -> RowScope {
        self.scope
    }
    /// Who it was granted to.
    pub const fn actor(&self) -> Actor {
        self.actor
    }
    /// The one workspace it is good for, if it is good for one only.
    pub const fn workspace(&self) -> Option<WorkspaceId> {
        match self.scope {
            RowScope::Workspace(id) => Some(id),
            RowScope::All | RowScope::Own(_) => None,
        }
    }
    /// Whether rows of `workspace` are in scope.
    pub fn covers(&self, workspace: WorkspaceId) -> bool {
        match self.scope {
            RowScope::All => true,
            RowScope::Workspace(id) => id == workspace,
            RowScope::Own(_) => false,
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("nobody is logged in")]
    Nobody,
    #[error("the role does not allow this")]
    NoRight,
    #[error("not an administrator of the instance")]
    NotAdmin,
}

impl From<Denied> for api::ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Nobody => Self::unauthenticated(),
            Denied::NoRight => Self::forbidden(),
            Denied::NotAdmin => Self::forbidden().with_hint(
                "This is for administrators of the instance; `chela admin token --admin` on the server machine makes a \
                 token for programs of theirs.",
            ),
        }
    }
}

/// Decides. Everything not allowed here is denied.
///
/// # Errors
/// `Nobody` for who is not known, `NoRight` for who lacks the right, `NotAdmin` where only that is missing.
pub fn check<A: Action>(subject: &Subject) -> Result<Granted<A>, Denied> {
    let grant = |scope| Ok(Granted { scope, actor: subject.actor, _action: PhantomData });
    let member = || subject.workspace.filter(|_| subject.role.is_some()).ok_or(Denied::NoRight);
    match (A::NEEDS, subject.actor) {
        (_, Actor::Nobody) => Err(Denied::Nobody),
        (Needs::Member | Needs::Owner | Needs::System, Actor::System) => {
            grant(subject.workspace.map_or(RowScope::All, RowScope::Workspace))
        }
        (Needs::Member, Actor::User(_) | Actor::Token(_)) => grant(RowScope::Workspace(member()?)),
        (Needs::Owner, Actor::User(_) | Actor::Token(_)) if subject.role == Some(Role::Owner) => {
            grant(RowScope::Workspace(member()?))
        }
        (Needs::Person, Actor::User(user)) => grant(RowScope::Own(user)),
        // Rows of the instance. What belongs to a tenant asks for a grant of that tenant besides.
        (Needs::Admin, Actor::System) => grant(RowScope::All),
        (Needs::Admin, Actor::User(_) | Actor::Token(_)) => {
            if subject.admin {
                grant(RowScope::All)
            } else {
                Err(Denied::NotAdmin)
            }
        }
        _ => Err(Denied::NoRight),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act;
    use uuid::Uuid;

    fn subject(actor: Actor, role: Option<Role>) -> Subject {
        Subject { actor, workspace: Some(WorkspaceId(Uuid::from_u128(1))), role, admin: false }
    }

    #[test]
    fn a_viewer_reads_and_does_not_write() {
        let viewer = subject(Actor::User(UserId(Uuid::from_u128(2))), Some(Role::Viewer));
        assert!(check::<act::ReadBots>(&viewer).is_ok());
        assert_eq!(check::<act::WriteBots>(&viewer).err(), Some(Denied::NoRight));
        assert_eq!(check::<act::ReadAudit>(&viewer).err(), Some(Denied::NoRight));
    }

    #[test]
    fn nobody_is_told_to_log_in_whatever_they_ask() {
        assert_eq!(check::<act::ReadBots>(&Subject::NOBODY).err(), Some(Denied::Nobody));
        assert_eq!(check::<act::Administer>(&Subject::NOBODY).err(), Some(Denied::Nobody));
    }

    #[test]
    fn a_bot_gets_nothing_of_this() {
        let bot = subject(Actor::Bot(BotId(Uuid::from_u128(3))), Some(Role::Owner));
        assert_eq!(check::<act::ReadBots>(&bot).err(), Some(Denied::NoRight));
        assert_eq!(check::<act::UseKeys>(&bot).err(), Some(Denied::NoRight));
    }

    #[test]
    fn a_member_without_a_workspace_gets_nothing() {
        let lost = Subject {
            actor: Actor::User(UserId(Uuid::from_u128(2))),
            workspace: None,
            role: Some(Role::Owner),
            admin: false,
        };
        assert!(check::<act::ReadBots>(&lost).is_err());
        assert!(check::<act::ManageSelf>(&lost).is_ok());
    }

    #[test]
    fn only_an_administrator_sees_the_jobs_of_the_instance_whatever_the_role() {
        let (user, token) =
            (Actor::User(UserId(Uuid::from_u128(2))), Actor::Token(TokenId(Uuid::from_u128(2))));
        let bot = Actor::Bot(BotId(Uuid::from_u128(3)));
        for actor in [user, token] {
            for role in [None, Some(Role::Viewer), Some(Role::Owner)] {
                let plain = subject(actor, role);
                assert_eq!(check::<act::ReadJobs>(&plain).err(), Some(Denied::NotAdmin), "{plain:?}");
                let admin = Subject { admin: true, ..plain };
                assert!(check::<act::ReadJobs>(&admin).is_ok() && check::<act::ManageJobs>(&admin).is_ok());
            }
        }
        assert!(check::<act::ReadJobs>(&Subject { admin: true, ..subject(bot, None) }).is_err());
        assert_eq!(check::<act::ReadJobs>(&Subject::NOBODY).err(), Some(Denied::Nobody));
        assert!(check::<act::ManageJobs>(&Subject::SYSTEM).is_ok());
    }

    #[test]
    fn an_administrator_has_no_right_of_a_role_they_lack() {
        let admin = Subject { admin: true, ..subject(Actor::User(UserId(Uuid::from_u128(2))), None) };
        assert!(check::<act::ReadBots>(&admin).is_err() && check::<act::ReadAudit>(&admin).is_err());
        let viewer = Subject { role: Some(Role::Viewer), ..admin };
        assert!(check::<act::ReadBots>(&viewer).is_ok() && check::<act::WriteBots>(&viewer).is_err());
    }

    #[test]
    fn a_token_never_touches_a_persons_passkeys() {
        let token = subject(Actor::Token(TokenId(Uuid::from_u128(2))), Some(Role::Owner));
        assert!(check::<act::ManageSelf>(&token).is_err());
    }
}
