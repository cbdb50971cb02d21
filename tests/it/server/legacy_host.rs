//! The legacy host: what Civitai's old address still answers under either contract, and its redirects.

use civitai_oauth_mock::{Config, Contract, Difference};
use insta::assert_snapshot;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::json;

use crate::support::{
    CLI, CONF, CONFIGURATION, DEVICE, Fields, JWKS, REVOKE, SandboxClient, TOKEN, TestResponse,
    TestServer, USERINFO, config,
};

/// A server with a listener for the old host, and that listener as its callers see it.
struct Hosts {
    main: TestServer,
    old: SandboxClient,
}

async fn hosts(mut config: Config) -> Hosts {
    config.legacy_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let main = TestServer::start(config).await;
    let address = main.server().legacy_address().expect("it listens");
    let old = SandboxClient::at(format!("http://{address}"));
    Hosts { main, old }
}

async fn documented() -> Hosts {
    hosts(config(Contract::Documented)).await
}

async fn live() -> Hosts {
    hosts(config(Contract::Live)).await
}

impl Hosts {
    /// Gist of an answer of the old host, with both addresses replaced.
    fn summary(&self, answer: &TestResponse) -> String {
        let port = |sandbox: &SandboxClient| {
            sandbox
                .base
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let summary = answer.summary().replace(&self.main.base, "<main>");
        summary.replace(&port(&self.main), "<main port>")
    }
}

const PATHS: [(&str, &str); 15] = [
    (
        "GET",
        "/api/auth/oauth/authorize?client_id=conf&state=a%20b",
    ),
    ("POST", "/api/auth/oauth/authorize"),
    ("GET", "/api/oauth/authorize"),
    ("GET", "/v1/oauth/authorize"),
    ("POST", TOKEN),
    ("POST", REVOKE),
    ("GET", USERINFO),
    ("OPTIONS", TOKEN),
    ("POST", DEVICE),
    ("GET", "/login?returnUrl=%2F"),
    ("GET", CONFIGURATION),
    ("GET", "/_sandbox/x/api/auth/oauth/authorize?client_id=conf"),
    ("GET", "/_sandbox/x/api/auth/oauth/userinfo"),
    ("GET", "/api/health"),
    ("GET", "/api/health/ready"),
];

async fn table(hosts: &Hosts) -> String {
    let mut table = String::new();
    for (method, path) in PATHS {
        let answer = hosts.old.request(method, path).await;
        let mut summary = hosts.summary(&answer);
        if path == CONFIGURATION && answer.status == 200 {
            summary = format!("200, issuer {}", answer.text("issuer"));
        }
        if path == "/api/health" {
            let used = answer.json()["journals"]["used_bytes"].to_string();
            summary = summary.replace(&format!(":{used},"), ":<used>,");
        }
        let summary = summary
            .replace(&hosts.main.base, "<main>")
            .replace(&hosts.old.base, "<old>")
            .replace(env!("CARGO_PKG_VERSION"), "<version>");
        table += &format!("{method} {path}: {}\n", summary.trim_end());
    }
    table
}

#[tokio::test]
async fn documented_contract_redirects_every_oauth_path_permanently() {
    let hosts = documented().await;
    assert_snapshot!(table(&hosts).await, @r#"
    GET /api/auth/oauth/authorize?client_id=conf&state=a%20b: 308 to <main>/api/auth/oauth/authorize?client_id=conf&state=a%20b
    POST /api/auth/oauth/authorize: 308 to <main>/api/auth/oauth/authorize
    GET /api/oauth/authorize: 308 to <main>/api/oauth/authorize
    GET /v1/oauth/authorize: 308 to <main>/v1/oauth/authorize
    POST /api/auth/oauth/token: 308 to <main>/api/auth/oauth/token
    POST /api/auth/oauth/revoke: 308 to <main>/api/auth/oauth/revoke
    GET /api/auth/oauth/userinfo: 308 to <main>/api/auth/oauth/userinfo
    OPTIONS /api/auth/oauth/token: 308 to <main>/api/auth/oauth/token
    POST /api/auth/oauth/device: 308 to <main>/api/auth/oauth/device
    GET /login?returnUrl=%2F: 308 to <main>/login?returnUrl=%2F
    GET /.well-known/openid-configuration: 308 to <main>/.well-known/openid-configuration
    GET /_sandbox/x/api/auth/oauth/authorize?client_id=conf: 308 to <main>/_sandbox/x/api/auth/oauth/authorize?client_id=conf
    GET /_sandbox/x/api/auth/oauth/userinfo: 308 to <main>/_sandbox/x/api/auth/oauth/userinfo
    GET /api/health: 200 {"status":"ok","version":"<version>","journals":{"used_bytes":<used>,"limit_bytes":128000000}}
    GET /api/health/ready: 200 {"status":"ok"}
    "#);
}

#[tokio::test]
async fn live_contract_redirects_authorize_only() {
    let hosts = live().await;
    assert_snapshot!(table(&hosts).await, @r#"
    GET /api/auth/oauth/authorize?client_id=conf&state=a%20b: 308 to <main>/api/auth/oauth/authorize?client_id=conf&state=a%20b
    POST /api/auth/oauth/authorize: 308 to <main>/api/auth/oauth/authorize
    GET /api/oauth/authorize: 308 to <main>/api/oauth/authorize
    GET /v1/oauth/authorize: 308 to <main>/v1/oauth/authorize
    POST /api/auth/oauth/token: 400 invalid_client: Invalid client: cannot retrieve client credentials
    POST /api/auth/oauth/revoke: 400 invalid_request: Missing token parameter
    GET /api/auth/oauth/userinfo: 401 invalid_token: Missing bearer token
    OPTIONS /api/auth/oauth/token: 204
    POST /api/auth/oauth/device: 400 invalid_request: Missing client_id
    GET /login?returnUrl=%2F: 200 page "Sign in · Civitai OAuth mock"
    GET /.well-known/openid-configuration: 200, issuer <main>
    GET /_sandbox/x/api/auth/oauth/authorize?client_id=conf: 308 to <main>/_sandbox/x/api/auth/oauth/authorize?client_id=conf
    GET /_sandbox/x/api/auth/oauth/userinfo: 401 invalid_token: Missing bearer token
    GET /api/health: 200 {"status":"ok","version":"<version>","journals":{"used_bytes":<used>,"limit_bytes":128000000}}
    GET /api/health/ready: 200 {"status":"ok"}
    "#);
}

#[tokio::test]
async fn the_difference_can_be_set_apart_from_the_contract() {
    let hosts = documented().await;
    hosts
        .main
        .set_difference(Difference::LegacyHost, Contract::Live)
        .await;
    assert_eq!(hosts.old.get(USERINFO).await.status, 401);
    let sandbox = hosts.old.sandbox("x");
    assert_eq!(
        sandbox.get(USERINFO).await.status,
        308,
        "each sandbox has its own"
    );
}

#[tokio::test]
async fn a_client_that_follows_keeps_method_and_body() {
    let hosts = documented().await;
    let code = hosts.main.code(&CONF, "1").await;
    let client = Client::builder().redirect(Policy::limited(3)).build();
    let client = client.expect("a client without TLS can be built");
    let answer = client
        .post(format!("{}{TOKEN}", hosts.old.base))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(CONF.redeem_params(&code).encoded())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.url().as_str(), format!("{}{TOKEN}", hosts.main.base));
    assert_eq!(answer.status(), 200);
}

/// The documentation warns of it: an HTTP client drops `Authorization` when a redirect leads to another origin.
#[tokio::test]
async fn dropped_authorization_header_is_reported_as_missing_token() {
    let hosts = documented().await;
    let access = hosts.main.tokens(&CONF, "1").await.access;
    let client = Client::builder().redirect(Policy::limited(3)).build();
    let client = client.expect("a client without TLS can be built");
    let dropped = client
        .get(format!("{}{USERINFO}", hosts.old.base))
        .bearer_auth(&access)
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        dropped.url().as_str(),
        format!("{}{USERINFO}", hosts.main.base)
    );
    assert_eq!(dropped.status(), 401);
    assert_snapshot!(dropped.text().await.expect("a body"), @r#"{"error":"invalid_token","error_description":"Missing bearer token"}"#);
}

#[tokio::test]
async fn repeated_authorization_header_is_accepted() {
    let hosts = documented().await;
    let access = hosts.main.tokens(&CONF, "1").await.access;
    let moved = hosts.old.userinfo(&access).await;
    assert_eq!(moved.status, 308);
    let there = moved.location();
    let path = &there.as_str()[hosts.main.base.len()..];
    let bearer = format!("Bearer {access}");
    let again = hosts.main.get(path).header("authorization", &bearer).await;
    assert_eq!((again.status, &*again.text("username")), (200, "ada"));
}

#[tokio::test]
async fn live_the_old_host_takes_tokens_and_names_the_new_one_as_issuer() {
    let hosts = live().await;
    let asked = CONF.authorize_params("1").and("nonce", "n-1");
    let code = hosts.main.approve(&asked).await.code();
    let answer = hosts.old.token(&CONF.redeem_params(&code)).await;
    assert_eq!(
        hosts
            .old
            .userinfo(&answer.text("access_token"))
            .await
            .status,
        200
    );
    let claims = hosts.main.verified(&answer.text("id_token"), CONF.id).await;
    assert_eq!(claims.expect("valid")["iss"], hosts.main.base);
    assert_eq!(
        hosts.old.get(JWKS).await.json(),
        hosts.main.get(JWKS).await.json()
    );

    hosts.main.register_cli().await;
    let fields = Fields::new(&[("client_id", CLI)]);
    let started = hosts.old.post(DEVICE, &fields).await;
    let page = started.text("verification_uri");
    assert_eq!(page, format!("{}/login/oauth/device", hosts.main.base));
}

#[tokio::test]
async fn other_pages_of_the_legacy_host_are_served() {
    let hosts = documented().await;
    assert_eq!(hosts.old.get("/").await.status, 200);
    let made = hosts
        .old
        .control("POST", "/sessions", json!({ "user": "ada" }))
        .await;
    assert!(made["cookie"].is_string());
}
