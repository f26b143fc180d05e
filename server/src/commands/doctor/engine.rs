//! The container engine: is it there, and does it answer?

use super::{DEADLINE, Finding, Patient};
use crate::platform::config::RuntimeChoice;
use api::bots::RuntimeKind;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use runtime::docker::EngineAddress;
use serde_json::Value;
use std::error::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    vec![match patient.config.runtime {
        RuntimeChoice::Only(RuntimeKind::Process) => {
            Finding::ok("engine", "none is needed: CHELA_RUNTIME is process")
        }
        wanted => found(&patient.config.engine, wanted, patient.config.allow_unisolated).await,
    }]
}

async fn found(engine: &EngineAddress, wanted: RuntimeChoice, unisolated: bool) -> Finding {
    let asked = tokio::time::timeout(DEADLINE, version(engine)).await;
    let why = match asked {
        Ok(Ok(version)) => return Finding::ok("engine", format!("{version} at {engine}")),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => format!("no answer within {} s", DEADLINE.as_secs()),
    };
    let what = format!("{engine}: {why}");
    let remedy =
        "Start the engine, and let Chela's user use its socket (group docker); DOCKER_HOST says where it is.";
    match wanted {
        RuntimeChoice::Only(RuntimeKind::Docker) => {
            Finding::fail("engine", what, "CHELA_RUNTIME is docker: no bot can run.", remedy)
        }
        _ if unisolated || rustix::process::geteuid().is_root() => {
            Finding::ok("engine", format!("no Docker ({what}); bots run as processes"))
        }
        _ => Finding::fail(
            "engine",
            what,
            "No bot can run: processes of this user would not be kept apart.",
            format!("{remedy} Or run Chela as root; or set CHELA_ALLOW_UNISOLATED=1 on your own machine."),
        ),
    }
}

async fn version(engine: &EngineAddress) -> Result<String, Box<dyn Error + Send + Sync>> {
    match engine {
        EngineAddress::Unix(path) => version_over(UnixStream::connect(path).await?).await,
        EngineAddress::Tcp(authority) => version_over(TcpStream::connect(authority.as_str()).await?).await,
    }
}

async fn version_over<S>(stream: S) -> Result<String, Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let ask = Request::get("/version").header(header::HOST, "docker").body(Empty::<Bytes>::new())?;
    let answer = async {
        let answer = send.send_request(ask).await?;
        let body = Limited::new(answer.into_body(), 64 * 1024).collect().await?.to_bytes();
        Ok::<Value, Box<dyn Error + Send + Sync>>(serde_json::from_slice(&body)?)
    };
    let about = tokio::select! {
        answer = answer => answer?,
        ended = connection => {
            ended?;
            return Err("the engine hung up".into());
        }
    };
    let text = |key: &str| about.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    Ok(format!("engine {} (API {})", text("Version"), text("ApiVersion")))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[tokio::test]
    async fn an_engine_that_is_demanded_and_not_there_is_a_failure() {
        let nowhere = &EngineAddress::Unix("/nonexistent/docker.sock".into());
        let docker = found(nowhere, RuntimeChoice::Only(RuntimeKind::Docker), true).await;
        assert_eq!(docker.level, Level::Fail);
        assert_eq!(found(nowhere, RuntimeChoice::Auto, true).await.level, Level::Ok);
    }
}
