//! What comes while the page is open: one long question after the other, each going on where the last one ended.
//!
//! A cursor outlives a lost connection, so nothing is missed and nothing comes twice. Whoever scrolls up reads:
//! nothing is asked until they are back at the end.

use super::Asked;
use crate::bots::fns::bots_logs;
use api::{
    ApiError, Code,
    bots::{LogLine, LogPage, ReadLogs},
};
use leptos::{html, prelude::*, task::spawn_local};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Lines kept on the page; the oldest go.
const MOST: usize = 2_000;
/// How long the server may wait for something new.
const WAIT_S: u32 = 10;
/// A bot that never stops writing is asked about this often.
const BREATH: Duration = Duration::from_millis(500);
/// Longest pause after a lost connection.
const LONGEST: Duration = Duration::from_secs(5);
/// So near to the end still counts as being there, in pixels.
const NEAR: i32 = 24;

/// A line and its number on this page; no line where some were left out.
type Row = (u64, Option<Arc<LogLine>>);

/// What the page shows, and where it goes on.
#[derive(Clone, Copy)]
pub(super) struct Feed {
    pub(super) rows: RwSignal<VecDeque<Row>>,
    /// There was more before the first line.
    pub(super) cut: RwSignal<bool>,
    /// Somebody is reading: nothing is added.
    pub(super) held: RwSignal<bool>,
    /// Why nothing comes at the moment.
    pub(super) lost: RwSignal<Option<ApiError>>,
    pub(super) scroller: NodeRef<html::Div>,
    ask: StoredValue<ReadLogs>,
    number: StoredValue<u64>,
    failures: StoredValue<u32>,
    /// A question is out, or about to be.
    busy: StoredValue<bool>,
}

impl Feed {
    pub(super) fn new(asked: &Asked, page: LogPage) -> Self {
        let feed = Self {
            rows: RwSignal::new(VecDeque::new()),
            cut: RwSignal::new(page.skipped),
            held: RwSignal::new(false),
            lost: RwSignal::new(None),
            scroller: NodeRef::new(),
            ask: StoredValue::new(ReadLogs { wait_s: Some(WAIT_S), ..asked.ask() }),
            number: StoredValue::new(0),
            failures: StoredValue::new(0),
            busy: StoredValue::new(false),
        };
        feed.take(LogPage { skipped: false, ..page });
        feed
    }

    /// Asks for what comes next, unless that is done already or nobody wants it.
    pub(super) fn go_on(self) {
        // The page may have been left meanwhile: then none of this is there any more.
        let idle = self.busy.try_get_value() == Some(false) && self.held.try_get_untracked() == Some(false);
        if !idle {
            return;
        }
        self.busy.set_value(true);
        spawn_local(async move {
            let Some(ask) = self.ask.try_get_value() else { return };
            let answer = bots_logs(ask).await;
            if self.busy.try_get_value().is_none() {
                return;
            }
            let pause = match answer {
                Ok(page) => {
                    self.failures.set_value(0);
                    if self.lost.with_untracked(Option::is_some) {
                        self.lost.set(None);
                    }
                    self.take(page);
                    BREATH
                }
                Err(error) => self.fail(error),
            };
            set_timeout(move || self.again(), pause);
        });
    }

    fn again(self) {
        if self.busy.try_get_value().is_some() {
            self.busy.set_value(false);
            self.go_on();
        }
    }

    /// Notes a failure and says how long to wait.
    fn fail(self, error: ApiError) -> Duration {
        let failures = self.failures.get_value().saturating_add(1);
        self.failures.set_value(failures);
        // The cursor is good for as long as there is a bot; one that is refused begins at the end again.
        if error.code == Code::Invalid {
            self.ask.update_value(|ask| (ask.cursor, ask.wait_s) = (None, None));
        }
        self.lost.set(Some(error));
        LONGEST.min(Duration::from_millis(500 * u64::from(failures)))
    }

    fn take(self, page: LogPage) {
        self.ask.update_value(|ask| (ask.cursor, ask.wait_s) = (Some(page.next), Some(WAIT_S)));
        if page.lines.is_empty() && !page.skipped {
            return;
        }
        let gap = page.skipped.then_some(None);
        let mut number = self.number.get_value();
        self.rows.update(|rows| {
            for line in gap.into_iter().chain(page.lines.into_iter().map(|line| Some(Arc::new(line)))) {
                rows.push_back((number, line));
                number += 1;
            }
            if rows.len() > MOST {
                rows.drain(..rows.len() - MOST);
                self.cut.set(true);
            }
        });
        self.number.set_value(number);
    }

    /// The box is upside down: its end is at 0, and whatever is above is negative.
    pub(super) fn scrolled(self) {
        let Some(scroller) = self.scroller.get_untracked() else { return };
        let held = scroller.scroll_top() < -NEAR;
        if held != self.held.get_untracked() {
            self.held.set(held);
            self.go_on();
        }
    }

    /// Stops, or goes on at the end.
    pub(super) fn turn(self) {
        let held = !self.held.get_untracked();
        if let (false, Some(scroller)) = (held, self.scroller.get_untracked()) {
            scroller.set_scroll_top(0);
        }
        self.held.set(held);
        self.go_on();
    }
}
