//! `/authorize`: every check, its error message, and the order of checks.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;

use crate::support::{
    APP_BLOCK, AUTHORIZE, CONF, DISABLED, Fields, NO_GRANTS, SPA, SandboxClient, TESTERS,
    TestServer,
};

/// The response to each request, one per line.
async fn responses(mock: &SandboxClient, cases: &[(&str, Fields)]) -> String {
    let mut table = String::new();
    for (name, request) in cases {
        table += &format!("{name}: {}\n", mock.approve(request).await.summary());
    }
    table
}

#[tokio::test]
async fn checks_run_in_order() {
    let mock = TestServer::documented().await;
    // Each case is the one before with its error fixed.
    let bad = NO_GRANTS
        .authorize_params("é")
        .with("redirect_uri", "https://elsewhere.example/")
        .with("response_type", "token")
        .with("code_challenge_method", "plain")
        .with("state", "");
    let cases = [
        ("no client_id", bad.clone().with("client_id", "")),
        ("app block", bad.clone().with("client_id", "appblk-none")),
        ("unknown client", bad.clone().with("client_id", "nobody")),
        ("redirect_uri", bad.clone()),
        ("access mode", {
            bad.clone()
                .with("client_id", "disabled")
                .with("redirect_uri", DISABLED.redirect_uri)
        }),
        (
            "response_type",
            bad.clone().with("redirect_uri", NO_GRANTS.redirect_uri),
        ),
        ("no challenge", {
            NO_GRANTS
                .authorize_params("é")
                .without("code_challenge")
                .with("state", "")
        }),
        ("method", {
            NO_GRANTS
                .authorize_params("é")
                .with("code_challenge_method", "plain")
                .with("state", "")
        }),
        ("state", NO_GRANTS.authorize_params("é").with("state", "")),
        ("scope", NO_GRANTS.authorize_params("é").with("state", "é")),
        (
            "grant",
            NO_GRANTS
                .authorize_params("1")
                .with("state", "é")
                .and("allowed", "false"),
        ),
        (
            "state's characters",
            CONF.authorize_params("1")
                .with("state", "é")
                .and("allowed", "false"),
        ),
        (
            "allowed",
            CONF.authorize_params("1").and("allowed", "false"),
        ),
        ("all well", CONF.authorize_params("1")),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    no client_id: 400 invalid_request: Missing client_id
    app block: 400 invalid_client: This client cannot be used for interactive authorization
    unknown client: 400 invalid_client: Unknown client_id
    redirect_uri: 400 invalid_request: redirect_uri does not match any registered URI
    access mode: 403 access_denied: This application is not currently available.
    response_type: 400 invalid_request: response_type must be code
    no challenge: 400 invalid_request: PKCE required: provide code_challenge and code_challenge_method=S256
    method: 400 invalid_request: Only S256 code_challenge_method is supported
    state: 400 invalid_request: state parameter is required
    scope: 400 invalid_scope: Invalid scope value
    grant: 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    state's characters: 400 invalid_request: Invalid parameter: `state`
    allowed: 400 access_denied: Access denied: user denied access to application
    all well: 302 to https://app.example/callback?code=<secret>&state=xyz
    ");
}

#[tokio::test]
async fn live_contract_ignores_response_type() {
    let mock = TestServer::live().await;
    let cases = [
        (
            "token",
            CONF.authorize_params("1").with("response_type", "token"),
        ),
        (
            "missing",
            CONF.authorize_params("1").without("response_type"),
        ),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    token: 303 to https://app.example/callback?code=<secret>&state=xyz
    missing: 303 to https://app.example/callback?code=<secret>&state=xyz
    ");
    mock.set_difference(Difference::ResponseType, Contract::Documented)
        .await;
    assert_snapshot!(responses(&mock, &cases).await, @"
    token: 400 invalid_request: response_type must be code
    missing: 400 invalid_request: response_type must be code
    ");
}

#[tokio::test]
async fn documented_contract_requires_response_type_code() {
    let mock = TestServer::documented().await;
    let cases = [
        (
            "token",
            CONF.authorize_params("1").with("response_type", "token"),
        ),
        (
            "two",
            CONF.authorize_params("1")
                .with("response_type", "code id_token"),
        ),
        (
            "upper case",
            CONF.authorize_params("1").with("response_type", "Code"),
        ),
        (
            "missing",
            CONF.authorize_params("1").without("response_type"),
        ),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    token: 400 invalid_request: response_type must be code
    two: 400 invalid_request: response_type must be code
    upper case: 400 invalid_request: response_type must be code
    missing: 400 invalid_request: response_type must be code
    ");
    mock.set_difference(Difference::ResponseType, Contract::Live)
        .await;
    assert_snapshot!(responses(&mock, &cases).await, @"
    token: 302 to https://app.example/callback?code=<secret>&state=xyz
    two: 302 to https://app.example/callback?code=<secret>&state=xyz
    upper case: 302 to https://app.example/callback?code=<secret>&state=xyz
    missing: 302 to https://app.example/callback?code=<secret>&state=xyz
    ");
}

#[tokio::test]
async fn an_error_is_a_json_answer_and_never_a_redirect_to_the_client() {
    let mock = TestServer::documented().await;
    let request = CONF.authorize_params("1").without("code_challenge");
    assert_snapshot!(mock.authorize(&request).await, @r#"
    400
    content-type: application/json
    x-mock-reason: PKCE with S256 is required; code_challenge_method was "S256"
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_request","error_description":"PKCE required: provide code_challenge and code_challenge_method=S256"}
    "#);
    let request = TESTERS.authorize_params("1");
    assert_snapshot!(mock.authorize(&request).await, @r#"
    403
    content-type: application/json
    x-mock-reason: Testers App is open to testers only, and ada has no role "tester"
    x-mock-request: http://mock/_mock/requests/2

    {"error":"access_denied","error_description":"Access to this application is currently limited to testers."}
    "#);
}

#[tokio::test]
async fn the_client_must_be_named_and_known() {
    let mock = TestServer::documented().await;
    let cases = [
        ("missing", CONF.authorize_params("1").without("client_id")),
        ("empty", CONF.authorize_params("1").with("client_id", "")),
        (
            "unknown",
            CONF.authorize_params("1").with("client_id", "nobody"),
        ),
        (
            "upper case",
            CONF.authorize_params("1").with("client_id", "CONF"),
        ),
        ("a registered app block", APP_BLOCK.authorize_params("1")),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    missing: 400 invalid_request: Missing client_id
    empty: 400 invalid_request: Missing client_id
    unknown: 400 invalid_client: Unknown client_id
    upper case: 400 invalid_client: Unknown client_id
    a registered app block: 400 invalid_client: This client cannot be used for interactive authorization
    ");
}

#[tokio::test]
async fn pkce_is_required_and_s256_is_the_only_method() {
    let mock = TestServer::documented().await;
    let cases = [
        (
            "no challenge",
            CONF.authorize_params("1").without("code_challenge"),
        ),
        (
            "empty challenge",
            CONF.authorize_params("1").with("code_challenge", ""),
        ),
        (
            "no method",
            CONF.authorize_params("1").without("code_challenge_method"),
        ),
        (
            "plain",
            CONF.authorize_params("1")
                .with("code_challenge_method", "plain"),
        ),
        (
            "lower case",
            CONF.authorize_params("1")
                .with("code_challenge_method", "s256"),
        ),
        (
            "public client",
            SPA.authorize_params("1").without("code_challenge"),
        ),
        // Taken as it is: no verifier will ever fit it.
        (
            "short challenge",
            CONF.authorize_params("1").with("code_challenge", "short"),
        ),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    no challenge: 400 invalid_request: PKCE required: provide code_challenge and code_challenge_method=S256
    empty challenge: 400 invalid_request: PKCE required: provide code_challenge and code_challenge_method=S256
    no method: 400 invalid_request: PKCE required: provide code_challenge and code_challenge_method=S256
    plain: 400 invalid_request: Only S256 code_challenge_method is supported
    lower case: 400 invalid_request: Only S256 code_challenge_method is supported
    public client: 400 invalid_request: PKCE required: provide code_challenge and code_challenge_method=S256
    short challenge: 302 to https://app.example/callback?code=<secret>&state=xyz
    ");
}

#[tokio::test]
async fn state_is_required_and_printable() {
    let mock = TestServer::documented().await;
    let cases = [
        ("missing", CONF.authorize_params("1").without("state")),
        ("empty", CONF.authorize_params("1").with("state", "")),
        ("not ASCII", CONF.authorize_params("1").with("state", "é")),
        (
            "a line break",
            CONF.authorize_params("1").with("state", "a\nb"),
        ),
        ("a tab", CONF.authorize_params("1").with("state", "a\tb")),
        (
            "a space and signs",
            CONF.authorize_params("1").with("state", " a&b=c#d\"<>"),
        ),
    ];
    assert_snapshot!(responses(&mock, &cases).await, @"
    missing: 400 invalid_request: state parameter is required
    empty: 400 invalid_request: state parameter is required
    not ASCII: 400 invalid_request: Invalid parameter: `state`
    a line break: 400 invalid_request: Invalid parameter: `state`
    a tab: 400 invalid_request: Invalid parameter: `state`
    a space and signs: 302 to https://app.example/callback?code=<secret>&state=+a%26b%3Dc%23d%22%3C%3E
    ");
}

#[tokio::test]
async fn state_characters_are_checked_last() {
    let mock = TestServer::documented().await;
    let request = CONF.authorize_params("1").with("state", "é");
    assert_snapshot!(mock.authorize(&request).await.summary(), @"303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=%C3%A9&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
}

#[tokio::test]
async fn app_may_be_closed_to_all_users_or_open_to_testers() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (app, user) in [
        (&DISABLED, "ada"),
        (&DISABLED, "tess"),
        (&TESTERS, "ada"),
        (&TESTERS, "modo"),
        (&TESTERS, "tess"),
    ] {
        let answer = mock.approve_as(user, &app.authorize_params("1")).await;
        table += &format!("{} for {user}: {}\n", app.id, answer.summary());
    }
    assert_snapshot!(table, @"
    disabled for ada: 403 access_denied: This application is not currently available.
    disabled for tess: 403 access_denied: This application is not currently available.
    testers for ada: 403 access_denied: Access to this application is currently limited to testers.
    testers for modo: 403 access_denied: Access to this application is currently limited to testers.
    testers for tess: 302 to https://app.example/callback?code=<secret>&state=xyz
    ");
}

#[tokio::test]
async fn allowed_false_denies() {
    let mock = TestServer::documented().await;
    let request = CONF.authorize_params("1").and("allowed", "false");
    assert_snapshot!(mock.approve(&request).await, @r#"
    400
    content-type: application/json
    x-mock-reason: the app is not open to this user, or the user denied access
    x-mock-request: http://mock/_mock/requests/1

    {"error":"access_denied","error_description":"Access denied: user denied access to application"}
    "#);
    let request = CONF.authorize_params("1").and("allowed", "no");
    assert_eq!(mock.approve(&request).await.status, 302);
}

#[tokio::test]
async fn all_paths_of_the_published_capability_answer_alike() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for path in [AUTHORIZE, "/api/oauth/authorize", "/v1/oauth/authorize"] {
        let answer = mock.get(&format!("{path}?client_id=x")).await;
        table += &format!("{path}: {}\n", answer.summary());
    }
    assert_snapshot!(table, @"
    /api/auth/oauth/authorize: 303 to /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fclient_id%3Dx
    /api/oauth/authorize: 303 to /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fclient_id%3Dx
    /v1/oauth/authorize: 303 to /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fclient_id%3Dx
    ");
}
