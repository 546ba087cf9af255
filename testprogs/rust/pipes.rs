// What Rust programs do with pipes: std::process with piped stdio, in both directions and between children, and threads.
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;

fn main() {
    let out = Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).output().unwrap();
    println!("{:?} {:?} {:?}", out.status.code(), String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));

    // Megabytes in and out at once.
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut into = cat.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        for i in 0..5000u32 {
            into.write_all(&[i as u8; 999]).unwrap();
        }
    });
    let mut back = Vec::new();
    cat.stdout.take().unwrap().read_to_end(&mut back).unwrap();
    writer.join().unwrap();
    let sum: u64 = back.iter().map(|&b| b as u64).sum();
    println!("cat {} {} {:?}", back.len(), sum, cat.wait().unwrap().code());

    // A pipeline made by hand.
    let seq = Command::new("seq").arg("1000").stdout(Stdio::piped()).spawn();
    let mut seq = seq.unwrap();
    let mut tail = Command::new("tail").arg("-n2").stdin(seq.stdout.take().unwrap()).stdout(Stdio::piped()).spawn().unwrap();
    for line in BufReader::new(tail.stdout.take().unwrap()).lines() {
        println!("tail {}", line.unwrap());
    }
    println!("{:?} {:?}", seq.wait().unwrap().code(), tail.wait().unwrap().code());

    // A reader that goes: the child gets SIGPIPE, we get EPIPE.
    let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut some = [0u8; 10];
    yes.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
    drop(yes.stdout.take());
    println!("yes {:?}", yes.wait().unwrap().signal());
    let mut gone = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    gone.wait().unwrap();
    println!("write to the dead {:?}", Command::new("true").stdin(Stdio::piped()).spawn().map(|_| ()).err());

    // A socketpair between threads.
    let (mut a, b) = UnixStream::pair().unwrap();
    let echo = thread::spawn(move || {
        let mut out = b.try_clone().unwrap();
        let mut n = 0;
        for line in BufReader::new(b).lines() {
            n += 1;
            writeln!(out, "{}!", line.unwrap()).unwrap();
        }
        n
    });
    let mut answers = BufReader::new(a.try_clone().unwrap()).lines();
    for i in 0..500 {
        writeln!(a, "{i}").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), format!("{i}!"));
    }
    a.shutdown(std::net::Shutdown::Write).unwrap();
    println!("pair {} {:?}", echo.join().unwrap(), answers.next().is_none());

    // A child that is killed.
    let mut waits = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    waits.kill().unwrap();
    println!("killed {:?}", waits.wait().unwrap().signal());
}
