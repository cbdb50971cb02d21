//! Advice about sign-in: PKCE, state, codes, secrets, scopes, redirects.

use civitai_oauth_mock::{Contract, Difference};
use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, ME, NARROW, REVOKE, SPA, SandboxClient, SignIn, SpendingApp, TOKEN,
    TestServer, USERINFO, config, with_frozen_clock,
};

const AI_SERVICES: &str = "114689";
const BUZZ: &str = "/api/trpc/buzz.getBuzzAccount";

async fn sandbox() -> TestServer {
    with_frozen_clock(TestServer::documented().await).await
}

/// A correct app: it signs in, uses and refreshes its tokens, and revokes them.
async fn run_correct_app(sandbox: &SandboxClient) {
    let attempt = SignIn::new(&CONF);
    let cookie = sandbox.session("ada").await;
    let path = format!(
        "{AUTHORIZE}?{}",
        attempt.authorize_params(AI_SERVICES).encoded()
    );
    assert_eq!(sandbox.get(&path).await.status, 303, "to the sign-in page");
    // Two tabs, or a reload: the browser sends the same request again.
    for _ in 0..2 {
        assert_eq!(
            sandbox.get(&path).cookie(&cookie).await.status,
            303,
            "to the consent page"
        );
    }
    let buzz = json!({ "buzz": { "yellow": 100 } });
    sandbox.control("PATCH", "/users/ada", buzz).await;
    let mut tokens = attempt.signs_in(sandbox, AI_SERVICES).await;
    assert_eq!(sandbox.calls(USERINFO, &tokens).await.status, 200);
    for _ in 0..3 {
        sandbox.later("59m").await;
        let spender = SpendingApp::with(sandbox, &tokens.access);
        spender.balance().await;
        assert!(spender.pays(1).await);
        sandbox.later("2m").await;
        tokens = sandbox.refreshed(&CONF, &tokens).await;
    }
    sandbox.revoke(&CONF.revoke_params(&tokens.refresh)).await;
}

#[tokio::test]
async fn correct_app_gets_no_findings() {
    for mock in [TestServer::documented().await, TestServer::live().await] {
        let mock = with_frozen_clock(mock).await;
        run_correct_app(&mock).await;
        assert_eq!(mock.errors_and_warnings().await, "");
        assert_eq!(mock.hints().await, "hint contract-revoke-by-client");
    }
}

#[tokio::test]
async fn users_of_one_app_are_distinguished() {
    let mock = sandbox().await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(mock.signs_in(&CONF, "1").await);
    }
    for _ in 0..3 {
        mock.later("59m").await;
        for tokens in &mut all {
            mock.calls(ME, tokens).await;
            *tokens = mock.refreshed(&CONF, tokens).await;
            mock.calls(ME, tokens).await;
        }
    }
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn malformed_authorization_is_an_error() {
    let mock = sandbox().await;
    let attempt = SignIn::new(&CONF);
    let asks = attempt.authorize_params("1");
    let padded = format!("{}=", attempt.challenge);
    for (id, request) in [
        ("pkce-missing", asks.clone().without("code_challenge")),
        (
            "pkce-plain",
            asks.clone().with("code_challenge_method", "plain"),
        ),
        (
            "pkce-challenge-malformed",
            asks.clone().with("code_challenge", &padded),
        ),
        ("state-missing", asks.clone().without("state")),
    ] {
        let app = mock.sandbox(id);
        app.authorize(&request).await;
        assert_eq!(app.errors_and_warnings().await, format!("error {id}"));
    }
}

#[tokio::test]
async fn exchange_without_a_well_formed_verifier_is_an_error() {
    let mock = sandbox().await;
    let attempt = SignIn::new(&CONF);
    for (id, verifier) in [
        ("pkce-missing", None),
        ("pkce-verifier-malformed", Some("short")),
    ] {
        let app = mock.sandbox(id);
        let code = app.approve(&attempt.authorize_params("1")).await.code();
        let exchange = attempt.redeem_params(&code).without("code_verifier");
        let exchange = match verifier {
            Some(verifier) => exchange.and("code_verifier", verifier),
            None => exchange,
        };
        app.token(&exchange).await;
        assert_eq!(app.errors_and_warnings().await, format!("error {id}"));
    }
}

#[tokio::test]
async fn one_verifier_for_two_sign_ins_is_a_warning() {
    let mock = sandbox().await;
    let first = SignIn::new(&CONF);
    let second = SignIn::new(&CONF).with_verifier(&first.verifier);
    first.signs_in(&mock, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    second.signs_in(&mock, "1").await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning pkce-verifier-reused"
    );
}

#[tokio::test]
async fn one_state_for_two_sign_ins_is_a_warning() {
    let mock = sandbox().await;
    let first = SignIn::new(&CONF);
    let second = SignIn::new(&CONF).with_state(&first.state);
    first.signs_in(&mock, "1").await;
    second.signs_in(&mock, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "warning state-reused");
}

#[tokio::test]
async fn reused_code_is_an_error() {
    let mock = sandbox().await;
    let attempt = SignIn::new(&CONF);
    let code = mock.approve(&attempt.authorize_params("1")).await.code();
    // A retry after a temporary failure is correct.
    mock.control(
        "POST",
        "/faults/presets/token-endpoint-down",
        json!({ "times": 1 }),
    )
    .await;
    mock.token(&attempt.redeem_params(&code)).await;
    mock.later("1s").await;
    mock.token(&attempt.redeem_params(&code)).await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.later("1s").await;
    mock.token(&attempt.redeem_params(&code)).await;
    assert_eq!(mock.errors_and_warnings().await, "error code-reused");
    let failed = mock.sandbox("failed");
    let code = failed.approve(&attempt.authorize_params("1")).await.code();
    failed
        .token(
            &attempt
                .redeem_params(&code)
                .with("redirect_uri", "https://app.example"),
        )
        .await;
    failed.token(&attempt.redeem_params(&code)).await;
    assert_eq!(failed.errors_and_warnings().await, "error code-reused");
}

#[tokio::test]
async fn a_secret_of_a_public_client_is_an_error() {
    let mock = sandbox().await;
    let attempt = SignIn::new(&SPA);
    attempt.signs_in(&mock, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    for (name, contract) in [
        ("documented", Contract::Documented),
        ("live", Contract::Live),
    ] {
        let app = mock.sandbox(name);
        app.set_difference(Difference::PublicClientSecret, contract)
            .await;
        let code = app.approve(&attempt.authorize_params("1")).await.code();
        app.token(&attempt.redeem_params(&code).and("client_secret", "shipped"))
            .await;
        assert_eq!(
            app.errors_and_warnings().await,
            "error public-client-secret",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_secret_or_a_token_in_a_query_is_a_warning() {
    let mock = sandbox().await;
    let tokens = mock.signs_in(&CONF, "1").await;
    mock.get(&format!("{ME}?token={}", tokens.access)).await;
    assert_eq!(mock.errors_and_warnings().await, "warning secret-in-query");
    let app = mock.sandbox("exchange");
    let attempt = SignIn::new(&CONF);
    let code = app.approve(&attempt.authorize_params("1")).await.code();
    let fields = attempt.redeem_params(&code);
    let path = format!("{TOKEN}?client_secret=secret-conf");
    app.post(&path, &fields).await;
    assert_eq!(app.errors_and_warnings().await, "warning secret-in-query");
}

#[tokio::test]
async fn basic_authentication_is_an_error_at_revoke_but_not_at_token() {
    let mock = sandbox().await;
    let attempt = SignIn::new(&CONF);
    let code = mock.approve(&attempt.authorize_params("1")).await.code();
    let exchange = attempt.redeem_params(&code).without("client_secret");
    let answer = mock
        .post(TOKEN, &exchange)
        .basic("conf", "secret-conf")
        .await;
    assert_eq!(
        (answer.status, mock.errors_and_warnings().await),
        (200, String::new())
    );
    let token = CONF
        .revoke_params(&answer.text("refresh_token"))
        .without("client_secret");
    mock.post(REVOKE, &token).basic("conf", "secret-conf").await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "error basic-auth-at-revoke"
    );
}

#[tokio::test]
async fn call_beyond_a_trimmed_scope_is_an_error() {
    let mock = sandbox().await;
    mock.control("PATCH", "/clients/narrow", json!({ "allowed_scopes": 1 }))
        .await;
    let asked = (1 + (1 << 16)).to_string();
    let tokens = mock.signs_in(&NARROW, &asked).await;
    mock.calls(USERINFO, &tokens).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-scope-ceiling"
    );
    assert_eq!(mock.calls(BUZZ, &tokens).await.status, 403);
    assert_eq!(
        mock.errors_and_warnings().await,
        "error scope-trimmed; warning contract-scope-ceiling"
    );
}

#[tokio::test]
async fn redirect_uri_accepted_only_by_the_loopback_rule_is_a_warning() {
    let mock = with_frozen_clock(TestServer::live().await).await;
    SignIn::new(&SPA).signs_in(&mock, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    let asks = SignIn::new(&SPA)
        .authorize_params("1")
        .with("redirect_uri", "http://127.0.0.1:4000/callback");
    mock.approve(&asks).await.code();
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-redirect-uri-match"
    );
}

#[tokio::test]
async fn an_http_redirect_uri_of_another_machine_is_a_warning() {
    let mock = sandbox().await;
    let elsewhere = "http://app.example/callback";
    let uris = json!({ "redirect_uris": ["http://localhost:3000/callback", elsewhere] });
    mock.control("PATCH", "/clients/spa", uris).await;
    SignIn::new(&SPA).signs_in(&mock, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.approve(
        &SignIn::new(&SPA)
            .authorize_params("1")
            .with("redirect_uri", elsewhere),
    )
    .await
    .code();
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning redirect-uri-http"
    );
}

#[tokio::test]
async fn authorization_header_sent_to_the_legacy_host_is_a_warning() {
    let mut config = config(Contract::Documented);
    config.legacy_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mock = with_frozen_clock(TestServer::start(config).await).await;
    let address = mock.server().legacy_address().expect("it listens");
    let legacy = SandboxClient::at(format!("http://{address}"));
    let tokens = mock.signs_in(&CONF, "1").await;
    assert_eq!(legacy.get(USERINFO).await.status, 308);
    assert_eq!(mock.errors_and_warnings().await, "");
    assert_eq!(legacy.calls(USERINFO, &tokens).await.status, 308);
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning authorization-header-redirected"
    );
    assert_eq!(mock.findings().await[0]["client_id"], "conf");
}
