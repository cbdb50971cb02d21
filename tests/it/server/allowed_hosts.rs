//! Host names under which the control API and the account pages are served: `--allowed-host`, and the control token.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Program, SandboxClient, TempDir, TestServer, config};

/// Statuses of the guarded paths under a host name.
async fn statuses(mock: &TestServer, host: &str, token: Option<&str>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/_mock"),
        ("GET", "/_mock/clock"),
        ("GET", "/user/account/new-app"),
        ("POST", "/mcp"),
    ] {
        let mut ask = mock
            .request(method, path)
            .header("host", host)
            .header("accept", "application/json, text/event-stream");
        if method == "POST" {
            ask = ask.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }));
        }
        if let Some(token) = token {
            ask = ask.header("authorization", &format!("Bearer {token}"));
        }
        statuses.push(ask.await.status);
    }
    statuses
}

#[tokio::test]
async fn an_allowed_host_is_served_like_localhost() {
    let mut config = config(Contract::Documented);
    config.add_allowed_host("host.docker.internal").unwrap();
    config.add_allowed_host("*.svc.cluster.local").unwrap();
    let mock = TestServer::start(config).await;
    let usual = statuses(&mock, "localhost", None).await;
    assert!(!usual.contains(&403), "{usual:?}");
    for (host, is_served) in [
        ("host.docker.internal:8080", true),
        ("HOST.docker.internal", true),
        ("mock.ci.svc.cluster.local", true),
        ("svc.cluster.local", false),
        ("host.docker.internal.evil.test", false),
        ("evil.test", false),
    ] {
        let statuses = statuses(&mock, host, None).await;
        if is_served {
            assert_eq!(statuses, usual, "{host}");
        } else {
            assert_eq!(statuses, [403; 5], "{host}");
        }
    }
    let page = async |origin: &str| {
        let asked = mock
            .get("/_mock/clock")
            .header("host", "host.docker.internal:8080")
            .header("origin", origin);
        asked.await.status
    };
    assert_eq!(page("http://host.docker.internal:8080").await, 200);
    assert_eq!(page("http://mock.ci.svc.cluster.local").await, 403);
}

#[tokio::test]
async fn a_control_token_suffices_under_any_host() {
    let mut config = config(Contract::Documented);
    config.set_control_token("open-sesame").unwrap();
    let mock = TestServer::start(config).await;
    let usual = statuses(&mock, "localhost", Some("open-sesame")).await;
    for host in ["host.docker.internal", "abc.ngrok-free.app", "evil.test"] {
        assert_eq!(statuses(&mock, host, Some("open-sesame")).await, usual);
        assert_eq!(statuses(&mock, host, Some("wrong")).await, [403; 5]);
        assert_eq!(statuses(&mock, host, None).await, [403; 5]);
    }
}

#[test]
fn invalid_allowed_host_is_rejected_everywhere() {
    let refused = config(Contract::Documented).add_allowed_host("http://mock.example");
    assert_snapshot!(refused.unwrap_err(), @r#"allowed_host: "http://mock.example" is not a host name; write a name without scheme and port, such as mock.example, or *.example"#);
    for (flag, variable) in [
        (Some("--allowed-host=mock.example:8080"), None),
        (None, Some("mock.example, *")),
    ] {
        let named = variable.map_or(
            "'--allowed-host <NAME>': ",
            |_| "'CIVITAI_MOCK_ALLOWED_HOST': ",
        );
        let mut command = Program::command(&["--listen=127.0.0.1:0"]);
        command.args(flag);
        if let Some(variable) = variable {
            command.env("CIVITAI_MOCK_ALLOWED_HOST", variable);
        }
        let run = command.output().expect("the program was built");
        assert!(!run.status.success());
        let output = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(output.contains(named), "{output}");
    }
}

#[tokio::test]
async fn allowed_hosts_come_from_flag_environment_and_file() {
    let folder = TempDir::new();
    let file = folder.write("mock.toml", "allowed_host = \"file.test, *.file.test\"");
    let mut command = Program::command(&[
        "--listen=127.0.0.1:0",
        "--allowed-host=flag.test",
        "--allowed-host=*.wild.test",
        &format!("--config={}", file.display()),
    ]);
    let program = Program::serve(&mut command);
    let sandbox = SandboxClient::at(program.base());
    let mut by_environment = Program::command(&["--listen=127.0.0.1:0"]);
    by_environment.env("CIVITAI_MOCK_ALLOWED_HOST", "one.test, *.two.test");
    let second = Program::serve(&mut by_environment);
    let other = SandboxClient::at(second.base());
    for (sandbox, host, status) in [
        (&sandbox, "flag.test", 200),
        (&sandbox, "a.wild.test", 200),
        (&sandbox, "file.test", 200),
        (&sandbox, "a.file.test", 200),
        (&sandbox, "one.test", 403),
        (&other, "one.test", 200),
        (&other, "x.two.test", 200),
        (&other, "flag.test", 403),
    ] {
        let answer = sandbox.get("/_mock/clock").header("host", host).await;
        assert_eq!(answer.status, status, "{host}");
    }
}
