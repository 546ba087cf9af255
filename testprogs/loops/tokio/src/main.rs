//! tokio under load, on many threads and on one: pairs of sockets, children with piped streams, timeouts, signals and
//! blocking work at once. LOAD says how much.
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixDatagram, UnixStream};
use tokio::process::Command;
use tokio::signal::unix::{signal, SignalKind};
use tokio::task::{spawn, spawn_blocking};
use tokio::time::{interval, timeout};

fn load() -> usize {
    std::env::var("LOAD").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// lines there and back
async fn talk(n: usize) -> usize {
    let (a, b) = UnixStream::pair().unwrap();
    let echo = spawn(async move {
        let (mut r, mut w) = b.into_split();
        tokio::io::copy(&mut r, &mut w).await.unwrap()
    });
    let (r, mut w) = a.into_split();
    let mut lines = BufReader::new(r).lines();
    let mut sum = 0;
    for i in 0..n {
        w.write_all(format!("{} {}\n", i, "x".repeat(i * 7 % 500)).as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        sum += line.split(' ').next().unwrap().parse::<usize>().unwrap();
    }
    drop(w);
    sum + echo.await.unwrap() as usize
}

async fn datagrams(n: usize) -> usize {
    let (a, b) = UnixDatagram::pair().unwrap();
    let sender = spawn(async move {
        for i in 0..n {
            a.send(&vec![i as u8; i % 1000 + 1]).await.unwrap();
        }
    });
    let (mut total, mut buffer) = (0, [0; 2000]);
    for _ in 0..n {
        total += b.recv(&mut buffer).await.unwrap();
    }
    sender.await.unwrap();
    total
}

/// megabytes through a child and back
async fn child(i: usize) -> (usize, usize, i32) {
    let script = format!("cat; echo {} >&2; exit {}", i, i % 9);
    let mut c = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut into, mut out, mut err) = (c.stdin.take().unwrap(), c.stdout.take().unwrap(), c.stderr.take().unwrap());
    let writer = spawn(async move { into.write_all(&vec![1; 10_007 * (i % 20)]).await.unwrap() });
    let (mut bytes, mut text) = (Vec::new(), String::new());
    let (a, b) = tokio::join!(out.read_to_end(&mut bytes), err.read_to_string(&mut text));
    writer.await.unwrap();
    (a.unwrap(), b.unwrap(), c.wait().await.unwrap().code().unwrap())
}

async fn timeouts(n: usize) -> (usize, u8) {
    let (mut a, mut b) = UnixStream::pair().unwrap();
    let mut missed = 0;
    for _ in 0..n {
        missed += timeout(Duration::from_millis(3), a.read_u8()).await.is_err() as usize;
    }
    b.write_u8(42).await.unwrap();
    (missed, a.read_u8().await.unwrap())
}

async fn signals(n: usize) -> usize {
    let mut stream = signal(SignalKind::user_defined1()).unwrap();
    for _ in 0..n {
        Command::new("kill").arg("-USR1").arg(std::process::id().to_string()).status().await.unwrap();
        stream.recv().await.unwrap();
    }
    n
}

async fn killed(n: usize) -> usize {
    let mut count = 0;
    for _ in 0..n {
        let mut c = Command::new("sleep").arg("100").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        assert!(timeout(Duration::from_millis(5), c.wait()).await.is_err());
        c.kill().await.unwrap();
        count += c.wait().await.unwrap().code().is_none() as usize;
    }
    count
}

async fn all() {
    let l = load();
    let talks: Vec<_> = (0..8).map(|i| spawn(talk((40 + i) * l))).collect();
    let children: Vec<_> = (0..16 * l).map(child).map(spawn).collect();
    let grams = spawn(datagrams(400 * l));
    let blocking: Vec<_> = (0..20 * l).map(|i| spawn_blocking(move || i * i)).collect();
    let rest = spawn(async move { tokio::join!(timeouts(30 * l), signals(10 * l), killed(8)) });
    let mut ticks = interval(Duration::from_millis(2));
    for _ in 0..40 {
        ticks.tick().await;
    }
    let (mut a, mut b, mut c) = (0, (0, 0, 0), 0);
    for t in talks {
        a += t.await.unwrap();
    }
    for t in children {
        let (x, y, z) = t.await.unwrap();
        b = (b.0 + x, b.1 + y, b.2 + z);
    }
    for t in blocking {
        c += t.await.unwrap();
    }
    println!("{} {:?} {} {} {:?}", a, b, c, grams.await.unwrap(), rest.await.unwrap());
}

fn main() {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(all());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(all());
}
