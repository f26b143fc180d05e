//! What is noted of a process bot: `made` by Chela when the bot is created, `life` and `exit` by its keeper.

use super::procs::Ident;
use crate::{BotSpec, BotUser, InstanceId, Limits};
use api::ids::BotId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const MADE: &str = "made.json";
pub(super) const LIFE: &str = "life.json";
pub(super) const EXIT: &str = "exit.json";

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) instance: String,
    pub(super) bot: BotId,
    pub(super) generation: i64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pids: u32,
    pub(super) memory_bytes: u64,
    pub(super) env: BTreeMap<String, String>,
}

impl Made {
    pub(super) fn of(instance: &InstanceId, spec: &BotSpec) -> Self {
        let BotUser { uid, gid } = spec.user;
        let Limits { memory_bytes, pids, .. } = spec.limits;
        let instance = instance.as_str().to_owned();
        Self {
            instance,
            bot: spec.bot,
            generation: spec.generation,
            uid,
            gid,
            pids,
            memory_bytes,
            env: spec.env.clone(),
        }
    }
}

/// What runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Life {
    pub(super) generation: i64,
    pub(super) keeper: Ident,
    pub(super) child: Ident,
    pub(super) started_at_ms: i64,
}

/// How it ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Exit {
    pub(super) generation: i64,
    pub(super) code: i32,
    pub(super) out_of_memory: bool,
    pub(super) at_ms: i64,
}
