//! `chela job`: for tokens that administer the instance, and for no other.

use super::*;
use api::ids::JobId;
use entity::job;
use sea_orm::{EntityTrait, IntoActiveModel};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_retried_cancelled_and_discarded() {
    let at = TestServer::start().await;
    let home = Home::at(at.panel, &at.operator().await);
    home.run(&["job", "list", "--state", "dead"]).ended(0, &["no such jobs"]);
    let id = JobId(Uuid::now_v7());
    let row = job::Model {
        id,
        kind: "notify.send".to_owned(),
        payload: "rubbish".to_owned(),
        unique_key: None,
        state: "dead".to_owned(),
        run_at_ms: 1,
        attempts: 12,
        max_attempts: 12,
        locked_until_ms: None,
        last_error: Some("it failed".to_owned()),
        created_at_ms: 1,
        finished_at_ms: Some(2),
        started_at_ms: Some(1),
        ran_ms: Some(1_250),
    };
    let made = at.server.platform.db.write(async |tx| {
        job::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    made.await.expect("a job");
    let id = id.to_string();
    let table = home.run(&["jobs", "ls", "--state", "dead"]).ok();
    for told in ["push to a device", "12 of 12", "1.2 s", "it failed", &id] {
        assert!(table.contains(told), "{told}: {table}");
    }
    assert_eq!(home.run(&["job", "list", "--state", "dead", "-o", "name"]).ok(), format!("{id}\n"));
    assert_eq!(home.run(&["jobs", "get", &id, "-o", "json"]).json()["state"], "dead");
    assert_eq!(home.run(&["job", "retry", &id, "-o", "json"]).json()["state"], "queued");
    let cancelled = home.run(&["job", "cancel", &id, "-o", "yaml"]).ok();
    assert!(cancelled.contains("state: cancelled"), "{cancelled}");
    home.run(&["job", "discard", &id, "--yes"]).ended(0, &["forgotten"]);
    home.run(&["job", "show", &id]).ended(3, &[]);
    home.run(&["job", "show", "rubbish"]).ended(2, &["rubbish"]);
    let plain = Home::at(at.panel, &at.owner().await);
    let refused = plain.run(&["job", "list"]);
    assert!(refused.code != Some(0) && refused.err.contains("administrator"), "{refused:?}");
    at.stop().await;
}
