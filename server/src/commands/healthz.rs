//! `chela healthz`: whether the server of these settings lives, for a container's HEALTHCHECK.

use super::{
    run::runtime,
    say::{fail, refuse},
};
use crate::platform::config::{Config, Source};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long it may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks; exits 1 where nobody answers that it lives.
pub fn healthz(source: &Source) -> ExitCode {
    let config = match Config::load(source) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let at = here(config.listen);
    let asked = runtime.block_on(async { tokio::time::timeout(DEADLINE, ask(at)).await });
    match asked.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{at}: {error}")),
    }
}

/// An address that listens everywhere is asked at home.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(at: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    match status.ends_with(b" 200") {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&status).into_owned())),
    }
}
