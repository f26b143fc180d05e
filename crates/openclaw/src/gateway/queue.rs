//! The buffer between a connection and whoever reads its events. Writing never waits, so that a slow
//! reader cannot hold up the answers to calls; what would not fit is merged or, at last, dropped and
//! counted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::connection::Signal;
use crate::event::{ChatEvent, Event};

/// Entries held at most.
const MAX_ENTRIES: usize = 1024;
/// Bytes held at most.
const MAX_BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Signal>,
    bytes: usize,
    dropped: u64,
    ended: bool,
}

/// The buffer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
}

impl Queue {
    /// Adds a signal. Never waits.
    pub(crate) fn push(&self, signal: Signal) {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let before = inner.items.back().map_or(0, weight);
            if let Some(signal) = merge(&mut inner.items, signal) {
                inner.bytes += weight(&signal);
                inner.items.push_back(signal);
            } else {
                let now = inner.items.back().map_or(0, weight);
                inner.bytes = (inner.bytes + now).saturating_sub(before);
            }
            if inner.items.len() > MAX_ENTRIES || inner.bytes > MAX_BYTES {
                inner.shed();
            }
        }
        self.filled.notify_one();
    }

    /// No more signals will come.
    pub(crate) fn end(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.filled.notify_one();
    }

    /// The next signal, or none when the connection is over. Cancel-safe; one reader.
    pub(crate) async fn next(&self) -> Option<Signal> {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<Option<Signal>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.dropped > 0 {
            let dropped = std::mem::take(&mut inner.dropped);
            return Some(Some(Signal::Event(Event::Lagged { dropped })));
        }
        match inner.items.pop_front() {
            Some(signal) => {
                inner.bytes = inner.bytes.saturating_sub(weight(&signal));
                Some(Some(signal))
            }
            None if inner.ended => Some(None),
            None => None,
        }
    }
}

impl Inner {
    /// Keeps what changes the reader's state (connection states, ends of answers, tool calls), as
    /// long as even that is not too much.
    fn shed(&mut self) {
        let before = self.items.len();
        self.items.retain(keeps);
        while self.items.len() > MAX_ENTRIES / 2 || held(&self.items) > MAX_BYTES / 2 {
            let Some(at) = self.items.iter().position(|s| matches!(s, Signal::Event(_))) else { break };
            self.items.remove(at);
        }
        self.bytes = held(&self.items);
        self.dropped += u64::try_from(before - self.items.len()).unwrap_or(u64::MAX);
    }
}

fn held(items: &VecDeque<Signal>) -> usize {
    items.iter().map(weight).sum()
}

fn keeps(signal: &Signal) -> bool {
    match signal {
        Signal::Event(Event::Chat(run)) => run.what.is_end(),
        Signal::Event(Event::Tool(_) | Event::Shutdown { .. }) => true,
        Signal::Event(Event::Lagged { .. }) => false,
        Signal::Connecting { .. } | Signal::Ready { .. } | Signal::Lost { .. } => true,
    }
}

fn weight(signal: &Signal) -> usize {
    match signal {
        Signal::Event(event) => event.weight_bytes(),
        Signal::Connecting { .. } | Signal::Ready { .. } | Signal::Lost { .. } => size_of::<Signal>(),
    }
}

/// Joins a delta to an unread delta of the same run, if nothing else of that run stands between.
/// Gives the signal back when it has to stand alone.
fn merge(items: &mut VecDeque<Signal>, signal: Signal) -> Option<Signal> {
    let Signal::Event(Event::Chat(new)) = &signal else { return Some(signal) };
    let ChatEvent::Delta { text, replace } = &new.what else { return Some(signal) };
    // Only the last entry: looking further would cost time, and order is order.
    let Some(Signal::Event(Event::Chat(last))) = items.back_mut() else { return Some(signal) };
    if last.run_id != new.run_id {
        return Some(signal);
    }
    let ChatEvent::Delta { text: held, replace: void } = &mut last.what else { return Some(signal) };
    if *replace {
        text.clone_into(held);
        *void = true;
    } else {
        held.push_str(text);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;

    fn chat(what: ChatEvent) -> Signal {
        Signal::Event(Event::Chat(RunEvent { run_id: "r".into(), session_key: "s".into(), what }))
    }

    fn delta(text: &str) -> Signal {
        chat(ChatEvent::Delta { text: text.into(), replace: false })
    }

    #[tokio::test]
    async fn unread_deltas_of_a_run_become_one() {
        let queue = Queue::default();
        for piece in ["a", "b", "c"] {
            queue.push(delta(piece));
        }
        queue.end();
        assert_eq!(queue.next().await, Some(delta("abc")));
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn a_flood_nobody_reads_is_counted_and_the_ends_of_answers_survive() {
        let queue = Queue::default();
        let end = chat(ChatEvent::Final { text: "all".into(), stop_reason: None, model: None, usage: None });
        queue.push(end.clone());
        for _ in 0..MAX_ENTRIES * 3 {
            queue.push(chat(ChatEvent::Status { phase: "thinking".into() }));
        }
        let Some(Signal::Event(Event::Lagged { dropped })) = queue.next().await else {
            panic!("the first thing a slow reader hears is that it is slow");
        };
        assert!(dropped > 0);
        assert_eq!(queue.next().await, Some(end));
        assert!(queue.inner.lock().unwrap().items.len() <= MAX_ENTRIES);
    }

    #[tokio::test]
    async fn what_is_held_is_weighed_and_not_only_counted() {
        let queue = Queue::default();
        for n in 0..64 {
            let args = serde_json::Value::from(vec![Vec::<u8>::new(); 20_000]);
            queue.push(Signal::Event(Event::Tool(crate::event::ToolEvent {
                run_id: format!("r{n}"),
                session_key: "s".into(),
                call_id: "c".into(),
                name: "t".into(),
                step: crate::event::ToolStep::Started { args },
            })));
        }
        // 20,000 empty arrays take some 600 KB; as text they are 60.
        assert!(queue.inner.lock().unwrap().items.len() <= 16);
        assert!(matches!(queue.next().await, Some(Signal::Event(Event::Lagged { .. }))));
    }
}
