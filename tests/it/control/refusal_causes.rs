//! The causes of refusals: what the server knows beyond its response, with the requests of the journal.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    CODE_ONLY, CONF, DISABLED, NARROW, OTHER, SPA, SandboxClient, SpendingApp, TESTERS,
    TestResponse, TestServer, config, with_frozen_clock,
};

/// `code: message {facts}` of a refused request, which its headers name too.
async fn cause(sandbox: &SandboxClient, answer: TestResponse) -> String {
    assert!(answer.status >= 400, "{answer}");
    let found = sandbox.control("GET", "/requests?limit=1", json!({})).await;
    let request = &found["requests"][0];
    let reason = &request["reason"];
    let header = |name: &str| -> String {
        let value = answer.headers.get(name).expect("a refusal has the header");
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    assert_eq!(header("x-mock-reason"), reason["message"], "{answer}");
    let page = format!("/_mock/requests/{}", request["id"]);
    assert!(header("x-mock-request").ends_with(&page), "{answer}");
    assert!(reason["fix"].as_str().is_some_and(|fix| !fix.is_empty()));
    let text = |key: &str| reason[key].as_str().unwrap_or_default().to_owned();
    format!(
        "{}: {} {}\n",
        text("code"),
        text("message"),
        without_times(reason["facts"].clone())
    )
}

/// The facts without the times, which the frozen clock of another day would change.
fn without_times(mut facts: Value) -> Value {
    for value in facts
        .as_object_mut()
        .into_iter()
        .flat_map(|facts| facts.values_mut())
    {
        if let Some(object) = value.as_object_mut() {
            object.remove("at");
        }
    }
    if let Some(facts) = facts.as_object_mut() {
        facts.remove("expired_at");
    }
    facts
}

#[tokio::test]
async fn a_refused_code_names_the_requests_that_issued_and_used_it() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let mut causes = String::new();

    let code = mock.code(&CONF, "1").await;
    let redeem = CONF.redeem_params(&code);
    assert_eq!(mock.token(&redeem).await.status, 200);
    mock.later("4s").await;
    causes += &cause(&mock, mock.token(&redeem).await).await;

    let code = mock.code(&CONF, "1").await;
    let wrong = CONF
        .redeem_params(&code)
        .with("code_verifier", &"a".repeat(43));
    causes += &cause(&mock, mock.token(&wrong).await).await;
    causes += &cause(&mock, mock.token(&CONF.redeem_params(&code)).await).await;

    let code = mock.code(&CONF, "1").await;
    let other_uri = CONF
        .redeem_params(&code)
        .with("redirect_uri", "https://app.example/callback/");
    causes += &cause(&mock, mock.token(&other_uri).await).await;

    let code = mock.code(&CONF, "1").await;
    causes += &cause(&mock, mock.token(&OTHER.redeem_params(&code)).await).await;
    mock.later("601s").await;
    causes += &cause(&mock, mock.token(&CONF.redeem_params(&code)).await).await;

    let sandbox = mock.sandbox("t1");
    let code = sandbox.code(&CONF, "1").await;
    causes += &cause(&mock, mock.token(&CONF.redeem_params(&code)).await).await;
    causes += &cause(&mock, mock.token(&CONF.redeem_params("made-up")).await).await;
    let tokens = mock.tokens(&CONF, "1").await;
    causes += &cause(&mock, mock.token(&CONF.redeem_params(&tokens.access)).await).await;
    assert_snapshot!(causes, @r#"
    credential-used: authorization code already used in request 2, 4 s ago {"credential":"authorization_code","issued":{"request":1},"used":{"request":2}}
    verifier-mismatch: the code_verifier does not fit the code_challenge of the authorize request {"mistake":null}
    credential-used: authorization code already used in request 5, less than 1 s ago {"credential":"authorization_code","issued":{"request":4},"used":{"request":5}}
    redirect-changed: redirect_uri "https://app.example/callback/" is not that of the authorize request, "https://app.example/callback"; the slash at the end differs {"redirect_uri":"https://app.example/callback/","authorized":"https://app.example/callback","differs_in":"the slash at the end"}
    credential-of-other-client: authorization code belongs to another app, Conf App (issued in request 9) {"credential":"authorization_code","issued":{"request":9},"issued_to":"Conf App"}
    credential-expired: authorization code expired 1 s ago (issued in request 9) {"credential":"authorization_code","issued":{"request":9}}
    credential-of-other-sandbox: authorization code belongs to the sandbox "t1" {"credential":"authorization_code","sandbox":"t1"}
    credential-unknown: authorization code unknown: no request in the journal has issued it {"credential":"authorization_code"}
    credential-of-other-kind: authorization code expected, and access token sent {"credential":"authorization_code","sent":"access_token"}
    "#);
}

#[tokio::test]
async fn a_refused_token_names_the_requests_that_issued_and_ended_it() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let mut causes = String::new();

    let first = mock.tokens(&CONF, "1").await;
    let second = mock.refreshed(&CONF, &first).await;
    causes += &cause(
        &mock,
        mock.token(&CONF.refresh_params(&first.refresh)).await,
    )
    .await;
    let by_other = OTHER.refresh_params(&second.refresh);
    causes += &cause(&mock, mock.token(&by_other).await).await;
    let access = CONF.refresh_params(&second.access);
    causes += &cause(&mock, mock.token(&access).await).await;

    mock.later("2h").await;
    causes += &cause(&mock, mock.userinfo(&second.access).await).await;
    assert_eq!(
        mock.revoke(&CONF.revoke_params(&second.refresh))
            .await
            .status,
        200
    );
    mock.later("90s").await;
    causes += &cause(
        &mock,
        mock.token(&CONF.refresh_params(&second.refresh)).await,
    )
    .await;

    let third = mock.tokens(&CONF, "1").await;
    causes += &cause(&mock, mock.userinfo(&third.refresh).await).await;
    mock.control("DELETE", "/tokens", json!({})).await;
    causes += &cause(&mock, mock.userinfo(&third.access).await).await;
    causes += &cause(&mock, mock.userinfo("civitai_00").await).await;
    let me = mock
        .get("/api/v1/me")
        .header("authorization", "Bearer civitai_00");
    causes += &cause(&mock, me.await).await;
    assert_snapshot!(causes, @r#"
    credential-used: refresh token already used in request 3, less than 1 s ago {"credential":"refresh_token","issued":{"request":2},"used":{"request":3}}
    credential-of-other-client: refresh token belongs to another app, Conf App (issued in request 3) {"credential":"refresh_token","issued":{"request":3},"issued_to":"Conf App"}
    credential-of-other-kind: refresh token expected, and access token sent {"credential":"refresh_token","sent":"access_token"}
    credential-expired: access token expired 1 h ago (issued in request 3) {"credential":"access_token","issued":{"request":3}}
    credential-revoked: refresh token revoked in request 8, 1 min 30 s ago (issued in request 3) {"credential":"refresh_token","issued":{"request":3},"revoked":{"request":8}}
    credential-of-other-kind: access token expected, and refresh token sent {"credential":"access_token","sent":"refresh_token"}
    credential-gone: access token no longer valid (issued in request 11): another request used it at the same time, or it was revoked {"credential":"access_token","issued":{"request":11}}
    credential-unknown: access token unknown: no request in the journal has issued it {"credential":"access_token"}
    credential-unknown: access token unknown: no request in the journal has issued it {"credential":"access_token"}
    "#);
}

#[tokio::test]
async fn a_refused_app_is_named_with_what_it_may_do() {
    let mock = TestServer::documented().await;
    let mut causes = String::new();
    let code = mock.code(&CONF, "1").await;
    let redeem = CONF.redeem_params(&code);
    causes += &cause(
        &mock,
        mock.token(&redeem.clone().with("client_secret", "x")).await,
    )
    .await;
    causes += &cause(
        &mock,
        mock.token(&redeem.clone().without("client_secret")).await,
    )
    .await;
    causes += &cause(&mock, mock.token(&redeem.with("client_id", "cnf")).await).await;
    let with_secret = SPA.refresh_params("x").and("client_secret", "s");
    causes += &cause(&mock, mock.token(&with_secret).await).await;
    causes += &cause(&mock, mock.token(&CODE_ONLY.refresh_params("x")).await).await;
    for request in [
        CONF.authorize_params("1")
            .with("client_id", "nobody-at-all"),
        CONF.authorize_params("1")
            .with("redirect_uri", "https://app.example:8443/callback"),
        CONF.authorize_params("1").with("redirect_uri", "urn:x"),
        CONF.authorize_params("1").without("redirect_uri"),
        DISABLED.authorize_params("1"),
        TESTERS.authorize_params("1"),
    ] {
        causes += &cause(&mock, mock.authorize(&request).await).await;
    }
    assert_snapshot!(causes, @r#"
    wrong-secret: wrong client_secret for Conf App {"client":"Conf App"}
    missing-secret: Conf App is confidential, and the request has no client_secret {"client":"Conf App"}
    unknown-client: no app has the client_id "cnf"; the closest one is "conf" {"client_id":"cnf","closest":"conf"}
    secret-of-public-client: Public App is public, and the request has a client_secret {"client":"Public App"}
    grant-not-allowed: Code only may not use the grant refresh_token; allowed: authorization_code {"client":"Code only","grant":"refresh_token","allowed":["authorization_code"]}
    unknown-client: no app has the client_id "nobody-at-all" {"client_id":"nobody-at-all","closest":null}
    redirect-not-registered: redirect_uri "https://app.example:8443/callback" is not registered for Conf App; the closest one, "https://app.example/callback", differs in the port {"client":"Conf App","redirect_uri":"https://app.example:8443/callback","registered":["https://app.example/callback","https://app.example/cb?keep=1&x=a%20b","https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part","http://localhost:8080/cb","https://app.example","com.example.app:/cb"],"closest":"https://app.example/callback","differs_in":"the port","any_loopback_port":false}
    redirect-not-registered: redirect_uri "urn:x" is not registered for Conf App; registered: "https://app.example/callback", "https://app.example/cb?keep=1&x=a%20b", "https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part", "http://localhost:8080/cb", "https://app.example" and "com.example.app:/cb" {"client":"Conf App","redirect_uri":"urn:x","registered":["https://app.example/callback","https://app.example/cb?keep=1&x=a%20b","https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part","http://localhost:8080/cb","https://app.example","com.example.app:/cb"],"closest":null,"differs_in":null,"any_loopback_port":false}
    redirect-not-registered: the request has no redirect_uri; Conf App has registered "https://app.example/callback", "https://app.example/cb?keep=1&x=a%20b", "https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part", "http://localhost:8080/cb", "https://app.example" and "com.example.app:/cb" {"client":"Conf App","redirect_uri":null,"registered":["https://app.example/callback","https://app.example/cb?keep=1&x=a%20b","https://app.example/cb?code=%5Bredacted%5D&z=1&code=%5Bredacted%5D#part","http://localhost:8080/cb","https://app.example","com.example.app:/cb"],"closest":null,"differs_in":null,"any_loopback_port":false}
    app-closed: Disabled App is disabled {"client":"Disabled App","access_mode":"disabled","user":"ada"}
    app-closed: Testers App is open to testers only, and ada has no role "tester" {"client":"Testers App","access_mode":"testers","user":"ada"}
    "#);
}

#[tokio::test]
async fn a_refused_scope_and_a_refused_spend_name_what_is_missing() {
    let mock = TestServer::documented().await;
    let mut causes = String::new();
    let tokens = mock.tokens(&CONF, "1").await;
    let wider = CONF.refresh_params(&tokens.refresh).and("scope", "65537");
    causes += &cause(&mock, mock.token(&wider).await).await;
    let narrow = NARROW.client_credentials().and("scope", "65537");
    causes += &cause(&mock, mock.token(&narrow).await).await;
    let submit = SpendingApp::with(&mock, &tokens.access);
    causes += &cause(
        &mock,
        submit
            .submit(&json!({ "steps": [{ "$type": "textToImage" }] }))
            .await,
    )
    .await;
    let call = submit.call("buzz.getUserAccount").await;
    causes += &cause(&mock, call).await;

    let app = SpendingApp::funded(&mock, &CONF, 100).await;
    let job = |cost: u64| json!({ "cost": cost, "currencies": ["yellow"], "steps": [{ "$type": "textToImage" }] });
    causes += &cause(&mock, app.submit(&job(101)).await).await;
    mock.cap(&CONF, json!([{ "type": "absolute", "limit": 30 }]))
        .await;
    assert_eq!(app.submit(&job(20)).await.status, 200);
    causes += &cause(&mock, app.submit(&job(11)).await).await;
    assert_snapshot!(causes, @r#"
    scope-widened: a refresh cannot add scopes, and the request adds BuzzRead {"added":["BuzzRead"],"granted":["UserRead"]}
    scope-not-allowed: Narrow App may not request BuzzRead {"client":"Narrow App","refused":["BuzzRead"],"allowed":["UserRead","ModelsRead"]}
    insufficient-scope: the access token lacks AIServicesWrite; it has UserRead {"required":["AIServicesWrite"],"granted":["UserRead"]}
    insufficient-scope: the access token lacks BuzzRead; it has UserRead {"required":["BuzzRead"],"granted":["UserRead"]}
    insufficient-buzz: the cost of 101 exceeds the balance of 100 (yellow) {"cost":101,"available":100,"currencies":["yellow"]}
    spend-limit-exceeded: the cost of 11 exceeds the 10 that remain of the app's limit: 20 of 30 are spent {"cost":11,"limit":30,"spent":20,"remaining":10}
    "#);
}

#[tokio::test]
async fn the_headers_are_on_refusals_only_and_can_be_turned_off() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let headers = |answer: &TestResponse| {
        ["x-mock-reason", "x-mock-request"].map(|name| answer.headers.contains_key(name))
    };
    assert_eq!(
        headers(&mock.userinfo(&tokens.access).await),
        [false, false]
    );
    assert_eq!(headers(&mock.userinfo("x").await), [true, true]);
    assert_eq!(headers(&mock.get("/api/nothing").await), [true, true]);
    assert_eq!(headers(&mock.get("/_mock/nothing").await), [false, false]);
    let slow = json!({ "endpoint": "userinfo", "effect": { "delay": "1ms" } });
    mock.control("POST", "/faults", slow).await;
    assert_eq!(headers(&mock.userinfo("x").await), [true, true]);
    mock.set(json!({ "reason_headers": false })).await;
    assert_eq!(headers(&mock.userinfo("x").await), [false, false]);
}

#[tokio::test]
async fn without_a_journal_the_cause_is_named_as_far_as_it_is_known() {
    let mut settings = config(Contract::Documented);
    settings.journal_capacity = 0;
    let mock = TestServer::start(settings).await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.refreshed(&CONF, &tokens).await;
    let again = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(
        again.headers["x-mock-reason"],
        "refresh token unknown: no request in the journal has issued it"
    );
    assert!(!again.headers.contains_key("x-mock-request"));
}

#[tokio::test]
async fn the_reason_is_a_valid_header_without_secrets_whatever_the_client_sends() {
    let mock = TestServer::documented().await;
    let secret = "civitai_0123456789abcdef0123456789abcdef";
    for value in ["é\u{202e}", "a\r\nx-injected: 1", secret, &"x".repeat(9000)] {
        let request = CONF.authorize_params("1").with("redirect_uri", value);
        let answer = mock.authorize(&request).await;
        assert_eq!(answer.status, 400);
        let reason = answer.headers["x-mock-reason"].to_str().expect("ASCII");
        assert!(reason.len() < 2000 && !reason.contains(secret), "{reason}");
        assert!(!answer.headers.contains_key("x-injected"));
    }
}
