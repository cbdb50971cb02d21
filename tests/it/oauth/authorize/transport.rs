//! `/authorize`: content types, methods, preflights.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, Fields, SandboxClient, TestRequest, TestServer};

fn approval() -> Fields {
    CONF.authorize_params("1").and("approved", "true")
}

fn multipart(fields: &Fields) -> String {
    let object = fields.to_json();
    let parts = object.as_object().expect("fields are an object");
    let mut body = String::new();
    for (name, value) in parts {
        let value = value.as_str().unwrap_or_default();
        body +=
            &format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body + "--cut--\r\n"
}

async fn post(mock: &SandboxClient, with: impl FnOnce(TestRequest) -> TestRequest) -> String {
    let cookie = mock.session("ada").await;
    with(mock.request("POST", AUTHORIZE))
        .cookie(&cookie)
        .await
        .summary()
}

#[tokio::test]
async fn form_json_and_multipart_bodies_are_read_alike_and_others_count_as_empty() {
    let mock = TestServer::documented().await;
    let form = approval().encoded();
    let text = approval().to_json().to_string();
    let kinds = [
        ("application/x-www-form-urlencoded", form.clone()),
        (
            "application/x-www-form-urlencoded; charset=utf-8",
            form.clone(),
        ),
        ("Application/X-WWW-Form-URLencoded", form.clone()),
        ("application/json", text.clone()),
        ("application/json; charset=utf-8", text.clone()),
        ("multipart/form-data; boundary=cut", multipart(&approval())),
        ("multipart/form-data", multipart(&approval())),
        (
            "multipart/form-data; boundary=other",
            multipart(&approval()),
        ),
        ("text/plain", form.clone()),
        ("application/octet-stream", form),
        ("application/json", "{\"client_id\":".to_owned()),
        ("application/json", "[1]".to_owned()),
    ];
    let mut table = String::new();
    for (kind, body) in kinds {
        let summary = post(&mock, |ask| ask.body(kind, body)).await;
        table += &format!("{kind}: {summary}\n");
    }
    let bare = post(&mock, |ask| ask).await;
    table += &format!("no body: {bare}\n");
    assert_snapshot!(table, @"
    application/x-www-form-urlencoded: 302 to https://app.example/callback?code=<secret>&state=xyz
    application/x-www-form-urlencoded; charset=utf-8: 302 to https://app.example/callback?code=<secret>&state=xyz
    Application/X-WWW-Form-URLencoded: 302 to https://app.example/callback?code=<secret>&state=xyz
    application/json: 302 to https://app.example/callback?code=<secret>&state=xyz
    application/json; charset=utf-8: 302 to https://app.example/callback?code=<secret>&state=xyz
    multipart/form-data; boundary=cut: 302 to https://app.example/callback?code=<secret>&state=xyz
    multipart/form-data: 400 invalid_request: Missing client_id
    multipart/form-data; boundary=other: 400 invalid_request: Missing client_id
    text/plain: 400 invalid_request: Missing client_id
    application/octet-stream: 400 invalid_request: Missing client_id
    application/json: 400 invalid_request: Missing client_id
    application/json: 400 invalid_request: Missing client_id
    no body: 400 invalid_request: Missing client_id
    ");
}

#[tokio::test]
async fn json_values_are_converted_like_javascript() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (name, value) in [
        ("scope", json!(1)),
        ("scope", json!([1])),
        ("scope", json!(null)),
        ("state", json!(5)),
        ("state", json!({ "a": 1 })),
        ("client_id", json!(["conf"])),
        ("approved", json!(true)),
        ("redirect_uri", json!(false)),
    ] {
        let mut body = approval().to_json();
        body[name] = value.clone();
        let summary = post(&mock, |ask| ask.json(&body)).await;
        table += &format!("{name} = {value}: {summary}\n");
    }
    assert_snapshot!(table, @r#"
    scope = 1: 400 invalid_scope: Invalid parameter: `scope`
    scope = [1]: 400 invalid_scope: Invalid parameter: `scope`
    scope = null: 400 invalid_scope: Invalid scope value
    state = 5: 302 to https://app.example/callback?code=<secret>&state=5
    state = {"a":1}: 302 to https://app.example/callback?code=<secret>&state=%5Bobject+Object%5D
    client_id = ["conf"]: 302 to https://app.example/callback?code=<secret>&state=xyz
    approved = true: 303 to http://mock/login/oauth/authorize?response_type=code&client_id=conf&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=1&state=xyz&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256
    redirect_uri = false: 400 invalid_request: redirect_uri does not match any registered URI
    "#);
}

#[tokio::test]
async fn a_body_of_more_than_512_kib_counts_as_empty() {
    let mock = TestServer::documented().await;
    let short = approval().and("pad", "");
    let room = 512 * 1024 - short.encoded().len();
    let fits = short.clone().with("pad", &"a".repeat(room));
    let too_long = short.with("pad", &"a".repeat(room + 1));
    let kind = "application/x-www-form-urlencoded";
    let summary = post(&mock, |ask| ask.body(kind, fits.encoded())).await;
    assert_snapshot!(summary, @"302 to https://app.example/callback?code=<secret>&state=xyz");
    let summary = post(&mock, |ask| ask.body(kind, too_long.encoded())).await;
    assert_snapshot!(summary, @"400 invalid_request: Missing client_id");
}

#[tokio::test]
async fn other_methods_get_405_with_allow() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.request("DELETE", AUTHORIZE).await, @"
    405
    allow: GET, POST, HEAD
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method DELETE
    x-mock-request: http://mock/_mock/requests/1

    DELETE method not allowed
    ");
    assert_snapshot!(mock.request("PUT", AUTHORIZE).await.summary(), @"405 PUT method not allowed");
    assert_snapshot!(mock.request("HEAD", AUTHORIZE).await, @"
    303
    location: /login?returnUrl=%2Fapi%2Fauth%2Foauth%2Fauthorize
    ");
}

#[tokio::test]
async fn a_preflight_is_answered_with_credentialed_cors_in_the_documentation() {
    let mock = TestServer::documented().await;
    let preflight = |mock: &SandboxClient| {
        mock.request("OPTIONS", AUTHORIZE)
            .header("origin", "http://localhost:3000")
            .header("access-control-request-method", "POST")
    };
    let allowed = preflight(&mock).await.to_string();
    assert_snapshot!(allowed, @"
    204
    access-control-allow-credentials: true
    access-control-allow-headers: content-type
    access-control-allow-methods: GET, POST, DELETE, OPTIONS
    access-control-allow-origin: http://localhost:3000
    access-control-max-age: 600
    vary: Origin
    ");
    assert_snapshot!(mock.request("OPTIONS", AUTHORIZE).await, @"
    204
    vary: Origin
    ");
    mock.set_difference(Difference::AuthorizePreflight, Contract::Live)
        .await;
    let refused = preflight(&mock).await.without_mock_headers();

    let mock = TestServer::live().await;
    assert_snapshot!(preflight(&mock).await, @"
    405
    allow: GET, POST, HEAD
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method OPTIONS
    x-mock-request: http://mock/_mock/requests/1

    OPTIONS method not allowed
    ");
    assert_eq!(preflight(&mock).await.without_mock_headers(), refused);
    mock.set_difference(Difference::AuthorizePreflight, Contract::Documented)
        .await;
    assert_eq!(preflight(&mock).await.to_string(), allowed);
}
