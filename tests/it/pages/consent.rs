//! The consent page: its content, what its two forms send, and its security.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    CONF, CONSENT_PAGE, Fields, OTHER, SPA, SandboxClient, TestResponse, TestServer,
};

async fn page(sandbox: &SandboxClient, request: &Fields) -> TestResponse {
    let cookie = sandbox.session("ada").await;
    sandbox
        .get(&format!("{CONSENT_PAGE}?{}", request.encoded()))
        .cookie(&cookie)
        .await
}

#[tokio::test]
async fn page_names_app_scopes_and_user() {
    let mock = TestServer::documented().await;
    let shown = page(&mock, &CONF.authorize_params("32780")).await.page();
    let card = "h1, .verified, .card > .description, .account, .divider, .scopes li, label, button, legend";
    assert_snapshot!(shown.texts(card).join("\n"), @"
    Authorize Conf App
    Verified by Civitai
    Keeps a secret
    A Authorizing as ada Switch account
    This app will be able to
    Read profile, settings & email
    Browse & download models
    Upload & edit models
    Generate, train & scan
    Spending limit
    Limit how much buzz this app can spend
    Buzz
    Period
    Remember my decision for this app
    Authorize
    Authorize
    Deny
    ");
    let unverified = page(&mock, &OTHER.authorize_params("1")).await.page();
    assert!(
        unverified
            .texts(".verified, .card > .description")
            .is_empty()
    );
}

#[tokio::test]
async fn every_bit_has_its_label_in_the_order_of_the_bits() {
    let mock = TestServer::documented().await;
    let shown = page(&mock, &CONF.authorize_params("134217727"))
        .await
        .page();
    assert_snapshot!(shown.texts(".scopes li").join("\n"), @"
    Read profile, settings & email
    Update profile & settings
    Browse & download models
    Upload & edit models
    Delete models
    View images, videos & posts
    Upload media & create posts
    Delete media & posts
    Read articles
    Create & edit articles
    Delete articles
    View bounties
    Create & manage bounties
    Delete bounties
    View generation & training history
    Generate, train & scan
    View buzz balance & history
    View collections
    Manage collections
    Follow, react, comment & review
    Tip other users
    Read notifications
    Manage notification preferences
    View vault
    Manage vault
    Submit Apps for review
    Open on-site dev tunnels
    ");
    let least = page(&mock, &CONF.authorize_params("0")).await.page();
    assert_eq!(
        least.texts(".scopes li"),
        ["Read profile, settings & email"]
    );
}

#[tokio::test]
async fn one_form_approves_and_the_other_denies() {
    let mock = TestServer::documented().await;
    let request = CONF
        .authorize_params("4")
        .and("nonce", "n-1")
        .and("extra", "left out");
    let forms = page(&mock, &request).await.page().forms();
    let written = |at: usize| {
        format!(
            "{} {}\n{}",
            forms[at].method, forms[at].action, forms[at].fields
        )
    };
    assert_snapshot!(written(0), @"
    post /api/auth/oauth/authorize
    client_id = conf
    redirect_uri = https://app.example/callback
    response_type = code
    state = xyz
    code_challenge = E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM
    code_challenge_method = S256
    nonce = n-1
    scope = 5
    approved = true
    remember = true
    ");
    assert_snapshot!(written(1), @"
    post /login/oauth/authorize
    client_id = conf
    redirect_uri = https://app.example/callback
    state = xyz
    ");
    assert_eq!(forms.len(), 2);
}

#[tokio::test]
async fn forms_approve_and_deny() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let forms = page(&mock, &CONF.authorize_params("4"))
        .await
        .page()
        .forms();
    let send = |at: usize| {
        mock.post(&forms[at].action, &forms[at].fields)
            .cookie(&cookie)
    };
    assert_snapshot!(send(0).await, @"
    302
    location: https://app.example/callback?code=<secret>&state=xyz
    ");
    assert_snapshot!(send(1).await, @"
    303
    location: https://app.example/callback?error=access_denied&error_description=The+user+denied+the+authorization+request&state=xyz
    ");
    let remembered = mock.authorize(&CONF.authorize_params("4")).await;
    assert_eq!(remembered.status, 302, "the box is ticked at first");
}

#[tokio::test]
async fn budget_control_is_shown_for_spending_apps_under_the_documented_contract() {
    let has_control = async |mock: &SandboxClient, scope: &str| {
        let shown = page(mock, &CONF.authorize_params(scope)).await.page();
        !shown.attributes("fieldset.budget", "class").is_empty()
    };
    let mock = TestServer::documented().await;
    assert!(has_control(&mock, "32769").await);
    assert!(!has_control(&mock, "1").await);
    mock.set_difference(Difference::BuzzLimit, Contract::Live)
        .await;
    assert!(!has_control(&mock, "32769").await);
    let mock = TestServer::live().await;
    assert!(!has_control(&mock, "32769").await);
    mock.set_difference(Difference::BuzzLimit, Contract::Documented)
        .await;
    assert!(has_control(&mock, "32769").await);
}

#[tokio::test]
async fn budget_form_sends_a_valid_buzz_limit() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let shown = page(&mock, &CONF.authorize_params("32769")).await.page();
    assert_eq!(
        shown.attributes("#buzz-days option", "value"),
        ["1", "7", "30"]
    );
    // The initial values: the limit is on, the first period is chosen.
    let form = &shown.forms()[0];
    let preset = form.fields.clone().and("buzz_limit_days", "1");
    assert_eq!(preset.get("buzz_limit"), Some("5000"));
    assert_eq!(preset.get("buzz_limit_on"), Some("true"));
    let per_day = json!([{ "type": "sliding", "limit": 5000, "window": "day", "unit": 1 }]);
    for (fields, limit) in [
        (preset.clone(), per_day),
        (preset.without("buzz_limit_on"), Value::Null),
    ] {
        let answer = mock.post(&form.action, &fields).cookie(&cookie).await;
        assert_eq!(answer.status, 302, "{answer}");
        let stored = mock.control("GET", "/consents", json!({})).await;
        assert_eq!(stored["consents"][0]["buzz_limit"], limit);
    }
}

#[tokio::test]
async fn disallowed_app_gets_no_form() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (what, request) in [
        ("no client", CONF.authorize_params("1").without("client_id")),
        (
            "unknown client",
            CONF.authorize_params("1").with("client_id", "nobody"),
        ),
        (
            "app block",
            CONF.authorize_params("1").with("client_id", "appblk-x"),
        ),
        (
            "no redirect",
            CONF.authorize_params("1").without("redirect_uri"),
        ),
        (
            "wrong redirect",
            CONF.authorize_params("1")
                .with("redirect_uri", "https://evil.example/"),
        ),
    ] {
        let answer = page(&mock, &request).await;
        assert!(answer.page().forms().is_empty(), "{what}");
        table += &format!("{what}: {}\n", answer.summary());
    }
    assert_snapshot!(table, @r#"
    no client: 200 page "Invalid application · Civitai OAuth mock"
    unknown client: 200 page "Invalid application · Civitai OAuth mock"
    app block: 200 page "Invalid application · Civitai OAuth mock"
    no redirect: 200 page "Invalid application · Civitai OAuth mock"
    wrong redirect: 200 page "Invalid application · Civitai OAuth mock"
    "#);
}

#[tokio::test]
async fn the_page_matches_redirect_uris_as_authorize_does() {
    let request = CONF
        .authorize_params("1")
        .with("redirect_uri", "http://127.0.0.1:9/cb");
    let mock = TestServer::documented().await;
    assert!(page(&mock, &request).await.page().forms().is_empty());
    let mock = TestServer::live().await;
    assert_eq!(page(&mock, &request).await.page().forms().len(), 2);
}

#[tokio::test]
async fn login_setting_signs_in_for_the_consent_page() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "tess" })).await;
    let path = format!("{CONSENT_PAGE}?{}", CONF.authorize_params("1").encoded());
    let shown = mock.get(&path).await.page();
    assert_eq!(shown.texts(".account strong"), ["tess"]);
}

#[tokio::test]
async fn denial_never_redirects_to_an_unregistered_uri() {
    let mock = TestServer::documented().await;
    let fields = Fields::new(&[
        ("client_id", "conf"),
        ("redirect_uri", "https://evil.example/"),
    ]);
    assert_snapshot!(mock.post(CONSENT_PAGE, &fields).await.summary(), @r#"400 page "Invalid application · Civitai OAuth mock""#);
    assert_snapshot!(mock.post(CONSENT_PAGE, &Fields::default()).await.summary(), @r#"400 page "Invalid application · Civitai OAuth mock""#);
}

#[tokio::test]
async fn page_without_session_redirects_to_sign_in() {
    let mock = TestServer::documented().await;
    let path = format!("{CONSENT_PAGE}?{}", SPA.authorize_params("1").encoded());
    assert_snapshot!(mock.get(&path).await, @"
    303
    location: /login?returnUrl=%2Flogin%2Foauth%2Fauthorize%3Fresponse_type%3Dcode%26client_id%3Dspa%26redirect_uri%3Dhttp%253A%252F%252Flocalhost%253A3000%252Fcallback%26scope%3D1%26state%3Dxyz%26code_challenge%3DE9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM%26code_challenge_method%3DS256
    ");
}

#[tokio::test]
async fn switching_the_account_returns_to_the_same_request() {
    let mock = TestServer::documented().await;
    let request = SPA.authorize_params("1").with("state", "a&b");
    let shown = page(&mock, &request).await.page();
    let link = &shown.attributes(".account a", "href")[0];
    let there = url::Url::parse(&mock.base).unwrap().join(link).unwrap();
    let back = there.query_pairs().find(|(name, _)| name == "returnUrl");
    let wanted = format!("{CONSENT_PAGE}?{}", request.encoded());
    assert_eq!(back.map(|(_, value)| value.into_owned()), Some(wanted));
}

#[tokio::test]
async fn foreign_text_is_escaped() {
    let mock = TestServer::documented().await;
    let hostile = "\"><script>alert('x')</script>&amp;";
    mock.control(
        "PATCH",
        "/clients/spa",
        json!({ "name": hostile, "description": hostile }),
    )
    .await;
    mock.control("PATCH", "/users/2", json!({ "username": hostile }))
        .await;
    let request = SPA.authorize_params("1").with("state", hostile);
    let cookie = mock
        .control("POST", "/sessions", json!({ "user": 2 }))
        .await;
    let answer = mock
        .get(&format!("{CONSENT_PAGE}?{}", request.encoded()))
        .cookie(cookie["cookie"].as_str().unwrap())
        .await;
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    let shown = answer.page();
    assert_eq!(shown.texts("h1"), [format!("Authorize {hostile}")]);
    assert_eq!(shown.texts(".account strong"), [hostile]);
    assert_eq!(shown.forms()[0].fields.get("state"), Some(hostile));
    assert_eq!(shown.forms()[1].fields.get("state"), Some(hostile));
}

#[tokio::test]
async fn page_has_no_script_and_cannot_be_framed() {
    let mock = TestServer::documented().await;
    let answer = page(&mock, &CONF.authorize_params("1")).await;
    assert_snapshot!(answer, @r#"
    200
    cache-control: no-store
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY

    page "Authorize Conf App · Civitai OAuth mock"
    "#);
    assert!(!answer.body.contains("style=") && !answer.body.contains("<script"));
    let home = mock.get("/").await.header("content-security-policy");
    assert!(home.is_some_and(|policy| policy.contains("script-src 'self';")));
}
