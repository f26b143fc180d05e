//! The connection to the engine: made when needed, dropped when it fails, and every call with a deadline.

use super::DOCKER_SOCKET;
use crate::RuntimeError;
use bollard::{API_DEFAULT_VERSION, Docker, errors::Error};
use std::{
    fmt,
    future::Future,
    io,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Long work (build, pull, events) sets its own limits; this only keeps bollard's from being shorter.
const LONG: Duration = Duration::from_secs(3600);
/// How long an engine may take until it says which version it speaks.
const HELLO: Duration = Duration::from_secs(5);

/// Where a container engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineAddress {
    /// A socket of this machine.
    Unix(PathBuf),
    /// `host:port`, without TLS: a proxy that lets few calls through, on a network of their own.
    Tcp(String),
}

impl Default for EngineAddress {
    fn default() -> Self {
        Self::Unix(PathBuf::from(DOCKER_SOCKET))
    }
}

impl FromStr for EngineAddress {
    type Err = String;

    /// Reads what `DOCKER_HOST` says.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("'{text}' is neither unix:///path nor tcp://host:port"));
        };
        let rest = rest.trim_end_matches('/');
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" | "http" if is_authority(rest) => Ok(Self::Tcp(rest.to_owned())),
            "https" | "ssh" => Err(format!(
                "'{text}': Chela reaches an engine over its socket, or over tcp:// on a network of their own, without TLS or ssh"
            )),
            _ => Err(format!("'{text}' is neither unix:///path nor tcp://host:port")),
        }
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

fn is_authority(text: &str) -> bool {
    let port =
        |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
    !text.contains(['/', '?', '#', '@']) && text.rsplit_once(':').is_some_and(port)
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    engine: EngineAddress,
    deadline: Duration,
    docker: Arc<Mutex<Option<Docker>>>,
}

impl Client {
    pub(super) fn new(engine: EngineAddress, deadline: Duration) -> Self {
        Self { engine, deadline, docker: Arc::default() }
    }

    pub(super) const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The engine, once it has said which version it speaks.
    pub(super) async fn engine(&self) -> Result<Docker, RuntimeError> {
        if let Some(docker) = self.docker.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(docker);
        }
        let made = match &self.engine {
            EngineAddress::Unix(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), LONG.as_secs(), API_DEFAULT_VERSION)
            }
            EngineAddress::Tcp(authority) => {
                Docker::connect_with_http(&format!("tcp://{authority}"), LONG.as_secs(), API_DEFAULT_VERSION)
            }
        };
        let docker = made.map_err(|e| self.explain("connect", e))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_at_a_socket_or_at_a_port_and_nowhere_else() {
        let read = |text: &str| text.parse::<EngineAddress>();
        assert_eq!(read("unix:///run/d.sock"), Ok(EngineAddress::Unix("/run/d.sock".into())));
        assert_eq!(read("tcp://engine:2375/"), Ok(EngineAddress::Tcp("engine:2375".to_owned())));
        assert_eq!(read("tcp://[::1]:2375"), Ok(EngineAddress::Tcp("[::1]:2375".to_owned())));
        for wrong in
            ["", "engine:2375", "unix://d.sock", "tcp://engine", "tcp://:1", "tcp://a:1/b", "npipe:////./x"]
        {
            assert!(read(wrong).is_err_and(|why| why.contains("neither")), "{wrong}");
        }
        for closed in ["https://engine:2376", "ssh://me@engine"] {
            assert!(read(closed).is_err_and(|why| why.contains("without TLS or ssh")), "{closed}");
        }
    }
}
