//! The connection to the engine: made when needed, dropped when it fails, and every call with a deadline.

use crate::RuntimeError;
use bollard::{API_DEFAULT_VERSION, Docker, errors::Error};
use std::{
    future::Future,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Long work (build, pull, events) sets its own limits; this only keeps bollard's from being shorter.
const LONG: Duration = Duration::from_secs(3600);
/// How long an engine may take until it says which version it speaks.
const HELLO: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(super) struct Client {
    socket: PathBuf,
    deadline: Duration,
    docker: Arc<Mutex<Option<Docker>>>,
}

impl Client {
    pub(super) fn new(socket: PathBuf, deadline: Duration) -> Self {
        Self { socket, deadline, docker: Arc::default() }
    }

    pub(super) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The engine, once it has said which version it speaks.
    pub(super) async fn engine(&self) -> Result<Docker, RuntimeError> {
        if let Some(docker) = self.docker.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(docker);
        }
        let path = self.socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, LONG.as_secs(), API_DEFAULT_VERSION)
            .map_err(|e| self.explain("connect", e))?;
        let hello = HELLO.min(self.deadline);
        let docker = match tokio::time::timeout(hello, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(e)) => return Err(self.explain("connect", e)),
            Err(_) => return Err(RuntimeError::Timeout { what: "the container engine", after: hello }),
        };
        *self.docker.lock().unwrap_or_else(PoisonError::into_inner) = Some(docker.clone());
        Ok(docker)
    }

    /// One call with the usual deadline.
    pub(super) async fn call<T, F>(
        &self,
        what: &'static str,
        work: impl FnOnce(Docker) -> F,
    ) -> Result<T, RuntimeError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.call_within(what, self.deadline, work).await
    }

    /// One call with a deadline of its own.
    pub(super) async fn call_within<T, F>(
        &self,
        what: &'static str,
        after: Duration,
        work: impl FnOnce(Docker) -> F,
    ) -> Result<T, RuntimeError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let docker = self.engine().await?;
        match tokio::time::timeout(after, work(docker)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => Err(self.explain(what, e)),
            Err(_) => {
                self.forget();
                Err(RuntimeError::Timeout { what: "the container engine", after })
            }
        }
    }

    fn forget(&self) {
        *self.docker.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What an error of the engine's means to us.
    pub(super) fn explain(&self, what: &'static str, error: Error) -> RuntimeError {
        match error {
            Error::DockerResponseServerError { status_code, message } => answered(what, status_code, message),
            Error::DockerStreamError { error } => answered(what, 500, error),
            Error::IOError { err } if err.kind() == io::ErrorKind::StorageFull => {
                RuntimeError::Full(err.to_string())
            }
            gone => {
                self.forget();
                RuntimeError::EngineGone(chain(&gone))
            }
        }
    }
}

fn answered(what: &'static str, status: u16, message: String) -> RuntimeError {
    let full = message.contains("no space left on device") || message.contains("disk quota exceeded");
    match status {
        _ if full => RuntimeError::Full(message),
        404 => RuntimeError::NotFound("the container or image"),
        _ => RuntimeError::Engine { what, message },
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}
