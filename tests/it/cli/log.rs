//! Request lines in the program's log, and colors in its output.

use std::process::Command;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{App, Fields, Program, SandboxClient, TOKEN, TempDir, USERINFO};

const DEMO: App = App {
    id: "dec0de00-0000-4000-8000-000000000001",
    secret: Some("dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7"),
    redirect_uri: "http://localhost:3000/callback",
};

fn with(arguments: &[&str]) -> Command {
    Program::command(&[&["--listen", "127.0.0.1:0"], arguments].concat())
}

/// A successful sign-in, three rejected requests, and requests that are not of an app.
async fn traffic(program: &Program) {
    let sandbox = SandboxClient::at(program.base());
    let tokens = sandbox.tokens(&DEMO, "1").await;
    assert_eq!(sandbox.userinfo(&tokens.access).await.status, 200);
    let wrong = Fields::new(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
        ("client_id", DEMO.id),
        ("client_secret", "hunter2"),
    ]);
    assert_eq!(sandbox.post(TOKEN, &wrong).await.status, 400);
    let unknown_client = sandbox
        .sandbox("other")
        .get("/api/auth/oauth/authorize?client_id=a%1b%5B31mb&redirect_uri=x");
    let unknown_client = unknown_client.header("x-mock-user", "ada").await;
    assert_eq!(unknown_client.status, 400);
    assert_eq!(sandbox.post("/oauth/token", &wrong).await.status, 404);
    for path in [
        "/",
        "/_mock",
        "/_mock/clock",
        "/api/health",
        "/favicon.ico",
        "/login",
        "/user/account",
    ] {
        sandbox.get(path).await;
    }
}

fn lines(program: Program) -> Vec<String> {
    let printed = program.stop();
    printed.lines().map(str::to_owned).collect()
}

/// The line without its time.
fn shown(line: &str, port: u16) -> String {
    let (_, rest) = line.split_once(' ').unwrap_or_default();
    crate::support::redacted(rest, port)
}

#[tokio::test]
async fn every_rejection_is_logged_with_cause_and_link() {
    let program = Program::serve(&mut with(&["--consent=approve", "--log=warn"]));
    traffic(&program).await;
    let port = program.port();
    let lines: Vec<String> = lines(program)
        .iter()
        .map(|line| shown(line, port))
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    400 invalid_client  POST /api/auth/oauth/token  Demo App: wrong client_secret for Demo App  -> http://mock/_mock/requests/4
    400 invalid_client  GET /_sandbox/other/api/auth/oauth/authorize  a\u{1b}[31mb: client_id: '\u{1b}' in "a\u{1b}[31mb" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id  -> http://mock/_sandbox/other/_mock/requests/1
    404 not_found  POST /oauth/token  Demo App: nothing answers at /oauth/token  -> http://mock/_mock/requests/5
    "#);
}

#[tokio::test]
async fn every_app_request_is_logged_at_info() {
    let program = Program::serve(&mut with(&["--consent=approve", "--log=info"]));
    traffic(&program).await;
    let port = program.port();
    let lines: Vec<String> = lines(program)
        .iter()
        .map(|line| shown(line, port))
        .collect();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| match line.split_once(" ms") {
            Some((before, after)) => format!(
                "{} (time) ms{after}",
                before.rsplit_once(' ').unwrap_or_default().0
            ),
            None => line.clone(),
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    302  POST /api/auth/oauth/authorize  Demo App  ada  (time) ms  #1
    200  POST /api/auth/oauth/token  Demo App  ada  (time) ms  #2
    200  GET /api/auth/oauth/userinfo  Demo App  ada  (time) ms  #3
    400 invalid_client  POST /api/auth/oauth/token  Demo App: wrong client_secret for Demo App  -> http://mock/_mock/requests/4
    400 invalid_client  GET /_sandbox/other/api/auth/oauth/authorize  a\u{1b}[31mb: client_id: '\u{1b}' in "a\u{1b}[31mb" is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id  -> http://mock/_sandbox/other/_mock/requests/1
    404 not_found  POST /oauth/token  Demo App: nothing answers at /oauth/token  -> http://mock/_mock/requests/5
    "#);
}

#[tokio::test]
async fn a_line_of_json_has_the_fields() {
    let program = Program::serve(&mut with(&["--consent=approve", "--log=info,json"]));
    traffic(&program).await;
    let base = program.base();
    let lines: Vec<Value> = lines(program)
        .iter()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let of = |error: &str| {
        let is = |line: &&Value| line["fields"]["error"] == error;
        lines.iter().find(is).expect("it is logged")
    };
    let line = of("invalid_client");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["target"], "civitai_oauth_mock::requests");
    let fields = &line["fields"];
    let id = fields["request"].as_u64().expect("the journal's id");
    for (key, value) in [
        ("status", json!(400)),
        ("method", json!("POST")),
        ("path", json!(TOKEN)),
        ("client", json!("Demo App")),
        ("page", json!(format!("{base}/_mock/requests/{id}"))),
    ] {
        assert_eq!(fields[key], value, "{key}");
    }
    assert!(fields["milliseconds"].is_u64() || fields["milliseconds"].is_i64());
    let userinfo = lines.iter().find(|line| line["fields"]["path"] == USERINFO);
    let userinfo = userinfo.expect("it is logged");
    assert_eq!(
        (&userinfo["level"], &userinfo["fields"]["user"]),
        (&json!("INFO"), &json!("ada"))
    );
}

#[tokio::test]
async fn a_connection_that_a_fault_resets_is_logged() {
    let program = Program::serve(&mut with(&["--log=warn"]));
    let sandbox = SandboxClient::at(program.base());
    let fault = json!({ "endpoint": "token", "effect": { "reset_connection": true } });
    let set = sandbox.request("POST", "/_mock/faults").json(&fault).await;
    assert!(set.status < 300, "{set}");
    let mut line = crate::support::RawConnection::to(program.address()).await;
    line.send(format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: mock\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    let seen = sandbox.get("/_mock/requests?wait=20s&count=1").await.json();
    assert_eq!(seen["requests"].as_array().map(Vec::len), Some(1));
    let printed = program.stop();
    assert!(
        printed.contains(&format!("000  POST {TOKEN}  fault 1 reset the connection")),
        "{printed}"
    );
}

#[tokio::test]
async fn requests_are_logged_to_a_pipe_only_on_request() {
    let program = Program::serve(&mut with(&["--consent=approve"]));
    traffic(&program).await;
    assert_eq!(program.stop(), "");
}

#[tokio::test]
async fn colors_are_for_terminals_or_by_choice() {
    const ESCAPE: char = '\u{1b}';
    // The output at the start, for a rejected request, and for an error.
    let printed = async |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = with(&[&["--log=warn", "--consent=approve"], arguments].concat());
        command.envs(variables.iter().copied());
        let program = Program::serve(&mut command);
        traffic(&program).await;
        let announced = program.announced.join("\n");
        let mut wrong = with(&[arguments, &["--contrat"]].concat());
        let wrong = wrong.envs(variables.iter().copied()).output().unwrap();
        let mut help = Program::command(&[arguments, &["--help"]].concat());
        let help = help.envs(variables.iter().copied()).output().unwrap();
        [
            announced,
            program.stop(),
            String::from_utf8_lossy(&wrong.stderr).into_owned(),
            String::from_utf8_lossy(&help.stdout).into_owned(),
        ]
        .map(|text| text.contains(ESCAPE))
    };
    for (arguments, variables, colored) in [
        (&[][..], &[][..], false),
        (&["--color=always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&[], &[("CIVITAI_MOCK_COLOR", "always")], true),
        (
            &["--color=never"],
            &[("CIVITAI_MOCK_COLOR", "always")],
            false,
        ),
        (&["--color=never"], &[("CLICOLOR_FORCE", "1")], false),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
    ] {
        let found = printed(arguments, variables).await;
        assert_eq!(found, [colored; 4], "{arguments:?} {variables:?}");
    }
    let folder = TempDir::new();
    let file = folder.write("mock.toml", "color = \"always\"\n");
    let program = Program::serve(&mut with(&["--config", file.to_str().unwrap()]));
    assert!(program.announced.join("\n").contains(ESCAPE));
    assert!(
        !program.announced[0].contains(ESCAPE),
        "the first line is for programs"
    );
}

#[test]
fn the_color_may_be_chosen_for_every_command() {
    for arguments in [
        &["scope", "1", "--color=never"][..],
        &["--color=never", "scope", "1"],
    ] {
        let output = Program::output(arguments);
        assert!(output.status.success(), "{output:?}");
    }
}
