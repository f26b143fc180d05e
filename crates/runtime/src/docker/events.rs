//! Listening to the engine for the ends of our containers, for as long as the runtime lives.

use super::{
    client::Client,
    spec::{LABEL_BOT, LABEL_INSTANCE},
};
use crate::{CancellationToken, Hint, InstanceId, RuntimeError};
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use std::{collections::HashMap, time::Duration};
use tokio::sync::broadcast;

const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_secs(15);

/// Hints until `ended`. Whenever the engine came back or went, everything may have changed.
pub(super) async fn listen(
    client: Client,
    instance: InstanceId,
    hints: broadcast::Sender<Hint>,
    ended: CancellationToken,
) {
    let mut pause = SOON;
    loop {
        let heard = tokio::select! {
            () = ended.cancelled() => return,
            heard = hear(&client, &instance, &hints) => heard,
        };
        match heard {
            Ok(()) => pause = SOON,
            Err(error) => {
                tracing::debug!(error = %error, "not listening to the container engine");
                pause = (pause * 2).min(LATE);
            }
        }
        // Nobody listening is fine.
        let _ = hints.send(Hint::All);
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Until the engine goes away; an error where it was not there in the first place.
async fn hear(
    client: &Client,
    instance: &InstanceId,
    hints: &broadcast::Sender<Hint>,
) -> Result<(), RuntimeError> {
    let docker = client.engine().await?;
    let filters = HashMap::from([
        ("type".to_owned(), vec!["container".to_owned()]),
        ("label".to_owned(), vec![format!("{LABEL_INSTANCE}={instance}")]),
        ("event".to_owned(), ["start", "die", "oom", "destroy"].map(str::to_owned).into()),
    ]);
    let mut events = docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build()));
    let mut first = true;
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(e) if first => return Err(client.explain("tell its events", e)),
            Err(e) => {
                // Also makes the next call connect anew.
                tracing::info!(error = %client.explain("tell its events", e), "the container engine went away");
                return Ok(());
            }
        };
        first = false;
        let labels = event.actor.and_then(|a| a.attributes).unwrap_or_default();
        if let Some(bot) = labels.get(LABEL_BOT).and_then(|b| b.parse().ok()) {
            let _ = hints.send(Hint::Bot(bot));
        }
    }
    Ok(())
}
