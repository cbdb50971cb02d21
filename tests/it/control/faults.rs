//! `/_mock/faults`: which calls a fault applies to, how often, and how faults are added and deleted. Effects are in
//! `fault_effects.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    CONF, DEVICE_APPROVE, OTHER, SPA, SandboxClient, TestServer, USERINFO, config,
};

async fn set(mock: &SandboxClient, fault: Value) -> Value {
    mock.control("POST", "/faults", fault).await
}

/// What so many calls to the token endpoint come to: `.` for an answer, `x` for the fault.
async fn pattern(mock: &SandboxClient, calls: usize) -> String {
    let mut seen = String::new();
    for _ in 0..calls {
        let status = mock.token(&CONF.client_credentials()).await.status;
        seen.push(if status == 503 { 'x' } else { '.' });
    }
    seen
}

#[tokio::test]
async fn fault_applies_to_matching_calls() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let code = mock.code(&CONF, "1").await;
    let mut table = String::new();
    for fault in [
        json!({ "endpoint": "token" }),
        json!({ "endpoint": "userinfo" }),
        json!({ "client_id": "conf" }),
        json!({ "client_id": "spa" }),
        json!({ "grant_type": "refresh_token" }),
        json!({ "grant_type": "authorization_code" }),
        json!({ "user": "ada" }),
        json!({ "user": 2 }),
        json!({ "user": "tess" }),
        json!({ "endpoint": "token", "grant_type": "refresh_token", "client_id": "conf", "user": 2 }),
        json!({}),
    ] {
        mock.control("POST", "/snapshots/s", json!({})).await;
        let mut with_effect = fault.clone();
        with_effect["effect"] = json!({ "status": 599 });
        set(&mock, with_effect).await;
        let outcome = |status: u16| if status == 599 { "failed" } else { "-" };
        let (code, refresh, own) = (
            mock.token(&CONF.redeem_params(&code)).await.status,
            mock.token(&CONF.refresh_params(&tokens.refresh))
                .await
                .status,
            mock.token(&SPA.refresh_params("x")).await.status,
        );
        let (userinfo, revoke) = (
            mock.userinfo(&tokens.access).await.status,
            mock.revoke(&OTHER.revoke_params("x")).await.status,
        );
        table += &format!(
            "{fault}\n  code {}, refresh {}, spa's refresh {}, userinfo {}, other's revoke {}\n",
            outcome(code),
            outcome(refresh),
            outcome(own),
            outcome(userinfo),
            outcome(revoke)
        );
        mock.control("POST", "/snapshots/s/restore", json!({}))
            .await;
    }
    assert_snapshot!(table, @r#"
    {"endpoint":"token"}
      code failed, refresh failed, spa's refresh failed, userinfo -, other's revoke -
    {"endpoint":"userinfo"}
      code -, refresh -, spa's refresh -, userinfo failed, other's revoke -
    {"client_id":"conf"}
      code failed, refresh failed, spa's refresh -, userinfo failed, other's revoke -
    {"client_id":"spa"}
      code -, refresh -, spa's refresh failed, userinfo -, other's revoke -
    {"grant_type":"refresh_token"}
      code -, refresh failed, spa's refresh failed, userinfo -, other's revoke -
    {"grant_type":"authorization_code"}
      code failed, refresh -, spa's refresh -, userinfo -, other's revoke -
    {"user":"ada"}
      code failed, refresh failed, spa's refresh -, userinfo failed, other's revoke -
    {"user":2}
      code failed, refresh failed, spa's refresh -, userinfo failed, other's revoke -
    {"user":"tess"}
      code -, refresh -, spa's refresh -, userinfo -, other's revoke -
    {"endpoint":"token","grant_type":"refresh_token","client_id":"conf","user":2}
      code -, refresh failed, spa's refresh -, userinfo -, other's revoke -
    {}
      code failed, refresh failed, spa's refresh failed, userinfo failed, other's revoke failed
    "#);
}

#[tokio::test]
async fn fault_for_a_user_applies_by_session_token_or_code() {
    let mock = TestServer::documented().await;
    set(
        &mock,
        json!({ "endpoint": "authorize", "user": "tess", "effect": { "status": 599 } }),
    )
    .await;
    let path = format!(
        "{}?{}",
        crate::support::AUTHORIZE,
        CONF.authorize_params("1").encoded()
    );
    assert_eq!(
        mock.get(&path).header("x-mock-user", "tess").await.status,
        599
    );
    assert_eq!(mock.get(&path).header("x-mock-user", "3").await.status, 599);
    assert_eq!(
        mock.get(&path).header("x-mock-user", "ada").await.status,
        303
    );
    let cookie = mock.session("tess").await;
    assert_eq!(mock.get(&path).cookie(&cookie).await.status, 599);
    assert_eq!(mock.get(&path).await.status, 303);
    mock.set(json!({ "login": "tess" })).await;
    assert_eq!(mock.get(&path).await.status, 599, "by the setting login");
    let stale = mock.get(&path).cookie("civ-token=of-an-earlier-run");
    assert_eq!(stale.await.status, 599, "as authorize takes it");
    let junk = mock.get(&path).header("authorization", "Bearer junk");
    assert_eq!(junk.await.status, 599, "which authorize does not read");

    // An endpoint that reads a token acts for its user, not for the session's.
    set(
        &mock,
        json!({ "endpoint": "me", "user": "tess", "effect": { "status": 599 } }),
    )
    .await;
    let token = mock.tokens(&CONF, "1").await.access;
    let me = || mock.get("/api/v1/me").cookie(&cookie);
    assert_eq!(me().await.status, 599);
    let header = format!("Bearer {token}");
    assert_eq!(me().header("authorization", &header).await.status, 200);
}

#[tokio::test]
async fn fault_for_a_user_applies_on_the_device_page() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let user_code = mock.device("1").await.user_code;
    let fault = json!({ "endpoint": "device-approve", "user": "ada", "effect": { "status": 599 } });
    set(&mock, fault).await;
    let approve = || {
        let body = json!({ "user_code": user_code });
        mock.request("POST", DEVICE_APPROVE).json(&body)
    };
    assert_ne!(approve().await.status, 599, "no user is signed in");
    mock.set(json!({ "login": "ada" })).await;
    assert_eq!(approve().await.status, 599);
    mock.control("DELETE", "/faults", json!({})).await;
    assert_eq!(approve().await.status, 200);
    let last = mock.control("GET", "/requests", json!({})).await;
    let last = last["requests"]
        .as_array()
        .and_then(|all| all.last())
        .cloned();
    let ada = mock.control("GET", "/users/ada", json!({})).await["id"].clone();
    let user = &last.expect("it is recorded")["user"];
    assert_eq!(*user, ada, "the journal knows who it was");
}

/// The site reads a token behind any scheme, the endpoints of OAuth behind `Bearer` alone: so do faults.
#[tokio::test]
async fn fault_for_a_client_applies_wherever_its_token_is_read() {
    let mock = TestServer::documented().await;
    let token = mock.tokens(&CONF, "1").await.access;
    let fault = json!({ "client_id": "conf", "effect": { "status": 599 } });
    set(&mock, fault).await;
    for (scheme, me, userinfo) in [
        ("Bearer", 599, 599),
        ("bearer", 599, 401),
        ("Token", 599, 401),
    ] {
        let shows = |path| {
            let ask = mock.get(path);
            ask.header("authorization", &format!("{scheme} {token}"))
        };
        assert_eq!(shows("/api/v1/me").await.status, me, "{scheme}");
        assert_eq!(shows(USERINFO).await.status, userinfo, "{scheme}");
    }
}

#[tokio::test]
async fn unknown_path_is_rejected_as_endpoint() {
    let mock = TestServer::documented().await;
    set(
        &mock,
        json!({ "endpoint": "token", "times": 1, "effect": { "status": 599 } }),
    )
    .await;
    assert_eq!(
        mock.post("/oauth/token", &CONF.client_credentials())
            .await
            .status,
        404
    );
    let requests = mock.control("GET", "/requests", json!({})).await;
    assert_eq!(requests["requests"][0]["endpoint"], "other");
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 599);
}

#[tokio::test]
async fn times_nth_after_and_probability_limit_a_fault() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for budget in [
        json!({}),
        json!({ "times": 1 }),
        json!({ "times": 2 }),
        json!({ "nth": 1 }),
        json!({ "nth": 3 }),
        json!({ "skip": 2 }),
        json!({ "skip": 2, "times": 2 }),
        json!({ "probability": 1 }),
        json!({ "probability": 1, "times": 3 }),
    ] {
        let mut fault = budget.clone();
        fault["endpoint"] = "token".into();
        fault["effect"] = json!({ "status": 503 });
        set(&mock, fault).await;
        // Calls that do not fit count for nothing.
        mock.get(USERINFO).await;
        let pattern = pattern(&mock, 6).await;
        let shown = mock.control("GET", "/faults", json!({})).await;
        let shown = &shown["faults"][0];
        table += &format!(
            "{pattern} matched {}, triggered {}: {budget}\n",
            shown["matched"], shown["triggered"]
        );
        mock.control("DELETE", "/faults", json!({})).await;
    }
    assert_snapshot!(table, @r#"
    xxxxxx matched 6, triggered 6: {}
    x..... matched 6, triggered 1: {"times":1}
    xx.... matched 6, triggered 2: {"times":2}
    x..... matched 6, triggered 1: {"nth":1}
    ..x... matched 6, triggered 1: {"nth":3}
    ..xxxx matched 6, triggered 4: {"skip":2}
    ..xx.. matched 6, triggered 2: {"skip":2,"times":2}
    xxxxxx matched 6, triggered 6: {"probability":1}
    xxx... matched 6, triggered 3: {"probability":1,"times":3}
    "#);
}

#[tokio::test]
async fn entropy_seed_fixes_which_calls_a_fault_applies_to() {
    let run = async |seed: u64| {
        let mut config = config(civitai_oauth_mock::Contract::Documented);
        config.entropy_seed = Some(seed);
        let mock = TestServer::start(config).await;
        set(
            &mock,
            json!({ "endpoint": "token", "probability": 0.5, "effect": { "status": 503 } }),
        )
        .await;
        pattern(&mock, 24).await
    };
    let first = run(1).await;
    assert_eq!(run(1).await, first);
    assert_ne!(run(2).await, first);
    assert!(first.contains('x') && first.contains('.'), "{first}");
}

#[tokio::test]
async fn faults_are_set_listed_read_and_removed() {
    let mock = TestServer::documented().await;
    let fault = json!({ "endpoint": "token", "grant_type": "refresh_token", "times": 1,
        "effect": { "error": "invalid_grant" } });
    assert_snapshot!(mock.request("POST", "/_mock/faults").json(&fault).await, @r#"
    201
    content-type: application/json

    {"id":1,"endpoint":"token","grant_type":"refresh_token","times":1,"effect":{"error":"invalid_grant"},"matched":0,"triggered":0}
    "#);
    set(
        &mock,
        json!({ "effect": { "delay": { "min": "1ms", "max": 2 }, "headers": { "x-late": "1" } } }),
    )
    .await;
    mock.token(&CONF.refresh_params("x")).await;
    assert_snapshot!(mock.get("/_mock/faults/1").await.body, @r#"{"id":1,"endpoint":"token","grant_type":"refresh_token","times":1,"effect":{"error":"invalid_grant"},"matched":1,"triggered":1}"#);
    assert_snapshot!(mock.request("DELETE", "/_mock/faults/1").await, @"
    200
    content-type: application/json

    {}
    ");
    assert_snapshot!(mock.get("/_mock/faults").await.body, @r#"{"faults":[{"id":2,"effect":{"headers":{"x-late":"1"},"delay":{"min":"1ms","max":2}},"matched":1,"triggered":1}]}"#);
    let mut table = String::new();
    for (method, id) in [
        ("GET", "1"),
        ("DELETE", "1"),
        ("GET", "x"),
        ("DELETE", "-2"),
    ] {
        let answer = mock.request(method, &format!("/_mock/faults/{id}")).await;
        table += &format!(
            "{method} {id}: {} ({})\n",
            answer.summary(),
            answer.json()["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    GET 1: 404 not_found: no fault "1" ("there are 2")
    DELETE 1: 404 not_found: no fault "1" ("there are 2")
    GET x: 404 not_found: no fault "x" ("there are 2")
    DELETE -2: 404 not_found: no fault "-2" ("there are 2")
    "#);
    assert_eq!(mock.request("DELETE", "/_mock/faults").await.status, 200);
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await,
        json!({ "faults": [] })
    );
}

#[tokio::test]
async fn fault_belongs_to_its_sandbox_and_is_removed_by_reset() {
    let mock = TestServer::documented().await;
    let (here, there) = (mock.sandbox("here"), mock.sandbox("there"));
    set(&here, json!({ "effect": { "status": 503 } })).await;
    assert_eq!(here.token(&CONF.client_credentials()).await.status, 503);
    assert_eq!(there.token(&CONF.client_credentials()).await.status, 200);
    assert_eq!(
        here.get("/_mock/clock").await.status,
        200,
        "faults do not apply to control calls"
    );
    assert_eq!(here.get("/api/health").await.status, 200);
    here.control("POST", "/reset", json!({})).await;
    assert_eq!(here.token(&CONF.client_credentials()).await.status, 200);
}
