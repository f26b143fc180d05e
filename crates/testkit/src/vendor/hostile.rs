//! Everything an upstream should not do.

use super::{
    http::Connection,
    script::{Mode, Script, Then},
};
use std::{io, time::Duration};
use tokio::io::AsyncWriteExt;

/// Plays a mode that is no answer. `true`: the connection may be used again.
pub(super) async fn play(
    connection: &mut Connection,
    script: &Script,
    events: &[String],
) -> io::Result<bool> {
    match &script.mode {
        Mode::Answer
        | Mode::Tool { .. }
        | Mode::Status { .. }
        | Mode::SlowDown { .. }
        | Mode::Echo
        | Mode::Json { .. } => return Ok(true),
        Mode::Events { body, whole } => {
            connection.head("text/event-stream").await?;
            connection.piece(body.as_bytes()).await?;
            if *whole {
                connection.end().await?;
            }
            return Ok(*whole);
        }
        Mode::Binary { bytes } => {
            connection.head("application/octet-stream").await?;
            let body: Vec<u8> = (0..*bytes).map(super::binary).collect();
            for piece in body.chunks(10_007) {
                connection.piece(piece).await?;
            }
            connection.end().await?;
            return Ok(true);
        }
        Mode::Hang => std::future::pending::<()>().await,
        Mode::Close => {}
        Mode::HangAfter { pieces } => {
            begin(connection, events, *pieces).await?;
            std::future::pending::<()>().await;
        }
        Mode::CutAfter { pieces } => begin(connection, events, *pieces).await?,
        Mode::EndAfter { pieces } => {
            begin(connection, events, *pieces).await?;
            connection.end().await?;
            return Ok(true);
        }
        Mode::BadUtf8 => return bad_utf8(connection, events).await,
        Mode::SplitCrlf => {
            connection.head("text/event-stream").await?;
            for byte in events.concat().replace('\n', "\r\n").as_bytes() {
                connection.piece(&[*byte]).await?;
            }
            connection.end().await?;
            return Ok(true);
        }
        Mode::EndlessLine { bytes } => {
            connection.head("text/event-stream").await?;
            let piece = vec![b'x'; 64 * 1024];
            connection.piece(b"data: ").await?;
            for _ in 0..bytes.div_ceil(64 * 1024) {
                connection.piece(&piece).await?;
            }
            connection.end().await?;
        }
        Mode::Raw { bytes, then } => return raw(connection, bytes, then).await,
        Mode::HugeHeader { .. }
        | Mode::ManyHeaders
        | Mode::Garbage
        | Mode::GzipBomb
        | Mode::Redirect { .. } => return odd_head(connection, &script.mode).await,
    }
    Ok(false)
}

async fn raw(connection: &mut Connection, bytes: &str, then: &Then) -> io::Result<bool> {
    connection.to.write_all(bytes.as_bytes()).await?;
    match then {
        Then::Close => {}
        Then::Reset => connection.to.as_ref().set_zero_linger()?,
        Then::Hang => std::future::pending::<()>().await,
        Then::Forever { piece, every_ms } => loop {
            connection.to.write_all(piece.as_bytes()).await?;
            if *every_ms > 0 {
                tokio::time::sleep(Duration::from_millis(*every_ms)).await;
            }
        },
    }
    Ok(false)
}

/// Answers that go wrong before their body.
async fn odd_head(connection: &mut Connection, mode: &Mode) -> io::Result<bool> {
    match mode {
        Mode::HugeHeader { bytes } => {
            connection.to.write_all(b"HTTP/1.1 200 OK\r\nx-huge: ").await?;
            flood(connection, *bytes).await?;
            connection.to.write_all(b"\r\ncontent-length: 0\r\n\r\n").await?;
        }
        Mode::ManyHeaders => {
            let lines: String = (0..5000).map(|n| format!("x-{n}: 1\r\n")).collect();
            let head = format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n");
            connection.to.write_all(head.as_bytes()).await?;
        }
        Mode::Garbage => connection.to.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await?,
        Mode::GzipBomb => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\r\n";
            connection.to.write_all(head.as_bytes()).await?;
            connection.to.write_all(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03").await?;
            flood(connection, 100 * 1024 * 1024).await?;
        }
        Mode::Redirect { location } => {
            let head = format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            connection.to.write_all(head.as_bytes()).await?;
            return Ok(true);
        }
        _ => {}
    }
    Ok(false)
}

async fn begin(connection: &mut Connection, events: &[String], pieces: usize) -> io::Result<()> {
    connection.head("text/event-stream").await?;
    for event in events.iter().take(pieces) {
        connection.piece(event.as_bytes()).await?;
    }
    Ok(())
}

async fn flood(connection: &mut Connection, bytes: u64) -> io::Result<()> {
    let block = vec![b'x'; 64 * 1024];
    for _ in 0..bytes.div_ceil(64 * 1024) {
        connection.to.write_all(&block).await?;
    }
    Ok(())
}

async fn bad_utf8(connection: &mut Connection, events: &[String]) -> io::Result<bool> {
    connection.head("text/event-stream").await?;
    for event in events {
        let marked = event.replace("\"content\":\"", "\"content\":\"\u{fffd}");
        // U+FFFD begins with 0xEF; with 0xFF in its place the bytes are no text any more.
        let bytes: Vec<u8> = marked.bytes().map(|b| if b == 0xef { 0xff } else { b }).collect();
        connection.piece(&bytes).await?;
    }
    connection.end().await?;
    Ok(true)
}
