//! `/_mock/clients` and `/_mock/users`: create, read, change, delete, and errors.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{App, CONF, CONSENT_PAGE, SandboxClient, TestServer};

/// Status, key, message and hint of each refusal.
async fn refusals(mock: &SandboxClient, method: &str, path: &str, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.request(method, path).json(input).await;
        let error = answer.json();
        let word = |key: &str| error[key].as_str().unwrap_or("-").to_owned();
        table += &format!(
            "{input}\n  {} {} {}: {} ({})\n",
            answer.status,
            word("error"),
            word("path"),
            word("message"),
            word("hint")
        );
    }
    table
}

#[tokio::test]
async fn a_client_is_created_with_its_defaults_and_never_shows_its_secret() {
    let mock = TestServer::documented().await;
    let input = json!({ "id": "mine", "name": "Mine", "secret": "hush",
        "redirect_uris": ["https://mine.example/cb"] });
    assert_snapshot!(mock.request("POST", "/_mock/clients").json(&input).await, @r#"
    201
    content-type: application/json

    {"id":"mine","name":"Mine","description":"","logo_url":null,"confidential":true,"redirect_uris":["https://mine.example/cb"],"any_loopback_redirect":false,"allowed_origins":["https://mine.example"],"grants":["authorization_code","refresh_token"],"allowed_scopes":33554431,"verified":false,"access_mode":"open","may_introspect":false,"owner":1}
    "#);
    let mine = App {
        id: "mine",
        secret: Some("hush"),
        redirect_uri: "https://mine.example/cb",
    };
    let tokens = mock.tokens(&mine, "1").await;
    assert!(mock.is_active(&tokens.access).await);
    let read = mock.get("/_mock/clients/mine").await;
    assert_eq!(read.status, 200);
    assert!(!read.body.contains("hush"));
    let listed = mock.get("/_mock/clients").await;
    assert!(!listed.body.contains("hush") && listed.body.contains("\"mine\""));
}

#[tokio::test]
async fn a_client_without_an_id_gets_a_uuid() {
    let mock = TestServer::documented().await;
    let made = mock
        .control("POST", "/clients", json!({ "name": "Nameless" }))
        .await;
    let id = made["id"].as_str().unwrap();
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!((groups, id.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'));
    assert_eq!(mock.get(&format!("/_mock/clients/{id}")).await.json(), made);
}

#[tokio::test]
async fn invalid_client_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({}),
        json!({ "id": "conf", "name": "Again" }),
        json!({ "id": "a", "name": "A", "redirect_urls": [] }),
        json!({ "id": "a", "name": "A", "redirect_uris": ["localhost:3000"] }),
        json!({ "id": "a", "name": "A", "allowed_origins": ["https://a.example/x"] }),
        json!({ "id": "a", "name": "A", "allowed_origins": ["a.example"] }),
        json!({ "id": "a", "name": "A", "grants": ["client_credential"] }),
        json!({ "id": "a", "name": "A", "allowed_scopes": "ModelRead" }),
        json!({ "id": "a", "name": "A", "allowed_scopes": 536_870_912 }),
        json!({ "id": "a", "name": "A", "allowed_scopes": -1 }),
        json!({ "id": "a", "name": "A", "access_mode": "opened" }),
        json!({ "id": "a", "name": "A", "owner": "adda" }),
        json!({ "id": "a", "name": "A", "secret": "" }),
        json!({ "id": 5, "name": "A" }),
    ];
    assert_snapshot!(refusals(&mock, "POST", "/_mock/clients", &inputs).await, @r#"
    {}
      400 invalid : missing key "name" (-)
    {"id":"conf","name":"Again"}
      409 conflict id: client "conf" already exists (PATCH the client, or omit the id)
    {"id":"a","name":"A","redirect_urls":[]}
      400 invalid redirect_urls: unknown key "redirect_urls" (did you mean "redirect_uris"?)
    {"id":"a","name":"A","redirect_uris":["localhost:3000"]}
      400 invalid redirect_uris[0]: not a URL: "localhost:3000" lacks a scheme such as http:// (-)
    {"id":"a","name":"A","allowed_origins":["https://a.example/x"]}
      400 invalid allowed_origins[0]: "https://a.example/x" is not an origin: write "https://a.example" (-)
    {"id":"a","name":"A","allowed_origins":["a.example"]}
      400 invalid allowed_origins[0]: "a.example" is not an origin such as "http://localhost:3000" (-)
    {"id":"a","name":"A","grants":["client_credential"]}
      400 invalid grants[0]: no grant "client_credential" (did you mean "client_credentials"?)
    {"id":"a","name":"A","allowed_scopes":"ModelRead"}
      400 invalid allowed_scopes: no scope "ModelRead" (did you mean "ModelsRead"?)
    {"id":"a","name":"A","allowed_scopes":536870912}
      400 invalid allowed_scopes: 536870912 has bits that mean nothing: the largest scope is 536870911 (-)
    {"id":"a","name":"A","allowed_scopes":-1}
      400 invalid allowed_scopes: -1 is negative: a scope is a bitmask (-)
    {"id":"a","name":"A","access_mode":"opened"}
      400 invalid access_mode: unknown value "opened" (did you mean "open"?)
    {"id":"a","name":"A","owner":"adda"}
      400 invalid owner: no user "adda" (did you mean "ada"?)
    {"id":"a","name":"A","secret":""}
      400 invalid secret: the secret is empty; remove the key for a public client (-)
    {"id":5,"name":"A"}
      400 invalid id: 5 is not text (-)
    "#);
    assert_eq!(mock.get("/_mock/clients/a").await.status, 404);
}

#[tokio::test]
async fn scopes_may_be_numbers_presets_or_names() {
    let mock = TestServer::documented().await;
    for (scopes, bits) in [
        (json!(5), 5),
        (json!("5"), 5),
        (json!("Read Only"), 10_701_093),
        (json!("UserRead, ModelsRead"), 5),
        (json!(["UserRead", "ModelsRead"]), 5),
    ] {
        let patched = mock
            .control(
                "PATCH",
                "/clients/conf",
                json!({ "allowed_scopes": scopes }),
            )
            .await;
        assert_eq!(patched["allowed_scopes"], bits, "{scopes}");
    }
}

#[tokio::test]
async fn patch_changes_named_fields_only() {
    let mock = TestServer::documented().await;
    let before = mock.get("/_mock/clients/conf").await.json();
    let after = mock
        .control("PATCH", "/clients/conf", json!({ "name": "Renamed" }))
        .await;
    assert_eq!(after["name"], "Renamed");
    let mut expected = before.clone();
    expected["name"] = "Renamed".into();
    assert_eq!(after, expected);
    let code = mock.code(&CONF, "1").await;
    assert_eq!(
        mock.token(&CONF.redeem_params(&code)).await.status,
        200,
        "the secret too"
    );

    mock.control("PATCH", "/clients/conf", json!({ "secret": "other" }))
        .await;
    let code = mock.code(&CONF, "1").await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 400);
    let with_new = CONF.redeem_params(&code).with("client_secret", "other");
    assert_eq!(mock.token(&with_new).await.status, 200);
}

#[tokio::test]
async fn invalid_patch_changes_nothing() {
    let mock = TestServer::documented().await;
    let before = mock.get("/_mock/clients/conf").await.body;
    let inputs = [
        json!({ "nme": "A" }),
        json!({ "id": "other-id" }),
        json!({ "owner": 99 }),
        json!({ "redirect_uris": "https://a.example" }),
        json!("x"),
    ];
    assert_snapshot!(refusals(&mock, "PATCH", "/_mock/clients/conf", &inputs).await, @r#"
    {"nme":"A"}
      400 invalid nme: unknown key "nme" (did you mean "name"?)
    {"id":"other-id"}
      400 invalid id: other-id is not conf: an id cannot be changed (-)
    {"owner":99}
      400 invalid owner: no user "99" (name a user by id or username)
    {"redirect_uris":"https://a.example"}
      400 invalid redirect_uris: "https://a.example" is not a list (write ["https://a.example"])
    "x"
      400 invalid : "x" is not an object (-)
    "#);
    assert_eq!(mock.get("/_mock/clients/conf").await.body, before);
    assert_snapshot!(mock.request("PATCH", "/_mock/clients/confi").json(&json!({})).await, @r#"
    404
    content-type: application/json

    {"error":"not_found","message":"no client \"confi\"","path":"id","hint":"did you mean \"conf\"?"}
    "#);
}

#[tokio::test]
async fn deleting_a_client_deletes_its_tokens_codes_and_consents() {
    let mock = TestServer::documented().await;
    let again = mock.get("/_mock/clients/conf").await.json();
    mock.approve(&CONF.authorize_params("7").and("remember", "true"))
        .await;
    let (code, tokens) = (mock.code(&CONF, "1").await, mock.tokens(&CONF, "1").await);
    assert_snapshot!(mock.request("DELETE", "/_mock/clients/conf").await, @"
    200
    content-type: application/json

    {}
    ");
    assert_eq!(
        mock.request("DELETE", "/_mock/clients/conf").await.status,
        404
    );
    assert!(!mock.is_active(&tokens.access).await);

    let mut again = again;
    again["secret"] = "secret-conf".into();
    mock.control("POST", "/clients", again).await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 400);
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        400
    );
    assert_eq!(
        mock.authorize(&CONF.authorize_params("7"))
            .await
            .location()
            .path(),
        CONSENT_PAGE
    );
}

#[tokio::test]
async fn users_are_created_read_changed_and_deleted() {
    let mock = TestServer::documented().await;
    let made = mock
        .request("POST", "/_mock/users")
        .json(&json!({ "username": "eve" }))
        .await;
    assert_snapshot!(made, @r#"
    201
    content-type: application/json

    {"id":8,"username":"eve","email":null,"email_verified":false,"image":null,"moderator":false,"tier":null,"roles":[],"subscriptions":[],"muted":false,"banned":false,"deleted":false,"buzz":{"yellow":0,"blue":0,"green":0}}
    "#);
    assert_eq!(mock.get("/_mock/users/eve").await.json(), made.json());
    assert_eq!(mock.get("/_mock/users/8").await.json(), made.json());
    let changed = json!({ "email": "eve@example.com", "buzz": { "blue": 5 }, "roles": ["tester"] });
    assert_snapshot!(mock.control("PATCH", "/users/8", changed).await, @r#"{"id":8,"username":"eve","email":"eve@example.com","email_verified":false,"image":null,"moderator":false,"tier":null,"roles":["tester"],"subscriptions":[],"muted":false,"banned":false,"deleted":false,"buzz":{"yellow":0,"blue":5,"green":0}}"#);
    assert_eq!(mock.request("DELETE", "/_mock/users/eve").await.status, 200);
    assert_snapshot!(mock.get("/_mock/users/eve").await, @r#"
    404
    content-type: application/json

    {"error":"not_found","message":"no user \"eve\"","path":"id","hint":"name a user by id or username: owner, ada, tess, blank, modo, 7"}
    "#);
    assert_eq!(mock.users().await.len(), 7);
}

#[tokio::test]
async fn a_new_user_inherits_nothing_of_a_deleted_one() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/users", json!({ "username": "eve" }))
        .await;
    let tokens = mock.tokens_of("eve", &CONF, "1").await;
    mock.control("DELETE", "/users/eve", json!({})).await;
    mock.control("POST", "/users", json!({ "username": "mallory" }))
        .await;
    assert!(!mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn invalid_user_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({ "id": 2 }),
        json!({ "username": "ada" }),
        json!({ "user_name": "x" }),
        json!({ "id": "two" }),
        json!({ "buzz": { "red": 1 } }),
        json!({ "buzz": { "blue": -1 } }),
        json!({ "email": 5 }),
        json!({ "username": "" }),
    ];
    assert_snapshot!(refusals(&mock, "POST", "/_mock/users", &inputs).await, @r#"
    {"id":2}
      409 conflict id: user 2 already exists (PATCH the user, or omit the id)
    {"username":"ada"}
      409 conflict username: another user has the username "ada" (-)
    {"user_name":"x"}
      400 invalid user_name: unknown key "user_name" (did you mean "username"?)
    {"id":"two"}
      400 invalid id: "two" is not a whole number (-)
    {"buzz":{"red":1}}
      400 invalid buzz.red: unknown key "red" (choose among yellow, blue, green)
    {"buzz":{"blue":-1}}
      400 invalid buzz.blue: -1 is not a whole number, 0 or more (-)
    {"email":5}
      400 invalid email: 5 is not text (-)
    {"username":""}
      400 invalid username: the username is empty (write a username, or null for a user without one)
    "#);
    let inputs = [
        json!({ "id": 9 }),
        json!({ "username": "tess" }),
        json!({ "mutd": true }),
        json!({ "username": "" }),
    ];
    assert_snapshot!(refusals(&mock, "PATCH", "/_mock/users/ada", &inputs).await, @r#"
    {"id":9}
      400 invalid id: 9 is not 2: an id cannot be changed (-)
    {"username":"tess"}
      409 conflict username: another user has the username "tess" (-)
    {"mutd":true}
      400 invalid mutd: unknown key "mutd" (did you mean "muted"?)
    {"username":""}
      400 invalid username: the username is empty (write a username, or null for a user without one)
    "#);
    assert_eq!(mock.users().await.len(), 7);
}

#[tokio::test]
async fn a_name_of_digits_is_found_by_its_digits() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/users", json!({ "username": "4711" }))
        .await;
    assert_eq!(
        mock.get("/_mock/users/4711").await.json()["username"],
        "4711"
    );
}
