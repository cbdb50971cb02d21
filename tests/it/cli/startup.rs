//! The program: start-up text, sources of options, port file, and shutdown.

use std::fs::File;
use std::net::TcpListener;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{App, Program, RawConnection, SandboxClient, Stopwatch, TempDir};

const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn with(arguments: &[&str]) -> std::process::Command {
    Program::command(&[&ANY_PORT, arguments].concat())
}

async fn settings(program: &Program) -> serde_json::Value {
    SandboxClient::at(program.base())
        .get("/_mock/settings")
        .await
        .json()
}

#[test]
fn startup_text_lists_the_variables_of_an_app() {
    let program = Program::serve(&mut with(&[]));
    assert_snapshot!(program.announcement(), @"
    listening on http://mock

      Console        http://mock/_mock              all requests, and the reasons for errors
      Playground     http://mock/_mock/playground   the OAuth flow, step by step
      MCP            http://mock/mcp

      In your app, replace https://auth.civitai.com with http://mock
      For an app at http://localhost, use 127.0.0.1 here: the two are cross-site, as in production
        discovery    http://mock/.well-known/openid-configuration
        authorize    http://mock/api/auth/oauth/authorize
        token        http://mock/api/auth/oauth/token
        userinfo     http://mock/api/auth/oauth/userinfo
        revoke       http://mock/api/auth/oauth/revoke
        device       http://mock/api/auth/oauth/device
        device-token http://mock/api/auth/oauth/device-token

      Demo App       dec0de00-0000-4000-8000-000000000001   secret dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7   any loopback redirect URI
      Demo SPA       dec0de00-0000-4000-8000-000000000002   no secret   any loopback redirect URI
      Sign in as     ada, grace or linus (no password)

      contract documented · consent page shown · data in memory · Ctrl-C stops
    ");
}

#[tokio::test]
async fn sigterm_shuts_down_gracefully() {
    let program = Program::serve(&mut with(&[]));
    let sandbox = SandboxClient::at(program.base());
    assert_eq!(sandbox.get("/api/health").await.status, 200);
    assert_eq!(program.terminate(), Some(0));
}

#[test]
fn port_file_has_the_port() {
    let folder = TempDir::new();
    let file = folder.path("port");
    let program = Program::serve(&mut with(&["--port-file", file.to_str().unwrap()]));
    let port = std::fs::read_to_string(&file).unwrap();
    assert_eq!(port, format!("{}\n", program.port()));
    assert!(!folder.path("port.tmp").exists());
    // A failed second start does not remove the file of the first.
    let taken = program.address().to_string();
    let second = ["--listen", &taken, "--port-file", file.to_str().unwrap()];
    assert_eq!(Program::output(&second).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), port);
    // It is removed at the end, with nothing beside it.
    assert_eq!(program.terminate(), Some(0));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn stale_port_file_is_removed_first() {
    let folder = TempDir::new();
    let file = folder.write("port", "1\n");
    // The program waits for this seed during the check.
    let arguments = ["--seed", "-", "--port-file", file.to_str().unwrap()];
    let mut command = with(&arguments);
    command.stdin(std::process::Stdio::piped());
    let mut waiting = command.spawn().unwrap();
    let began = Stopwatch::start();
    while file.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is still there"
        );
        std::thread::yield_now();
    }
    drop(waiting.stdin.take());
    let began = Stopwatch::start();
    while !file.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is not written"
        );
        std::thread::yield_now();
    }
    assert_ne!(std::fs::read_to_string(&file).unwrap(), "1\n");
    waiting.kill().unwrap();
    waiting.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn port_file_of_another_server_is_not_removed() {
    let folder = TempDir::new();
    let file = folder.path("port");
    let program = Program::serve(&mut with(&["--port-file", file.to_str().unwrap()]));
    std::fs::write(&file, "1\n").unwrap();
    assert_eq!(program.terminate(), Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n");
}

#[test]
fn last_line_lists_every_setting_that_is_not_the_default() {
    let folder = TempDir::new();
    let database = folder.path("m.db");
    let mut command = with(&[
        "--contract=live",
        "--difference=scope-shape=documented",
        "--consent=approve",
        "--database",
        database.to_str().unwrap(),
        "--rate-limits",
        "--access-token-seconds=60",
        "--refresh-token-seconds=2592000",
        "--control-token=hunter2",
        "--max-headers=50",
    ]);
    command.env("CIVITAI_MOCK_LOGIN", "ada");
    let program = Program::serve(&mut command);
    let announced = program.announced.join("\n");
    let last = announced.lines().last().unwrap_or_default();
    assert_snapshot!(folder.redacted(last), @"  contract live · scope-shape documented · consent approved without a page · signed in as ada · data in <folder>/m.db · rate-limits on · access-token-seconds 60 · control-token required · max-headers 50 · Ctrl-C stops");
    assert!(!announced.contains("hunter2"), "{announced}");
}

#[test]
fn a_seed_without_users_is_reported() {
    let folder = TempDir::new();
    let seed = folder.write("seed.toml", "[[clients]]\nid = \"a\"\nname = \"A\"\n");
    let program = Program::serve(&mut with(&["--seed", seed.to_str().unwrap()]));
    let announced = program.announced.join("\n");
    assert!(announced.contains("(the seed has no users)"), "{announced}");
    let printed = program.stop();
    assert!(
        printed.contains("the seed has no users, so no user can sign in"),
        "{printed}"
    );
}

#[cfg(unix)]
#[test]
fn few_file_descriptors_are_reported_with_the_fix() {
    let script = "ulimit -n 64; exec \"$0\" \"$@\"";
    let program = Program::serve(&mut Program::command_of_script(script, &ANY_PORT));
    // Half of the descriptors are for connections: sixteen at once are answered.
    let connections: Vec<_> = (0..16)
        .map(|_| std::net::TcpStream::connect(program.address()).unwrap())
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = runtime.block_on(async {
        SandboxClient::at(program.base())
            .get("/api/health")
            .await
            .status
    });
    assert_eq!(health, 200);
    drop(connections);
    let printed = program.stop();
    assert!(printed.contains("the system allows 64 open files, enough for 32 connections instead of 1000; raise the limit with `ulimit -n 1128`"), "{printed}");
}

#[tokio::test]
async fn flags_override_variables_and_variables_override_the_file() {
    let folder = TempDir::new();
    let file = folder.write(
        "mock.toml",
        "contract = \"live\"\nconsent = \"deny\"\naccess_token_seconds = 11\ndifference = [\"scope-shape=documented\"]\n",
    );
    let mut command = with(&[
        "--config",
        file.to_str().unwrap(),
        "--access-token-seconds",
        "33",
    ]);
    command
        .env("CIVITAI_MOCK_CONSENT", "approve")
        .env("CIVITAI_MOCK_ACCESS_TOKEN_SECONDS", "22");
    let program = Program::serve(&mut command);
    assert_snapshot!(settings(&program).await, @r#"{"contract":"live","differences":{"scope-shape":"documented"},"rate_limits":false,"login":null,"consent":"approve","access_token_seconds":33,"refresh_token_seconds":2592000,"code_seconds":null,"unknown_clients":"refuse","workflow_cost":10,"workflow_seconds":0,"reason_headers":true}"#);
}

#[tokio::test]
async fn every_flag_has_its_effect() {
    let flags = [
        "serve",
        "--listen=127.0.0.1:0",
        "--contract=live",
        "--difference=scope-shape=documented,code-lifetime=documented",
        "--difference=redirect-status=documented",
        "--login=ada",
        "--consent=approve",
        "--rate-limits",
        "--refresh-token-seconds=60",
        "--code-seconds=5",
        "--unknown-clients=register",
        "--workflow-cost=7",
        "--workflow-seconds=2m",
    ];
    let program = Program::serve(&mut Program::command(&flags));
    assert_snapshot!(settings(&program).await, @r#"{"contract":"live","differences":{"scope-shape":"documented","code-lifetime":"documented","redirect-status":"documented"},"rate_limits":true,"login":"ada","consent":"approve","access_token_seconds":3600,"refresh_token_seconds":60,"code_seconds":5,"unknown_clients":"register","workflow_cost":7,"workflow_seconds":120,"reason_headers":true}"#);
}

#[tokio::test]
async fn an_apps_own_variables_register_it() {
    let mut command = with(&["--login", "ada", "--consent", "approve"]);
    command
        .env("CIVITAI_CLIENT_ID", "my-app")
        .env("CIVITAI_CLIENT_SECRET", "my-secret")
        .env("CIVITAI_REDIRECT_URI", "https://my.example/cb");
    let program = Program::serve(&mut command);
    let line = program
        .announced
        .iter()
        .find(|line| line.contains("Your app"));
    assert_snapshot!(line.unwrap(), @"  Your app       my-app   secret from CIVITAI_CLIENT_SECRET   redirect URI https://my.example/cb");
    let sandbox = SandboxClient::at(program.base());
    assert_snapshot!(sandbox.get("/_mock/clients/my-app").await.body, @r#"{"id":"my-app","name":"Your app","description":"Registered from CIVITAI_CLIENT_ID","logo_url":null,"confidential":true,"redirect_uris":["https://my.example/cb"],"any_loopback_redirect":false,"allowed_origins":["https://my.example"],"grants":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code","client_credentials"],"allowed_scopes":33554431,"verified":false,"access_mode":"open","may_introspect":false,"owner":1}"#);
    let mine = App {
        id: "my-app",
        secret: Some("my-secret"),
        redirect_uri: "https://my.example/cb",
    };
    let tokens = sandbox.tokens(&mine, "1").await;
    assert!(sandbox.is_active(&tokens.access).await);
}

#[tokio::test]
async fn seed_file_replaces_the_demo_data() {
    let folder = TempDir::new();
    let seed = folder.write("seed.toml", "[[users]]\nid = 5\nusername = \"solo\"\n");
    let program = Program::serve(&mut with(&["--seed", seed.to_str().unwrap()]));
    let sandbox = SandboxClient::at(program.base());
    assert!(sandbox.clients().await.is_empty());
    assert_eq!(sandbox.get("/_mock/users/5").await.text("username"), "solo");
}

#[tokio::test]
async fn acknowledged_data_survives_a_kill() {
    let folder = TempDir::new();
    let database = folder.path("mock.db");
    let arguments = ["--database", database.to_str().unwrap()];
    let program = Program::serve(&mut with(&arguments));
    let sandbox = SandboxClient::at(program.base());
    let demo = App {
        id: "dec0de00-0000-4000-8000-000000000002",
        secret: None,
        redirect_uri: "http://localhost:3000/callback",
    };
    let tokens = sandbox.tokens(&demo, "1").await;
    drop(program);
    let program = Program::serve(&mut with(&arguments));
    let sandbox = SandboxClient::at(program.base());
    assert!(sandbox.is_active(&tokens.access).await);
    assert_eq!(
        sandbox
            .token(&demo.refresh_params(&tokens.refresh))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn log_has_no_secret() {
    let folder = TempDir::new();
    let log = folder.path("log");
    let mut command = with(&["--log", "trace,json", "--rate-limits"]);
    command.stderr(File::create(&log).unwrap());
    let program = Program::serve(&mut command);
    let sandbox = SandboxClient::at(program.base());
    let demo = App {
        id: "dec0de00-0000-4000-8000-000000000001",
        secret: Some("dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7"),
        redirect_uri: "http://localhost:3000/callback",
    };
    let cookie = sandbox.session("ada").await;
    let (code, tokens) = (
        sandbox.code(&demo, "1").await,
        sandbox.tokens(&demo, "1").await,
    );
    sandbox.control("POST", "/reset", json!({})).await;
    drop(program);
    let printed = std::fs::read_to_string(&log).unwrap();
    let session = cookie.strip_prefix("civ-token=").unwrap();
    for secret in [
        session,
        &code,
        &tokens.access,
        &tokens.refresh,
        demo.secret.unwrap(),
    ] {
        assert!(!printed.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn healthcheck_reports_by_exit_status_and_a_line() {
    let program = Program::serve(&mut with(&[]));
    let address = format!("127.0.0.1:{}", program.port());
    let ready = Program::output(&["healthcheck", "--listen", &address]);
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
    let printed = String::from_utf8_lossy(&ready.stdout).into_owned();
    assert_eq!(printed, format!("http://{address} is ready\n"));
    let json = Program::output(&["healthcheck", "--listen", &address, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json, json!({ "status": "ok" }));
    let mut everywhere = Program::command(&["healthcheck"]);
    everywhere.env("CIVITAI_MOCK_LISTEN", format!("0.0.0.0:{}", program.port()));
    assert_eq!(everywhere.output().unwrap().status.code(), Some(0));
    assert_eq!(program.terminate(), Some(0));

    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = Program::output(&["healthcheck", "--listen", &free.to_string()]);
    assert_eq!(gone.status.code(), Some(1));
    let printed = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(
        printed.contains(&format!("cannot reach http://{free}")),
        "{printed}"
    );
}

#[tokio::test]
async fn second_signal_stops_without_waiting_for_requests() {
    let program = Program::serve(&mut with(&[]));
    let mut line = RawConnection::to(program.address()).await;
    line.send(
        "POST /api/auth/oauth/token HTTP/1.1\r\nHost: mock\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    )
    .await;
    // A request that gets `100 Continue` is in progress.
    line.read_until("100 Continue").await;
    let began = Stopwatch::start();
    program.ask_to_stop();
    // After the signal, new connections are refused.
    while tokio::net::TcpStream::connect(program.address())
        .await
        .is_ok()
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it goes on");
    }
    let code = program.terminate();
    // On a busy machine, requests in progress may have reached their time limit.
    assert!(
        code == Some(1) || began.elapsed() > Duration::from_secs(1),
        "{code:?}"
    );
}
