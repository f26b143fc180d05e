//! Where a bot's gateway listens, and how to open a byte stream to it. Knows nothing of what is
//! spoken on that stream.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The address of a gateway: the Unix socket of a cell without a network, or a loopback port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `bots/<id>/run/gateway.sock`.
    Unix(PathBuf),
    /// `127.0.0.1:<port>` of a process bot.
    Tcp(SocketAddr),
    /// A Unix socket that somebody else knows how to open, e.g. by a directory's handle where its path is
    /// too long for the system.
    Via(Via),
}

/// Opens a Unix socket.
pub trait Dial: Send + Sync + fmt::Debug {
    /// A connected stream, at once: this is called where other connections' work is done too, so it must
    /// not wait for whoever owns the socket.
    ///
    /// # Errors
    /// Nobody listens there, or takes nobody in.
    fn dial(&self) -> io::Result<UnixStream>;
    /// Where it leads, for logs.
    fn describe(&self) -> String;
}

/// A shared [`Dial`]; equal where it is the same place.
#[derive(Debug, Clone)]
pub struct Via(Arc<dyn Dial>);

impl PartialEq for Via {
    fn eq(&self, other: &Self) -> bool {
        self.0.describe() == other.0.describe()
    }
}
impl Eq for Via {}
impl std::hash::Hash for Via {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.describe().hash(state);
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Via(via) => write!(f, "unix:{}", via.0.describe()),
        }
    }
}

/// Any duplex byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Stream for T {}

impl Endpoint {
    /// A Unix socket opened by `dial`.
    #[must_use]
    pub fn via(dial: Arc<dyn Dial>) -> Self {
        Self::Via(Via(dial))
    }

    /// Opens a stream. The caller sets the deadline.
    pub async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Via(via) => Ok(Box::new(via.0.dial()?)),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Chat is many small frames; waiting to fill a segment would be felt as stutter.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }

    /// What stands in the `Host` header. The gateway sees a loopback client on both wires.
    pub(crate) fn host(&self) -> String {
        match self {
            Self::Unix(_) | Self::Via(_) => "localhost".to_owned(),
            Self::Tcp(address) => address.to_string(),
        }
    }
}
