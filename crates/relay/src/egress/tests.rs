//! Every known way to point a server at itself, its network or its cloud; nothing is ever dialled but what
//! the rules allow. Resolver and dialler are the test's own: no connection is made.

use super::{Allowed, BaseUrl, Connector, Dial, EgressError, EgressPolicy, Reach, Refuse, Resolve};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::net::TcpStream;

/// Answers from a list; a name may answer differently each time.
#[derive(Default)]
struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "slow.example" {
            return std::future::pending().await;
        }
        let mut names = self.0.lock().unwrap();
        let Some(answers) = names.get_mut(name) else { return Err(io::Error::other("no such name")) };
        Ok(if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() })
    }
}

/// Remembers what it was asked for, and never connects.
#[derive(Default)]
struct Dialled(Mutex<Vec<SocketAddr>>);

#[async_trait]
impl Dial for Dialled {
    async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.0.lock().unwrap().push(to);
        Err(io::Error::other("test"))
    }
}

struct World {
    policy: Arc<EgressPolicy>,
    dialled: Arc<Dialled>,
}

fn world(listed: &[&str], refuse: &[Refuse], names: &[(&str, &[&str])]) -> World {
    let dialled = Arc::new(Dialled::default());
    let resolver = Names::default();
    for (name, ips) in names {
        let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        resolver.0.lock().unwrap().entry((*name).to_owned()).or_default().push(ips);
    }
    let policy = EgressPolicy {
        allow_private: listed.iter().map(|l| Allowed::parse(l).unwrap()).collect(),
        refuse: refuse.to_vec(),
        resolver: Arc::new(resolver),
        dial: dialled.clone(),
    };
    World { policy: Arc::new(policy), dialled }
}

impl World {
    /// Tries an address as a person would enter it, and as a bare URI; what was dialled, or why nothing was.
    async fn reach(&self, text: &str, reach: Reach) -> Result<Vec<SocketAddr>, EgressError> {
        let connector = Connector::new(self.policy.clone(), reach);
        let mut why = None;
        let entered = BaseUrl::parse(text).and_then(|base| base.join("v1/models"));
        let uris = [entered, text.parse().map_err(|_gone| EgressError::Url("is no URI"))];
        for uri in uris {
            match uri {
                Ok(uri) => match connector.connect(&uri).await {
                    Err(EgressError::Connect(..)) => {}
                    Err(error) => why = why.or(Some(error)),
                    Ok(_) => unreachable!("the test's dialler never connects"),
                },
                Err(error) => why = why.or(Some(error)),
            }
        }
        let dialled = std::mem::take(&mut *self.dialled.0.lock().unwrap());
        if dialled.is_empty() { Err(why.unwrap()) } else { Ok(dialled) }
    }
}

/// Hosts that are never dialled unless listed.
const PRIVATE: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.1",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25eth0]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "LocalHost..",
    "foo.localhost",
    "foo.localhost.",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127.0.0.1.",
    "169.254.169.254",
    "169.254.1.1",
    "metadata.google.internal",
    "metadata",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "10.0.0.1",
    "10.255.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "198.19.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "172.17.0.1",
    "host.docker.internal",
    "gateway.docker.internal",
    "printer.local",
    "router.lan",
    "db",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0300.0250.0.1",
    "3232235521",
    "①⑥⑨.254.169.254",
    // Names of the public DNS that lead inside; the test's resolver knows where.
    "127.0.0.1.nip.io",
    "localtest.me",
    "inside.example",
    "v6-inside.example",
    "mixed.example",
    "cname.example",
];

const NAMES: &[(&str, &[&str])] = &[
    ("127.0.0.1.nip.io", &["127.0.0.1"]),
    ("localtest.me", &["127.0.0.1", "::1"]),
    ("inside.example", &["10.1.2.3"]),
    ("v6-inside.example", &["fd12::1"]),
    ("mixed.example", &["93.184.216.34", "10.0.0.1"]),
    ("cname.example", &["192.168.1.1"]),
    ("good.example", &["93.184.216.34"]),
    ("empty.example", &[]),
    ("model.example", &["10.9.9.9"]),
    ("metadata.example", &["169.254.169.254"]),
];

#[tokio::test]
async fn no_form_of_an_inner_address_is_dialled() {
    let world = world(&[], &[], NAMES);
    let mut rows = 0;
    for host in PRIVATE {
        for text in [format!("https://{host}/v1"), format!("https://{host}:8443"), format!("http://{host}")] {
            for reach in [Reach::Public, Reach::Listed] {
                let got = world.reach(&text, reach).await;
                assert!(got.is_err(), "{text} dialled {got:?}");
                rows += 1;
            }
        }
    }
    assert!(rows >= 150, "{rows}");
}

#[tokio::test]
async fn no_trick_of_writing_gets_through() {
    let world = world(&[], &[], NAMES);
    for text in [
        "http://good.example@127.0.0.1",
        "https://good.example@127.0.0.1",
        "https://127.0.0.1#@good.example",
        "https://good.example\\@127.0.0.1",
        "https://good.example:80@127.0.0.1:22",
        "https://u:p@good.example",
        "https://@good.example",
        "http://[::1]:2375",
        "file:///etc/passwd",
        "gopher://good.example",
        "dict://good.example",
        "ftp://good.example",
        "unix:/var/run/docker.sock",
        "data:text/plain,x",
        "jar:https://good.example!/",
        "ws://good.example",
        "wss://good.example",
        "https://good.example:22",
        "https://good.example:25",
        "https://good.example:2375",
        "https://good.example:6379",
        "https://good.example:5432",
        "https://good.example:0",
        "https://good.example/\r\nHost: x",
        "https://good.example\r\n.evil",
        "https://good.example /x",
        "https://",
        "https:///x",
        "good.example",
        "//good.example",
        "",
        "https://good.example/?q=1",
        "https://good.example/#f",
        "https://[::1",
        "https://good.example:99999",
        "javascript:alert(1)",
        "https://%31%32%37.0.0.1",
        "http://good.example",
        "https://empty.example",
        "https://nobody.example",
        "\u{0}https://good.example",
    ] {
        let got = world.reach(text, Reach::Listed).await;
        // A trailing query or fragment is refused where people enter it; as a bare URI the host is a good one.
        let harmless = text.contains("/?q") || text.contains("/#f");
        assert!(got.is_err() || harmless, "{text:?} dialled {got:?}");
    }
    assert!(BaseUrl::parse("https://good.example/?q=1").is_err());
    assert!(BaseUrl::parse("https://good.example/#f").is_err());
}

#[tokio::test]
async fn a_public_address_is_dialled_as_it_was_checked() {
    let world = world(&[], &[], NAMES);
    let good: SocketAddr = "93.184.216.34:443".parse().unwrap();
    assert_eq!(world.reach("https://good.example/v1", Reach::Public).await.unwrap(), [good, good]);
    let literal = world.reach("https://93.184.216.34:8443", Reach::Public).await.unwrap();
    assert_eq!(literal[0].port(), 8443);
}

#[tokio::test]
async fn a_name_that_turns_inward_is_refused_the_second_time() {
    let names: &[(&str, &[&str])] = &[("turn.example", &["93.184.216.34"]), ("turn.example", &["127.0.0.1"])];
    let world = world(&[], &[], names);
    // Two tries: the first answer is public and dialled, the second is private and not.
    let dialled = world.reach("https://turn.example", Reach::Public).await.unwrap();
    assert_eq!(dialled, ["93.184.216.34:443".parse().unwrap()]);
    assert!(world.reach("https://turn.example", Reach::Public).await.is_err());
}

#[tokio::test]
async fn a_resolver_that_never_answers_is_not_waited_for() {
    let world = world(&[], &[], &[]);
    let connector = Connector::new(world.policy.clone(), Reach::Public);
    let got = connector.connect(&"https://slow.example/".parse().unwrap()).await;
    assert!(matches!(got, Err(EgressError::Timeout(_))));
}

#[tokio::test]
async fn a_listed_upstream_is_that_host_and_port_and_nothing_else() {
    let world = world(&["127.0.0.1:9999", "model.example:8000", "localhost:11434", "[::1]:8000"], &[], NAMES);
    let ok = [
        "http://127.0.0.1:9999/v1",
        "https://127.0.0.1:9999",
        "http://model.example:8000",
        "http://[::1]:8000",
    ];
    for text in ok {
        assert!(world.reach(text, Reach::Listed).await.is_ok(), "{text}");
        assert!(world.reach(text, Reach::Public).await.is_err(), "{text} without the right");
    }
    // The same host in another form is the same host.
    assert!(world.reach("http://0x7f.1:9999", Reach::Listed).await.is_ok());
    for text in [
        "http://127.0.0.1:9998",
        "http://127.0.0.2:9999",
        "http://localhost:9999",
        "http://model.example:8001",
        "http://127.0.0.1",
        "http://[::ffff:127.0.0.1]:9999",
    ] {
        assert!(world.reach(text, Reach::Listed).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn listing_never_opens_metadata_or_chela_itself() {
    let own = Refuse::Listener("127.0.0.1:3000".parse().unwrap());
    let every = Refuse::Listener("0.0.0.0:3100".parse().unwrap());
    let bots = Refuse::Net("10.213.0.0".parse().unwrap(), 16);
    let listed = [
        "127.0.0.1:3000",
        "127.0.0.1:3100",
        "10.0.0.5:3100",
        "10.213.4.2:8080",
        "169.254.169.254:80",
        "0.0.0.0:3000",
        "metadata.example:80",
        "[fd00:ec2::254]:80",
        "[::ffff:127.0.0.1]:3000",
        "[fe80::1]:8000",
    ];
    let world = world(&listed, &[own, every, bots], NAMES);
    for host in listed {
        let got = world.reach(&format!("http://{host}"), Reach::Listed).await;
        assert!(got.is_err(), "{host} dialled {got:?}");
    }
}
