//! The innocent client: userinfo and a refresh, about every 10 ms, on a thread and a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use harness::control::Control;
use harness::http::{Answer, Connection};
use harness::now;
use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::{self, CLIENT, SECRET};
use crate::measure::Latencies;

/// Between the beginnings of two steps.
const INTERVAL: Duration = Duration::from_millis(10);

/// A step that takes longer has failed.
const SLOWEST_STEP: Duration = Duration::from_secs(5);

/// What the innocent client has seen.
#[derive(Debug, Default)]
pub(crate) struct Experience {
    pub(crate) latencies: Latencies,
    pub(crate) failed: usize,
    pub(crate) first_failure: Option<String>,
}

/// A running innocent client.
#[derive(Debug)]
pub(crate) struct Innocent {
    counts: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Experience>,
}

impl Innocent {
    /// Starts it; its steps count once [`Innocent::count`] is called. Errors: the server issues no tokens.
    pub(crate) async fn start(address: SocketAddr) -> Result<Self, String> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (counts, stop) = (Arc::default(), Arc::default());
        let (counted, stopped) = (Arc::clone(&counts), Arc::clone(&stop));
        let (ready, is_ready) = oneshot::channel();
        // Its sockets belong to its own runtime: that of the attackers is busy.
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                match Client::sign_in(address).await {
                    Ok(client) => {
                        let _ = ready.send(Ok(()));
                        step_by_step(client, &counted, &stopped).await
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        Experience::default()
                    }
                }
            })
        });
        let signed_in = is_ready.await;
        signed_in.map_err(|_| "the innocent client panicked".to_owned())??;
        Ok(Self {
            counts,
            stop,
            thread,
        })
    }

    pub(crate) fn count(&self) {
        self.counts.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop(self) -> Experience {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Experience {
            failed: 1,
            first_failure: Some("the innocent client panicked".to_owned()),
            ..Experience::default()
        })
    }
}

async fn step_by_step(mut client: Client, counts: &AtomicBool, stop: &AtomicBool) -> Experience {
    let mut experience = Experience::default();
    let mut steps = Vec::new();
    let mut due = interval(INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        due.tick().await;
        let is_counted = counts.load(Ordering::Relaxed);
        let began = now();
        let done = timeout(SLOWEST_STEP, client.step()).await;
        let took = began.elapsed();
        let done = done.unwrap_or_else(|_| Err(format!("no answer within {SLOWEST_STEP:?}")));
        let is_failed = done.is_err();
        if is_counted {
            steps.push(took);
            if let Err(error) = done {
                experience.failed += 1;
                experience.first_failure.get_or_insert(error);
            }
        }
        if is_failed {
            // Its tokens may be used up. Without new ones, the next step fails as well.
            let again = timeout(SLOWEST_STEP, Client::sign_in(client.address)).await;
            if let Ok(Ok(again)) = again {
                client = again;
            }
        }
    }
    experience.latencies = Latencies::of_steps(&steps, INTERVAL);
    experience
}

/// A signed-in app.
struct Client {
    address: SocketAddr,
    connection: Connection,
    access_token: String,
    refresh_token: String,
}

impl Client {
    async fn sign_in(address: SocketAddr) -> Result<Self, String> {
        let mut control = Control::open(address).await?;
        let grant = json!({ "client_id": CLIENT, "user": "ada", "scope": 1 });
        let issued = control.ask("POST", "/_mock/tokens", &grant).await?;
        let token = |name: &str| issued[name].as_str().map(str::to_owned);
        let (Some(access_token), Some(refresh_token)) =
            (token("access_token"), token("refresh_token"))
        else {
            return Err(format!("no tokens were issued: {issued}"));
        };
        let connection = Connection::open(address).await;
        Ok(Self {
            address,
            connection: connection.map_err(|error| error.to_string())?,
            access_token,
            refresh_token,
        })
    }

    /// Userinfo and a refresh.
    async fn step(&mut self) -> Result<(), String> {
        let bearer = format!("Bearer {}", self.access_token);
        let asked = client::get("/api/auth/oauth/userinfo", &[("Authorization", &bearer)]);
        let answer = self.connection.ask(&asked).await;
        json_of("userinfo", answer)?;
        let form = format!(
            "client_id={CLIENT}&client_secret={SECRET}&grant_type=refresh_token&refresh_token={}",
            self.refresh_token
        );
        let asked = client::post("/api/auth/oauth/token", client::FORM, form.as_bytes());
        let answer = self.connection.ask(&asked).await;
        let tokens = json_of("refresh", answer)?;
        let token = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        self.access_token = token("access_token");
        self.refresh_token = token("refresh_token");
        Ok(())
    }
}

/// The body of an answer that must be 200.
fn json_of(step: &str, answer: std::io::Result<Answer<'_>>) -> Result<Value, String> {
    match answer {
        Ok(answer) if answer.status == 200 => {
            Ok(serde_json::from_slice(answer.body).unwrap_or_default())
        }
        Ok(answer) => Err(format!("{step}: {} {}", answer.status, answer.text())),
        Err(error) => Err(format!("{step}: {error}")),
    }
}
