//! Advice about sign-in: PKCE, state, codes, secrets, scopes, redirects.

use civitai_oauth_mock::{Contract, Difference};
use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, ME, NARROW, REVOKE, SPA, SandboxClient, SignIn, SpendingApp, TOKEN,
    TestServer, USERINFO, config, with_frozen_clock,
};

const AI_SERVICES: &str = "114689";
const BUZZ: &str = "/api/trpc/buzz.getBuzzAccount";

async fn world() -> TestServer {
    with_frozen_clock(TestServer::documented().await).await
}

/// The way through sign-in and consent, with what each step sends, and the tokens used, refreshed and given back.
async fn is_careful(world: &SandboxClient) {
    let attempt = SignIn::of(&CONF);
    let cookie = world.session("ada").await;
    let path = format!("{AUTHORIZE}?{}", attempt.asks(AI_SERVICES).encoded());
    assert_eq!(world.get(&path).await.status, 303, "to the sign-in page");
    // Two tabs, or a reload: the browser sends the same once more.
    for _ in 0..2 {
        assert_eq!(
            world.get(&path).cookie(&cookie).await.status,
            303,
            "to the consent page"
        );
    }
    let buzz = json!({ "buzz": { "yellow": 100 } });
    world.control("PATCH", "/users/ada", buzz).await;
    let mut tokens = attempt.signs_in(world, AI_SERVICES).await;
    assert_eq!(world.calls(USERINFO, &tokens).await.status, 200);
    for _ in 0..3 {
        world.later("59m").await;
        let spender = SpendingApp::with(world, &tokens.access);
        spender.balance().await;
        assert!(spender.pays(1).await);
        world.later("2m").await;
        tokens = world.refreshed(&CONF, &tokens).await;
    }
    world.revoke(&CONF.revokes(&tokens.refresh)).await;
}

#[tokio::test]
async fn correct_app_gets_no_findings() {
    for mock in [TestServer::documented().await, TestServer::live().await] {
        let mock = with_frozen_clock(mock).await;
        is_careful(&mock).await;
        assert_eq!(mock.accusations().await, "");
        assert_eq!(
            mock.suspicions().await,
            "hint contract-revoke-by-client; hint scope-unused",
            "the preset has a bit that orders do not need"
        );
    }
}

#[tokio::test]
async fn concurrent_users_of_an_app_are_told_apart() {
    let mock = world().await;
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
    assert_eq!(mock.accusations().await, "");
}

#[tokio::test]
async fn no_pkce_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    mock.authorize(
        &attempt
            .asks("1")
            .without("code_challenge")
            .without("code_challenge_method"),
    )
    .await;
    assert_eq!(mock.accusations().await, "error pkce-missing");
    let careless = mock.sandbox("exchange");
    let code = careless.approve(&attempt.asks("1")).await.code();
    careless
        .token(&attempt.redeems(&code).without("code_verifier"))
        .await;
    assert_eq!(careless.accusations().await, "error pkce-missing");
}

#[tokio::test]
async fn plain_pkce_is_an_error_named_or_implied() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let asks = attempt.asks("1");
    for (name, request) in [
        ("said", asks.clone().with("code_challenge_method", "plain")),
        ("unsaid", asks.clone().without("code_challenge_method")),
    ] {
        let careless = mock.sandbox(name);
        careless.authorize(&request).await;
        assert_eq!(careless.accusations().await, "error pkce-plain", "{name}");
    }
    let disguised = mock.sandbox("disguised");
    let request = asks.with("code_challenge", &attempt.verifier);
    let code = disguised.approve(&request).await.code();
    disguised.token(&attempt.redeems(&code)).await;
    assert_eq!(disguised.accusations().await, "error pkce-plain");
}

#[tokio::test]
async fn challenge_without_a_possible_verifier_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let padded = format!("{}=", attempt.challenge);
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let standard = "+/Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM";
    for (name, challenge) in [
        ("padded", padded.as_str()),
        ("hex", hex),
        ("alphabet", standard),
    ] {
        let careless = mock.sandbox(name);
        careless
            .authorize(&attempt.asks("1").with("code_challenge", challenge))
            .await;
        assert_eq!(
            careless.accusations().await,
            "error pkce-challenge",
            "{name}"
        );
    }
}

#[tokio::test]
async fn one_verifier_for_two_sign_ins_is_a_warning() {
    let mock = world().await;
    let first = SignIn::of(&CONF);
    let second = SignIn::of(&CONF).with_verifier(&first.verifier);
    first.signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "");
    second.signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "warning verifier-reused");
}

#[tokio::test]
async fn one_state_for_two_sign_ins_is_a_warning() {
    let mock = world().await;
    let first = SignIn::of(&CONF);
    let second = SignIn::of(&CONF).with_state(&first.state);
    first.signs_in(&mock, "1").await;
    second.signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "warning state-reused");
    // All the same, every time.
    let constant = mock.sandbox("constant");
    first.signs_in(&constant, "1").await;
    first.signs_in(&constant, "1").await;
    assert_eq!(
        constant.accusations().await,
        "warning state-reused; warning verifier-reused"
    );
}

#[tokio::test]
async fn a_short_state_is_a_hint() {
    let mock = world().await;
    SignIn::of(&CONF)
        .with_state("xyz")
        .signs_in(&mock, "1")
        .await;
    assert_eq!(
        (mock.accusations().await, mock.suspicions().await),
        (String::new(), "hint state-short".to_owned())
    );
}

#[tokio::test]
async fn reused_code_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let code = mock.approve(&attempt.asks("1")).await.code();
    // Who got no answer, or was told to wait, is right to try again.
    mock.control(
        "POST",
        "/faults/presets/token-endpoint-down",
        json!({ "times": 1 }),
    )
    .await;
    mock.token(&attempt.redeems(&code)).await;
    mock.later("1s").await;
    mock.token(&attempt.redeems(&code)).await;
    assert_eq!(mock.accusations().await, "");
    mock.later("1s").await;
    mock.token(&attempt.redeems(&code)).await;
    assert_eq!(mock.accusations().await, "error code-reused");
    let burnt = mock.sandbox("burnt");
    let code = burnt.approve(&attempt.asks("1")).await.code();
    burnt
        .token(
            &attempt
                .redeems(&code)
                .with("redirect_uri", "https://app.example"),
        )
        .await;
    burnt.token(&attempt.redeems(&code)).await;
    assert_eq!(burnt.accusations().await, "error code-reused");
}

#[tokio::test]
async fn a_secret_of_a_public_client_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&SPA);
    attempt.signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "");
    for (name, side) in [
        ("documented", Contract::Documented),
        ("live", Contract::Live),
    ] {
        let careless = mock.sandbox(name);
        careless
            .set_apart(Difference::PublicClientSecret, side)
            .await;
        let code = careless.approve(&attempt.asks("1")).await.code();
        careless
            .token(&attempt.redeems(&code).and("client_secret", "shipped"))
            .await;
        assert_eq!(
            careless.accusations().await,
            "error public-client-secret",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_secret_or_a_token_in_a_query_is_a_warning() {
    let mock = world().await;
    let tokens = mock.signs_in(&CONF, "1").await;
    mock.get(&format!("{ME}?token={}", tokens.access)).await;
    assert_eq!(mock.accusations().await, "warning secret-in-query");
    let careless = mock.sandbox("exchange");
    let attempt = SignIn::of(&CONF);
    let code = careless.approve(&attempt.asks("1")).await.code();
    let fields = attempt.redeems(&code);
    let path = format!("{TOKEN}?client_secret=secret-conf");
    careless.post(&path, &fields).await;
    assert_eq!(careless.accusations().await, "warning secret-in-query");
    // Where nobody answers, too: whose the token is, is known.
    let lost = mock.sandbox("lost");
    let tokens = lost.signs_in(&CONF, "1").await;
    lost.get("/api/v1/nothing?token=of-another-kind").await;
    assert_eq!(lost.accusations().await, "");
    let path = format!("/api/v1/nothing?access_token={}", tokens.access);
    lost.get(&path).await;
    assert_eq!(lost.accusations().await, "warning secret-in-query");
    let findings = lost.findings().await;
    assert_eq!(findings[0]["client_id"], "conf");
}

#[tokio::test]
async fn wrong_verifier_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let code = mock.approve(&attempt.asks("1")).await.code();
    let short = attempt.redeems(&code).with("code_verifier", "short");
    mock.token(&short).await;
    assert_eq!(mock.accusations().await, "error pkce-verifier");
    let summary = &mock.findings().await[0]["summary"];
    assert!(
        summary
            .as_str()
            .is_some_and(|text| text.ends_with("it had 5")),
        "{summary}"
    );
}

#[tokio::test]
async fn no_state_is_an_error() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let answer = mock.approve(&attempt.asks("1").without("state")).await;
    assert_eq!(answer.status, 400, "{answer}");
    assert_eq!(mock.accusations().await, "error state-missing");
}

#[tokio::test]
async fn basic_authentication_is_an_error_at_revoke_but_not_at_token() {
    let mock = world().await;
    let attempt = SignIn::of(&CONF);
    let code = mock.approve(&attempt.asks("1")).await.code();
    let exchange = attempt.redeems(&code).without("client_secret");
    let answer = mock
        .post(TOKEN, &exchange)
        .basic("conf", "secret-conf")
        .await;
    assert_eq!(
        (answer.status, mock.accusations().await),
        (200, String::new())
    );
    let token = CONF
        .revokes(&answer.text("refresh_token"))
        .without("client_secret");
    mock.post(REVOKE, &token).basic("conf", "secret-conf").await;
    assert_eq!(mock.accusations().await, "error basic-at-revoke");
}

#[tokio::test]
async fn call_beyond_a_trimmed_scope_is_an_error() {
    let mock = world().await;
    mock.control("PATCH", "/clients/narrow", json!({ "allowed_scopes": 1 }))
        .await;
    let asked = (1 + (1 << 16)).to_string();
    let tokens = mock.signs_in(&NARROW, &asked).await;
    mock.calls(USERINFO, &tokens).await;
    assert_eq!(mock.accusations().await, "warning contract-scope-ceiling");
    assert_eq!(mock.calls(BUZZ, &tokens).await.status, 403);
    assert_eq!(
        mock.accusations().await,
        "error scope-trimmed; warning contract-scope-ceiling"
    );
}

#[tokio::test]
async fn a_scope_that_no_call_needed_is_a_hint() {
    let mock = world().await;
    let asked = (1 + (1 << 16)).to_string();
    let tokens = mock.signs_in(&CONF, &asked).await;
    assert_eq!(mock.suspicions().await, "hint scope-unused");
    mock.calls(USERINFO, &tokens).await;
    assert_eq!(mock.suspicions().await, "hint scope-unused");
    mock.calls(BUZZ, &tokens).await;
    assert_eq!(mock.suspicions().await, "");
}

#[tokio::test]
async fn redirect_uri_accepted_only_by_the_loopback_rule_is_a_warning() {
    let mock = with_frozen_clock(TestServer::live().await).await;
    SignIn::of(&SPA).signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "");
    let asks = SignIn::of(&SPA)
        .asks("1")
        .with("redirect_uri", "http://127.0.0.1:4000/callback");
    mock.approve(&asks).await.code();
    assert_eq!(mock.accusations().await, "warning redirect-loopback-rule");
}

#[tokio::test]
async fn an_http_redirect_uri_of_another_machine_is_a_warning() {
    let mock = world().await;
    let elsewhere = "http://app.example/callback";
    let uris = json!({ "redirect_uris": ["http://localhost:3000/callback", elsewhere] });
    mock.control("PATCH", "/clients/spa", uris).await;
    SignIn::of(&SPA).signs_in(&mock, "1").await;
    assert_eq!(mock.accusations().await, "");
    mock.approve(&SignIn::of(&SPA).asks("1").with("redirect_uri", elsewhere))
        .await
        .code();
    assert_eq!(mock.accusations().await, "warning redirect-http");
}

#[tokio::test]
async fn authorization_header_lost_in_a_redirect_is_an_error() {
    let mut config = config(Contract::Documented);
    config.legacy_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mock = with_frozen_clock(TestServer::start(config).await).await;
    let address = mock.server().legacy_address().expect("it listens");
    let old = SandboxClient::at(format!("http://{address}"));
    let tokens = mock.signs_in(&CONF, "1").await;
    assert_eq!(old.calls(USERINFO, &tokens).await.status, 308);
    assert_eq!(mock.calls(USERINFO, &tokens).await.status, 200);
    assert_eq!(
        mock.accusations().await,
        "",
        "it goes where it is sent, with all that it has"
    );
    old.calls(USERINFO, &tokens).await;
    mock.later("11s").await;
    mock.get(USERINFO).await;
    assert_eq!(
        mock.accusations().await,
        "",
        "it does not follow the redirect"
    );
    old.calls(USERINFO, &tokens).await;
    mock.get(USERINFO).await;
    assert_eq!(mock.accusations().await, "error authorization-lost");
    assert_eq!(mock.findings().await[0]["client_id"], "conf");
}
