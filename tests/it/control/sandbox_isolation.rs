//! `/_sandbox/{name}/…`: separate data, and the prefix in every URL of a response.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, CONSENT_PAGE, TestServer, config};

#[tokio::test]
async fn sandboxes_share_no_data() {
    let mock = TestServer::documented().await;
    let (here, there) = (mock.sandbox("here"), mock.sandbox("there"));
    let code = here.code(&CONF, "1").await;
    assert_snapshot!(there.token(&CONF.redeem_params(&code)).await.summary(), @"400 invalid_grant: Invalid grant: authorization code is invalid");
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 400);
    assert_eq!(here.token(&CONF.redeem_params(&code)).await.status, 200);

    let tokens = here.tokens(&CONF, "1").await;
    assert!(!there.is_active(&tokens.access).await && here.is_active(&tokens.access).await);
    there.revoke(&CONF.revoke_params(&tokens.access)).await;
    assert!(here.is_active(&tokens.access).await);
    assert_eq!(
        there
            .token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        400
    );

    let cookie = here.session("ada").await;
    assert_eq!(here.get(AUTHORIZE).cookie(&cookie).await.status, 400);
    assert_eq!(there.get(AUTHORIZE).cookie(&cookie).await.status, 303);

    here.advance(3605).await;
    assert!(!here.is_active(&tokens.access).await);
    let others = there.tokens(&CONF, "1").await;
    assert!(
        there.is_active(&others.access).await,
        "its clock stands where it stood"
    );

    here.set(json!({ "contract": "live" })).await;
    assert_eq!(here.approve(&CONF.authorize_params("1")).await.status, 303);
    assert_eq!(there.approve(&CONF.authorize_params("1")).await.status, 302);

    here.control("DELETE", "/clients/conf", json!({})).await;
    there.control("POST", "/reset", json!({})).await;
    assert_eq!(there.approve(&CONF.authorize_params("1")).await.status, 302);
    assert_eq!(here.approve(&CONF.authorize_params("1")).await.status, 400);
}

#[tokio::test]
async fn every_url_in_an_answer_carries_the_prefix() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("box-1");
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    assert_snapshot!(sandbox.get(&path).await, @"
    303
    location: /_sandbox/box-1/login?returnUrl=%2F_sandbox%2Fbox-1%2Fapi%2Fauth%2Foauth%2Fauthorize%3Fresponse_type%3Dcode%26client_id%3Dconf%26redirect_uri%3Dhttps%253A%252F%252Fapp.example%252Fcallback%26scope%3D1%26state%3Dxyz%26code_challenge%3DE9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM%26code_challenge_method%3DS256
    ");
    assert_snapshot!(sandbox.authorize(&CONF.authorize_params("1")).await, @"
    303
    location: http://mock/_sandbox/box-1/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256
    ");
    let page = format!("{CONSENT_PAGE}?{}", CONF.authorize_params("1").encoded());
    assert_snapshot!(sandbox.get(&page).await, @"
    303
    location: /_sandbox/box-1/login?returnUrl=%2F_sandbox%2Fbox-1%2Flogin%2Foauth%2Fauthorize%3Fresponse_type%3Dcode%26client_id%3Dconf%26redirect_uri%3Dhttps%253A%252F%252Fapp.example%252Fcallback%26scope%3D1%26state%3Dxyz%26code_challenge%3DE9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM%26code_challenge_method%3DS256
    ");
    let cookie = sandbox.session("ada").await;
    let shown = sandbox.get(&page).cookie(&cookie).await.page();
    let mut links = shown.attributes("form", "action");
    links.extend(shown.attributes("a, link[rel=stylesheet]", "href"));
    let is_inside = |link: &String| link == "#main" || link.starts_with("/_sandbox/box-1/");
    assert!(links.iter().all(is_inside), "{links:?}");
    let login = sandbox.get("/login").await.page();
    assert_eq!(
        login.attributes("form", "action"),
        ["/_sandbox/box-1/login"; 2]
    );
    assert_snapshot!(sandbox.get("/logout").await, @"
    303
    location: /_sandbox/box-1/login
    set-cookie: civ-token=; HttpOnly; SameSite=Lax; Path=/_sandbox/box-1; Max-Age=0
    ");
    let home = sandbox.get("/").await.page();
    let base = crate::support::redacted(&home.texts(".table--fixed code").join("\n"), 0);
    assert!(
        base.lines().all(|line| line.contains("/_sandbox/box-1")),
        "{base}"
    );
}

#[tokio::test]
async fn the_cookie_is_for_the_sandboxs_own_paths() {
    let mock = TestServer::documented().await;
    let answer = mock
        .sandbox("box-1")
        .post("/login", &crate::support::Fields::new(&[("user", "2")]))
        .await;
    assert_snapshot!(answer, @"
    303
    location: /_sandbox/box-1/
    set-cookie: civ-token=<secret>; HttpOnly; SameSite=Lax; Path=/_sandbox/box-1; Max-Age=7776000
    ");
}

#[tokio::test]
async fn the_style_sheet_is_served_under_the_prefix_too() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("box-1");
    let links = sandbox
        .get("/login")
        .await
        .page()
        .attributes("link[rel=stylesheet]", "href");
    let style = mock.get(&links[0]).await;
    assert_eq!(style.status, 200);
    assert_eq!(
        style.header("content-type").as_deref(),
        Some("text/css; charset=utf-8")
    );
}

#[tokio::test]
async fn default_sandbox_has_no_prefix() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    let sandbox = mock.sandbox("default");
    assert_eq!(sandbox.token(&CONF.redeem_params(&code)).await.status, 200);
}

#[tokio::test]
async fn invalid_sandbox_name_gets_404() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get("/_sandbox/b%C3%B6x/login").await, @r#"
    404
    content-type: application/json
    x-mock-reason: the path has an invalid sandbox name: it contains '\u{f6}'
    x-mock-request: http://mock/_mock/requests/1

    {"error":"not_found","message":"the path has an invalid sandbox name: it contains 'ö'","path":"","hint":"use at most 64 letters, digits, - _ ."}
    "#);
    let mut reasons = String::new();
    for name in ["", "a b", "a%2Fb", "a,b", "%61", "-", &"a".repeat(65)] {
        let answer = mock.get(&format!("/_sandbox/{name}/login")).await;
        assert_eq!(answer.status, 404, "{name:?}: {answer}");
        assert_eq!(answer.text("error"), "not_found");
        reasons += &format!("{}\n", answer.text("message"));
    }
    assert_snapshot!(reasons, @"
    the path has an invalid sandbox name: it is empty
    the path has an invalid sandbox name: it contains ' '
    the path has an invalid sandbox name: it contains '/'
    the path has an invalid sandbox name: it contains ','
    the path has an invalid sandbox name: it contains '%'
    the path has an invalid sandbox name: it has no letter or digit
    the path has an invalid sandbox name: it has 65 characters
    ");
    for name in ["a", "A-b_c.9", &"a".repeat(64)] {
        let answer = mock.get(&format!("/_sandbox/{name}/login")).await;
        assert_eq!(answer.status, 200, "{name:?}");
    }
}

#[tokio::test]
async fn unknown_path_gets_404() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get("/api/auth/oauth/tokens").await, @r#"
    404
    content-type: application/json
    x-mock-reason: nothing answers at /api/auth/oauth/tokens
    x-mock-request: http://mock/_mock/requests/1

    {"error":"not_found","message":"nothing answers at /api/auth/oauth/tokens","path":"","hint":"did you mean /api/auth/oauth/token?"}
    "#);
    let inside = mock.sandbox("x").get("/nothing").await;
    assert_snapshot!(inside.summary(), @"404 not_found: nothing answers at /_sandbox/x/nothing");
}

#[tokio::test]
async fn number_of_sandboxes_is_bounded() {
    let mut config = config(Contract::Documented);
    config.max_sandboxes = 3;
    let mock = TestServer::start(config).await;
    for name in ["a", "b"] {
        assert_eq!(mock.sandbox(name).get("/_mock/clock").await.status, 200);
    }
    assert_snapshot!(mock.sandbox("c").get("/login").await, @r#"
    503
    content-type: application/json

    {"error":"too_many_sandboxes","message":"the limit of 3 sandboxes is reached","path":"sandbox","hint":"delete sandboxes that are no longer needed, or raise --max-sandboxes"}
    "#);
    let made = mock
        .request("POST", "/_mock/sandboxes")
        .json(&json!({ "name": "c" }));
    assert_eq!(
        made.await.summary(),
        "503 too_many_sandboxes: the limit of 3 sandboxes is reached"
    );
    assert_eq!(
        mock.sandbox("a").get("/login").await.status,
        200,
        "those that are there go on"
    );
    mock.request("DELETE", "/_mock/sandboxes/a").await;
    assert_eq!(mock.sandbox("c").get("/login").await.status, 200);
}
