//! What bots, people and Prometheus connect to: the listeners, and the bots' sockets.

use super::{DEADLINE, Finding, Patient};
use crate::compose::StartError;
use api::ids::BotId;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tokio::net::TcpStream;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let listeners = [
        ("panel", "listen", config.listen),
        ("relay", "relay_listen", config.relay_listen),
        ("metrics", "metrics_listen", config.metrics_listen),
    ];
    let mut found = Vec::new();
    for (check, setting, addr) in listeners {
        found.push(if patient.running.is_some() {
            answers(check, addr).await
        } else {
            is_free(check, setting, addr, &config.data_dir)
        });
    }
    found.extend(sockets(&config.data_dir.join("bots")));
    found
}

async fn answers(check: &'static str, addr: SocketAddr) -> Finding {
    let mut to = addr;
    if to.ip().is_unspecified() {
        to.set_ip(if addr.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let why = match tokio::time::timeout(DEADLINE, TcpStream::connect(to)).await {
        Ok(Ok(_stream)) => return Finding::ok(check, format!("{addr} answers")),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "no answer".to_owned(),
    };
    Finding::fail(
        check,
        format!("{addr}: {why}"),
        "The running server does not listen there; perhaps it was started with other settings.",
        "Run the doctor with the server's settings, or restart Chela.",
    )
}

fn is_free(check: &'static str, setting: &'static str, addr: SocketAddr, data_dir: &Path) -> Finding {
    match TcpListener::bind(addr) {
        Ok(_free) => Finding::ok(check, format!("{addr} is free")),
        Err(error) => {
            let means = "Chela does not start as long as this is so.";
            let env = format!("CHELA_{}", setting.to_uppercase());
            if error.kind() != io::ErrorKind::AddrInUse {
                return Finding::fail(check, format!("{addr}: {error}"), means, format!("Set {env}."));
            }
            taken(check, addr, StartError::holder_of(addr), &env, data_dir)
        }
    }
}

/// A port somebody holds; another Chela is most likely the one that was meant.
fn taken(
    check: &'static str,
    addr: SocketAddr,
    holder: Option<String>,
    env: &str,
    data_dir: &Path,
) -> Finding {
    let is_chela = holder.as_deref().is_some_and(|who| who.starts_with("chela "));
    let found = format!("{addr} is taken{}", holder.map(|who| format!(" by {who}")).unwrap_or_default());
    if !is_chela {
        let remedy = format!("Stop what holds it, or set {env}.");
        return Finding::fail(check, found, "Chela does not start as long as this is so.", remedy);
    }
    let here = std::path::absolute(data_dir).unwrap_or_else(|_unknown| data_dir.to_owned());
    Finding::fail(
        check,
        found,
        "A Chela runs, on another data dir than the one looked at here.",
        format!(
            "Looked at: {}. Set CHELA_DATA_DIR to the data dir of the running one and look again. A second Chela \
             beside it needs CHELA_LISTEN, CHELA_RELAY_LISTEN and CHELA_METRICS_LISTEN of its own.",
            here.display()
        ),
    )
}

/// The directories that hold the bots' sockets and tokens.
fn sockets(bots: &Path) -> Option<Finding> {
    let entries = match std::fs::read_dir(bots) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(Finding::fail(
                "bots' files",
                format!("{}: {error}", bots.display()),
                "Bots cannot be started.",
                "Give the directory back to Chela's user.",
            ));
        }
    };
    let is_bot = |name: &str| name.parse::<BotId>().is_ok();
    let homes: Vec<_> = entries.flatten().filter(|e| e.file_name().to_str().is_some_and(is_bot)).collect();
    let mode = |path: &Path| std::fs::metadata(path).map(|about| about.permissions().mode() & 0o777).ok();
    let open: Vec<String> = homes
        .iter()
        .map(|home| home.path().join("run"))
        .filter(|run| mode(run).is_some_and(|mode| mode & 0o022 != 0))
        .map(|run| run.display().to_string())
        .collect();
    if open.is_empty() {
        return Some(Finding::ok(
            "bots' files",
            format!("{} bots, their sockets closed to others", homes.len()),
        ));
    }
    Some(Finding::fail(
        "bots' files",
        format!("others may write into {}", open.join(", ")),
        "Another program could take the place of a bot's socket.",
        format!("`chmod go-w {}`, and see who made it so.", open.join(" ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[test]
    fn a_taken_port_is_found() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = is_free("relay", "relay_listen", holder.local_addr().unwrap(), Path::new("data"));
        assert_eq!(found.level, Level::Fail);
        assert!(found.found.contains("is taken"), "{}", found.found);
        assert!(found.remedy.is_some_and(|todo| todo.contains("CHELA_RELAY_LISTEN")));
    }

    #[test]
    fn a_port_that_another_chela_holds_names_the_data_dir_looked_at_and_how_to_name_another() {
        let of = |who: &str| {
            let addr = "127.0.0.1:3000".parse().unwrap();
            taken("panel", addr, Some(who.to_owned()), "CHELA_LISTEN", Path::new("/here")).remedy.unwrap()
        };
        let chela = of("chela (pid 7)");
        assert!(chela.contains("/here") && chela.contains("CHELA_DATA_DIR"), "{chela}");
        assert!(!of("nginx (pid 7)").contains("CHELA_DATA_DIR"));
    }

    #[test]
    fn a_socket_directory_others_may_write_into_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(sockets(&dir.path().join("bots")), None);
        let run = dir.path().join(format!("{}/run", BotId(uuid::Uuid::from_u128(7))));
        std::fs::create_dir_all(&run).unwrap();
        let with = |mode| {
            std::fs::set_permissions(&run, std::fs::Permissions::from_mode(mode)).unwrap();
            sockets(dir.path()).map(|finding| finding.level)
        };
        assert_eq!((with(0o700), with(0o777)), (Some(Level::Ok), Some(Level::Fail)));
    }
}
