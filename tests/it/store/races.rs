//! A thousand concurrent requests with one code, refresh token or device code: exactly one succeeds, in memory and in
//! a file.

use civitai_oauth_mock::{Config, Contract, Database};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{CONF, TOKEN, TempDir, TestRequest, TestServer, Tokens, config};

const MANY: usize = 1000;

/// Sends the same request many times in parallel. Returns the answers of the winners and of the others.
async fn race(ask: impl Fn() -> TestRequest) -> (Vec<Tokens>, Vec<String>) {
    let mut runners = JoinSet::new();
    for _ in 0..MANY {
        let ask = ask();
        runners.spawn(async move { ask.await });
    }
    let (mut winners, mut losers) = (Vec::new(), Vec::new());
    while let Some(answer) = runners.join_next().await {
        let answer = answer.expect("a runner does not panic");
        if answer.status == 200 {
            winners.push(Tokens::from_response(&answer));
        } else {
            losers.push(answer.summary());
        }
    }
    losers.sort();
    losers.dedup();
    (winners, losers)
}

async fn one_redemption_wins(mock: &TestServer) {
    let code = mock.code(&CONF, "1").await;
    let (winners, losers) = race(|| mock.post(TOKEN, &CONF.redeem_params(&code))).await;
    assert_eq!(winners.len(), 1);
    assert_eq!(
        losers,
        ["400 invalid_grant: Invalid grant: authorization code is invalid"]
    );
    assert!(mock.is_active(&winners[0].access).await);
}

async fn one_refresh_wins(mock: &TestServer) {
    let tokens = mock.tokens(&CONF, "1").await;
    let (winners, losers) = race(|| mock.post(TOKEN, &CONF.refresh_params(&tokens.refresh))).await;
    assert_eq!(winners.len(), 1);
    assert_eq!(
        losers,
        ["400 invalid_grant: Invalid grant: refresh token is invalid"]
    );
    let next = mock.token(&CONF.refresh_params(&winners[0].refresh)).await;
    assert_eq!(next.status, 200, "the winner's successor works: {next}");
}

async fn one_claim_wins(mock: &TestServer) {
    mock.register_cli().await;
    let device = mock.device("1").await;
    assert_eq!(mock.approve_device(&device).await.status, 200);
    let (winners, losers) = race(|| mock.poll(&device)).await;
    assert_eq!(winners.len(), 1);
    for refused in losers {
        // Requests after the winner, and requests parallel to it.
        let late = ["already used", "expired"];
        let late = late.map(|how| format!("400 expired_token: Device code {how}"));
        assert!(late.contains(&refused), "{refused}");
    }
    assert!(mock.is_active(&winners[0].access).await);
}

async fn one_of_each_wins(mut config: Config) {
    // The client opens a connection for a request that another connection then serves: more than a thousand are open.
    config.max_connections = 2 * MANY;
    // A connection has two ends in this process.
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("a process may know its limits");
    let wanted = 2 * config.max_connections as u64 + 500;
    assert!(
        files >= wanted,
        "{files} file descriptors are too few: ulimit -Hn {wanted}"
    );
    let mock = TestServer::start(config).await;
    one_redemption_wins(&mock).await;
    one_refresh_wins(&mock).await;
    one_claim_wins(&mock).await;
    mock.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_thousand_concurrent_requests_wins() {
    one_of_each_wins(config(Contract::Documented)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_thousand_concurrent_requests_wins_in_a_file() {
    let folder = TempDir::new();
    let mut config = config(Contract::Documented);
    config.database = Database::File(folder.path("race.db"));
    one_of_each_wins(config).await;
}

/// Creates users in parallel. Returns how many there are then in addition to the seed's.
async fn create_users_in_parallel(input: impl Fn(usize) -> serde_json::Value) -> usize {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("fresh");
    let mut runners = JoinSet::new();
    for number in 0..20 {
        let ask = sandbox.request("POST", "/_mock/users").json(&input(number));
        runners.spawn(async move { ask.await.status });
    }
    let statuses = runners.join_all().await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    sandbox.users().await.len() - 7
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_requests_of_a_sandbox_make_one_sandbox() {
    assert_eq!(
        create_users_in_parallel(|number| json!({ "id": 100 + number })).await,
        20
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrently_created_users_get_distinct_ids() {
    let made =
        create_users_in_parallel(|number| json!({ "username": format!("user-{number}") })).await;
    assert_eq!(made, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_are_both_applied() {
    let mock = TestServer::documented().await;
    for round in 0..30 {
        let (email, name) = (format!("{round}@example.com"), format!("App {round}"));
        let changes = [
            ("/_mock/users/ada", json!({ "email": email })),
            (
                "/_mock/users/ada",
                json!({ "tier": (["gold", "bronze"])[round % 2] }),
            ),
            ("/_mock/clients/conf", json!({ "name": name })),
            ("/_mock/clients/conf", json!({ "description": name })),
        ];
        let mut runners = JoinSet::new();
        for (path, change) in &changes {
            let ask = mock.request("PATCH", path).json(change);
            runners.spawn(async move { ask.await.status });
        }
        assert_eq!(runners.join_all().await, [200; 4]);
        for (path, change) in changes {
            let now = mock.get(path).await.json();
            for (key, value) in change.as_object().expect("keys") {
                assert_eq!(now[key], *value, "{path}");
            }
        }
    }
}
