//! `/_mock/requests`: what the journal records of each request, and what it redacts. Expectations are in `verify.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, Fields, SandboxClient, TestResponse, TestServer};

async fn requests(mock: &SandboxClient, query: &str) -> Value {
    mock.control("GET", &format!("/requests{query}"), json!({}))
        .await
}

async fn clear(mock: &SandboxClient) {
    mock.control("DELETE", "/requests", json!({})).await;
}

#[tokio::test]
async fn entry_describes_request_and_response() {
    let mock = TestServer::documented().await;
    mock.freeze("2026-01-31T12:00:00Z").await;
    mock.tokens(&CONF, "5").await;
    let shown = requests(&mock, "").await;
    let port = mock.server().address().port();
    let entry = |at: usize| {
        let mut request = shown["requests"][at].clone();
        request["duration_ms"] = json!(0);
        crate::support::redacted(&serde_json::to_string_pretty(&request).unwrap(), port)
    };
    assert_snapshot!(entry(0), @r#"
    {
      "id": 1,
      "at": "2026-01-31T12:00:00Z",
      "method": "POST",
      "path": "/api/auth/oauth/authorize",
      "endpoint": "authorize",
      "grant_type": null,
      "client_id": "conf",
      "user": 2,
      "params": {
        "response_type": "code",
        "client_id": "conf",
        "redirect_uri": "https://app.example/callback",
        "scope": "5",
        "state": "xyz",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "approved": "true"
      },
      "headers": {
        "accept": "*/*",
        "content-type": "application/x-www-form-urlencoded"
      },
      "status": 302,
      "error": null,
      "duration_ms": 0,
      "request_bytes": 201,
      "response_bytes": 0,
      "location": "https://app.example/callback?code=%5Bredacted%5D&state=xyz",
      "response_body": null,
      "reason": null,
      "differences": [
        {
          "name": "code-lifetime",
          "contract": "documented",
          "other_contract_differs": false
        },
        {
          "name": "redirect-status",
          "contract": "documented",
          "other_contract_differs": true
        },
        {
          "name": "scope-syntax",
          "contract": "documented",
          "other_contract_differs": false
        },
        {
          "name": "redirect-uri-match",
          "contract": "documented",
          "other_contract_differs": false
        },
        {
          "name": "response-type",
          "contract": "documented",
          "other_contract_differs": false
        }
      ],
      "faults": [],
      "extensions": []
    }
    "#);
    assert_snapshot!(entry(1), @r#"
    {
      "id": 2,
      "at": "2026-01-31T12:00:00Z",
      "method": "POST",
      "path": "/api/auth/oauth/token",
      "endpoint": "token",
      "grant_type": "authorization_code",
      "client_id": "conf",
      "user": 2,
      "params": {
        "grant_type": "authorization_code",
        "code": "[redacted]",
        "redirect_uri": "https://app.example/callback",
        "code_verifier": "[redacted]",
        "client_id": "conf",
        "client_secret": "[redacted]"
      },
      "headers": {
        "accept": "*/*",
        "content-type": "application/x-www-form-urlencoded"
      },
      "status": 200,
      "error": null,
      "duration_ms": 0,
      "request_bytes": 248,
      "response_bytes": 178,
      "location": null,
      "response_body": {
        "access_token": "[redacted]",
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "[redacted]",
        "scope": "5"
      },
      "reason": null,
      "differences": [
        {
          "name": "scope-shape",
          "contract": "documented",
          "other_contract_differs": true
        },
        {
          "name": "rate-limit-key",
          "contract": "documented",
          "other_contract_differs": false
        }
      ],
      "faults": [],
      "extensions": []
    }
    "#);
    assert_snapshot!(shown["counters"], @r#"{"total":2,"endpoints":{"authorize":1,"token":1},"grants":{"authorization_code":1}}"#);
}

#[tokio::test]
async fn secrets_are_shown_only_on_request() {
    let mock = TestServer::documented().await;
    let device_grant = "urn:ietf:params:oauth:grant-type:device_code";
    mock.control(
        "PATCH",
        "/clients/spa",
        json!({ "grants": ["authorization_code", "refresh_token", device_grant] }),
    )
    .await;
    let mut secrets: Vec<String> = vec![
        "secret-conf".to_owned(),
        crate::support::VERIFIER.to_owned(),
    ];
    let mut keep = |answer: &TestResponse, names: &[&str]| {
        secrets.extend(names.iter().map(|name| answer.text(name)));
    };

    let asks = CONF.authorize_params("1").and("nonce", "n");
    let code = mock.approve(&asks).await.code();
    let cookie = mock.session("ada").await;
    let tokens = mock.token(&CONF.redeem_params(&code)).await;
    keep(&tokens, &["access_token", "refresh_token", "id_token"]);
    mock.userinfo(&tokens.text("access_token")).await;
    let fresh = mock
        .token(&CONF.refresh_params(&tokens.text("refresh_token")))
        .await;
    keep(&fresh, &["access_token", "refresh_token"]);
    let own = mock
        .post(
            crate::support::TOKEN,
            &CONF
                .client_credentials()
                .without("client_secret")
                .without("client_id"),
        )
        .basic("conf", "secret-conf")
        .await;
    keep(&own, &["access_token"]);
    mock.revoke(&CONF.revoke_params(&fresh.text("refresh_token")))
        .await;
    let as_json = mock
        .request("POST", crate::support::TOKEN)
        .json(&CONF.refresh_params(&tokens.text("refresh_token")).to_json());
    as_json.await;

    let device = mock
        .post(
            "/api/auth/oauth/device",
            &Fields::new(&[("client_id", "spa")]),
        )
        .await;
    keep(&device, &["device_code", "user_code"]);
    let user_code = device.text("user_code");
    // The page, by the complete URI: without a session it redirects to the login page, with the page to return to.
    let page = format!("/login/oauth/device?code={user_code}");
    let login = mock.get(&page).await;
    mock.get(
        &login
            .header("location")
            .expect("it leads to the login page"),
    )
    .await;
    mock.get(&page).cookie(&cookie).await;
    mock.post(
        "/api/auth/oauth/device-info",
        &Fields::new(&[("user_code", &user_code)]),
    )
    .cookie(&cookie)
    .await;
    mock.control(
        "POST",
        "/device/approve",
        json!({ "user_code": user_code, "user": "ada" }),
    )
    .await;
    let poll = [
        ("grant_type", device_grant),
        ("client_id", "spa"),
        ("device_code", &device.text("device_code")),
    ];
    let polled = mock
        .post("/api/auth/oauth/device-token", &Fields::new(&poll))
        .await;
    keep(&polled, &["access_token", "refresh_token"]);
    secrets.extend([
        code,
        cookie
            .split_once('=')
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default(),
    ]);

    let hidden = mock.get("/_mock/requests").await.body;
    for secret in &secrets {
        assert!(!hidden.contains(secret), "{secret} in {hidden}");
    }
    assert!(!hidden.contains("Basic Y29u") && hidden.contains("Basic [redacted]"));
    let shown = mock.get("/_mock/requests?unredacted=true").await.body;
    // A session's cookie is not written down at all.
    for secret in &secrets[..secrets.len() - 1] {
        assert!(shown.contains(secret), "no {secret} in {shown}");
    }
    assert_eq!(
        mock.get("/_mock/requests?unredacted=false").await.body,
        hidden
    );
}

#[tokio::test]
async fn unknown_paths_are_counted_together_and_shown_without_tokens() {
    let mock = TestServer::documented().await;
    for path in ["/a", "/b", "/c/civitai_00ff"] {
        assert_eq!(mock.get(path).await.status, 404);
    }
    let shown = requests(&mock, "").await;
    assert_eq!(shown["counters"]["endpoints"], json!({ "other": 3 }));
    assert_eq!(shown["requests"][2]["path"], json!("/c/[redacted]"));
    assert_eq!(shown["requests"][2]["endpoint"], json!("other"));
}

#[tokio::test]
async fn unknown_grant_types_are_counted_together() {
    let mock = TestServer::documented().await;
    for grant in ["password", "passwort", "a", "b"] {
        mock.token(&CONF.refresh_params("x").with("grant_type", grant))
            .await;
    }
    let shown = requests(&mock, "").await;
    assert_snapshot!(shown["counters"]["grants"], @r#"{"other":3,"password":1}"#);
    let grants: Vec<&Value> = shown["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["grant_type"])
        .collect();
    assert_eq!(grants, ["password", "passwort", "a", "b"]);
    let others = requests(&mock, "?grant_type=other").await;
    assert_eq!(others["requests"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn an_entry_keeps_the_side_that_its_difference_was_on() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "consent": "approve" })).await;
    mock.authorize(&CONF.authorize_params("1")).await;
    mock.set(json!({ "contract": "live" })).await;
    mock.authorize(&CONF.authorize_params("1")).await;
    let shown = requests(&mock, "").await;
    let contract = |at: usize| {
        let differences = shown["requests"][at]["differences"].as_array().unwrap();
        let status = differences
            .iter()
            .find(|one| one["name"] == "redirect-status");
        (
            status.unwrap()["contract"].clone(),
            shown["requests"][at]["status"].clone(),
        )
    };
    assert_eq!(contract(0), (json!("documented"), json!(302)));
    assert_eq!(contract(1), (json!("live"), json!(303)));
}

#[tokio::test]
async fn an_entry_names_the_fault_the_difference_and_the_extension_that_applied() {
    let mock = TestServer::documented().await;
    mock.control(
        "PATCH",
        "/clients/conf",
        json!({ "any_loopback_redirect": true }),
    )
    .await;
    let preset = mock
        .control(
            "POST",
            "/faults/presets/rate-limited",
            json!({ "times": 1 }),
        )
        .await;
    mock.token(&CONF.client_credentials()).await;
    let code = mock.code(&CONF, "5").await;
    mock.token(&CONF.redeem_params(&code)).await;
    mock.approve(
        &CONF
            .authorize_params("1")
            .with("redirect_uri", "http://127.0.0.1:4567/any"),
    )
    .await;
    let shown = requests(&mock, "").await;
    assert_eq!(
        shown["requests"][0]["faults"],
        json!([preset["fault"]["id"]])
    );
    assert_eq!(shown["requests"][0]["error"], "rate_limited");
    let mut table = String::new();
    for entry in shown["requests"].as_array().unwrap() {
        let names: Vec<&str> = entry["differences"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        table += &format!(
            "{} {}: {names:?}, faults {}, extensions {}\n",
            entry["endpoint"], entry["status"], entry["faults"], entry["extensions"]
        );
    }
    assert_snapshot!(table, @r#"
    "token" 429: [], faults [1], extensions []
    "authorize" 302: ["code-lifetime", "redirect-status", "scope-syntax", "redirect-uri-match", "response-type"], faults [], extensions []
    "token" 200: ["scope-shape", "rate-limit-key"], faults [], extensions []
    "authorize" 302: ["code-lifetime", "redirect-status", "scope-syntax", "redirect-uri-match", "response-type"], faults [], extensions ["any_loopback_redirect"]
    "#);
}

#[tokio::test]
async fn the_user_and_the_client_of_a_token_are_named() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens_of("tess", &CONF, "1").await;
    clear(&mock).await;
    mock.userinfo(&tokens.access).await;
    let shown = requests(&mock, "").await;
    assert_eq!(
        (
            &shown["requests"][0]["user"],
            &shown["requests"][0]["client_id"]
        ),
        (&json!(3), &json!("conf"))
    );
}

#[tokio::test]
async fn preflight_is_recorded_but_not_counted() {
    let mock = TestServer::documented().await;
    mock.request("OPTIONS", crate::support::TOKEN)
        .header("origin", "https://app.example")
        .await;
    mock.token(&CONF.client_credentials()).await;
    let all = requests(&mock, "").await;
    assert_eq!(all["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        all["counters"],
        json!({ "total": 1, "endpoints": { "token": 1 }, "grants": { "client_credentials": 1 } })
    );
    let calls = requests(&mock, "?endpoint=token").await;
    assert_eq!(calls["requests"].as_array().map(Vec::len), Some(1));
    let asked = requests(&mock, "?endpoint=token&method=options").await;
    assert_eq!(asked["requests"].as_array().map(Vec::len), Some(1));
    let once = json!([{ "endpoint": "token", "times": 1 }, { "endpoint": "token", "method": "OPTIONS", "times": 1 }]);
    mock.control("POST", "/verify", once).await;
}
