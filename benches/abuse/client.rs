//! The attackers' HTTP client: raw requests, floods over a few connections, and response counts.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use harness::control::Control;
use harness::http::Connection;
use harness::now;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The confidential client of the demo data.
pub(crate) const CLIENT: &str = "dec0de00-0000-4000-8000-000000000001";
pub(crate) const SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

pub(crate) const TOKEN: &str = "/api/auth/oauth/token";

/// How many connections most attacks use: enough to keep a request waiting, and as many as an ordinary app has.
pub(crate) const FEW: usize = 4;

/// An attacker waits no longer for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// After this time no attack starts new work.
const LONGEST: Duration = Duration::from_mins(1);
const LONGEST_SHORT: Duration = Duration::from_secs(5);

/// The attacked server, and what was sent to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Where HTTPS is served, if the shape asks for it.
    pub(crate) tls_address: SocketAddr,
    short: bool,
    /// The end of the attack; nothing before its beginning.
    deadline: OnceLock<Instant>,
    tally: Mutex<Tally>,
}

/// What was sent, and how it was answered.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    answers: BTreeMap<u16, usize>,
    unanswered: usize,
    /// Whatever else an attack counts, such as connections.
    other: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.answers.iter();
        let answers = answers.map(|(status, count)| format!("{count} × {status}"));
        let other = self.other.iter();
        let other = other.map(|(what, count)| format!("{count} {what}"));
        let unanswered = (self.unanswered > 0).then(|| format!("{} unanswered", self.unanswered));
        let all: Vec<String> = answers.chain(unanswered).chain(other).collect();
        f.write_str(&all.join(", "))
    }
}

impl Target {
    pub(crate) fn new(address: SocketAddr, tls_address: SocketAddr, short: bool) -> Self {
        Self {
            address,
            tls_address,
            short,
            deadline: OnceLock::new(),
            tally: Mutex::default(),
        }
    }

    /// Begins the attack: from here on, the time limit and the tally count. Returns the time limit.
    pub(crate) fn begin(&self) -> Duration {
        let limit = if self.short { LONGEST_SHORT } else { LONGEST };
        self.deadline.get_or_init(|| now() + limit);
        *self.lock() = Tally::default();
        limit
    }

    /// Whether the attack may go on.
    pub(crate) fn goes_on(&self) -> bool {
        self.deadline.get().is_none_or(|deadline| now() < *deadline)
    }

    /// A size of the attack: the second with `--short`.
    pub(crate) fn either<T>(&self, full: T, short: T) -> T {
        if self.short { short } else { full }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().clone()
    }

    fn count_answer(&self, status: u16) {
        *self.lock().answers.entry(status).or_default() += 1;
    }

    pub(crate) fn count(&self, what: &'static str, more: usize) {
        *self.lock().other.entry(what).or_default() += more;
    }

    /// Sends requests over keep-alive connections, each of which waits for an answer before it sends the next request.
    /// A connection that the server closes is opened again.
    pub(crate) async fn flood(
        self: &Arc<Self>,
        count: usize,
        connections: usize,
        request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    ) {
        let request = Arc::new(request);
        let next = Arc::new(AtomicUsize::new(0));
        let mut senders = JoinSet::new();
        for _ in 0..connections.min(count) {
            let (target, request, next) =
                (Arc::clone(self), Arc::clone(&request), Arc::clone(&next));
            senders.spawn(async move {
                let mut connection = None;
                while target.goes_on() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    target.send(&mut connection, &request(at)).await;
                }
            });
        }
        while senders.join_next().await.is_some() {}
        let unsent = count.saturating_sub(next.load(Ordering::Relaxed));
        if unsent > 0 {
            self.count("not sent in time", unsent);
        }
    }

    /// Sends one request over a connection of its own, also after the time limit.
    pub(crate) async fn ask_once(&self, request: &[u8]) {
        self.send(&mut None, request).await;
    }

    /// Sends one request, and counts the answer.
    async fn send(&self, connection: &mut Option<Connection>, request: &[u8]) {
        let exchange = async {
            let open = match connection.take() {
                Some(open) => open,
                None => Connection::open(self.address).await?,
            };
            let open = connection.insert(open);
            Ok::<u16, io::Error>(open.ask(request).await?.status)
        };
        if let Ok(Ok(status)) = timeout(PATIENCE, exchange).await {
            self.count_answer(status);
        } else {
            *connection = None;
            self.lock().unanswered += 1;
            // Avoids a busy loop if the server has ended.
            tokio::task::yield_now().await;
        }
    }

    /// Connects and sends some bytes. The caller keeps the connection open, and reads nothing.
    pub(crate) async fn hold(&self, bytes: &[u8]) -> Option<TcpStream> {
        let sent = timeout(PATIENCE, async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(bytes).await?;
            Ok::<TcpStream, io::Error>(stream)
        });
        let stream = sent.await.ok()?.ok();
        let what = if stream.is_some() {
            "connections"
        } else {
            "connections refused"
        };
        self.count(what, 1);
        stream
    }

    /// Keeps connections open for a while: until the server has closed them all, or the time is over.
    pub(crate) async fn keep(&self, streams: Vec<TcpStream>, time: Duration) {
        let closed = async {
            for stream in &streams {
                while let Ok(ready) = stream.ready(Interest::READABLE).await {
                    if ready.is_read_closed() {
                        break;
                    }
                    // Nothing is read: the stream stays ready.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        };
        let _ = timeout(time, closed).await;
        drop(streams);
    }

    /// A control call of the server's owner, to set an attack up.
    pub(crate) async fn control(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let mut control = Control::open(self.address).await?;
        control.ask(method, path, body).await
    }

    /// Adds a fault to a sandbox of its own, which the innocent client does not meet.
    pub(crate) async fn add_fault(&self, sandbox: &str, effect: &Value) -> Result<(), String> {
        let fault = json!({ "endpoint": "token", "effect": effect });
        let path = format!("/_sandbox/{sandbox}/_mock/faults");
        self.control("POST", &path, &fault).await.map(|_| ())
    }
}

/// A GET request.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", path, headers, &[])
}

/// A POST request with a body of this content type.
pub(crate) fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST", path, &[("Content-Type", content_type)], body)
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if method != "GET" {
        let length = format!("Content-Length: {}\r\n", body.len());
        request.extend_from_slice(length.as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    request
}
