//! What a use case knows about its call.

use api::ids::{RequestId, SessionId, WorkspaceId};
use policy::{Actor, Subject};

/// Which door a call came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A page or server function.
    Browser,
    /// REST with a token.
    Rest,
    /// `control.sock` on the server machine.
    Control,
    /// A durable job or the reconciler.
    Job,
}

/// One call: who, where, when, under which request id.
#[derive(Clone, Debug)]
pub struct OpCtx {
    pub subject: Subject,
    pub session: Option<SessionId>,
    pub request_id: RequestId,
    pub origin: Origin,
    /// The time of the call, milliseconds UTC.
    pub now_ms: i64,
    /// `Idempotency-Key` of a create.
    pub idempotency_key: Option<String>,
}

impl OpCtx {
    /// Chela itself, in one workspace or in none.
    pub fn system(request_id: RequestId, now_ms: i64, workspace: Option<WorkspaceId>) -> Self {
        Self {
            subject: Subject { workspace, ..Subject::SYSTEM },
            session: None,
            request_id,
            origin: Origin::Job,
            now_ms,
            idempotency_key: None,
        }
    }

    /// Who acts.
    pub const fn actor(&self) -> Actor {
        self.subject.actor
    }
}
