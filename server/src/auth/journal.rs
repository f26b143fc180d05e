//! What goes to the audit journal: logins and logouts while the disk is full. Each entry carries the id of its
//! row, so that merging twice is harmless.

use api::ids::{AuditId, SessionId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// The journal of this slice.
pub(super) type Journal = crate::platform::journal::Journal<Entry>;

/// One act that went on although the audit table could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: AuditId,
    pub(super) at_ms: i64,
    #[serde(default)]
    pub(super) workspace: Option<WorkspaceId>,
    pub(super) actor: String,
    pub(super) act: String,
    pub(super) target: Option<String>,
    /// A session this act ended: it stays ended even if Chela restarts before the merge.
    pub(super) ended: Option<SessionId>,
}
