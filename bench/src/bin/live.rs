//! Many browsers at the live socket: opens them, watches one bot, and tells how soon one event reaches all.
//!
//! Prints one line when all are open (memory is read then), waits for a line on standard input, and prints the result.

use std::{
    cell::RefCell,
    env,
    io::BufRead,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::{Notify, Semaphore},
    task::LocalSet,
    time::timeout,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "live HOST:PORT BOT [--sockets N] [--slow N] [--events N], tokens on standard input, then an empty line";
/// Sockets opened at once.
const OPENING: usize = 32;
const PATIENCE: Duration = Duration::from_secs(120);
/// Closes the gap between what a slow reader holds and what its kernel would hold for it.
const SLOW_BUFFER: u32 = 2048;

#[derive(Default)]
struct Stats {
    open: usize,
    failed: usize,
    /// When the event that is under way was asked for, its number, and who has seen it.
    asked: Option<Instant>,
    round: u64,
    seen: usize,
    took_us: Vec<u64>,
    gaps: u64,
    resyncs: u64,
    caught_up: usize,
}

struct Plan {
    host: String,
    bot: String,
    tokens: Vec<String>,
    sockets: usize,
    slow: usize,
    events: u64,
}

struct Shared {
    stats: RefCell<Stats>,
    told: Notify,
    /// Slow readers begin to read.
    wake: Notify,
}

fn plan() -> Result<Plan> {
    let mut args = env::args().skip(1);
    let mut plan = Plan {
        host: args.next().ok_or(USAGE)?,
        bot: args.next().ok_or(USAGE)?,
        tokens: Vec::new(),
        sockets: 1000,
        slow: 0,
        events: 20,
    };
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--sockets" => plan.sockets = value.parse()?,
            "--slow" => plan.slow = value.parse()?,
            "--events" => plan.events = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    for line in std::io::stdin().lock().lines() {
        match line?.trim() {
            "" => break,
            token => plan.tokens.push(token.to_owned()),
        }
    }
    Ok(plan)
}

/// A frame of a browser; the mask is nothing, which is a mask too.
fn frame(opcode: u8, data: &[u8]) -> Vec<u8> {
    assert!(data.len() < 126);
    let mut out = vec![0x80 | opcode, 0x80 | data.len() as u8, 0, 0, 0, 0];
    out.extend_from_slice(data);
    out
}

/// The next whole frame, taken out of what was read.
fn take(pending: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let (first, second) = (*pending.first()?, *pending.get(1)?);
    let (head, len) = match second & 0x7f {
        126 => (4, u16::from_be_bytes(pending.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(pending.get(2..10)?.try_into().ok()?) as usize),
        len => (2, len as usize),
    };
    if pending.len() < head + len {
        return None;
    }
    pending.advance(head);
    Some((first & 0x0f, pending.split_to(len)))
}

fn number(text: &[u8], name: &[u8]) -> Option<u64> {
    let rest = text.get(memmem::find(text, name)? + name.len()..)?;
    let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

async fn open(plan: &Plan, index: usize, slow: bool) -> Result<(TcpStream, BytesMut)> {
    let socket = TcpSocket::new_v4()?;
    if slow {
        socket.set_recv_buffer_size(SLOW_BUFFER)?;
    }
    let mut stream = socket.connect(plan.host.parse()?).await?;
    stream.set_nodelay(true)?;
    let token = &plan.tokens[index % plan.tokens.len()];
    let ask = format!(
        "GET /api/live HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        plan.host.replace("127.0.0.1", "localhost")
    );
    stream.write_all(ask.as_bytes()).await?;
    let mut pending = BytesMut::with_capacity(2048);
    let head = loop {
        if stream.read_buf(&mut pending).await? == 0 {
            return Err("closed".into());
        }
        if let Some(end) = memmem::find(&pending, b"\r\n\r\n") {
            break pending.split_to(end + 4);
        }
    };
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned().into());
    }
    let watch = format!(r#"{{"type":"subscribe","topic":"bot:{}"}}"#, plan.bot);
    stream.write_all(&frame(1, watch.as_bytes())).await?;
    Ok((stream, pending))
}

/// One browser, to its end.
async fn browser(plan: &Plan, shared: &Shared, index: usize, places: &Semaphore) -> Result<()> {
    let slow = index < plan.slow;
    let place = places.acquire().await?;
    let (mut stream, mut pending) = open(plan, index, slow).await?;
    let (mut last, mut opened) = (None::<u64>, false);
    let mut place = Some(place);
    loop {
        while let Some((opcode, data)) = take(&mut pending) {
            match opcode {
                9 => stream.write_all(&frame(10, &data)).await?,
                8 => return Err("closed by the server".into()),
                _ if memmem::find(&data[..data.len().min(40)], b"\"snapshot\"").is_some() => {
                    last = number(&data, b"\"seq\":");
                    if !opened {
                        opened = true;
                        place.take();
                        shared.stats.borrow_mut().open += 1;
                        shared.told.notify_one();
                        if slow {
                            shared.wake.notified().await;
                        }
                    }
                }
                _ if memmem::find(&data[..data.len().min(40)], b"\"resync\"").is_some() => {
                    shared.stats.borrow_mut().resyncs += 1;
                }
                _ => {
                    let seq = number(&data, b"\"seq\":");
                    let mut stats = shared.stats.borrow_mut();
                    if seq != last.map(|seq| seq + 1) {
                        stats.gaps += 1;
                    }
                    last = seq;
                    if !slow && let Some(asked) = stats.asked {
                        stats.took_us.push(asked.elapsed().as_micros() as u64);
                        stats.seen += 1;
                        if stats.seen == plan.sockets - plan.slow {
                            shared.told.notify_one();
                        }
                    }
                }
            }
            // A slow one is done when it stands where the others stand.
            if slow && opened && last.is_some_and(|seq| seq >= shared.stats.borrow().round) {
                shared.stats.borrow_mut().caught_up += 1;
                shared.told.notify_one();
                return Ok(());
            }
        }
        if stream.read_buf(&mut pending).await? == 0 {
            return Err("closed".into());
        }
    }
}

/// Changes the bot, which everybody is told.
async fn act(plan: &Plan, stream: &mut TcpStream, round: u64) -> Result<()> {
    let body = format!(r#"{{"tags":["round-{round}"]}}"#);
    let ask = format!(
        "PATCH /api/bots/{} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        plan.bot,
        plan.host.replace("127.0.0.1", "localhost"),
        plan.tokens[0],
        body.len()
    );
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = BytesMut::with_capacity(16 * 1024);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the act was not answered".into());
        }
        let Some(end) = memmem::find(&answer, b"\r\n\r\n") else { continue };
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&answer).into_owned().into());
        }
        let len = number(&answer[..end].to_ascii_lowercase(), b"content-length: ").ok_or("no length")?;
        if answer.len() >= end + 4 + len as usize {
            return Ok(());
        }
    }
}

async fn until(shared: &Shared, what: &str, done: impl Fn(&Stats) -> bool) -> Result<()> {
    let waiting = async {
        while !done(&shared.stats.borrow()) {
            shared.told.notified().await;
        }
    };
    timeout(PATIENCE, waiting).await.map_err(|_| format!("not in time: {what}"))?;
    Ok(())
}

async fn run(plan: Rc<Plan>, shared: Rc<Shared>) -> Result<()> {
    let places = Rc::new(Semaphore::new(OPENING));
    for index in 0..plan.sockets {
        let (plan, shared, places) = (plan.clone(), shared.clone(), places.clone());
        tokio::task::spawn_local(async move {
            if let Err(error) = browser(&plan, &shared, index, &places).await {
                let mut stats = shared.stats.borrow_mut();
                stats.failed += 1;
                if stats.failed == 1 {
                    eprintln!("first failure: {error}");
                }
                shared.told.notify_one();
            }
        });
    }
    until(&shared, "all open", |s| s.open + s.failed == plan.sockets).await?;
    println!("{{\"open\":{},\"failed\":{}}}", shared.stats.borrow().open, shared.stats.borrow().failed);
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    let mut stream = TcpStream::connect(&plan.host).await?;
    stream.set_nodelay(true)?;
    for round in 1..=plan.events {
        {
            let mut stats = shared.stats.borrow_mut();
            (stats.asked, stats.seen) = (Some(Instant::now()), 0);
        }
        act(&plan, &mut stream, round).await?;
        until(&shared, "an event to reach all", |s| s.seen >= plan.sockets - plan.slow).await?;
        shared.stats.borrow_mut().round += 1;
    }
    shared.stats.borrow_mut().asked = None;
    shared.wake.notify_waiters();
    until(&shared, "slow readers to catch up", |s| s.caught_up == plan.slow).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let plan = Rc::new(plan()?);
    let shared =
        Rc::new(Shared { stats: RefCell::default(), told: Notify::new(), wake: Notify::new() });
    LocalSet::new().run_until(run(plan, shared.clone())).await?;
    let mut stats = shared.stats.borrow_mut();
    stats.took_us.sort_unstable();
    let at = |q: f64| {
        let rank = (stats.took_us.len() as f64 * q) as usize;
        stats.took_us.get(rank.min(stats.took_us.len().saturating_sub(1))).copied().unwrap_or(0)
    };
    println!(
        "{{\"p50_us\":{},\"p99_us\":{},\"max_us\":{},\"gaps\":{},\"resyncs\":{},\"caught_up\":{},\"failed\":{}}}",
        at(0.5), at(0.99), at(1.0), stats.gaps, stats.resyncs, stats.caught_up, stats.failed
    );
    std::process::exit(0)
}
