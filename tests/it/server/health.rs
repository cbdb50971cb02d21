//! Liveness and readiness, also on a disk that accepts no more writes and recovers.

use insta::assert_snapshot;

use crate::support::TestServer;
#[cfg(target_os = "linux")]
use crate::support::{Program, SandboxClient, TempDir};

#[tokio::test]
async fn a_server_in_memory_is_live_and_ready() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for path in ["/api/health", "/api/health/live", "/api/health/ready"] {
        let answer = mock.get(path).await;
        table += &format!("{path}: {} {}\n", answer.status, answer.body);
    }
    assert_snapshot!(table, @r#"
    /api/health: 200 {"status":"ok","version":"0.1.0","journals":{"used_bytes":0,"limit_bytes":128000000}}
    /api/health/live: 200 {"status":"ok","version":"0.1.0","journals":{"used_bytes":0,"limit_bytes":128000000}}
    /api/health/ready: 200 {"status":"ok"}
    "#);
    let seen = mock.get("/_mock/requests").await.json();
    assert_eq!(
        seen["requests"],
        serde_json::json!([]),
        "no calls of the app"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn readiness_follows_the_writability_of_the_database() {
    let folder = TempDir::new();
    let database = folder.path("mock.db").display().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--database", &database];
    let program = Program::serve(&mut Program::command(&arguments));
    let sandbox = SandboxClient::at(program.base());
    let address = format!("127.0.0.1:{}", program.port());
    let healthcheck = || Program::output(&["healthcheck", "--listen", &address]);
    assert_eq!(sandbox.get("/api/health/ready").await.status, 200);
    assert_eq!(healthcheck().status.code(), Some(0));

    program.limit_files("0");
    let unready = sandbox.get("/api/health/ready").await.to_string();
    assert_snapshot!(folder.redacted(&unready), @r#"
    503
    content-type: application/json

    {"status":"unavailable","error":"unwritable","message":"the database <folder>/mock.db cannot be written: disk I/O error (SQLite code 778); changes are not acknowledged until it can be written","hint":"free disk space, or make the file of --database writable for the server; restart the server only if the message says so"}
    "#);
    assert_eq!(sandbox.get("/api/health/live").await.status, 200);
    let unwell = healthcheck();
    assert_eq!(unwell.status.code(), Some(1));
    let output = String::from_utf8_lossy(&unwell.stderr);
    assert!(
        output.contains(&format!("http://{address} is not ready: the database "))
            && output.contains("; free disk space, or make the file"),
        "{output}"
    );

    program.limit_files("unlimited");
    assert_eq!(sandbox.get("/api/health/ready").await.status, 200);
    assert_eq!(healthcheck().status.code(), Some(0));
}
