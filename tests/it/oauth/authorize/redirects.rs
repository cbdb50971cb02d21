//! `/authorize`: redirects to sign-in, to consent, and back to the client.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;

use crate::support::{AUTHORIZE, CONF, Fields, SPA, TestServer};

#[tokio::test]
async fn request_without_session_signs_in_and_returns_with_all_parameters() {
    let mock = TestServer::documented().await;
    let request = CONF
        .authorize_params("5")
        .with("state", "a b&c=d%")
        .and("extra", "é");
    let answer = mock
        .get(&format!("{AUTHORIZE}?{}", request.encoded()))
        .await;
    assert_snapshot!(answer, @"
    303
    location: /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fresponse_type%3Dcode%26client_id%3Dconf%26redirect_uri%3Dhttps%253A%252F%252Fapp.example%252Fcallback%26scope%3D5%26state%3Da%2Bb%2526c%253Dd%2525%26code_challenge%3DE9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM%26code_challenge_method%3DS256%26extra%3D%25C3%25A9
    ");
    let back = answer.location_param("returnUrl").unwrap();
    assert_eq!(back, format!("{AUTHORIZE}?{}", request.encoded()));
}

#[tokio::test]
async fn signing_in_comes_before_every_check() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get(AUTHORIZE).await, @"
    303
    location: /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize
    ");
    let answer = mock
        .post(AUTHORIZE, &Fields::new(&[("client_id", "nobody")]))
        .await;
    assert_snapshot!(answer, @"
    303
    location: /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fclient_id%3Dnobody
    ");
}

#[tokio::test]
async fn unknown_expired_or_deleted_users_session_counts_as_none() {
    let mock = TestServer::documented().await;
    let request = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let ada = mock.session("ada").await;
    let tess = mock.session("tess").await;
    let is_known = async |cookie: &str| {
        let answer = mock.get(&request).cookie(cookie).await;
        !answer.location().path().ends_with("/login")
    };
    assert!(is_known(&ada).await);
    assert!(is_known(&format!("theme=dark; {ada}; x=y")).await);
    assert!(is_known(&format!("{ada}; civ-token=garbage")).await);
    assert!(
        is_known(&format!("civ-token=garbage; {ada}")).await,
        "each of a name is tried"
    );
    assert!(!is_known("civ-token=garbage").await);
    mock.control(
        "PATCH",
        "/users/tess",
        serde_json::json!({ "deleted": true }),
    )
    .await;
    assert!(!is_known(&tess).await);
    mock.advance(31 * 24 * 3600).await;
    assert!(is_known(&ada).await, "a session outlives refresh tokens");
    mock.advance(60 * 24 * 3600).await;
    assert!(!is_known(&ada).await);
}

#[tokio::test]
async fn request_without_consent_goes_to_the_consent_page() {
    let mock = TestServer::documented().await;
    let request = CONF
        .authorize_params("5")
        .with("state", "a b&c=d%")
        .and("extra", "é");
    let answer = mock.authorize(&request).await;
    assert_snapshot!(answer, @"
    303
    location: http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=5&state=a+b%26c%3Dd%25&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&extra=%C3%A9
    ");
    assert_eq!(answer.location().query(), Some(request.encoded().as_str()));
}

#[tokio::test]
async fn approval_requires_post_and_approved_true() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let request = CONF.authorize_params("1").and("approved", "true");
    let path = format!("{AUTHORIZE}?{}", request.encoded());
    let mut table = format!("GET: {}\n", mock.get(&path).cookie(&cookie).await.summary());
    let answer = mock.request("POST", &path).cookie(&cookie).await;
    table += &format!("POST with a query: {}\n", answer.summary());
    for approved in ["", "1", "TRUE", "false", "true"] {
        let request = request.clone().with("approved", approved);
        let answer = mock.post(AUTHORIZE, &request).cookie(&cookie).await;
        table += &format!("POST approved={approved}: {}\n", answer.summary());
    }
    assert_snapshot!(table, @"
    GET: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&approved=true
    POST with a query: 400 invalid_request: Missing client_id
    POST approved=: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&approved=
    POST approved=1: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&approved=1
    POST approved=TRUE: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&approved=TRUE
    POST approved=false: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&approved=false
    POST approved=true: 302 to https://app.example/callback?code=<secret>&state=xyz
    ");
}

#[tokio::test]
async fn the_code_comes_with_302_in_the_documentation_and_303_from_the_deployed_server() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.approve(&CONF.authorize_params("1")).await, @"
    302
    location: https://app.example/callback?code=<secret>&state=xyz
    ");
    mock.set_difference(Difference::RedirectStatus, Contract::Live)
        .await;
    assert_eq!(mock.approve(&CONF.authorize_params("1")).await.status, 303);

    let mock = TestServer::live().await;
    assert_snapshot!(mock.approve(&CONF.authorize_params("1")).await, @"
    303
    location: https://app.example/callback?code=<secret>&state=xyz
    ");
    mock.set_difference(Difference::RedirectStatus, Contract::Documented)
        .await;
    assert_eq!(mock.approve(&CONF.authorize_params("1")).await.status, 302);
}

#[tokio::test]
async fn a_redirect_uri_keeps_its_query_and_fragment_but_not_its_own_code() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for uri in [
        "https://app.example",
        "https://app.example/cb?keep=1&x=a%20b",
        "https://app.example/cb?code=mine&z=1&code=too#part",
        "com.example.app:/cb",
    ] {
        let request = CONF
            .authorize_params("1")
            .with("redirect_uri", uri)
            .with("state", "s t+&=");
        table += &format!("{uri}\n  {}\n", mock.approve(&request).await.summary());
    }
    assert_snapshot!(table, @"
    https://app.example
      302 to https://app.example/?code=<secret>&state=s+t%2B%26%3D
    https://app.example/cb?keep=1&x=a%20b
      302 to https://app.example/cb?keep=1&x=a+b&code=<secret>&state=s+t%2B%26%3D
    https://app.example/cb?code=mine&z=1&code=too#part
      302 to https://app.example/cb?code=<secret>&z=1&state=s+t%2B%26%3D#part
    com.example.app:/cb
      302 to com.example.app:/cb?code=<secret>&state=s+t%2B%26%3D
    ");
}

#[tokio::test]
async fn the_last_of_duplicate_parameters_wins() {
    let mock = TestServer::documented().await;
    let request = Fields::new(&[("state", "first"), ("client_id", "nobody")]);
    let request = format!(
        "{}&{}",
        request.encoded(),
        CONF.authorize_params("1").encoded()
    );
    let cookie = mock.session("ada").await;
    let answer = mock
        .request("POST", AUTHORIZE)
        .cookie(&cookie)
        .body(
            "application/x-www-form-urlencoded",
            request + "&approved=true",
        )
        .await;
    assert_snapshot!(answer.summary(), @"302 to https://app.example/callback?code=<secret>&state=xyz");
}

#[tokio::test]
async fn codes_are_unique() {
    let mock = TestServer::documented().await;
    let (one, two) = (mock.code(&SPA, "1").await, mock.code(&SPA, "1").await);
    assert_ne!(one, two);
    assert!(one.len() == 64 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(one, one.to_lowercase());
}
