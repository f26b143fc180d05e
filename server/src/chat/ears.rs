//! One queue and one reader for each bot: what a bot says stays in order, and one that hangs while its answers
//! are caught up keeps no other waiting.

use super::Chat;
use crate::bots::LinkEvent;
use api::ids::BotId;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Events of one bot waiting to be taken in. Its connection hands over fewer before it waits itself.
const QUEUE: usize = 1024;

/// The queues, by bot.
#[derive(Default)]
pub(super) struct Ears(Mutex<HashMap<BotId, Ear>>);

struct Ear {
    events: mpsc::Sender<LinkEvent>,
    missed: Arc<AtomicBool>,
}

/// The reader's end of a queue.
struct Heard {
    events: mpsc::Receiver<LinkEvent>,
    /// Something did not fit: what is open must be read again.
    missed: Arc<AtomicBool>,
}

impl Ears {
    fn all(&self) -> MutexGuard<'_, HashMap<BotId, Ear>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event; a queue that is new wants a reader.
    fn queue(&self, bot: BotId, event: LinkEvent) -> Option<Heard> {
        let mut all = self.all();
        let mut heard = None;
        let ear = all.entry(bot).or_insert_with(|| {
            let ((sender, events), missed) = (mpsc::channel(QUEUE), Arc::new(AtomicBool::new(false)));
            heard = Some(Heard { events, missed: Arc::clone(&missed) });
            Ear { events: sender, missed }
        });
        match ear.events.try_send(event) {
            // Closed: Chela stops.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                if !ear.missed.swap(true, Ordering::SeqCst) {
                    tracing::warn!(bot.id = %bot, "events of a bot did not fit; its answers are read again");
                }
            }
        }
        heard
    }

    /// Takes a bot's queue away, if nothing waits in it.
    fn leave(&self, bot: BotId, heard: &Heard) -> bool {
        let mut all = self.all();
        let idle = heard.events.is_empty() && !heard.missed.load(Ordering::SeqCst);
        if idle {
            all.remove(&bot);
        }
        idle
    }
}

impl Chat {
    /// Takes an event, without waiting.
    pub(super) fn hear(self: &Arc<Self>, bot: BotId, event: LinkEvent) {
        if let Some(heard) = self.ears.queue(bot, event) {
            self.platform.tasks.spawn(Arc::clone(self).attend(bot, heard));
        }
    }

    async fn attend(self: Arc<Self>, bot: BotId, mut heard: Heard) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.platform.shutdown.cancelled() => return,
                event = heard.events.recv() => event,
            };
            let Some(event) = event else { return };
            let last = matches!(event, LinkEvent::Ended);
            self.take_in(bot, event).await;
            if heard.events.is_empty() && heard.missed.swap(false, Ordering::SeqCst) {
                self.make_up(bot).await;
            }
            if last && self.ears.leave(bot, &heard) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_does_not_fit_is_noted_and_the_queue_goes_when_its_bot_does() {
        let (ears, bot) = (Ears::default(), BotId(Uuid::nil()));
        let mut heard = ears.queue(bot, LinkEvent::Ended).expect("a reader is wanted");
        for _ in 1..QUEUE {
            assert!(ears.queue(bot, LinkEvent::Ended).is_none(), "one reader");
        }
        assert!(!heard.missed.load(Ordering::SeqCst));
        ears.queue(bot, LinkEvent::Ended);
        assert!(heard.missed.swap(false, Ordering::SeqCst), "one too many");
        while heard.events.try_recv().is_ok() {
            assert!(heard.events.is_empty() || !ears.leave(bot, &heard));
        }
        assert!(ears.leave(bot, &heard) && ears.all().is_empty());
        assert!(ears.queue(bot, LinkEvent::Ended).is_some(), "and comes again");
    }
}
