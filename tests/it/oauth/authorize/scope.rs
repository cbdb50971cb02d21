//! `/authorize`: how a scope is parsed, and scopes beyond those of the app.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, NARROW, SandboxClient, TestServer, WIDE};

const SCOPES: [&str; 22] = [
    "",
    "0",
    "1",
    "5",
    "05",
    "33554431",
    "33554432",
    "134217727",
    "134217728",
    "4294967297",
    "99999999999999999999",
    "-1",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1.9",
    "1e3",
    "0x10",
    "1abc",
    "abc",
    "openid profile",
];

/// What comes of each scope: the error, or the scope of the token.
async fn granted(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for scope in SCOPES {
        let answer = mock.approve(&WIDE.authorize_params(scope)).await;
        let outcome = if answer.status < 400 {
            let token = mock.token(&WIDE.redeem_params(&answer.code())).await;
            format!("token for {}", token.json()["scope"])
        } else {
            answer.summary()
        };
        table += &format!("{scope:?}: {outcome}\n");
    }
    table
}

#[tokio::test]
async fn a_scope_is_a_decimal_number_in_the_documentation() {
    let mock = TestServer::documented().await;
    let strict = granted(&mock).await;
    assert_snapshot!(strict, @r#"
    "": 400 invalid_scope: Invalid scope value
    "0": token for "1"
    "1": token for "1"
    "5": token for "5"
    "05": token for "5"
    "33554431": token for "33554431"
    "33554432": 400 invalid_scope: Invalid scope value
    "134217727": 400 invalid_scope: Invalid scope value
    "134217728": 400 invalid_scope: Invalid scope value
    "4294967297": 400 invalid_scope: Invalid scope value
    "99999999999999999999": 400 invalid_scope: Invalid scope value
    "-1": 400 invalid_scope: Invalid scope value
    "-0": 400 invalid_scope: Invalid scope value
    "+1": 400 invalid_scope: Invalid scope value
    " 1": 400 invalid_scope: Invalid scope value
    "1 ": 400 invalid_scope: Invalid scope value
    "1.9": 400 invalid_scope: Invalid scope value
    "1e3": 400 invalid_scope: Invalid scope value
    "0x10": 400 invalid_scope: Invalid scope value
    "1abc": 400 invalid_scope: Invalid scope value
    "abc": 400 invalid_scope: Invalid scope value
    "openid profile": 400 invalid_scope: Invalid scope value
    "#);
    mock.set(json!({ "contract": "live", "differences":
        { "scope-syntax": "documented", "scope-shape": "documented" } }))
        .await;
    assert_eq!(granted(&mock).await, strict);
}

#[tokio::test]
async fn the_deployed_server_reads_a_scopes_leading_digits() {
    let mock = TestServer::live().await;
    mock.set_difference(Difference::ScopeShape, Contract::Documented)
        .await;
    // Whether there is a bit beyond is another difference.
    mock.set_difference(Difference::LinkConnect, Contract::Live2026_08)
        .await;
    let loose = granted(&mock).await;
    assert_snapshot!(loose, @r#"
    "": 400 invalid_scope: Invalid scope value
    "0": token for "1"
    "1": token for "1"
    "5": token for "5"
    "05": token for "5"
    "33554431": token for "33554431"
    "33554432": token for "33554433"
    "134217727": token for "134217727"
    "134217728": 400 invalid_scope: Invalid scope value
    "4294967297": 400 invalid_scope: Invalid scope value
    "99999999999999999999": 400 invalid_scope: Invalid scope value
    "-1": 400 invalid_scope: Invalid scope value
    "-0": token for "1"
    "+1": token for "1"
    " 1": token for "1"
    "1 ": token for "1"
    "1.9": token for "1"
    "1e3": token for "1"
    "0x10": token for "1"
    "1abc": token for "1"
    "abc": 400 invalid_scope: Invalid scope value
    "openid profile": 400 invalid_scope: Invalid scope value
    "#);
    mock.set(json!({ "contract": "documented", "differences": { "scope-syntax": "live" } }))
        .await;
    assert_eq!(granted(&mock).await, loose);
}

#[tokio::test]
async fn missing_scope_is_invalid_scope() {
    let mock = TestServer::documented().await;
    let request = CONF.authorize_params("1").without("scope");
    assert_snapshot!(mock.approve(&request).await, @r#"
    400
    content-type: application/json
    x-mock-reason: a scope is a decimal number of known bits, within the app's allowed scopes
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_scope","error_description":"Invalid scope value"}
    "#);
}

#[tokio::test]
async fn scope_characters_are_checked_last() {
    let mock = TestServer::live().await;
    let mut table = String::new();
    for scope in ["1\"", "1\\", "1é", "1'"] {
        let request = CONF.authorize_params(scope);
        let asked = mock.authorize(&request).await.status;
        let approved = mock.approve(&request).await.summary();
        table += &format!("{scope:?}: asked {asked}, approved {approved}\n");
    }
    assert_snapshot!(table, @r#"
    "1\"": asked 303, approved 400 invalid_scope: Invalid parameter: `scope`
    "1\\": asked 303, approved 400 invalid_scope: Invalid parameter: `scope`
    "1é": asked 303, approved 400 invalid_scope: Invalid parameter: `scope`
    "1'": asked 303, approved 303 to https://app.example/callback?code=<secret>&state=xyz
    "#);
}

#[tokio::test]
async fn more_than_the_app_may_have_is_trimmed_in_the_documentation() {
    let mock = TestServer::documented().await;
    let trimmed = beyond_the_ceiling(&mock).await;
    assert_snapshot!(trimmed, @r#"
    asked: 303
    approved: 302 to https://app.example/callback?code=<secret>&state=xyz
    token for "5"
    within: 302
    "#);
    mock.set(
        json!({ "contract": "live", "differences": { "scope-ceiling": "documented",
        "scope-shape": "documented", "redirect-status": "documented" } }),
    )
    .await;
    assert_eq!(beyond_the_ceiling(&mock).await, trimmed);
}

#[tokio::test]
async fn more_than_the_app_may_have_is_refused_by_the_deployed_server_once_approved() {
    let mock = TestServer::live().await;
    let refused = beyond_the_ceiling(&mock).await;
    assert_snapshot!(refused, @"
    asked: 303
    approved: 400 invalid_scope: Invalid scope: Requested scope is invalid
    within: 303
    ");
    mock.set(
        json!({ "contract": "documented", "differences": { "scope-ceiling": "live",
        "scope-shape": "live", "redirect-status": "live" } }),
    )
    .await;
    assert_eq!(beyond_the_ceiling(&mock).await, refused);
}

async fn beyond_the_ceiling(mock: &SandboxClient) -> String {
    let asked = mock.authorize(&NARROW.authorize_params("7")).await.status;
    let approved = mock.approve(&NARROW.authorize_params("7")).await;
    let mut output = format!("asked: {asked}\napproved: {}\n", approved.summary());
    if approved.status < 400 {
        let answer = mock.token(&NARROW.redeem_params(&approved.code())).await;
        output += &format!("token for {}\n", answer.json()["scope"]);
    }
    let within = mock.approve(&NARROW.authorize_params("4")).await;
    output += &format!("within: {}\n", within.status);
    output
}
