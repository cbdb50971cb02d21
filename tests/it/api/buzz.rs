//! The buzz procedures of tRPC: balances, envelopes, batches.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, SandboxClient, SpendingApp, TestServer};

const ACCOUNT: &str = "buzz.getUserAccount";
const BALANCES: &str = "buzz.getBuzzAccount";

async fn with_buzz(mock: &SandboxClient) -> SpendingApp {
    let buzz = json!({ "buzz": { "yellow": 10, "blue": 20, "green": 30 } });
    mock.control("PATCH", "/users/ada", buzz).await;
    SpendingApp::for_ada(mock, &CONF).await
}

/// A token that may read the profile and nothing else.
async fn narrow(mock: &SandboxClient) -> SpendingApp {
    SpendingApp::with(mock, &mock.tokens(&CONF, "1").await.access)
}

#[tokio::test]
async fn balances_have_two_response_formats() {
    let mock = TestServer::documented().await;
    let ada = with_buzz(&mock).await;
    assert_snapshot!(ada.call(ACCOUNT).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json

    {"result":{"data":{"json":[{"id":2,"balance":10,"lifetimeBalance":10,"accountType":"yellow"},{"id":2,"balance":20,"lifetimeBalance":20,"accountType":"blue"},{"id":2,"balance":30,"lifetimeBalance":30,"accountType":"green"}]}}}
    "#);
    assert_snapshot!(ada.call(BALANCES).await.body, @r#"{"result":{"data":{"json":{"blue":20,"green":30,"yellow":10}}}}"#);
}

#[tokio::test]
async fn lifetime_balance_counts_income_only() {
    let mock = TestServer::documented().await;
    let ada = with_buzz(&mock).await;
    for yellow in [4, 9] {
        let buzz = json!({ "buzz": { "yellow": yellow } });
        let shown = mock.control("PATCH", "/users/ada", buzz).await;
        assert_eq!(shown["buzz"]["yellow"], yellow);
    }
    let account = &ada.data(ACCOUNT).await[0];
    assert_eq!(
        (&account["balance"], &account["lifetimeBalance"]),
        (&json!(9), &json!(15))
    );
    // Another key is changed, and the accounts are left alone.
    let shown = mock
        .control("PATCH", "/users/ada", json!({ "tier": "gold" }))
        .await;
    assert_eq!(shown["buzz"], json!({ "yellow": 9, "blue": 0, "green": 0 }));
}

#[tokio::test]
async fn balance_is_limited_to_safe_json_integers() {
    let mock = TestServer::documented().await;
    let change = |yellow: u64| {
        let input = json!({ "buzz": { "yellow": yellow } });
        mock.request("PATCH", "/_mock/users/ada").json(&input)
    };
    assert_eq!(change(9_007_199_254_740_991).await.status, 200);
    assert_snapshot!(change(9_007_199_254_740_992).await.summary(), @"400 invalid: 9007199254740992 is more than an account may hold: 9007199254740991");
}

#[tokio::test]
async fn missing_token_and_missing_scope_are_trpc_errors() {
    let mock = TestServer::live().await;
    assert_snapshot!(mock.get("/api/trpc/buzz.getUserAccount").await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host
    x-mock-request: http://mock/_mock/requests/1

    {"error":{"json":{"message":"UNAUTHORIZED","code":-32001,"data":{"code":"UNAUTHORIZED","httpStatus":401,"path":"buzz.getUserAccount"}}}}
    "#);
    assert_snapshot!(narrow(&mock).await.call(BALANCES).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the access token lacks BuzzRead; it has UserRead
    x-mock-request: http://mock/_mock/requests/4

    {"error":{"json":{"message":"Your API key does not have the required scope for this action","code":-32003,"data":{"code":"FORBIDDEN","httpStatus":403,"path":"buzz.getBuzzAccount"}}}}
    "#);
    assert_eq!(
        narrow(&mock).await.call("apiKey.getSpend").await.status,
        200
    );
}

#[tokio::test]
async fn documented_contract_reports_missing_scope_without_the_trpc_envelope() {
    let mock = TestServer::documented().await;
    let narrow = narrow(&mock).await;
    assert_snapshot!(narrow.call(ACCOUNT).await, @r#"
    403
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the access token lacks BuzzRead; it has UserRead
    x-mock-request: http://mock/_mock/requests/3

    {"error":"insufficient_scope","error_description":"Token does not have BuzzRead scope"}
    "#);
    let batch = narrow
        .call("apiKey.getSpend,buzz.getUserAccount?batch=1")
        .await;
    assert_snapshot!(batch.summary(), @"403 insufficient_scope: Token does not have BuzzRead scope");
    assert_eq!(mock.get("/api/trpc/buzz.getUserAccount").await.status, 401);
}

#[tokio::test]
async fn session_needs_no_scope() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    for procedure in [ACCOUNT, BALANCES, "apiKey.getSpend"] {
        let answer = mock
            .get(&format!("/api/trpc/{procedure}"))
            .cookie(&cookie)
            .await;
        assert_eq!(answer.status, 200, "{procedure}: {answer}");
    }
}

#[tokio::test]
async fn batch_has_one_answer_per_call() {
    let mock = TestServer::live().await;
    let ada = with_buzz(&mock).await;
    let input = "batch=1&input=%7B%220%22%3A%7B%22json%22%3Anull%7D%7D";
    let both = ada
        .call(&format!("{BALANCES},apiKey.getSpend?{input}"))
        .await;
    assert_snapshot!(both.summary(), @r#"200 [{"result":{"data":{"json":{"blue":20,"green":30,"yellow":10}}}},{"result":{"data":{"json":[]}}}]"#);
    let one = ada.call(&format!("{BALANCES}?{input}")).await;
    assert_snapshot!(one.summary(), @r#"200 [{"result":{"data":{"json":{"blue":20,"green":30,"yellow":10}}}}]"#);
    let mixed = narrow(&mock)
        .await
        .call(&format!("{BALANCES},apiKey.getSpend,x?{input}"))
        .await;
    assert_snapshot!(mixed.summary(), @r#"207 [{"error":{"json":{"message":"Your API key does not have the required scope for this action","code":-32003,"data":{"code":"FORBIDDEN","httpStatus":403,"path":"buzz.getBuzzAccount"}}}},{"result":{"data":{"json":[]}}},{"error":{"json":{"message":"No procedure found on path \"x\"","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404,"path":"x"}}}}]"#);
    let refused = mock
        .get(&format!("/api/trpc/{ACCOUNT},{BALANCES}?{input}"))
        .await;
    assert_eq!(
        (refused.status, refused.json().as_array().map(Vec::len)),
        (401, Some(2))
    );
}

#[tokio::test]
async fn mutation_or_unknown_procedure_is_an_error() {
    let mock = TestServer::live().await;
    let ada = with_buzz(&mock).await;
    assert_snapshot!(ada.call("buzz.tipUser").await, @r#"
    404
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: this user and app have no workflow or picture with this id
    x-mock-request: http://mock/_mock/requests/3

    {"error":{"json":{"message":"No procedure found on path \"buzz.tipUser\"","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404,"path":"buzz.tipUser"}}}}
    "#);
    assert_snapshot!(ada.call(&format!("{ACCOUNT},{BALANCES}")).await.summary(), @r#"404 {"error":{"json":{"message":"No procedure found on path \"buzz.getUserAccount,buzz.getBuzzAccount\"","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404,"path":"buzz.getUserAccount,buzz.getBuzzAccount"}}}}"#);
    assert_snapshot!(mock.request("POST", "/api/trpc/buzz.getUserAccount").await.summary(), @r#"405 {"error":{"json":{"message":"Unsupported POST-request to query procedure at path \"buzz.getUserAccount\"","code":-32005,"data":{"code":"METHOD_NOT_SUPPORTED","httpStatus":405,"path":"buzz.getUserAccount"}}}}"#);
}
