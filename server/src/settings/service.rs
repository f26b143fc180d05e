//! Use cases of the instance.

use crate::platform::{
    Platform,
    ctx::OpCtx,
    disk,
    error::OpError,
    verbs::{Rest, Verbs},
};
use api::settings::{Banner, GetInstance, Instance};
use policy::{Granted, act};
use sea_orm::DbBackend;
use std::sync::Arc;

/// What only the composition root knows.
#[derive(Clone)]
pub struct Facts {
    /// The runtime of a bot that names none, and why that one.
    pub runtime: Arc<dyn Fn() -> (String, String) + Send + Sync>,
    /// Runtimes that do not answer and are missed: name, what they said, whether a new bot would get it.
    pub silent: Arc<dyn Fn() -> Vec<(String, String, bool)> + Send + Sync>,
    /// Pinned OpenClaw.
    pub openclaw_version: String,
}

struct Settings {
    platform: Arc<Platform>,
    facts: Facts,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, platform: &Arc<Platform>, facts: Facts) {
    let settings = Arc::new(Settings { platform: Arc::clone(platform), facts });
    let rest =
        Rest::get("/api/instance").says("Version, database, runtime and what an operator must know now.");
    verbs.on::<GetInstance, act::ReadInstance, _, _, _>(rest, &settings, instance);
}

async fn instance(
    settings: Arc<Settings>,
    _ctx: OpCtx,
    _granted: Granted<act::ReadInstance>,
    _ask: GetInstance,
) -> Result<Instance, OpError> {
    let (platform, facts) = (&settings.platform, &settings.facts);
    let (runtime, runtime_why) = (facts.runtime)();
    let database = match platform.db.backend() {
        DbBackend::Postgres => "PostgreSQL",
        _ => "SQLite",
    };
    Ok(Instance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: platform.config.public_url.origin().to_owned(),
        database: database.to_owned(),
        runtime,
        runtime_why,
        openclaw_version: facts.openclaw_version.clone(),
        banners: banners(platform, facts),
    })
}

/// Looked up anew each time: a banner goes away with its cause.
fn banners(platform: &Platform, facts: &Facts) -> Vec<Banner> {
    let mut banners = Vec::new();
    if let Some(why) = platform.db.writes_closed() {
        banners.push(Banner {
            code: "read_only".to_owned(),
            message: format!("Chela takes no changes: {why}."),
            hint: Some("Reading still works. The log says more.".to_owned()),
        });
    }
    let dir = &platform.config.data_dir;
    if let Some(left) = disk::free_bytes(dir).filter(|left| *left < disk::FULL_BELOW) {
        banners.push(Banner {
            code: "disk_full".to_owned(),
            message: format!(
                "The disk that holds {} is full ({} left).",
                dir.display(),
                disk::in_words(left)
            ),
            hint: Some("Free some space; Chela goes on by itself.".to_owned()),
        });
    }
    banners.extend((facts.silent)().into_iter().map(silent));
    banners
}

/// A runtime that is missed.
fn silent((runtime, why, default): (String, String, bool)) -> Banner {
    let whose = if default { "the runtime of new bots" } else { "where bots live" };
    let todo = if runtime == "docker" {
        "start the engine, or set CHELA_RUNTIME=process and restart Chela: new bots then run as processes, \
         and those in Docker wait for it."
    } else {
        "mend what it names."
    };
    Banner {
        code: "runtime_silent".to_owned(),
        message: format!("{runtime}, {whose}, does not answer: {}.", why.trim_end_matches('.')),
        hint: Some(format!(
            "Chela looks again by itself, and its bots wait. `chela doctor` says more; {todo}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::http::tests::support::Bench;
    use api::ids::RequestId;
    use std::sync::atomic::{AtomicBool, Ordering};
    use uuid::Uuid;

    #[tokio::test]
    async fn a_banner_says_that_nothing_can_be_changed_and_why() {
        let bench = Bench::new().await;
        let runtime = || ("process".to_owned(), "no engine".to_owned());
        let gone = Arc::new(AtomicBool::new(false));
        let silent = {
            let gone = Arc::clone(&gone);
            let one = || ("docker".to_owned(), "nobody there".to_owned(), true);
            move || gone.load(Ordering::SeqCst).then(one).into_iter().collect()
        };
        let facts =
            Facts { runtime: Arc::new(runtime), silent: Arc::new(silent), openclaw_version: "1".into() };
        let mut verbs = Verbs::default();
        register(&mut verbs, &bench.platform, facts);
        let ctx = OpCtx::system(RequestId(Uuid::nil()), 0, None);
        let ask = || verbs.run_json("settings.instance", ctx.clone(), serde_json::json!({}));
        let calm = ask().await.expect("facts");
        assert_eq!((calm["database"].as_str(), calm["runtime"].as_str()), (Some("SQLite"), Some("process")));
        assert_eq!(calm["banners"], serde_json::json!([]));
        gone.store(true, Ordering::SeqCst);
        let banner = ask().await.expect("facts")["banners"][0].clone();
        assert_eq!(banner["code"], "runtime_silent");
        let hint = banner["hint"].as_str().unwrap_or_default();
        assert!(
            banner["message"].as_str().is_some_and(|m| m.contains("docker") && m.contains("nobody there"))
        );
        assert!(hint.contains("chela doctor") && hint.contains("CHELA_RUNTIME=process"), "{hint}");
        gone.store(false, Ordering::SeqCst);
        bench.platform.db.close_writes("the database is damaged");
        let banner = ask().await.expect("facts")["banners"][0].clone();
        assert_eq!(banner["code"], "read_only");
        assert!(
            banner["message"].as_str().is_some_and(|m| m.contains("the database is damaged")),
            "{banner}"
        );
    }
}
