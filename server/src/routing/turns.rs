//! Work that answers everybody who asked for it before it began: of many who ask at once, two runs are enough.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Mutex,
};

/// One run at a time: a slow older one must not come after a newer one.
#[derive(Default)]
pub(super) struct Turns {
    asked: AtomicU64,
    /// Which of these questions are answered.
    answered: Mutex<u64>,
}

impl Turns {
    /// Returns once a run that began after this question has ended well.
    ///
    /// # Errors
    /// What the run said that was made for this question.
    pub(super) async fn ask<E>(&self, run: impl AsyncFnOnce() -> Result<(), E>) -> Result<(), E> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut answered = self.answered.lock().await;
        if *answered < mine {
            let all = self.asked.load(Ordering::SeqCst);
            run().await?;
            *answered = all;
        }
        Ok(())
    }
}

/// Does long work that waits for nothing on a thread that serves nobody meanwhile: the runtime gives the worker's other
/// tasks to another one.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        // Its only thread, in tests.
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, future::join_all};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn who_asks_while_it_runs_is_answered_by_one_more_run() {
        let (turns, runs, go) = (Turns::default(), AtomicU64::new(0), Semaphore::new(0));
        let ask = || {
            turns.ask(async || {
                runs.fetch_add(1, Ordering::SeqCst);
                go.acquire().await.expect("open").forget();
                Ok::<_, ()>(())
            })
        };
        let mut first = Box::pin(ask());
        assert!(first.as_mut().now_or_never().is_none(), "it runs");
        let mut others = Box::pin(join_all((0..10).map(|_| ask())));
        assert!(others.as_mut().now_or_never().is_none(), "what they asked for came after it began");
        go.add_permits(2);
        let (first, others) = futures::join!(first, others);
        assert!(first.is_ok() && others.iter().all(Result::is_ok));
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_run_that_failed_answers_nobody_else() {
        let (turns, runs) = (Turns::default(), AtomicU64::new(0));
        let ask = |ok: bool| {
            let runs = &runs;
            turns.ask(async move || {
                runs.fetch_add(1, Ordering::SeqCst);
                // So that all have asked before one is answered.
                tokio::task::yield_now().await;
                if ok { Ok(()) } else { Err("no") }
            })
        };
        let all = futures::join!(ask(false), ask(true), ask(false));
        assert_eq!((all.0, all.1, all.2), (Err("no"), Ok(()), Ok(())), "the second answered the third");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}
