//! Advice about apps that pass under one contract only.

use civitai_oauth_mock::Contract;
use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, NARROW, SandboxClient, SignIn, TestServer, Tokens, USERINFO, config,
    with_frozen_clock,
};

/// A sandbox of its own under one contract.
async fn under(mock: &TestServer, name: &str, contract: &str) -> SandboxClient {
    let sandbox = mock.sandbox(name);
    sandbox.set(json!({ "contract": contract })).await;
    sandbox
}

#[tokio::test]
async fn app_that_relies_on_one_contract_is_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let attempt = SignIn::new(&CONF);
    for (contract, request, id) in [
        ("live", attempt.authorize_params("1x"), "scope-syntax"),
        (
            "live",
            attempt.authorize_params("1").without("response_type"),
            "response-type",
        ),
    ] {
        let sandbox = under(&mock, id, contract).await;
        sandbox.approve(&attempt.authorize_params("1")).await.code();
        assert_eq!(sandbox.errors_and_warnings().await, "", "{id}");
        sandbox.approve(&request).await.code();
        assert_eq!(
            sandbox.errors_and_warnings().await,
            format!("warning contract-{id}")
        );
    }
    // A rejected app does not rely on the difference.
    let strict = mock.sandbox("strict");
    strict.approve(&attempt.authorize_params("1x")).await;
    strict
        .approve(&attempt.authorize_params("1").without("response_type"))
        .await;
    assert_eq!(strict.errors_and_warnings().await, "");
}

#[tokio::test]
async fn trimmed_scope_is_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    mock.signs_in(&NARROW, "4").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.signs_in(&NARROW, "12").await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-scope-ceiling"
    );
    let summary = mock.findings().await[0]["summary"].clone();
    assert_eq!(
        summary,
        "relied on the documented behaviour once for scope=12; another contract answers differently"
    );
}

#[tokio::test]
async fn a_code_exchanged_late_is_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    for (wait, accused) in [("290s", ""), ("310s", "warning contract-code-lifetime")] {
        let attempt = SignIn::new(&CONF);
        let code = mock.approve(&attempt.authorize_params("1")).await.code();
        mock.later(wait).await;
        assert_eq!(mock.token(&attempt.redeem_params(&code)).await.status, 200);
        assert_eq!(mock.errors_and_warnings().await, accused, "{wait}");
    }
}

#[tokio::test]
async fn a_fetch_of_authorize_is_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let path = format!(
        "{AUTHORIZE}?{}",
        SignIn::new(&CONF).authorize_params("1").encoded()
    );
    mock.request("OPTIONS", &path)
        .header("origin", "https://app.example")
        .await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-authorize-preflight"
    );
}

#[tokio::test]
async fn client_credentials_that_one_contract_rejects_are_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    mock.token(&CONF.client_credentials().with("scope", "1"))
        .await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.token(&CONF.client_credentials().with("scope", "5"))
        .await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-client-credentials-ceiling"
    );
    let unscoped = under(&mock, "unscoped", "documented").await;
    unscoped.token(&NARROW.client_credentials()).await;
    assert_eq!(
        unscoped.errors_and_warnings().await,
        "warning contract-client-credentials-ceiling; warning contract-client-credentials-scope"
    );
    let live = under(&mock, "live", "live@2026-08").await;
    let tokens = Tokens::from_response(
        &live
            .token(&CONF.client_credentials().with("scope", "1"))
            .await,
    );
    assert_eq!(live.errors_and_warnings().await, "");
    live.later("61m").await;
    live.refreshed(&CONF, &tokens).await;
    assert_eq!(
        live.errors_and_warnings().await,
        "warning contract-client-credentials-refresh"
    );
}

#[tokio::test]
async fn scope_at_refresh_with_an_effect_is_a_warning() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "5").await;
    mock.later("61m").await;
    let refresh =
        |tokens: &Tokens, scope: &str| CONF.refresh_params(&tokens.refresh).and("scope", scope);
    let next = Tokens::from_response(&mock.token(&refresh(&tokens, "5")).await);
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.later("61m").await;
    mock.token(&refresh(&next, "1")).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-refresh-scope"
    );
}

#[tokio::test]
async fn calls_to_the_legacy_host_are_a_warning() {
    let mut config = config(Contract::Live);
    config.legacy_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let mock = with_frozen_clock(TestServer::start(config).await).await;
    let address = mock.server().legacy_address().expect("it listens");
    let old = SandboxClient::at(format!("http://{address}"));
    let tokens = mock.signs_in(&CONF, "1").await;
    assert_eq!(mock.errors_and_warnings().await, "");
    assert_eq!(old.calls(USERINFO, &tokens).await.status, 200);
    assert_eq!(
        mock.errors_and_warnings().await,
        "warning contract-legacy-host"
    );
}
