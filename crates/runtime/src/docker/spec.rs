//! What every bot container looks like. The one place where hardening is decided.

use crate::{
    BotPaths, BotSpec, BotUser, InstanceId,
    home::{BotHome, CELL_FILE, Part},
};
use api::ids::BotId;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
    MountBindOptions, MountBindOptionsPropagationEnum, MountType, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum,
};
use std::{collections::HashMap, path::PathBuf};

/// Labels begin with this: `chela.instance`, `chela.bot`, `chela.generation`, on images `chela.image`.
pub const LABEL_PREFIX: &str = "chela.";
pub(super) const LABEL_INSTANCE: &str = "chela.instance";
pub(super) const LABEL_BOT: &str = "chela.bot";
pub(super) const LABEL_GENERATION: &str = "chela.generation";
pub(super) const LABEL_IMAGE: &str = "chela.image";

/// The user inside, where Chela may give files away.
const CONTAINER_ID: u32 = 1000;
pub(super) const HOME: &str = "/home/node";
const OPENCLAW_BUILT: &str = "/app/openclaw/node_modules/openclaw/openclaw.mjs";
const OPENCLAW_PULLED: &str = "/app/openclaw.mjs";
pub(super) const MOUNTS: [(Part, &str, bool); 4] = [
    (Part::State, "/chela/state", false),
    (Part::Workspace, "/chela/workspace", false),
    (Part::Run, "/chela/run", false),
    (Part::Config, "/chela/config", true),
];

/// Not under root Chela cannot give files away, so the bot inside has Chela's own uid.
pub(super) fn user() -> BotUser {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root() {
        BotUser { uid: CONTAINER_ID, gid: CONTAINER_ID }
    } else {
        BotUser { uid: uid.as_raw(), gid: gid.as_raw() }
    }
}

pub(super) fn paths(pulled: bool) -> BotPaths {
    BotPaths {
        openclaw: if pulled { OPENCLAW_PULLED } else { OPENCLAW_BUILT }.into(),
        config_dir: "/chela/config".into(),
        state: "/chela/state".into(),
        workspace: "/chela/workspace".into(),
        run: "/chela/run".into(),
        home: HOME.into(),
        tmp: "/tmp".into(),
    }
}

/// The container's name; the labels, not the name, say whose it is.
pub(super) fn name(instance: &InstanceId, bot: BotId) -> String {
    format!("chela-{instance}-{bot}")
}

pub(super) fn body(
    instance: &InstanceId,
    spec: &BotSpec,
    home: &BotHome,
    image: String,
) -> ContainerCreateBody {
    let labels = [
        (LABEL_INSTANCE, instance.to_string()),
        (LABEL_BOT, spec.bot.to_string()),
        (LABEL_GENERATION, spec.generation.to_string()),
    ];
    let cell = PathBuf::from("/chela/config").join(CELL_FILE).to_string_lossy().into_owned();
    ContainerCreateBody {
        image: Some(image),
        user: Some(format!("{}:{}", spec.user.uid, spec.user.gid)),
        hostname: Some("bot".to_owned()),
        working_dir: Some("/chela/workspace".to_owned()),
        entrypoint: Some(vec!["node".to_owned()]),
        cmd: Some(vec![crate::spec::heap_limit(spec.limits.memory_bytes), cell]),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        // Chela asks the gateway itself.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
        network_disabled: Some(true),
        host_config: Some(host_config(spec, home)),
        ..Default::default()
    }
}

fn host_config(spec: &BotSpec, home: &BotHome) -> HostConfig {
    let memory = i64::try_from(spec.limits.memory_bytes).unwrap_or(i64::MAX);
    HostConfig {
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        // The engine's own seccomp and AppArmor profiles stay as they are.
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        privileged: Some(false),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        init: Some(true),
        pids_limit: Some(i64::from(spec.limits.pids.max(1))),
        memory: Some(memory),
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.limits.cpu_milli).saturating_mul(1_000_000)),
        ulimits: Some(vec![limit("nofile", 4096), limit("core", 0)]),
        // Short of memory, the kernel ends bots before it ends Chela.
        oom_score_adj: Some(500),
        tmpfs: Some(tmpfs(spec.user)),
        mounts: Some(MOUNTS.map(|(part, target, read_only)| mount(home, part, target, read_only)).into()),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(
                [("max-size", "10m"), ("max-file", "3")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ),
        }),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        publish_all_ports: Some(false),
        ..Default::default()
    }
}

fn tmpfs(user: BotUser) -> HashMap<String, String> {
    let BotUser { uid, gid } = user;
    let tmp = "rw,noexec,nosuid,nodev,mode=1777,size=512m".to_owned();
    let home = format!("rw,noexec,nosuid,nodev,mode=0700,uid={uid},gid={gid},size=64m");
    [("/tmp".to_owned(), tmp), (HOME.to_owned(), home)].into()
}

fn limit(name: &str, most: i64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(most), hard: Some(most) }
}

fn mount(home: &BotHome, part: Part, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(home.host_path(part).to_string_lossy().into_owned()),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..Default::default()
        }),
        ..Default::default()
    }
}
