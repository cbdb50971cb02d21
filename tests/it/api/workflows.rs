//! `/v2/consumer/workflows`: submission, payment, and results.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, ME, OTHER, SandboxClient, SpendingApp, TestServer, WORKFLOWS};

fn picture() -> Value {
    json!({ "steps": [{ "$type": "imageGen", "name": "hero", "input": { "prompt": "a cat" } }] })
}

/// The path of a URL in an answer, as a request of this sandbox names it.
fn path(sandbox: &SandboxClient, answer: &Value) -> String {
    let url = answer["steps"][0]["output"]["images"][0]["url"].as_str();
    let url = url.expect("a picture has an address");
    url.strip_prefix(&sandbox.base)
        .expect("it is in this sandbox")
        .to_owned()
}

#[tokio::test]
async fn workflow_finishes_at_once_by_default() {
    let mock = TestServer::documented().await;
    mock.freeze("2026-05-01T12:00:00Z").await;
    let ada = SpendingApp::funded(&mock, &CONF, 25).await;
    let submitted = ada.submit(&picture()).await;
    assert_snapshot!(submitted, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/json

    {"id":"<workflow>","status":"succeeded","createdAt":"2026-05-01T12:00:00Z","completedAt":"2026-05-01T12:00:00Z","tags":[],"metadata":{},"cost":{"base":10,"total":10},"steps":[{"$type":"imageGen","name":"hero","status":"succeeded","output":{"images":[{"id":"<blob>","available":true,"url":"http://mock/v2/consumer/blobs/<blob>"}]}}]}
    "#);
    let shown = ada
        .get(&format!("{WORKFLOWS}/{}", submitted.text("id")))
        .await;
    assert_eq!(shown.to_string(), submitted.to_string());
    assert_eq!(ada.balance().await, [15, 0, 0]);
}

#[tokio::test]
async fn workflow_progress_follows_the_sandbox_clock() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("slow");
    sandbox.freeze("2026-05-01T12:00:00Z").await;
    sandbox
        .set(json!({ "workflow_seconds": 30, "workflow_cost": 7 }))
        .await;
    let ada = SpendingApp::funded(&sandbox, &CONF, 25).await;
    let submitted = ada.submit(&picture()).await;
    assert_snapshot!(submitted.summary(), @r#"202 {"id":"<workflow>","status":"processing","createdAt":"2026-05-01T12:00:00Z","completedAt":null,"tags":[],"metadata":{},"cost":{"base":7,"total":7},"steps":[{"$type":"imageGen","name":"hero","status":"processing","output":{"images":[{"id":"<blob>","available":false,"url":"http://mock/_sandbox/slow/v2/consumer/blobs/<blob>"}]}}]}"#);
    assert_eq!(
        ada.balance().await,
        [18, 0, 0],
        "it is paid when it is submitted"
    );
    let running = submitted.json();
    let picture = path(&sandbox, &running);
    assert_eq!(sandbox.get(&picture).await.status, 404);
    let one = format!("{WORKFLOWS}/{}", submitted.text("id"));
    sandbox.advance(29).await;
    assert_eq!(ada.get(&one).await.status, 202);
    sandbox.advance(1).await;
    let finished = ada.get(&one).await;
    assert_eq!(
        (finished.status, finished.text("status").as_str()),
        (200, "succeeded")
    );
    let image = sandbox.get(&picture).await;
    assert_eq!(image.header("content-type").as_deref(), Some("image/png"));
}

#[tokio::test]
async fn whatif_quotes_and_spends_nothing() {
    let mock = TestServer::documented().await;
    mock.freeze("2026-05-01T12:00:00Z").await;
    let ada = SpendingApp::funded(&mock, &CONF, 5).await;
    let quote = ada
        .quote(&json!({ "cost": 700, "steps": [{ "$type": "videoGen" }] }))
        .await;
    assert_snapshot!(quote.summary(), @r#"200 {"id":"<workflow>","status":"unassigned","createdAt":"2026-05-01T12:00:00Z","completedAt":null,"tags":[],"metadata":{},"cost":{"base":700,"total":700},"steps":[{"$type":"videoGen","name":"0","status":"unassigned","output":{"images":[]}}]}"#);
    assert_eq!(ada.balance().await, [5, 0, 0]);
    let stored = ada.get(&format!("{WORKFLOWS}/{}", quote.text("id"))).await;
    assert_eq!(stored.status, 404);
    let quote = ada.quote(&picture()).await.json();
    assert_eq!(quote["cost"]["total"], 10);
}

#[tokio::test]
async fn earned_buzz_pays_first_among_allowed_currencies() {
    let mock = TestServer::documented().await;
    let buzz = json!({ "buzz": { "yellow": 100, "blue": 5, "green": 7 } });
    mock.control("PATCH", "/users/ada", buzz).await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    for (body, left) in [
        (json!({ "cost": 6 }), [100, 0, 6]),
        (json!({ "cost": 1, "currencies": ["yellow"] }), [99, 0, 6]),
        (
            json!({ "cost": { "total": 3 }, "currencies": ["yellow", "green"] }),
            [99, 0, 3],
        ),
        (json!({ "cost": 9, "allowMatureContent": true }), [90, 0, 3]),
        (json!({ "cost": 13, "currencies": [] }), [80, 0, 0]),
        (json!({ "cost": 0 }), [80, 0, 0]),
    ] {
        let answer = ada.submit(&body).await;
        assert_eq!(answer.status, 200, "{body}: {answer}");
        assert_eq!(ada.balance().await, left, "{body}");
    }
    let only_green = json!({ "cost": 1, "currencies": ["green"] });
    assert_eq!(ada.submit(&only_green).await.status, 400);
}

#[tokio::test]
async fn no_funds_and_reached_cap_are_the_same_error() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 9).await;
    let broke = ada.submit(&picture()).await;
    assert_snapshot!(broke, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the cost of 10 exceeds the balance of 9 (blue, green, yellow)
    x-mock-request: http://mock/_mock/requests/3

    {"code":"BAD_REQUEST","message":"Hey buddy, seems like you don't have enough funds to perform this action."}
    "#);
    let ada = SpendingApp::funded(&mock, &CONF, 100).await;
    mock.cap(&CONF, json!([{ "type": "absolute", "limit": 9 }]))
        .await;
    let capped = ada.submit(&picture()).await;
    assert_eq!(capped.without_mock_headers(), broke.without_mock_headers());
    mock.set_difference(Difference::InsufficientFunds, Contract::Live)
        .await;
    assert_snapshot!(ada.submit(&picture()).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/problem+json; charset=utf-8
    x-mock-reason: the cost of 10 exceeds the 9 that remain of the app's limit: 0 of 9 are spent
    x-mock-request: http://mock/_mock/requests/7

    {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.4","title":"Forbidden","status":403,"detail":"Hey buddy, seems like you don't have enough funds to perform this action."}
    "#);
    assert_eq!(ada.balance().await, [100, 0, 0]);
}

#[tokio::test]
async fn missing_token_and_missing_scope_are_rejected() {
    let mock = TestServer::live().await;
    let nobody = SpendingApp::with(&mock, "nonsense");
    assert_snapshot!(nobody.submit(&picture()).await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/problem+json; charset=utf-8
    x-mock-reason: access token unknown: no request in the journal has issued it
    x-mock-request: http://mock/_mock/requests/1

    {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized","status":401}
    "#);
    assert_eq!(nobody.get(&format!("{WORKFLOWS}/x")).await.status, 401);
    let narrow = SpendingApp::with(&mock, &mock.tokens(&CONF, "65537").await.access);
    assert_snapshot!(narrow.submit(&picture()).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/problem+json; charset=utf-8
    x-mock-reason: the access token lacks AIServicesWrite; it has UserRead and BuzzRead
    x-mock-request: http://mock/_mock/requests/5

    {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.4","title":"Forbidden","status":403,"detail":"Token does not have AIServicesWrite scope"}
    "#);
    assert_eq!(narrow.quote(&picture()).await.status, 403);
    mock.set_difference(Difference::InsufficientScope, Contract::Documented)
        .await;
    assert_snapshot!(narrow.submit(&picture()).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the access token lacks AIServicesWrite; it has UserRead and BuzzRead
    x-mock-request: http://mock/_mock/requests/7

    {"error":"insufficient_scope","error_description":"Token does not have AIServicesWrite scope"}
    "#);
    let reading = SpendingApp::with(&mock, &mock.tokens(&CONF, "65537").await.access);
    let refused = reading.get(&format!("{WORKFLOWS}/x")).await;
    assert_snapshot!(refused.body, @r#"{"error":"insufficient_scope","error_description":"Token does not have AIServicesRead or AIServicesWrite scope"}"#);
}

#[tokio::test]
async fn invalid_body_is_rejected_with_its_path() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 1000).await;
    let mut table = String::new();
    for body in [
        json!([]),
        json!({ "cost": -1 }),
        json!({ "cost": 1.5 }),
        json!({ "cost": "10" }),
        json!({ "cost": {} }),
        json!({ "steps": {} }),
        json!({ "steps": ["imageGen"] }),
        json!({ "currencies": "blue" }),
        json!({ "currencies": ["blue", "red"] }),
    ] {
        let answer = ada.submit(&body).await;
        table += &format!("{body} {} {}\n", answer.status, answer.json()["errors"]);
    }
    assert_snapshot!(table, @r#"
    [] 400 {"$":["The body is not a JSON object."]}
    {"cost":-1} 400 {"cost":["The value '-1' is not valid for cost: a whole number of buzz."]}
    {"cost":1.5} 400 {"cost":["The value '1.5' is not valid for cost: a whole number of buzz."]}
    {"cost":"10"} 400 {"cost":["The value '\"10\"' is not valid for cost: a whole number of buzz."]}
    {"cost":{}} 400 {"cost":["The value '{}' is not valid for cost: a whole number of buzz."]}
    {"steps":{}} 400 {"steps":["The steps are not a list."]}
    {"steps":["imageGen"]} 400 {"steps[0]":["The step is not an object."]}
    {"currencies":"blue"} 400 {"currencies":["The value '\"blue\"' is not valid: blue, green or yellow."]}
    {"currencies":["blue","red"]} 400 {"currencies[1]":["The value '\"red\"' is not valid: blue, green or yellow."]}
    "#);
    let header = format!("Bearer {}", ada.token);
    let no_json = mock
        .request("POST", WORKFLOWS)
        .header("authorization", &header);
    assert_snapshot!(no_json.body("application/json", "{").await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/problem+json; charset=utf-8
    x-mock-reason: $: The body is not JSON: EOF while parsing an object at line 1 column 1.
    x-mock-request: http://mock/_mock/requests/12

    {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.1","title":"One or more validation errors occurred.","status":400,"errors":{"$":["The body is not JSON: EOF while parsing an object at line 1 column 1."]}}
    "#);
    let picture_in_it = json!({ "cost": 1, "image": "A".repeat(600_000) });
    let too_long = ada.submit(&picture_in_it).await;
    assert_snapshot!(too_long.json()["errors"], @r#"{"$":["There is no body, or it is longer than 512 KiB."]}"#);
    let whatif = mock
        .request("POST", &format!("{WORKFLOWS}?whatif=1"))
        .header("authorization", &header);
    assert_snapshot!(whatif.json(&picture()).await.json()["errors"], @r#"{"whatif":["The value '1' is not valid for whatif."]}"#);
    assert_eq!(ada.balance().await, [1000, 0, 0]);
}

#[tokio::test]
async fn workflow_is_visible_to_its_user_and_app_only() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 100).await;
    let one = format!("{WORKFLOWS}/{}", ada.submit(&picture()).await.text("id"));
    assert_eq!(ada.get(&one).await.status, 200);
    let another_app = SpendingApp::for_ada(&mock, &OTHER).await;
    let tess = mock.tokens_of("tess", &CONF, "32769").await.access;
    let seen_by_another_app = another_app.get(&one).await;
    assert_snapshot!(seen_by_another_app, @r#"
    404
    access-control-allow-headers: *
    access-control-allow-methods: GET, POST, PUT, PATCH, DELETE
    access-control-allow-origin: *
    content-type: application/problem+json; charset=utf-8
    x-mock-reason: this user and app have no workflow or picture with this id
    x-mock-request: http://mock/_mock/requests/9

    {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.5","title":"Not Found","status":404}
    "#);
    let seen_by_tess = SpendingApp::with(&mock, &tess).get(&one).await;
    let seen_by = [seen_by_tess, seen_by_another_app].map(|answer| answer.without_mock_headers());
    assert_eq!(seen_by[0], seen_by[1]);
    assert_eq!(mock.request("POST", &one).await.status, 405);
    assert_eq!(mock.request("DELETE", WORKFLOWS).await.status, 405);
}

#[tokio::test]
async fn faults_apply_and_the_journal_names_the_endpoints() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 100).await;
    for endpoint in [
        "workflows",
        "me",
        "buzz.getUserAccount",
        "buzz.getBuzzAccount",
        "apiKey.getSpend",
    ] {
        let fault = json!({ "endpoint": endpoint, "times": 1, "effect": { "status": 503 } });
        mock.control("POST", "/faults", fault).await;
    }
    for path in [
        "/api/v1/me",
        "/api/trpc/buzz.getUserAccount",
        "/api/trpc/buzz.getBuzzAccount,x?batch=1",
        "/api/trpc/apiKey.getSpend",
    ] {
        let answer = ada.get(path).await;
        let open = answer.header("access-control-allow-origin");
        assert_eq!((answer.status, open.as_deref()), (503, Some("*")), "{path}");
    }
    assert_eq!(ada.submit(&picture()).await.status, 503);
    let submitted = ada.submit(&picture()).await;
    assert_eq!(submitted.status, 200);
    ada.get(&format!("{WORKFLOWS}/{}", submitted.text("id")))
        .await;
    let of_workflows = mock
        .control("GET", "/requests?endpoint=workflows", json!({}))
        .await;
    let seen = of_workflows["requests"].as_array().expect("a list");
    assert_eq!(seen.len(), 3);
    let answered = seen.iter().filter(|one| one["status"] == 200);
    for one in answered {
        let who = (&one["client_id"], &one["user"]);
        assert_eq!(who, (&json!("conf"), &json!(2)), "{one}");
    }
}

#[tokio::test]
async fn fault_target_is_found_by_header_or_query_token() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    let fault = json!({ "client_id": "conf", "user": "ada", "effect": { "status": 503 } });
    mock.control("POST", "/faults", fault).await;
    let by_query = mock.get(&format!("{ME}?token={}", ada.token)).await;
    assert_eq!((by_query.status, ada.get(ME).await.status), (503, 503));
    let other = SpendingApp::for_ada(&mock, &OTHER).await;
    assert_eq!(other.get(ME).await.status, 200);
}
