//! `/_mock/tokens`: issue, list, introspect, expire, revoke.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, OTHER, SPA, SandboxClient, TestResponse, TestServer, Tokens, USERINFO};

async fn issue(mock: &SandboxClient, input: Value) -> TestResponse {
    mock.request("POST", "/_mock/tokens").json(&input).await
}

fn of_ada() -> Value {
    json!({ "client_id": "conf", "user": "ada" })
}

async fn introspect(mock: &SandboxClient, token: &str) -> Value {
    mock.control("POST", "/tokens/introspect", json!({ "token": token }))
        .await
}

/// The table of refusals for a call.
async fn refusals(mock: &SandboxClient, method: &str, path: &str, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.request(method, path).json(input).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {} {}: {} ({})\n",
            answer.status, error["error"], error["path"], error["message"], error["hint"]
        );
    }
    table
}

#[tokio::test]
async fn issued_tokens_are_answered_as_the_token_endpoint_does() {
    let mock = TestServer::documented().await;
    let asked = json!({ "client_id": "conf", "user": 2, "scope": "AI Services", "expires_in": 60 });
    let issued = issue(&mock, asked.clone()).await;
    assert_snapshot!(issued, @r#"
    200
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":60,"refresh_token":"<token>","scope":"114689"}
    "#);
    let tokens = Tokens::from_response(&issued);
    assert!(mock.is_active(&tokens.access).await);
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        200
    );
    mock.advance(61).await;
    assert!(!mock.is_active(&tokens.access).await);

    mock.set(json!({ "contract": "live" })).await;
    assert_eq!(issue(&mock, asked).await.json()["scope"], json!(["114689"]));
    assert_eq!(issue(&mock, of_ada()).await.json()["scope"], json!(["1"]));
    assert_eq!(issue(&mock, of_ada()).await.json()["expires_in"], 3600);
}

#[tokio::test]
async fn a_scope_is_a_number_a_preset_or_names() {
    let mock = TestServer::documented().await;
    for (scope, shown) in [
        (json!(4), "5"),
        (json!("4"), "5"),
        (json!("Read Only"), "10701093"),
        (json!(["ModelsRead", "BuzzRead"]), "65541"),
        (json!("ModelsRead, BuzzRead"), "65541"),
        (Value::Null, "1"),
    ] {
        let mut asked = of_ada();
        asked["scope"] = scope.clone();
        assert_eq!(issue(&mock, asked).await.text("scope"), shown, "{scope}");
    }
}

#[tokio::test]
async fn an_exact_scope_leaves_user_read_out() {
    let mock = TestServer::documented().await;
    let mut asked = of_ada();
    asked["scope"] = "ModelsRead".into();
    asked["exact_scope"] = true.into();
    let issued = issue(&mock, asked).await;
    assert_eq!(issued.text("scope"), "4");
    let header = format!("Bearer {}", issued.text("access_token"));
    assert_snapshot!(mock.get(USERINFO).header("authorization", &header).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the access token lacks UserRead; it has ModelsRead
    x-mock-request: http://mock/_mock/requests/1

    {"error":"insufficient_scope","error_description":"Token does not have UserRead scope"}
    "#);
}

#[tokio::test]
async fn invalid_mint_request_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({}),
        json!([]),
        json!({ "client_id": "konf", "user": "ada" }),
        json!({ "client_id": "conf", "user": "adda" }),
        json!({ "client_id": "conf", "user": "gone" }),
        json!({ "client_id": "conf", "user": "ada", "scope": "ModelRead" }),
        json!({ "client_id": "conf", "user": "ada", "expires_in": -1 }),
        json!({ "client_id": "conf", "user": "ada", "exact_scope": "yes" }),
        json!({ "client_id": "conf", "user": "ada", "scopes": 1 }),
    ];
    assert_snapshot!(refusals(&mock, "POST", "/_mock/tokens", &inputs).await, @r#"
    {}
      400 "invalid" "": "missing key \"client_id\"" (null)
    []
      400 "invalid" "": "a list is not an object" (null)
    {"client_id":"konf","user":"ada"}
      400 "invalid" "client_id": "no client \"konf\"" ("did you mean \"conf\"?")
    {"client_id":"conf","user":"adda"}
      400 "invalid" "user": "no user \"adda\"" ("did you mean \"ada\"?")
    {"client_id":"conf","user":"gone"}
      400 "invalid" "user": "user \"gone\" is deleted" ("PATCH the user with {\"deleted\":false}")
    {"client_id":"conf","user":"ada","scope":"ModelRead"}
      400 "invalid" "scope": "no scope \"ModelRead\"" ("did you mean \"ModelsRead\"?")
    {"client_id":"conf","user":"ada","expires_in":-1}
      400 "invalid" "expires_in": "-1 is not a lifetime; write whole seconds, such as 3600, or \"1h\"" (null)
    {"client_id":"conf","user":"ada","exact_scope":"yes"}
      400 "invalid" "exact_scope": "\"yes\" is not true or false" (null)
    {"client_id":"conf","user":"ada","scopes":1}
      400 "invalid" "scopes": "unknown key \"scopes\"" ("did you mean \"scope\"?")
    "#);
    assert_eq!(
        mock.control("GET", "/tokens", json!({})).await,
        json!({ "tokens": [] })
    );
}

#[tokio::test]
async fn tokens_are_listed_newest_first_without_their_values() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    let tokens = mock.tokens(&CONF, "5").await;
    mock.advance(1).await;
    mock.tokens_of("tess", &CONF, "1").await;
    mock.tokens(&SPA, "1").await;
    let summary = async |query: &str| {
        let answer = mock.get(&format!("/_mock/tokens{query}")).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert!(!answer.body.contains("civitai_"), "{answer}");
        let list = answer.json()["tokens"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let lines: Vec<String> = list
            .iter()
            .map(|one| {
                format!("{} {} {}", one["kind"], one["user"], one["client_id"]).replace('"', "")
            })
            .collect();
        let mut lines = lines;
        lines.sort();
        lines.join("\n")
    };
    assert_snapshot!(summary("").await, @"
    access 2 conf
    access 2 spa
    access 3 conf
    refresh 2 conf
    refresh 2 spa
    refresh 3 conf
    ");
    assert_snapshot!(summary("?user=ada").await, @"
    access 2 conf
    access 2 spa
    refresh 2 conf
    refresh 2 spa
    ");
    assert_snapshot!(summary("?user=2&client_id=conf").await, @"
    access 2 conf
    refresh 2 conf
    ");
    assert_snapshot!(summary("?client_id=other").await, @"");
    let newest = mock.control("GET", "/tokens", json!({})).await;
    assert_eq!(newest["tokens"][0]["issued_at"], "2026-01-31T12:00:01Z");
    assert_eq!(newest["tokens"][5]["issued_at"], "2026-01-31T12:00:00Z");
    assert_snapshot!(mock.get("/_mock/tokens?client=conf").await.summary(), @r#"400 invalid: unknown key "client""#);
    assert_snapshot!(mock.get("/_mock/tokens?user=adda").await.summary(), @r#"400 invalid: no user "adda""#);
    let shown = introspect(&mock, &tokens.access).await;
    let mut shown = shown.clone();
    shown["sha256"] = "…".into();
    assert_snapshot!(shown, @r#"{"active":true,"kind":"access","token_type":"Bearer","client_id":"conf","user":2,"scope":"5","scopes":["UserRead","ModelsRead"],"issued_at":"2026-01-31T12:00:00Z","expires_at":"2026-01-31T13:00:00Z","expires_in":3599,"sha256":"…"}"#);
}

#[tokio::test]
async fn introspection_distinguishes_active_from_inactive() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    assert_eq!(introspect(&mock, &tokens.refresh).await["kind"], "refresh");
    assert_eq!(
        introspect(&mock, "civitai_nothing").await,
        json!({ "active": false })
    );
    mock.advance(3601).await;
    let shown = introspect(&mock, &tokens.access).await;
    assert_eq!(
        (&shown["active"], &shown["user"]),
        (&json!(false), &json!(2))
    );
    assert_snapshot!(mock.request("POST", "/_mock/tokens/introspect").await.summary(), @r#"400 invalid: missing key "token""#);
}

#[tokio::test]
async fn one_or_all_access_tokens_can_be_expired() {
    let mock = TestServer::documented().await;
    let (one, two) = (mock.tokens(&CONF, "1").await, mock.tokens(&SPA, "1").await);
    let expired = mock
        .control("POST", "/tokens/expire", json!({ "token": one.access }))
        .await;
    assert_eq!(expired, json!({ "expired": 1 }));
    assert!(!mock.is_active(&one.access).await && mock.is_active(&two.access).await);
    mock.tokens(&CONF, "1").await;
    assert_eq!(
        mock.control("POST", "/tokens/expire", json!({})).await,
        json!({ "expired": 2 })
    );
    assert!(!mock.is_active(&two.access).await);
    assert_eq!(
        mock.token(&CONF.refresh_params(&one.refresh)).await.status,
        200,
        "refresh tokens live on"
    );
    mock.control("POST", "/tokens/expire", json!({ "token": two.refresh }))
        .await;
    assert_snapshot!(mock.token(&SPA.refresh_params(&two.refresh)).await.summary(), @"400 invalid_grant: Invalid grant: refresh token is invalid");
    let inputs = [
        json!({ "token": "x" }),
        json!({ "token": one.access }),
        json!({ "user": "ada" }),
        json!({ "tokn": "x" }),
    ];
    let table = refusals(&mock, "POST", "/_mock/tokens/expire", &inputs).await;
    assert_snapshot!(table.replace(&one.access, "<expired>"), @r#"
    {"token":"x"}
      400 "invalid" "token": "the token does not exist or has already expired" ("GET tokens lists the tokens")
    {"token":"<expired>"}
      400 "invalid" "token": "the token does not exist or has already expired" ("GET tokens lists the tokens")
    {"user":"ada"}
      400 "invalid" "user": "unknown key \"user\"" ("choose among token")
    {"tokn":"x"}
      400 "invalid" "tokn": "unknown key \"tokn\"" ("did you mean \"token\"?")
    "#);
}

#[tokio::test]
async fn revoking_follows_the_revocation_endpoint() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/tokens", json!({ "token": tokens.access }))
        .await;
    assert!(!mock.is_active(&tokens.access).await);
    let fresh = Tokens::from_response(&mock.token(&CONF.refresh_params(&tokens.refresh)).await);
    let second = mock.tokens(&CONF, "1").await;
    let others = mock.tokens_of("tess", &CONF, "1").await;
    mock.control("DELETE", "/tokens", json!({ "token": fresh.refresh }))
        .await;
    assert!(!mock.is_active(&fresh.access).await && !mock.is_active(&second.access).await);
    assert!(mock.is_active(&others.access).await);
    assert_snapshot!(mock.request("DELETE", "/_mock/tokens").json(&json!({ "token": fresh.refresh })).await.summary(), @"400 invalid: the token does not exist or has already expired");
}

#[tokio::test]
async fn tokens_are_revoked_by_user_by_client_or_all() {
    let mock = TestServer::documented().await;
    let issue_all = async || {
        mock.control("DELETE", "/tokens", json!({})).await;
        for user in ["ada", "tess"] {
            for client in [CONF.id, OTHER.id] {
                issue(&mock, json!({ "client_id": client, "user": user })).await;
            }
        }
    };
    let mut table = String::new();
    for (query, body) in [
        ("", json!({})),
        ("", json!({ "user": "ada" })),
        ("", json!({ "user": 3, "client_id": "conf" })),
        ("?client_id=other", json!({})),
        ("?user=tess&client_id=other", json!({})),
        ("?user=adda", json!({})),
        ("?usr=ada", json!({})),
        ("", json!({ "user": "ada", "token": "x" })),
    ] {
        issue_all().await;
        let answer = mock
            .request("DELETE", &format!("/_mock/tokens{query}"))
            .json(&body)
            .await;
        let left = mock.control("GET", "/tokens", json!({})).await["tokens"]
            .as_array()
            .map(Vec::len);
        table += &format!(
            "{query} {body}: {}; {} left\n",
            answer.summary(),
            left.unwrap_or_default()
        );
    }
    assert_snapshot!(table, @r#"
     {}: 200 {"deleted":8}; 0 left
     {"user":"ada"}: 200 {"deleted":4}; 4 left
     {"user":3,"client_id":"conf"}: 200 {"deleted":2}; 6 left
    ?client_id=other {}: 200 {"deleted":4}; 4 left
    ?user=tess&client_id=other {}: 200 {"deleted":2}; 6 left
    ?user=adda {}: 400 invalid: no user "adda"; 8 left
    ?usr=ada {}: 400 invalid: unknown key "usr"; 8 left
     {"user":"ada","token":"x"}: 400 invalid: token already identifies the user and the client; 8 left
    "#);
}
