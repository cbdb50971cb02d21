//! Every flow of the program at the most verbose log level: no secret appears in the log, a page, the journal or a
//! file.

use std::fs::File;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper_util::rt::{TokioExecutor, TokioIo};
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::json;

use super::mcp_tools;
use crate::support::{
    App, CONSENT_PAGE, DEVICE_APPROVE, Device, Fields, ME, Program, REVOKE, SandboxClient,
    SecretTracker, TOKEN, TempDir, Tokens, USERINFO, VERIFIER,
};

const CONTROL_TOKEN: &str = "open-sesame-of-the-control-api";

const APP: App = App {
    id: "app-of-the-env-file",
    secret: Some("secret-of-the-env-file"),
    redirect_uri: "https://app.example/callback",
};

/// Sign-in, consent, code, tokens, and every failed exchange.
async fn sign_in(tracker: &mut SecretTracker) -> Tokens {
    let picks = Fields::new(&[("user", "1"), ("returnUrl", "/")]);
    let by_page = tracker.sandbox.post("/login", &picks).await.cookie();
    tracker.track("session", by_page.split_once('=').expect("a value").1);
    let cookie = tracker.session("ada").await;
    let asked = APP.authorize_params("1").encoded();
    tracker
        .visit(&format!("{CONSENT_PAGE}?{asked}"), &cookie)
        .await;

    let wasted = tracker.code(&APP, &cookie).await;
    let wrong = APP
        .redeem_params(&wasted)
        .with("code_verifier", &VERIFIER.replace('d', "e"));
    tracker.record_error(TOKEN, &wrong).await;
    tracker
        .record_error(TOKEN, &APP.redeem_params(&wasted))
        .await;
    let code = tracker.code(&APP, &cookie).await;
    tracker
        .record_error(
            TOKEN,
            &APP.redeem_params(&code)
                .with("client_secret", "secret-of-another-app"),
        )
        .await;

    let code = tracker.code(&APP, &cookie).await;
    let answer = tracker.sandbox.token(&APP.redeem_params(&code)).await;
    let first = tracker.tokens(&answer);
    let answer = tracker
        .sandbox
        .token(&APP.refresh_params(&first.refresh))
        .await;
    let second = tracker.tokens(&answer);
    tracker
        .record_error(TOKEN, &APP.refresh_params(&first.refresh))
        .await;
    let itself = tracker.sandbox.token(&APP.client_credentials()).await;
    tracker.track("access token", itself.text("access_token"));
    let secret = APP.secret.expect("it has one");
    let basic = Fields::new(&[("grant_type", "client_credentials")]);
    let answer = tracker
        .sandbox
        .post(TOKEN, &basic)
        .basic(APP.id, secret)
        .await;
    tracker.track("access token", answer.text("access_token"));
    tracker.track(
        "basic credentials",
        STANDARD.encode(format!("{}:{secret}", APP.id)),
    );
    second
}

/// Calls with an access token: in the header, in the query, and by HTTP/2.
async fn calls(tracker: &mut SecretTracker, tokens: &Tokens) {
    let user = tracker.sandbox.userinfo(&tokens.access).await;
    tracker.record(USERINFO, &user);
    let me = tracker
        .sandbox
        .get(&format!("{ME}?token={}", tokens.access))
        .header("authorization", &format!("Bearer {}", tokens.access))
        .await;
    assert_eq!(me.status, 200, "{me}");
    tracker.record(ME, &me);
    let address = tracker
        .sandbox
        .base
        .strip_prefix("http://")
        .expect("plain HTTP");
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("the server supports HTTP/2");
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(format!("{}{USERINFO}", tracker.sandbox.base))
        .header(AUTHORIZATION, format!("Bearer {}", tokens.access))
        .header("cookie", format!("civ-token={}", tokens.refresh))
        .body(String::new())
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    connection.abort();

    let hostile = APP.revoke_params(&tokens.access);
    let hostile = hostile.with("client_secret", "secret-of-another-app");
    let refused = tracker.sandbox.revoke(&hostile).await;
    tracker.record("a revocation by a wrong secret", &refused);
    let revoked = tracker
        .sandbox
        .revoke(&APP.revoke_params(&tokens.refresh))
        .await;
    tracker.record(REVOKE, &revoked);
    let dead = tracker.sandbox.userinfo(&tokens.access).await;
    tracker.record("userinfo of a dead token", &dead);
}

async fn devices(tracker: &mut SecretTracker) {
    tracker.sandbox.register_cli().await;
    let device = Device::from_response(&tracker.sandbox.ask_device("cli", "1").await);
    tracker.track("device code", &device.device_code);
    tracker.track("user code", &device.user_code);
    let waits = tracker.sandbox.poll(&device).await;
    tracker.record("a device that waits", &waits);
    let cookie = tracker.session("ada").await;
    let decision = json!({ "user_code": device.user_code });
    let approved = tracker
        .sandbox
        .request("POST", DEVICE_APPROVE)
        .json(&decision)
        .cookie(&cookie)
        .await;
    tracker.record(DEVICE_APPROVE, &approved);
    let answer = tracker.sandbox.poll(&device).await;
    tracker.tokens(&answer);
    let again = tracker.sandbox.poll(&device).await;
    tracker.record("a device that is claimed", &again);
}

/// Control calls that issue secrets, and those that list data.
async fn control(tracker: &mut SecretTracker) {
    let asked = json!({ "client_id": APP.id, "user": "ada" });
    let code = tracker
        .sandbox
        .control("POST", "/codes", asked.clone())
        .await;
    for (what, key) in [("code", "code"), ("verifier", "code_verifier")] {
        tracker.track(what, code[key].as_str().expect("a text"));
    }
    let issued = tracker
        .sandbox
        .request("POST", "/_mock/tokens")
        .json(&asked)
        .await;
    let tokens = tracker.tokens(&issued);
    let named = json!({ "token": tokens.access });
    for path in ["/_mock/tokens/introspect", "/_mock/tokens/expire"] {
        let answer = tracker.sandbox.request("POST", path).json(&named).await;
        tracker.record(path, &answer);
    }
    for body in [
        json!({ "token": [tokens.access] }),
        json!({ "tokem": tokens.access }),
        json!(tokens.access),
    ] {
        let answer = tracker
            .sandbox
            .request("POST", "/_mock/tokens/introspect")
            .json(&body)
            .await;
        assert_eq!(answer.status, 400, "{answer}");
        tracker.record("a call that is wrong", &answer);
    }
    let client = json!({ "id": "cli2", "name": "C", "secret": "secret-of-a-control-call" });
    tracker.sandbox.control("POST", "/clients", client).await;
    tracker.track("client secret", "secret-of-a-control-call");
    let path = "/clients/cli2/rotate-secret";
    let rotated = tracker.sandbox.control("POST", path, json!({})).await;
    tracker.track(
        "client secret",
        rotated["client_secret"].as_str().expect("a text"),
    );
    let seed =
        json!({ "clients": [{ "id": "cli3", "name": "C", "secret": "secret-of-a-sandbox" }] });
    let own = json!({ "name": "own", "seed": seed });
    tracker.sandbox.control("POST", "/sandboxes", own).await;
    tracker.track("client secret", "secret-of-a-sandbox");
    tracker
        .sandbox
        .control("POST", "/snapshots/s", json!({}))
        .await;
    tracker
        .sandbox
        .control("POST", "/snapshots/s/restore", json!({}))
        .await;
}

/// The pages that issue secrets: a new app, a playground run, and the unlock page of the control token.
async fn pages(tracker: &mut SecretTracker) {
    let cookie = tracker.session("ada").await;
    let form = Fields::new(&[
        ("name", "My App"),
        ("description", "x"),
        ("confidential", "on"),
        ("redirect_uris", "https://a.example/cb"),
        ("scope_preset", "AI Services"),
    ]);
    let made = tracker
        .sandbox
        .post("/user/account/new-app", &form)
        .cookie(&cookie)
        .await;
    let both = format!("{cookie}; {}", made.cookie());
    let shown = tracker
        .sandbox
        .get(made.location().path())
        .cookie(&both)
        .await;
    let secret = shown.page().texts("#client-secret").concat();
    tracker.track("client secret", secret);
    let begins = Fields::new(&[
        ("client_id", APP.id),
        ("grant", "itself"),
        ("preset", "AI Services"),
        ("secret", APP.secret.unwrap_or_default()),
    ]);
    let run = tracker
        .sandbox
        .post("/_mock/playground", &begins)
        .await
        .cookie();
    tracker.track(
        "run of the playground",
        run.split_once('=').expect("a value").1,
    );
    let act = Fields::new(&[("act", "start")]);
    tracker
        .sandbox
        .post("/_mock/playground/act", &act)
        .cookie(&run)
        .await;
    let wrong = tracker
        .sandbox
        .post(
            "/_mock/unlock",
            &Fields::new(&[("token", "open-says-me-wrong")]),
        )
        .await;
    tracker.record("a wrong control token", &wrong);
    let opens = Fields::new(&[("token", CONTROL_TOKEN)]);
    let key = tracker.sandbox.post("/_mock/unlock", &opens).await.cookie();
    tracker.track("control cookie", key.split_once('=').expect("a value").1);
}

/// Every view of what has happened.
async fn aftermath(tracker: &mut SecretTracker) {
    let cookie = tracker.session("ada").await;
    for path in [
        "/",
        "/login",
        "/user/account",
        "/user/account/new-app",
        "/_mock",
        "/_mock/consent",
        "/_mock/openapi.json",
        "/_mock/advice",
        "/_mock/advice?format=sarif",
        "/_mock/findings",
        "/_mock/requests",
        "/_mock/tokens",
        "/_mock/codes",
        "/_mock/sessions",
        "/_mock/clients",
        "/_mock/users",
        "/_mock/consents",
        "/_mock/spends",
        "/_mock/faults",
        "/_mock/sandboxes",
        "/_mock/snapshots",
        "/_mock/settings",
        "/_mock/contract",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/api/health",
    ] {
        tracker.visit(path, &cookie).await;
    }
    let never = json!([{ "endpoint": "token", "times": 0 }]);
    let request = tracker.sandbox.request("POST", "/_mock/verify");
    let differs = request.json(&never).await;
    assert_eq!(differs.status, 409);
    tracker.record("verify", &differs);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

#[tokio::test]
async fn no_flow_reveals_a_secret() {
    let folder = TempDir::new();
    let (log, database) = (folder.path("log"), folder.path("mock.db"));
    let key = SecretKey::from_slice(&[7; 32]).expect("a number below the order of the curve");
    let pem = key.to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let key_file = folder.write("key.pem", &pem);
    let (key_file, file) = (
        key_file.display().to_string(),
        database.display().to_string(),
    );
    let mut command = Program::command(&[
        "--listen=127.0.0.1:0",
        "--log=trace,json",
        "--control-token",
        CONTROL_TOKEN,
        "--database",
        &file,
        "--signing-key",
        &key_file,
    ]);
    command
        .env("CIVITAI_CLIENT_ID", APP.id)
        .env("CIVITAI_CLIENT_SECRET", APP.secret.unwrap_or_default())
        .env("CIVITAI_REDIRECT_URI", APP.redirect_uri)
        .stderr(File::create(&log).expect("the folder can be written to"));
    let program = Program::serve(&mut command);
    let bearer = format!("Bearer {CONTROL_TOKEN}").parse().expect("a header");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    let mut tracker = SecretTracker::new(SandboxClient::with_headers(program.base(), headers));
    tracker.track("control token", CONTROL_TOKEN);
    tracker.track("client secret", APP.secret.unwrap_or_default());
    tracker.track("verifier", VERIFIER);
    tracker.track("signing key", pem.lines().nth(1).expect("PEM has a body"));

    let tokens = sign_in(&mut tracker).await;
    calls(&mut tracker, &tokens).await;
    devices(&mut tracker).await;
    control(&mut tracker).await;
    pages(&mut tracker).await;
    mcp_tools::call_tools(&mut tracker, &APP).await;
    aftermath(&mut tracker).await;

    let whole = tracker.sandbox.get("/_mock/requests?unredacted=true").await;
    assert!(
        tracker.found(whole.body.as_bytes()).len() > 20,
        "unredacted=true shows the secrets"
    );
    // After the stop, the data is in the database.
    let write_ahead = folder.path("write-ahead");
    std::fs::copy(database.with_extension("db-wal"), &write_ahead).expect("there is one");
    assert_eq!(program.terminate(), Some(0));
    let mut leaks = tracker.leaks();
    let files = [
        ("the log", log),
        ("the database", database.clone()),
        ("its write-ahead log", write_ahead),
    ];
    for (what, file) in files {
        assert!(read(&file).len() > 4096, "{what} is empty");
        leaks.extend(
            tracker
                .found(&read(&file))
                .iter()
                .map(|leak| format!("{what}: {leak}")),
        );
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
