//! Real processes and real sockets for the contract tests: a started service, a plain HTTP client, and a server that answers
//! whatever a test wants.
#![allow(dead_code)] // each test binary uses its own part

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// A service process; killed when dropped.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
    pub log: Arc<Mutex<Vec<Value>>>,
}

impl Running {
    /// Starts on a free port and waits until it says that it listens.
    pub fn start(program: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = command(program, environment)
            .env("BIND_ADDRESS", "127.0.0.1:0")
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (ready, listening) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).expect("every log line is JSON");
                if entry["message"] == "listening" {
                    let _ = ready.send(entry["address"].as_str().unwrap().parse().unwrap());
                }
                kept.lock().unwrap().push(entry);
            }
        });
        let address = listening
            .recv_timeout(Duration::from_secs(10))
            .expect("the service listens");
        Self { child, address, log }
    }

    pub fn get(&self, target: &str) -> Reply {
        request(self.address, "GET", target, &[])
    }

    pub fn terminate(&self) {
        let killed = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }

    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < limit, "still running after {limit:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The log line of the one request to `path`.
    pub fn logged(&self, path: &str) -> Value {
        for _ in 0..200 {
            if let Some(line) = self.log.lock().unwrap().iter().find(|line| line["path"] == path) {
                return line.clone();
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("no log line for {path}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program that is expected to end by itself.
pub fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(program, environment).args(arguments).output().unwrap()
}

fn command(program: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub took: Duration,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The message of a JSON error body.
    pub fn error(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"));
        body["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"))
            .to_owned()
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

pub fn request(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
    )
    .unwrap();
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    write!(stream, "\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no whole answer: {text:?}"));
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
        took: begun.elapsed(),
    }
}

/// One request as a fake server got it.
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

/// A server whose answers a test writes byte by byte. It serves until the test process ends.
pub struct Fake {
    pub address: SocketAddr,
    connections: Arc<Mutex<usize>>,
}

impl Fake {
    /// `answer` returns false to close the connection.
    pub fn start(answer: impl Fn(Received, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&connections);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *counted.lock().unwrap() += 1;
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut stream = stream;
                    while let Some(received) = receive(&mut reader) {
                        if !answer(received, &mut stream) {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, connections }
    }

    /// Always the same bytes.
    pub fn says(answer: &'static str) -> Self {
        Self::start(move |_, stream| stream.write_all(answer.as_bytes()).is_ok())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { head, body })
}

/// An address on which nothing listens.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
