//! `/_mock/codes`, `/consents`, `/device` and `/clients/{id}/rotate-secret`: grants without a browser.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{
    CONF, CONSENT_PAGE, Fields, LOST_SECRET, SPA, SandboxClient, TestServer, VERIFIER,
};

const DEVICE: &str = "/api/auth/oauth/device";
const POLL: &str = "/api/auth/oauth/device-token";

/// Status, key, message and hint of each refusal.
async fn refusals(mock: &SandboxClient, path: &str, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.request("POST", path).json(input).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {} {}: {} ({})\n",
            answer.status, error["error"], error["path"], error["message"], error["hint"]
        );
    }
    table
}

#[tokio::test]
async fn a_code_with_a_challenge_is_redeemed_by_its_verifier() {
    let mock = TestServer::documented().await;
    let asked = CONF.authorize_params("5");
    let issued = mock.control("POST", "/codes", json!({
        "client_id": CONF.id, "user": "ada", "scope": "ModelsRead", "redirect_uri": CONF.redirect_uri,
        "code_challenge": asked.get("code_challenge"), "state": "x y",
    })).await;
    let code = issued["code"].as_str().unwrap();
    assert_snapshot!(issued.to_string().replace(code, "<code>"), @r#"{"code":"<code>","expires_in":600,"scope":"5","redirect_uri":"https://app.example/callback","location":"https://app.example/callback?code=<code>&state=x+y","code_verifier":null}"#);
    let tokens = mock.token(&CONF.redeem_params(code)).await;
    assert_eq!((tokens.status, tokens.text("scope")), (200, "5".to_owned()));
    assert_eq!(
        mock.token(&CONF.redeem_params(code)).await.status,
        400,
        "once"
    );
}

#[tokio::test]
async fn a_code_without_a_challenge_brings_its_verifier() {
    let mock = TestServer::documented().await;
    let issued = mock
        .control(
            "POST",
            "/codes",
            json!({ "client_id": "spa", "user": 3, "nonce": "n" }),
        )
        .await;
    assert_eq!(issued["redirect_uri"], SPA.redirect_uri);
    let redeem = SPA.redeem_params(issued["code"].as_str().unwrap());
    let verifier = issued["code_verifier"].as_str().unwrap();
    let tokens = mock.token(&redeem.with("code_verifier", verifier)).await;
    assert!(tokens.json()["id_token"].is_string(), "{tokens}");

    let issued = mock
        .control("POST", "/codes", json!({ "client_id": "spa", "user": 3 }))
        .await;
    let redeem = SPA.redeem_params(issued["code"].as_str().unwrap());
    assert_eq!(redeem.get("code_verifier"), Some(VERIFIER));
    assert_snapshot!(mock.token(&redeem).await.summary(), @"400 invalid_grant: Invalid grant: code verifier is invalid");
}

#[tokio::test]
async fn a_code_expires_by_the_contracts_lifetime() {
    let mock = TestServer::documented().await;
    for (contract, life) in [("documented", 600), ("live", 300)] {
        mock.set(json!({ "contract": contract })).await;
        let issued = mock
            .control(
                "POST",
                "/codes",
                json!({ "client_id": "conf", "user": "ada" }),
            )
            .await;
        assert_eq!(issued["expires_in"], life);
        mock.advance(life + 1).await;
        let redeem = CONF.redeem_params(issued["code"].as_str().unwrap());
        let redeem = redeem.with("code_verifier", issued["code_verifier"].as_str().unwrap());
        assert_eq!(mock.token(&redeem).await.text("error"), "invalid_grant");
    }
}

#[tokio::test]
async fn invalid_code_request_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/clients", json!({ "id": "bare", "name": "Bare" }))
        .await;
    let inputs = [
        json!({}),
        json!({ "client_id": "nobody's", "user": "ada" }),
        json!({ "client_id": "conf", "user": "gone" }),
        json!({ "client_id": "conf", "user": "ada", "scope": "Read All" }),
        json!({ "client_id": "conf", "user": "ada", "redirect_uri": "app.example" }),
        json!({ "client_id": "bare", "user": "ada" }),
        json!({ "client_id": "conf", "user": "ada", "challenge": "x" }),
        json!({ "client_id": "conf", "user": "ada", "code_challenge": "" }),
        json!({ "client_id": "conf", "user": "ada", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=" }),
        json!({ "client_id": "conf", "user": "ada", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM" }),
    ];
    assert_snapshot!(refusals(&mock, "/_mock/codes", &inputs).await, @r#"
    {}
      400 "invalid" "": "missing key \"client_id\"" (null)
    {"client_id":"nobody's","user":"ada"}
      400 "invalid" "client_id": "no client \"nobody's\"" ("there are conf, spa, public-cc, narrow, wide, disabled, testers, other, code-only, no-grants, odd-secret, lost-secret, appblk-x, bare")
    {"client_id":"conf","user":"gone"}
      400 "invalid" "user": "user \"gone\" is deleted" ("PATCH the user with {\"deleted\":false}")
    {"client_id":"conf","user":"ada","scope":"Read All"}
      400 "invalid" "scope": "no scope \"Read All\"" ("did you mean \"Read Only\"?")
    {"client_id":"conf","user":"ada","redirect_uri":"app.example"}
      400 "invalid" "redirect_uri": "not a URL: \"app.example\" (relative URL without a base)" (null)
    {"client_id":"bare","user":"ada"}
      400 "invalid" "redirect_uri": "client \"bare\" has no registered redirect URI" ("give a redirect_uri")
    {"client_id":"conf","user":"ada","challenge":"x"}
      400 "invalid" "challenge": "unknown key \"challenge\"" ("did you mean \"code_challenge\"?")
    {"client_id":"conf","user":"ada","code_challenge":""}
      400 "invalid" "code_challenge": "\"\" is not a valid S256 challenge" ("give the base64url-encoded SHA-256 of the verifier, 43 characters without padding, or omit it")
    {"client_id":"conf","user":"ada","code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c="}
      400 "invalid" "code_challenge": "\"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=\" is not a valid S256 challenge" ("give the base64url-encoded SHA-256 of the verifier, 43 characters without padding, or omit it")
    {"client_id":"conf","user":"ada","code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"}
      400 "invalid" "code_challenge": "\"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM\" is not a valid S256 challenge" ("give the base64url-encoded SHA-256 of the verifier, 43 characters without padding, or omit it")
    "#);
}

#[tokio::test]
async fn consents_are_stored_listed_and_deleted() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    assert_snapshot!(mock.request("POST", "/_mock/consents").json(&json!({
        "user": "ada", "client_id": "conf", "scope": "ModelsRead",
        "buzz_limit": [{ "type": "sliding", "limit": 5000, "window": "day", "unit": 1 }],
    })).await, @r#"
    200
    content-type: application/json

    {"user":2,"client_id":"conf","scope":"5","buzz_limit":[{"type":"sliding","limit":5000,"window":"day","unit":1}]}
    "#);
    assert_eq!(
        mock.authorize(&CONF.authorize_params("5")).await.status,
        302,
        "no page"
    );
    assert_eq!(
        mock.authorize(&CONF.authorize_params("7"))
            .await
            .location()
            .path(),
        CONSENT_PAGE,
        "more than that"
    );
    mock.control(
        "POST",
        "/consents",
        json!({ "user": "ada", "client_id": "spa", "scope": 1 }),
    )
    .await;
    mock.control(
        "POST",
        "/consents",
        json!({ "user": "tess", "client_id": "conf", "scope": 1 }),
    )
    .await;
    assert_snapshot!(mock.get("/_mock/consents?user=ada").await.body, @r#"{"consents":[{"user":2,"client_id":"conf","scope":"5","buzz_limit":[{"type":"sliding","limit":5000,"window":"day","unit":1}],"updated_at":"2026-01-31T12:00:00Z"},{"user":2,"client_id":"spa","scope":"1","buzz_limit":null,"updated_at":"2026-01-31T12:00:00Z"}]}"#);
    let many = async |query: &str| {
        let shown = mock
            .control("GET", &format!("/consents{query}"), json!({}))
            .await;
        shown["consents"].as_array().map(Vec::len)
    };
    assert_eq!(
        (
            many("").await,
            many("?client_id=conf").await,
            many("?user=3").await
        ),
        (Some(3), Some(2), Some(1))
    );
    let mut table = String::new();
    for (query, body) in [
        ("?user=ada&client_id=conf", json!({})),
        ("", json!({ "user": "ada" })),
        ("?user=adda", json!({})),
        ("", json!({ "usr": "ada" })),
        ("", json!({})),
    ] {
        let answer = mock
            .request("DELETE", &format!("/_mock/consents{query}"))
            .json(&body)
            .await;
        table += &format!(
            "{query} {body}: {}; {} left\n",
            answer.summary(),
            many("").await.unwrap_or_default()
        );
    }
    assert_snapshot!(table, @r#"
    ?user=ada&client_id=conf {}: 200 {"deleted":1}; 2 left
     {"user":"ada"}: 200 {"deleted":1}; 1 left
    ?user=adda {}: 400 invalid: no user "adda"; 1 left
     {"usr":"ada"}: 400 invalid: unknown key "usr"; 1 left
     {}: 200 {"deleted":1}; 0 left
    "#);
    assert_eq!(
        mock.authorize(&CONF.authorize_params("5"))
            .await
            .location()
            .path(),
        CONSENT_PAGE
    );
}

#[tokio::test]
async fn invalid_consent_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({}),
        json!({ "user": "ada", "client_id": "conf" }),
        json!({ "user": "ada", "client_id": "conf", "scope": -1 }),
        json!({ "user": "ada", "client_id": "cnf", "scope": 1 }),
        json!({ "user": "ada", "client_id": "conf", "scope": 1, "buzz_limit": "much" }),
    ];
    assert_snapshot!(refusals(&mock, "/_mock/consents", &inputs).await, @r#"
    {}
      400 "invalid" "": "missing key \"user\"" (null)
    {"user":"ada","client_id":"conf"}
      400 "invalid" "": "missing key \"scope\"" (null)
    {"user":"ada","client_id":"conf","scope":-1}
      400 "invalid" "scope": "-1 is negative: a scope is a bitmask" (null)
    {"user":"ada","client_id":"cnf","scope":1}
      400 "invalid" "client_id": "no client \"cnf\"" ("did you mean \"conf\"?")
    {"user":"ada","client_id":"conf","scope":1,"buzz_limit":"much"}
      400 "invalid" "buzz_limit": "\"much\": buzz_limit failed validation" ("for example [{\"type\":\"sliding\",\"limit\":5000,\"window\":\"day\",\"unit\":1}]")
    "#);
}

#[tokio::test]
async fn a_device_is_approved_or_denied_by_its_user_code() {
    let mock = TestServer::documented().await;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    mock.control("PATCH", "/clients/spa", json!({ "grants": [grant] }))
        .await;
    let begin = async || {
        mock.post(
            DEVICE,
            &Fields::new(&[("client_id", "spa"), ("scope", "5")]),
        )
        .await
    };
    let poll = async |device_code: &str| {
        let fields = [
            ("grant_type", grant),
            ("client_id", "spa"),
            ("device_code", device_code),
        ];
        mock.post(POLL, &Fields::new(&fields)).await
    };
    let device = begin().await;
    assert_snapshot!(poll(&device.text("device_code")).await.summary(), @"400 authorization_pending");
    let approval = json!({ "user_code": device.text("user_code"), "user": "tess" });
    assert_eq!(
        mock.control("POST", "/device/approve", approval.clone())
            .await,
        json!({})
    );
    let tokens = poll(&device.text("device_code")).await;
    assert_eq!(tokens.text("scope"), "5");
    let user = mock.userinfo(&tokens.text("access_token")).await;
    assert_eq!(user.text("username"), "tess");

    let device = begin().await;
    // As people type it.
    let typed = device.text("user_code").to_lowercase().replace('-', " ");
    mock.control("POST", "/device/deny", json!({ "user_code": typed }))
        .await;
    assert_snapshot!(poll(&device.text("device_code")).await.summary(), @"400 access_denied");
    let again = mock
        .request("POST", "/_mock/device/deny")
        .json(&json!({ "user_code": typed }))
        .await;
    assert_snapshot!(again.summary().replace(&typed, "<code>"), @r#"400 invalid: "<code>": Invalid or expired code"#);
    let inputs = [
        json!({}),
        json!({ "user_code": "AAAA-AAAA", "user": "ada" }),
        json!({ "user_code": "AAAA-AAAA", "user": "adda" }),
    ];
    assert_snapshot!(refusals(&mock, "/_mock/device/approve", &inputs).await, @r#"
    {}
      400 "invalid" "": "missing key \"user_code\"" (null)
    {"user_code":"AAAA-AAAA","user":"ada"}
      400 "invalid" "user_code": "\"AAAA-AAAA\": Invalid or expired code" ("no device is waiting for this code: start a flow with POST /api/auth/oauth/device")
    {"user_code":"AAAA-AAAA","user":"adda"}
      400 "invalid" "user": "no user \"adda\"" ("did you mean \"ada\"?")
    "#);
}

#[tokio::test]
async fn rotated_secret_replaces_the_old_one() {
    let mock = TestServer::documented().await;
    let rotated = mock
        .request("POST", "/_mock/clients/conf/rotate-secret")
        .await;
    let secret = rotated.text("client_secret");
    assert_snapshot!(rotated.to_string().replace(&secret, "<48 hex>"), @r#"
    200
    content-type: application/json

    {"client_id":"conf","client_secret":"<48 hex>"}
    "#);
    assert_snapshot!(mock.token(&CONF.client_credentials()).await.summary(), @"400 invalid_client: Invalid client: client is invalid");
    let with_new = CONF.client_credentials().with("client_secret", &secret);
    assert_eq!(mock.token(&with_new).await.status, 200);
    mock.control("POST", "/clients/lost-secret/rotate-secret", json!({}))
        .await;
    assert!(!mock.get("/_mock/clients").await.body.contains(&secret));
    assert_eq!(LOST_SECRET.id, "lost-secret");
    let public = mock
        .request("POST", "/_mock/clients/spa/rotate-secret")
        .await;
    assert_snapshot!(public.body, @r#"{"error":"invalid","message":"client \"spa\" is public: it has no secret","path":"id","hint":"PATCH it with {\"confidential\":true} first"}"#);
    assert_eq!(
        mock.request("POST", "/_mock/clients/none/rotate-secret")
            .await
            .status,
        404
    );
}
