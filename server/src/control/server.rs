//! The listening side.

use super::{Answer, DEADLINE, Handlers, LINE_LIMIT, Line, Request, WORK_DEADLINE, place::Place};
use crate::platform::Platform;
use api::{ApiError, Code};
use std::{io, os::unix::fs::PermissionsExt, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Commands heard at once.
const AT_ONCE: usize = 8;

/// Listens on `control.sock` until `stop` is cancelled. The caller holds the data dir's lock, so a socket
/// that lies there was left by a server that is gone.
pub async fn serve(platform: Arc<Platform>, handlers: Handlers, stop: CancellationToken) {
    let place = match Place::of(&platform.config.data_dir) {
        Ok(place) => place,
        Err(error) => return tracing::error!(%error, "the control socket has no place"),
    };
    let listener = match bind(&place) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the control socket cannot be opened"),
    };
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a command could not be heard");
                    // Out of handles: they come back, but not by asking at once.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Ok(room) = Arc::clone(&room).try_acquire_owned() else { continue };
        let handlers = handlers.clone();
        platform.tasks.spawn(async move {
            if let Err(error) = hear(stream, &handlers).await {
                tracing::debug!(%error, "a command broke off");
            }
            drop(room);
        });
    }
    let _ = std::fs::remove_file(place.path());
}

fn bind(place: &Place) -> io::Result<UnixListener> {
    match std::fs::remove_file(place.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(place.path())?;
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn hear(stream: UnixStream, handlers: &Handlers) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    if peer != own && peer != 0 {
        tracing::warn!(uid = peer, "another user's command was not heard");
        return Ok(());
    }
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LINE_LIMIT));
    timeout(DEADLINE, reader.read_line(&mut line)).await??;
    let answer = answer(&line, handlers).await;
    let line = match answer {
        Ok(value) => Line::Ok(value),
        Err(error) => Line::Error(error),
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    timeout(DEADLINE, write.write_all(&text)).await??;
    timeout(DEADLINE, write.shutdown()).await?
}

async fn answer(line: &str, handlers: &Handlers) -> Answer {
    if !line.ends_with('\n') {
        return Err(ApiError::new(Code::TooLarge, "The command is too long, or broke off."));
    }
    let request: Request = serde_json::from_str(line)
        .map_err(|_unknown| ApiError::new(Code::Malformed, "The server does not know this command."))?;
    match timeout(WORK_DEADLINE, handlers.run(request)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(ApiError::new(Code::Timeout, "The server took too long.")),
    }
}
