//! The ledger of accounts, spends and workflows: reset, restore, deletion, restart, and concurrent workflows.

use civitai_oauth_mock::{Contract, Database};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    CONF, Fields, OTHER, SandboxClient, SpendingApp, TempDir, TestServer, WORKFLOWS, config,
};

#[tokio::test]
async fn ledger_follows_restore_and_reset() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 20).await;
    mock.cap(&CONF, json!([{ "type": "absolute", "limit": 10 }]))
        .await;
    mock.control("POST", "/snapshots/rich", json!({})).await;
    assert!(ada.pays(10).await && !ada.pays(10).await);
    mock.control("POST", "/snapshots/rich/restore", json!({}))
        .await;
    assert_eq!(ada.balance().await, [20, 0, 0]);
    assert!(ada.pays(10).await && !ada.pays(10).await);
    mock.control("POST", "/reset", json!({})).await;
    let spends = mock.control("GET", "/spends", json!({})).await;
    assert_eq!(spends, json!({ "spends": [] }));
    let shown = mock.control("GET", "/users/ada", json!({})).await;
    assert_eq!(shown["buzz"]["yellow"], 0);
}

#[tokio::test]
async fn spends_are_deleted_with_their_user_or_client() {
    let mock = TestServer::documented().await;
    let spends = async || mock.control("GET", "/spends", json!({})).await["spends"].clone();
    let ada = SpendingApp::funded(&mock, &CONF, 20).await;
    assert!(ada.pays(10).await);
    mock.control("DELETE", "/clients/conf", json!({})).await;
    assert_eq!(spends().await, json!([]));
    let ada = SpendingApp::for_ada(&mock, &OTHER).await;
    assert!(ada.pays(10).await);
    mock.control("DELETE", "/users/ada", json!({})).await;
    assert_eq!(spends().await, json!([]));
    let again = json!({ "id": 2, "username": "ada", "buzz": { "blue": 3 } });
    mock.control("POST", "/users", again).await;
    assert_eq!(
        SpendingApp::for_ada(&mock, &OTHER).await.balance().await,
        [0, 3, 0]
    );
}

#[tokio::test]
async fn revoked_and_reapproved_app_starts_with_no_spends() {
    let mock = TestServer::documented().await;
    let budget = json!([{ "type": "absolute", "limit": 10 }]);
    mock.cap(&CONF, budget.clone()).await;
    assert!(SpendingApp::funded(&mock, &CONF, 100).await.pays(10).await);
    assert!(SpendingApp::for_ada(&mock, &OTHER).await.pays(10).await);
    let cookie = mock.session("ada").await;
    let revoked = mock
        .post("/user/account/connected/conf/revoke", &Fields::new(&[]))
        .cookie(&cookie)
        .await;
    assert_eq!(revoked.status, 303, "{revoked}");
    mock.cap(&CONF, budget).await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    assert!(ada.pays(10).await && !ada.pays(1).await);
    let spends = mock.control("GET", "/spends", json!({})).await;
    assert_eq!(spends["spends"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn restart_keeps_workflows_and_balances() {
    let folder = TempDir::new();
    let in_file = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(folder.path("ledger.db"));
        TestServer::start(config).await
    };
    let mock = in_file().await;
    let ada = SpendingApp::funded(&mock, &CONF, 20).await;
    mock.cap(&CONF, json!([{ "type": "absolute", "limit": 15 }]))
        .await;
    let one = format!("{WORKFLOWS}/{}", ada.submit(&json!({})).await.text("id"));
    mock.stop().await;
    let mock = in_file().await;
    let ada = SpendingApp::with(&mock, &ada.token);
    assert_eq!(ada.get(&one).await.status, 200);
    assert_eq!(
        ada.balance().await,
        [10, 0, 0],
        "the seed does not give the money back"
    );
    assert!(!ada.pays(6).await && ada.pays(5).await);
    mock.stop().await;
}

/// Many workflows at once: how many were paid.
async fn paid_at_once(mock: &SandboxClient, many: usize, cost: u64) -> usize {
    let token = SpendingApp::for_ada(mock, &CONF).await.token;
    let mut runners = JoinSet::new();
    for _ in 0..many {
        let ada = SpendingApp::with(mock, &token);
        runners.spawn(async move { ada.pays(cost).await });
    }
    runners
        .join_all()
        .await
        .into_iter()
        .filter(|paid| *paid)
        .count()
}

async fn neither_account_nor_cap_is_overspent(mock: &SandboxClient) {
    SpendingApp::funded(mock, &CONF, 10).await;
    assert_eq!(paid_at_once(mock, 2, 10).await, 1, "money for one");
    let ada = SpendingApp::funded(mock, &CONF, 1000).await;
    mock.cap(
        &CONF,
        json!([{ "type": "sliding", "limit": 50, "window": "day", "unit": 1 }]),
    )
    .await;
    assert_eq!(
        paid_at_once(mock, 20, 10).await,
        4,
        "room for four, after the first"
    );
    assert_eq!(ada.balance().await, [960, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_workflows_with_funds_for_one_are_paid_once() {
    let mock = TestServer::documented().await;
    neither_account_nor_cap_is_overspent(&mock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_workflows_with_funds_for_one_are_paid_once_in_a_file() {
    let folder = TempDir::new();
    let mut config = config(Contract::Documented);
    config.database = Database::File(folder.path("race.db"));
    let mock = TestServer::start(config).await;
    neither_account_nor_cap_is_overspent(&mock).await;
    mock.stop().await;
}
