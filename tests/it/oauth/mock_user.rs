//! Sign-in and consent without pages: `X-Mock-User`, and the settings `login` and `consent`.

use civitai_oauth_mock::ConsentMode;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, SandboxClient, TestRequest, TestServer, Tokens, config};

fn request(mock: &SandboxClient) -> TestRequest {
    mock.get(&format!(
        "{AUTHORIZE}?{}",
        CONF.authorize_params("1").encoded()
    ))
}

#[tokio::test]
async fn the_header_names_the_user_and_signs_them_in() {
    let mock = TestServer::documented().await;
    let answer = request(&mock).header("x-mock-user", "ada").await;
    assert_snapshot!(answer, @"
    303
    location: http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256
    set-cookie: civ-token=<secret>; HttpOnly; SameSite=Lax; Path=/; Max-Age=7776000
    ");
    let again = request(&mock).cookie(&answer.cookie()).await;
    assert!(again.location().path().starts_with("/login/oauth/"));
}

#[tokio::test]
async fn header_overrides_a_session_and_accepts_ids() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("tess").await;
    let approval = CONF.authorize_params("1").and("approved", "true");
    let answer = mock
        .post(AUTHORIZE, &approval)
        .cookie(&cookie)
        .header("x-mock-user", "2")
        .await;
    let tokens = Tokens::from_response(&mock.token(&CONF.redeem_params(&answer.code())).await);
    assert_eq!(mock.userinfo(&tokens.access).await.text("username"), "ada");
}

#[tokio::test]
async fn unknown_or_deleted_user_in_the_header_is_an_error() {
    let mock = TestServer::documented().await;
    assert_snapshot!(request(&mock).header("x-mock-user", "adda").await, @r#"
    400
    content-type: application/json
    x-mock-reason: X-Mock-User: no user "adda"
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid","message":"no user \"adda\"","path":"X-Mock-User","hint":"did you mean \"ada\"?"}
    "#);
    assert_snapshot!(request(&mock).header("x-mock-user", "99").await, @r#"
    400
    content-type: application/json
    x-mock-reason: X-Mock-User: no user "99"
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid","message":"no user \"99\"","path":"X-Mock-User","hint":"name a user by id or username: owner, ada, tess, blank, modo, 7"}
    "#);
    let answer = request(&mock).header("x-mock-user", "gone").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn login_setting_applies_without_a_session() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "tess", "consent": "approve" }))
        .await;
    let whose = async |answer: crate::support::TestResponse| {
        let tokens = Tokens::from_response(&mock.token(&CONF.redeem_params(&answer.code())).await);
        mock.userinfo(&tokens.access).await.text("username")
    };
    assert_eq!(whose(request(&mock).await).await, "tess");
    let ada = mock.session("ada").await;
    assert_eq!(whose(request(&mock).cookie(&ada).await).await, "ada");
    mock.set(json!({ "login": null })).await;
    assert!(request(&mock).await.location().path().ends_with("/login"));
}

#[tokio::test]
async fn consent_can_be_given_or_denied_without_a_page() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    mock.set(json!({ "consent": "approve" })).await;
    assert_snapshot!(request(&mock).cookie(&cookie).await, @"
    302
    location: https://app.example/callback?code=<secret>&state=xyz
    ");
    mock.set(json!({ "consent": "deny" })).await;
    assert_snapshot!(request(&mock).cookie(&cookie).await, @"
    303
    location: https://app.example/callback?error=access_denied&error_description=The+user+denied+the+authorization+request&state=xyz
    ");
    mock.set(json!({ "consent": "ask" })).await;
    let answer = request(&mock).cookie(&cookie).await;
    assert!(
        answer.location().path().starts_with("/login/oauth/"),
        "nothing was remembered"
    );
}

#[tokio::test]
async fn server_can_start_with_login_and_consent_set() {
    let mut config = config(civitai_oauth_mock::Contract::Documented);
    config.set_login("ada");
    config.set_consent(ConsentMode::Approve);
    let mock = TestServer::start(config).await;
    assert_snapshot!(request(&mock).await.summary(), @"302 to https://app.example/callback?code=<secret>&state=xyz");
}

#[tokio::test]
async fn an_unknown_client_may_register_itself_by_its_first_request() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "unknown_clients": "register", "consent": "approve", "login": "ada" }))
        .await;
    let asked = CONF
        .authorize_params("1")
        .with("client_id", "brand-new")
        .with("redirect_uri", "https://new.example/cb");
    let answer = mock.get(&format!("{AUTHORIZE}?{}", asked.encoded())).await;
    let redeem = |secret: &str| {
        CONF.redeem_params("none")
            .with("client_id", "brand-new")
            .with("redirect_uri", "https://new.example/cb")
            .with("client_secret", secret)
    };
    let answer = mock
        .token(&redeem("first").with("code", &answer.code()))
        .await;
    assert_eq!(
        answer.status, 200,
        "its first secret becomes its own: {answer}"
    );
    assert_snapshot!(mock.token(&redeem("second")).await.summary(), @"400 invalid_client: Invalid client: client is invalid");
}
