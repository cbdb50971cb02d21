//! A database of an earlier version: the keys of its stored JSON are renamed.

use std::path::Path;

use civitai_oauth_mock::{Contract, Database};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::support::{CONF, TempDir, TestServer, config};

/// Renames keys, each `when 'earlier' then 'later'`.
const MIGRATION: &str = include_str!("../../../migrations/0011_plain_json_keys.sql");

/// SQL that takes the migration back.
fn earlier_keys() -> String {
    let pair = |line: &str| {
        let names = line.trim().strip_prefix("when '")?.strip_suffix('\'')?;
        let (earlier, later) = names.split_once("' then '")?;
        let replaced = format!("replace(state, '\"{later}\":', '\"{earlier}\":')");
        Some(format!("update snapshots set state = {replaced};"))
    };
    let mut sql: Vec<String> = MIGRATION.lines().filter_map(pair).collect();
    assert_eq!(sql.len(), 7, "{sql:?}");
    let client = "replace(document, '\"auto_registered\":', '\"adopted\":')";
    sql.push(format!("update clients set document = {client};"));
    sql.push("delete from _sqlx_migrations where version = 11;".to_owned());
    sql.join("\n")
}

async fn in_file(path: &Path) -> TestServer {
    let mut config = config(Contract::Documented);
    config.database = Database::File(path.to_owned());
    TestServer::start(config).await
}

#[tokio::test]
async fn faults_of_snapshots_and_clients_of_an_earlier_file_are_read() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    mock.set(json!({ "unknown_clients": "register" })).await;
    mock.approve(&CONF.authorize_params("1").and("client_id", "unknown-app"))
        .await;
    mock.set(json!({ "unknown_clients": "refuse" })).await;
    for fault in [
        json!({ "endpoint": "token", "skip": 1, "probability": 1, "effect": { "error": "slow", "delay": { "min": 0, "max": "1ms" } } }),
        json!({ "endpoint": "revoke", "effect": { "reset_connection": true } }),
        json!({ "endpoint": "revoke", "times": 2, "effect": { "truncate_body": true, "headers": { "x-a": "1" } } }),
        json!({ "client_id": "conf", "endpoint": "me", "effect": { "malformed_json": true, "body": { "reset": [true, null, 0.5] } } }),
        json!({ "user": "ada", "nth": 3, "effect": { "deny_consent": true } }),
    ] {
        mock.control("POST", "/faults", fault).await;
    }
    mock.token(&CONF.redeem_params("none")).await;
    let faults = mock.control("GET", "/faults", json!({})).await;
    assert_eq!(faults["faults"][0]["matched"], 1);
    let client = mock.control("GET", "/clients/unknown-app", json!({})).await;
    assert_eq!(client["auto_registered"], true);
    mock.control("POST", "/snapshots/before", json!({})).await;
    mock.stop().await;

    let options = SqliteConnectOptions::new().filename(&path);
    let mut file = options.connect().await.expect("a database");
    let written = sqlx::raw_sql(AssertSqlSafe(earlier_keys()))
        .execute(&mut file)
        .await;
    assert!(written.expect("SQL").rows_affected() > 0);
    drop(file);

    let mock = in_file(&path).await;
    let read = |path: &'static str| mock.control("GET", path, json!({}));
    assert_eq!(read("/clients/unknown-app").await, client);
    let restore = mock.control("POST", "/snapshots/before/restore", json!({}));
    assert_eq!(restore.await["error"], Value::Null);
    assert_eq!(read("/faults").await, faults);
}

#[tokio::test]
async fn damaged_snapshot_of_an_earlier_file_does_not_keep_the_server_from_starting() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path).await;
    mock.control("POST", "/snapshots/before", json!({})).await;
    mock.stop().await;

    let options = SqliteConnectOptions::new().filename(&path);
    let mut file = options.connect().await.expect("a database");
    let damage = "update snapshots set state = '{damaged'; \
                  delete from _sqlx_migrations where version = 11;";
    let written = sqlx::raw_sql(damage).execute(&mut file).await;
    assert!(written.expect("SQL").rows_affected() > 0);
    drop(file);

    let mock = in_file(&path).await;
    assert_eq!(mock.get("/api/health").await.status, 200);
}
