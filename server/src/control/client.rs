//! The asking side.

use super::{Answer, DEADLINE, LINE_LIMIT, Line, Request, WORK_DEADLINE, place::Place};
use crate::platform::error::OpError;
use std::{io, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

/// Asks the server that runs on this data dir. `None` when none runs.
///
/// # Errors
/// A server is there and cannot be understood, or takes too long.
pub async fn ask(data_dir: &Path, request: &Request) -> Result<Option<Answer>, OpError> {
    let broke = |source: io::Error| OpError::internal("asking the running server", source);
    let place = match Place::of(data_dir) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broke(error)),
    };
    let stream = match UnixStream::connect(place.path()).await {
        Ok(stream) => stream,
        // No socket, or one whose server is gone.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(broke(error)),
    };
    let asked = timeout(WORK_DEADLINE + DEADLINE, exchange(stream, request)).await;
    let line =
        asked.map_err(|elapsed| OpError::internal("the running server did not answer in time", elapsed))?;
    let answer: Line = serde_json::from_str(&line.map_err(broke)?)
        .map_err(|source| OpError::internal("the running server's answer cannot be read", source))?;
    Ok(Some(match answer {
        Line::Ok(value) => Ok(value),
        Line::Error(error) => Err(error),
    }))
}

async fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<String> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_LIMIT)).read_line(&mut answer).await?;
    Ok(answer)
}
