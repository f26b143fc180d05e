//! Connections to vendors that rest between two calls, and the way from a request to its answer.

#[cfg(test)]
mod tests;

use super::{
    EgressError, OutBody,
    client::{MAX_HEAD_BYTES, Timed},
    line::{Coming, Line, Unanswered},
};
use crate::BoxError;
use http::{
    HeaderValue, Request, Response, Uri,
    header::HOST,
    uri::{Authority, Parts, Scheme},
};
use hyper::client::conn::http1;
use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;
use tower::Service as _;

/// How long a connection may rest. Vendors close theirs after a minute or more.
const IDLE_FOR: Duration = Duration::from_secs(50);
/// The most that rest for one vendor.
const MOST: usize = 128;

/// Where a connection leads. Two spellings of one name are two sites.
#[derive(Clone, Debug)]
struct Site {
    https: bool,
    authority: Authority,
}

impl Site {
    fn key(&self) -> (bool, &str) {
        (self.https, self.authority.as_str())
    }

    /// The header that names it.
    fn host(&self) -> Option<HeaderValue> {
        let default = if self.https { 443 } else { 80 };
        let named = self.authority.port_u16().is_some_and(|port| port != default);
        let host = if named { self.authority.as_str() } else { self.authority.host() };
        HeaderValue::from_str(host).ok()
    }
}

// Of the text as it is, in one go; an authority of its own is compared and hashed letter by letter.
impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Site {}

impl Hash for Site {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.key().hash(to);
    }
}

/// The connections to one vendor that rest, with the time since when.
pub(super) struct Idle {
    lines: Mutex<Vec<(Box<Line>, Instant)>>,
    host: HeaderValue,
}

impl Idle {
    fn all(&self) -> MutexGuard<'_, Vec<(Box<Line>, Instant)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that came last, if it is still open.
    fn take(&self) -> Option<Box<Line>> {
        loop {
            let (mut line, since) = self.all().pop()?;
            if since.elapsed() < IDLE_FOR && line.is_free() {
                return Some(line);
            }
        }
    }

    /// Keeps a connection for the next call, if one can go over it.
    pub(super) fn keep(&self, mut line: Box<Line>) {
        if line.is_free() {
            let mut all = self.all();
            if all.len() < MOST {
                all.push((line, Instant::now()));
            }
        }
    }

    /// Closes what has rested for long, or was closed by the other side.
    fn sweep(&self) {
        // Reading from them holds nobody up who wants one.
        let mut kept = std::mem::take(&mut *self.all());
        kept.retain_mut(|(line, since)| since.elapsed() < IDLE_FOR && line.is_free());
        let mut all = self.all();
        // Those given back meanwhile are the younger ones.
        kept.append(&mut all);
        kept.truncate(MOST);
        *all = kept;
    }
}

/// The connections of one connector: they lead nowhere that it would not.
pub(crate) struct Pool {
    connect: Timed,
    http: http1::Builder,
    sites: Mutex<HashMap<Site, Arc<Idle>>>,
    /// Set once somebody looks after those that rest.
    tended: std::sync::Once,
}

/// Why a vendor did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection.
    #[error("no connection")]
    Connect(#[source] BoxError),
    /// The exchange failed.
    #[error("the exchange failed")]
    Exchange(#[from] hyper::Error),
    /// The same over a connection of the shared client.
    #[error(transparent)]
    Client(#[from] hyper_util::client::legacy::Error),
}

impl SendError {
    /// Whether nothing was sent, as there was no connection.
    pub(crate) fn is_connect(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Client(error) => error.is_connect(),
            Self::Exchange(_) => false,
        }
    }
}

impl Pool {
    pub(super) fn new(connect: Timed) -> Arc<Self> {
        let mut http = http1::Builder::new();
        http.max_buf_size(MAX_HEAD_BYTES);
        Arc::new(Self { connect, http, sites: Mutex::default(), tended: std::sync::Once::new() })
    }

    /// Sends a request whose address is absolute and waits for the head of the answer. Cancel-safe: a call that is
    /// dropped takes its connection with it.
    pub(crate) async fn request(
        self: &Arc<Self>,
        mut request: Request<OutBody>,
    ) -> Result<Response<Coming>, SendError> {
        let uri = std::mem::take(request.uri_mut());
        let idle = self.address(&mut request, &uri)?;
        while let Some(mut line) = idle.take() {
            match line.send(request).await {
                Ok(answer) => return Ok(answer.map(|body| Coming::over(body, line, idle))),
                // It ended while it rested, which tells nothing of the vendor.
                Err(Unanswered::Unsent(unsent)) => request = *unsent,
                Err(Unanswered::Failed(error)) => return Err(error.into()),
            }
        }
        // In a box: most calls find one that rests.
        let mut line = Box::pin(self.open(uri)).await?;
        match line.send(request).await {
            Ok(answer) => Ok(answer.map(|body| Coming::over(body, line, idle))),
            Err(Unanswered::Failed(error)) => Err(error.into()),
            Err(Unanswered::Unsent(_)) => Err(SendError::Connect("it was closed at once".into())),
        }
    }

    async fn open(self: &Arc<Self>, uri: Uri) -> Result<Box<Line>, SendError> {
        self.tended.call_once(|| drop(tokio::spawn(tend(Arc::downgrade(self)))));
        let wire = self.connect.clone().call(uri).await.map_err(SendError::Connect)?;
        Ok(Box::new(Line::new(self.http.handshake(wire).await?)))
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<Site, Arc<Idle>>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that rest where a request goes. What goes on the wire is its path, and its host as a header.
    fn address(&self, request: &mut Request<OutBody>, uri: &Uri) -> Result<Arc<Idle>, SendError> {
        let odd = || SendError::Connect(EgressError::Url("has no host").into());
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return Err(odd()) };
        let site = Site { https: *scheme == Scheme::HTTPS, authority: authority.clone() };
        let idle = self.idle(site).ok_or_else(odd)?;
        request.headers_mut().entry(HOST).or_insert_with(|| idle.host.clone());
        let mut path = Parts::default();
        path.path_and_query = uri.path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(path).unwrap_or_default();
        Ok(idle)
    }

    fn idle(&self, site: Site) -> Option<Arc<Idle>> {
        let mut sites = self.sites();
        if let Some(idle) = sites.get(&site) {
            return Some(Arc::clone(idle));
        }
        let idle = Arc::new(Idle { lines: Mutex::default(), host: site.host()? });
        sites.insert(site, Arc::clone(&idle));
        Some(idle)
    }

    fn sweep(&self) {
        let sites: Vec<_> = self.sites().values().cloned().collect();
        sites.iter().for_each(|rest| rest.sweep());
        drop(sites);
        // Whoever is on its way to one holds it.
        self.sites().retain(|_, rest| Arc::strong_count(rest) > 1 || !rest.all().is_empty());
    }
}

/// Looks after those that rest, for as long as there is a pool.
async fn tend(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_FOR / 2).await;
        match pool.upgrade() {
            Some(pool) => pool.sweep(),
            None => return,
        }
    }
}
