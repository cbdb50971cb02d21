//! A disk that fills up repeatedly under traffic, then `kill -9`: rejected operations use nothing up and charge
//! nothing, acknowledged ones are stored. `CIVITAI_MOCK_TEST_DISK_SECONDS` sets the duration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{
    AUTHORIZE, CONF, Program, SandboxClient, Stopwatch, TOKEN, TempDir, TestRequest, TestResponse,
    Tokens, WORKFLOWS,
};

const CALLERS: usize = 6;
const FUNDS: u64 = 1_000_000;
const COST: u64 = 7;

/// The scope that an order needs.
const SCOPE: &str = "114689";

/// The longest wait on a slow machine.
const LONGEST: Duration = Duration::from_mins(1);

/// A change that a client can send again after a refusal.
#[derive(Debug, Clone)]
enum Change {
    Exchange { code: String },
    Refresh { token: String },
    Order { access: String },
}

impl Change {
    fn request(&self, sandbox: &SandboxClient) -> TestRequest {
        match self {
            Self::Exchange { code } => sandbox.post(TOKEN, &CONF.redeem_params(code)),
            Self::Refresh { token } => sandbox.post(TOKEN, &CONF.refresh_params(token)),
            Self::Order { access } => sandbox
                .request("POST", WORKFLOWS)
                .header("authorization", &format!("Bearer {access}"))
                .json(&json!({ "cost": COST })),
        }
    }
}

/// The state that the callers share with the task that fills the disk.
#[derive(Debug)]
struct Traffic {
    refused: Semaphore,
    done: Semaphore,
    /// The disk stays full until the server is killed.
    is_full_for_good: AtomicBool,
}

/// The responses to one user's client.
#[derive(Debug, Default)]
struct Record {
    user: String,
    /// Access tokens, none of them revoked.
    live: Vec<String>,
    /// Codes and refresh tokens that were exchanged.
    used: Vec<Change>,
    orders: u64,
    refusals: usize,
    /// Changes that were refused, and done by a later attempt.
    repeated: usize,
    /// A change that was refused and not sent again.
    left: Option<Change>,
}

struct Caller {
    sandbox: SandboxClient,
    traffic: Arc<Traffic>,
    /// Stops at the first refusal once the disk stays full; others go on until the server is killed.
    stops: bool,
    record: Record,
}

impl Caller {
    async fn run(mut self, cookie: String) -> Record {
        while self.once(&cookie).await.is_some() {}
        self.record
    }

    /// Signs in, refreshes and orders.
    async fn once(&mut self, cookie: &str) -> Option<()> {
        let request = CONF.authorize_params(SCOPE).and("approved", "true");
        let path = || self.sandbox.post(AUTHORIZE, &request).cookie(cookie);
        let mut answer = path().attempt().await?;
        while is_refused(&answer) {
            self.traffic.refused.add_permits(1);
            if self.stops && self.traffic.is_full_for_good.load(Ordering::SeqCst) {
                return None;
            }
            answer = path().attempt().await?;
        }
        let code = answer.code();
        let exchange = Change::Exchange { code };
        let first = Tokens::from_response(&self.repeat(&exchange).await?);
        self.record.used.push(exchange);
        self.record.live.push(first.access.clone());
        let token = first.refresh;
        let refresh = Change::Refresh { token };
        let second = Tokens::from_response(&self.repeat(&refresh).await?);
        self.record.used.push(refresh);
        self.record.live.push(second.access.clone());
        let access = second.access;
        self.repeat(&Change::Order { access }).await?;
        self.record.orders += 1;
        Some(())
    }

    /// Sends a change until it is done. None if the server was killed, or this caller stops at a refusal.
    async fn repeat(&mut self, change: &Change) -> Option<TestResponse> {
        let mut refusals = 0;
        loop {
            let is_last = self.traffic.is_full_for_good.load(Ordering::SeqCst);
            let Some(answer) = change.request(&self.sandbox).attempt().await else {
                // The disk was full from before the request to the end: it cannot be done.
                self.record.left = is_last.then(|| change.clone());
                return None;
            };
            if !is_refused(&answer) {
                assert_eq!(
                    answer.status, 200,
                    "used up after {refusals} refusals: {change:?} {answer}"
                );
                self.traffic.done.add_permits(1);
                self.record.refusals += refusals;
                self.record.repeated += usize::from(refusals > 0);
                return Some(answer);
            }
            refusals += 1;
            self.traffic.refused.add_permits(1);
            if is_last && self.stops {
                self.record.refusals += refusals;
                self.record.left = Some(change.clone());
                return None;
            }
        }
    }
}

/// Whether the request was refused because the disk is full. Asserts the error and `Retry-After`.
fn is_refused(answer: &TestResponse) -> bool {
    if answer.status < 500 {
        return false;
    }
    assert_eq!(answer.status, 503, "{answer}");
    assert_eq!(answer.text("error"), "unwritable", "{answer}");
    assert_eq!(answer.header("retry-after").as_deref(), Some("1"));
    true
}

/// Waits for this number of permits that are added from now on.
async fn wait_for_permits(semaphore: &Semaphore, count: u32) {
    semaphore.forget_permits(Semaphore::MAX_PERMITS);
    let waits = tokio::time::timeout(LONGEST, semaphore.acquire_many(count));
    waits.await.expect("it goes on").expect("open").forget();
}

fn seconds() -> u64 {
    let given = std::env::var("CIVITAI_MOCK_TEST_DISK_SECONDS");
    given.map_or(5, |text| text.parse().expect("a number of seconds"))
}

async fn callers(sandbox: &SandboxClient, traffic: &Arc<Traffic>) -> JoinSet<Record> {
    let mut callers = JoinSet::new();
    for at in 0..CALLERS {
        let user = format!("user{at}");
        let made = json!({ "username": user, "buzz": { "yellow": FUNDS } });
        sandbox.control("POST", "/users", made).await;
        let cookie = sandbox.session(&user).await;
        let caller = Caller {
            sandbox: sandbox.clone(),
            traffic: Arc::clone(traffic),
            stops: at % 2 == 0,
            record: Record {
                user,
                ..Record::default()
            },
        };
        callers.spawn(caller.run(cookie));
    }
    callers
}

/// Checks one user's record against the server that was started after the kill.
async fn check(sandbox: &SandboxClient, record: &Record) {
    let balance = async || {
        let path = format!("/users/{}", record.user);
        let user = sandbox.control("GET", &path, json!({})).await;
        user["buzz"]["yellow"].as_u64().expect("a balance")
    };
    let paid = FUNDS - COST * record.orders;
    assert_eq!(
        balance().await,
        paid,
        "{}: orders are paid once",
        record.user
    );
    // Of a long run, the newest: the disk is slower than the traffic.
    for access in record.live.iter().rev().take(200) {
        assert!(
            sandbox.is_active(access).await,
            "an acknowledged token is lost"
        );
    }
    for change in record.used.iter().rev().take(200) {
        let again = change.request(sandbox).await;
        assert_eq!(again.status, 400, "{change:?} was done twice: {again}");
    }
    if let Some(change) = &record.left {
        let again = change.request(sandbox).await;
        assert_eq!(again.status, 200, "{change:?} is used up: {again}");
        let is_order = matches!(change, Change::Order { .. });
        let cost = if is_order { COST } else { 0 };
        assert_eq!(balance().await, paid - cost, "{change:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_operations_use_nothing_up_and_acknowledged_ones_survive() {
    let length = Duration::from_secs(seconds());
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let (program, sandbox) = Program::on_file(&database, None);
    let traffic = Arc::new(Traffic {
        refused: Semaphore::new(0),
        done: Semaphore::new(0),
        is_full_for_good: AtomicBool::new(false),
    });
    let mut callers = callers(&sandbox, &traffic).await;
    let began = Stopwatch::start();
    let mut rounds: u64 = 0;
    while began.elapsed() < length {
        wait_for_permits(&traffic.done, 20).await;
        let log = std::fs::metadata(database.with_extension("db-wal"));
        let room = match rounds % 4 {
            0 | 2 => 0,
            pages => log.map_or(0, |log| log.len()) + 4120 * pages,
        };
        program.limit_files(&room.to_string());
        tokio::select! {
            () = wait_for_permits(&traffic.refused, 10) => {}
            // SQLite restarts its log from time to time: then there is room in it.
            () = wait_for_permits(&traffic.done, 100) => {}
        }
        program.limit_files("unlimited");
        rounds += 1;
    }
    program.limit_files("0");
    traffic.is_full_for_good.store(true, Ordering::SeqCst);
    let mut records = Vec::new();
    while records.len() < CALLERS / 2 {
        records.extend(callers.join_next().await.map(Result::unwrap));
    }
    // Dropped: killed at once, with the others still asking.
    drop(program);
    records.extend(callers.join_all().await);

    let (_program, sandbox) = Program::on_file(&database, None);
    for record in &records {
        check(&sandbox, record).await;
    }
    let sum = |what: fn(&Record) -> usize| records.iter().map(what).sum::<usize>();
    let orders: u64 = records.iter().map(|record| record.orders).sum();
    let exchanges = sum(|record| record.used.len());
    let repeated = sum(|record| record.repeated);
    eprintln!(
        "{rounds} rounds: {exchanges} exchanges and {orders} orders acknowledged, {} refusals; {repeated} changes done after a refusal, {} after the kill",
        sum(|record| record.refusals),
        sum(|record| usize::from(record.left.is_some())),
    );
    assert!(repeated > 0, "no change was refused and repeated");
}
