//! `/_mock/settings`, `/clock`, `/sessions`, `/contract` and `/reset`.

use civitai_oauth_mock::{DIFFERENCES, PRESETS, SCOPES};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestResponse, TestServer, Tokens};

async fn patch(mock: &SandboxClient, input: Value) -> TestResponse {
    mock.request("PATCH", "/_mock/settings").json(&input).await
}

#[tokio::test]
async fn settings_are_shown_whole() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get("/_mock/settings").await, @r#"
    200
    content-type: application/json
    vary: accept

    {"contract":"documented","differences":{},"rate_limits":false,"login":null,"consent":"ask","access_token_seconds":3600,"refresh_token_seconds":2592000,"code_seconds":null,"unknown_clients":"refuse","workflow_cost":10,"workflow_seconds":0,"reason_headers":true}
    "#);
}

#[tokio::test]
async fn patch_changes_named_settings_and_null_restores_defaults() {
    let mock = TestServer::documented().await;
    let answer = patch(
        &mock,
        json!({ "contract": "live", "differences": { "scope-shape": "documented", "code-lifetime": "documented" },
            "rate_limits": true, "login": "ada", "consent": "approve", "code_seconds": 5,
            "access_token_seconds": 6, "refresh_token_seconds": 7, "unknown_clients": "register",
            "workflow_cost": 8, "workflow_seconds": 9 }),
    )
    .await;
    assert_snapshot!(answer.body, @r#"{"contract":"live","differences":{"scope-shape":"documented","code-lifetime":"documented"},"rate_limits":true,"login":"ada","consent":"approve","access_token_seconds":6,"refresh_token_seconds":7,"code_seconds":5,"unknown_clients":"register","workflow_cost":8,"workflow_seconds":9,"reason_headers":true}"#);
    let answer = patch(
        &mock,
        json!({ "differences": { "scope-shape": null }, "login": null, "code_seconds": null }),
    )
    .await;
    assert_snapshot!(answer.body, @r#"{"contract":"live","differences":{"code-lifetime":"documented"},"rate_limits":true,"login":null,"consent":"approve","access_token_seconds":6,"refresh_token_seconds":7,"code_seconds":null,"unknown_clients":"register","workflow_cost":8,"workflow_seconds":9,"reason_headers":true}"#);
    assert_eq!(patch(&mock, json!({})).await.body, answer.body);
}

#[tokio::test]
async fn unknown_setting_gets_a_suggestion_and_changes_nothing() {
    let mock = TestServer::documented().await;
    let before = mock.get("/_mock/settings").await.body;
    let answer = patch(&mock, json!({ "rate_limit": true, "consent": "deny" })).await;
    assert_snapshot!(answer, @r#"
    400
    content-type: application/json

    {"error":"invalid","message":"unknown key \"rate_limit\"","path":"rate_limit","hint":"did you mean \"rate_limits\"?"}
    "#);
    let mut table = String::new();
    for input in [
        json!({ "zebra": 1 }),
        json!({ "contract": "lively" }),
        json!({ "contract": 1 }),
        json!({ "consent": "approved" }),
        json!({ "rate_limits": "yes" }),
        json!({ "code_seconds": -1 }),
        json!({ "access_token_seconds": 0 }),
        json!({ "differences": { "scope-shapes": "live" } }),
        json!({ "differences": { "scope-shape": "lively" } }),
        json!({ "login": "adda" }),
        json!({ "login": 99 }),
        json!({ "login": "gone" }),
    ] {
        let answer = patch(&mock, input.clone()).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    {"zebra":1}
      400 "zebra": "unknown key \"zebra\"" ("choose among contract, differences, scopes, rate_limits, login, consent, access_token_seconds, refresh_token_seconds, code_seconds, unknown_clients, workflow_cost, workflow_seconds, reason_headers")
    {"contract":"lively"}
      400 "contract": "unknown value \"lively\"" ("did you mean \"live\"?")
    {"contract":1}
      400 "contract": "1 is not text" (null)
    {"consent":"approved"}
      400 "consent": "unknown value \"approved\"" ("did you mean \"approve\"?")
    {"rate_limits":"yes"}
      400 "rate_limits": "\"yes\" is not true or false" (null)
    {"code_seconds":-1}
      400 "code_seconds": "-1 is not a lifetime; write whole seconds, such as 3600, or \"1h\"" (null)
    {"access_token_seconds":0}
      400 "access_token_seconds": "0 is not a lifetime: a token or code would expire when it is issued" ("give 1 or more")
    {"differences":{"scope-shapes":"live"}}
      400 "differences.scope-shapes": "unknown difference \"scope-shapes\"" ("did you mean \"scope-shape\"?")
    {"differences":{"scope-shape":"lively"}}
      400 "differences.scope-shape": "unknown value \"lively\"" ("did you mean \"live\"?")
    {"login":"adda"}
      400 "login": "no user \"adda\"" ("did you mean \"ada\"?")
    {"login":99}
      400 "login": "no user \"99\"" ("name a user by id or username: owner, ada, tess, blank, modo, 7")
    {"login":"gone"}
      400 "login": "user \"gone\" is deleted" ("PATCH the user with {\"deleted\":false}")
    "#);
    for no_object in [json!([]), json!("x"), json!(null), json!(5)] {
        assert_eq!(patch(&mock, no_object).await.status, 400);
    }
    assert_eq!(mock.get("/_mock/settings").await.body, before);
}

#[tokio::test]
async fn body_that_is_not_json_is_rejected() {
    let mock = TestServer::documented().await;
    let broken = mock
        .request("PATCH", "/_mock/settings")
        .body("application/json", "{\"a\":");
    assert_snapshot!(broken.await, @r#"
    400
    content-type: application/json

    {"error":"invalid","message":"the body is not JSON: EOF while parsing a value at line 1 column 5","path":""}
    "#);
    let long = "x".repeat(512 * 1024 + 1);
    let long = mock
        .request("PATCH", "/_mock/settings")
        .body("application/json", long);
    assert_snapshot!(long.await.summary(), @"413 too_large: the body is longer than 524288 bytes");
    assert_snapshot!(mock.request("DELETE", "/_mock/settings").await, @r#"
    405
    allow: GET,HEAD,PATCH
    content-type: application/json

    {"error":"method_not_allowed","message":"/_mock/settings does not support DELETE","path":"","hint":"use GET or PATCH"}
    "#);
}

#[tokio::test]
async fn the_clock_is_moved_in_either_direction() {
    let mock = TestServer::documented().await;
    let now = async || {
        let clock = mock.get("/_mock/clock").await.json();
        (
            clock["unix_ms"].as_i64().unwrap() / 1000,
            clock["state"].to_string(),
        )
    };
    let (start, state) = now().await;
    assert_snapshot!(state, @r#"{"running":{"ahead_ms":0}}"#);
    let answer = mock
        .control("POST", "/clock/advance", json!({ "seconds": 3600 }))
        .await;
    assert_snapshot!(answer["state"].to_string(), @r#"{"running":{"ahead_ms":3600000}}"#);
    mock.control("POST", "/clock/advance", json!({ "seconds": -1800.5 }))
        .await;
    let (later, state) = now().await;
    assert_snapshot!(state, @r#"{"running":{"ahead_ms":1799500}}"#);
    assert!((1799..1830).contains(&(later - start)), "{start} {later}");
    let text = mock.get("/_mock/clock").await.text("now");
    assert!(text.ends_with('Z') && text.contains('T'), "{text}");
}

#[tokio::test]
async fn an_advance_is_a_number_of_seconds() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for input in [
        json!({}),
        json!({ "seconds": "5" }),
        json!({ "second": 5 }),
        json!({ "seconds": 1e13 }),
        json!({ "seconds": null }),
    ] {
        let answer = mock
            .request("POST", "/_mock/clock/advance")
            .json(&input)
            .await;
        let error = answer.json();
        table += &format!(
            "{input}: {} {}: {}\n",
            answer.status, error["path"], error["message"]
        );
    }
    assert_snapshot!(table, @r#"
    {}: 400 "": "missing key \"by\""
    {"seconds":"5"}: 200 null: null
    {"second":5}: 400 "second": "unknown key \"second\""
    {"seconds":10000000000000.0}: 400 "seconds": "10000000000000 s is too long: a clock goes from the year 1 to 9999"
    {"seconds":null}: 400 "seconds": "null is not a length of time: \"1h\", \"300ms\" or a number of seconds"
    "#);
    // To the year 8363, and back to the year 441.
    for seconds in [2e11, -2.5e11] {
        mock.control("POST", "/clock/advance", json!({ "seconds": seconds }))
            .await;
        assert!(mock.get("/login").await.status == 200);
    }
}

#[tokio::test]
async fn a_session_is_of_a_user_by_id_or_name() {
    let mock = TestServer::documented().await;
    let made = mock
        .request("POST", "/_mock/sessions")
        .json(&json!({ "user": "blank" }))
        .await;
    assert_snapshot!(made, @r#"
    201
    content-type: application/json

    {"cookie":"civ-token=<secret>","user":{"id":4,"username":"blank","email":null,"email_verified":false,"image":null,"moderator":false,"tier":null,"roles":[],"subscriptions":[],"muted":false,"banned":false,"deleted":false,"buzz":{"yellow":0,"blue":0,"green":0}}}
    "#);
    let by_id = mock
        .control("POST", "/sessions", json!({ "user": 7 }))
        .await;
    assert_eq!(by_id["user"]["email"], "noname@example.com");
    let mut table = String::new();
    for input in [
        json!({}),
        json!({ "user": "nobody" }),
        json!({ "user": "gone" }),
        json!({ "name": "ada" }),
    ] {
        let answer = mock.request("POST", "/_mock/sessions").json(&input).await;
        let error = answer.json();
        table += &format!(
            "{input}: {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    {}: 400 "": "missing key \"user\"" (null)
    {"user":"nobody"}: 400 "user": "no user \"nobody\"" ("name a user by id or username: owner, ada, tess, blank, modo, 7")
    {"user":"gone"}: 400 "user": "user \"gone\" is deleted" ("PATCH the user with {\"deleted\":false}")
    {"name":"ada"}: 400 "name": "unknown key \"name\"" ("choose among user")
    "#);
}

#[tokio::test]
async fn contract_lists_each_difference() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "differences": { "scope-shape": "live" } }))
        .await;
    let contract = mock.get("/_mock/contract").await.json();
    assert_eq!(contract["contract"], "documented");
    assert_eq!(
        contract["differences"].as_array().unwrap().len(),
        DIFFERENCES.len()
    );
    assert_snapshot!(contract["differences"][0], @r#"{"name":"scope-shape","contract":"live","documented":"scope in the token response is a string, \"5\"","live":"scope in the token response is a list, [\"5\"]; in the device flow a string","live@2026-08":"scope in the token response is a list, [\"5\"]; in the device flow a string","since":{"documented":"2026-08","live":"2026-08","live@2026-08":"2026-08"},"evidence":{"documented":"documentation","live":"recorded","live@2026-08":"recorded"}}"#);
    assert_snapshot!(contract["differences"][1], @r#"{"name":"code-lifetime","contract":"documented","documented":"an authorization code is valid for 600 s","live":"an authorization code is valid for 300 s","live@2026-08":"an authorization code is valid for 300 s","since":{"documented":"2026-08","live":"2026-08","live@2026-08":"2026-08"},"evidence":{"documented":"documentation","live":"recorded","live@2026-08":"recorded"}}"#);
    assert_eq!(contract["scopes"].as_array().unwrap().len(), SCOPES.len());
    assert_snapshot!(contract["scopes"][15], @r#"{"value":32768,"name":"AIServicesWrite","label":"Generate, train & scan"}"#);
    assert_eq!(contract["presets"].as_array().unwrap().len(), PRESETS.len());
}

#[tokio::test]
async fn reset_restores_initial_data_and_settings() {
    let mock = TestServer::documented().await;
    let before = async || {
        let mut all = String::new();
        for path in ["settings", "users", "clients"] {
            all += &mock.get(&format!("/_mock/{path}")).await.body;
        }
        all
    };
    let start = before().await;
    let cookie = mock.session("ada").await;
    mock.approve(&CONF.authorize_params("7").and("remember", "true"))
        .await;
    let tokens: Tokens = mock.tokens(&CONF, "1").await;
    let code = mock.code(&CONF, "1").await;
    mock.set(json!({ "contract": "live", "login": "tess" }))
        .await;
    mock.advance(30).await;
    mock.control("DELETE", "/clients/narrow", json!({})).await;
    mock.control("PATCH", "/users/ada", json!({ "email": null }))
        .await;
    mock.control("POST", "/users", json!({ "username": "new" }))
        .await;
    assert_ne!(before().await, start);

    assert_snapshot!(mock.request("POST", "/_mock/reset").await, @"
    200
    content-type: application/json

    {}
    ");
    assert_eq!(before().await, start);
    assert_eq!(
        mock.get("/_mock/clock").await.json()["state"]["running"]["ahead_ms"],
        0
    );
    assert!(!mock.is_active(&tokens.access).await);
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 400);
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        400
    );
    let path = format!(
        "{}?{}",
        crate::support::AUTHORIZE,
        CONF.authorize_params("7").encoded()
    );
    let signed_out = mock.get(&path).cookie(&cookie).await;
    assert_eq!(signed_out.location().path(), "/login");
    assert_eq!(
        mock.authorize(&CONF.authorize_params("7"))
            .await
            .location()
            .path(),
        "/login/oauth/authorize"
    );
}

#[tokio::test]
async fn health_check_passes() {
    let mock = TestServer::documented().await;
    let answer = mock.get("/api/health").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("status"), "ok");
    assert_eq!(answer.text("version"), env!("CARGO_PKG_VERSION"));
}
