//! `buzz_limit` at consent: which values are budgets, and when they are checked.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, SandboxClient, TestServer};

fn spending() -> Fields {
    CONF.authorize_params("32769")
}

/// The response to each text, grouped by response.
async fn verdicts(mock: &SandboxClient, texts: &[&str]) -> String {
    let mut table = String::new();
    for text in texts {
        let answer = mock.approve(&spending().and("buzz_limit", text)).await;
        table += &format!("{text}\n  {}\n", answer.summary());
    }
    table
}

#[tokio::test]
async fn well_formed_budgets_and_no_limit_are_accepted() {
    let mock = TestServer::documented().await;
    let texts = [
        "",
        "null",
        "[]",
        r#"[{"type":"absolute","limit":5}]"#,
        r#"[{"type":"absolute","limit":5.0,"currencies":["blue","green"]}]"#,
        r#"[{"type":"absolute","limit":5,"currencies":[]}]"#,
        r#"[{"type":"sliding","limit":5,"window":"month","unit":2}]"#,
        r#"[{"type":"rollover","limit":5,"cron":"0 0 * * *"}, {"type":"absolute","limit":9}]"#,
    ];
    for text in texts {
        let answer = mock.approve(&spending().and("buzz_limit", text)).await;
        assert_eq!(answer.status, 302, "{text}: {answer}");
    }
}

#[tokio::test]
async fn invalid_json_and_invalid_budget_are_different_errors() {
    let mock = TestServer::documented().await;
    let texts = [
        "{",
        "5000 buzz",
        " ",
        "{}",
        "5000",
        "true",
        "\"null\"",
        "[null]",
        r#"[{"limit":5}]"#,
        r#"[{"type":"weekly","limit":5}]"#,
        r#"[{"type":"absolute"}]"#,
        r#"[{"type":"absolute","limit":0}]"#,
        r#"[{"type":"absolute","limit":-1}]"#,
        r#"[{"type":"absolute","limit":1.5}]"#,
        r#"[{"type":"absolute","limit":"5"}]"#,
        r#"[{"type":"absolute","limit":5,"currencies":"blue"}]"#,
        r#"[{"type":"absolute","limit":5,"currencies":[1]}]"#,
        r#"[{"type":"sliding","limit":5,"window":"year","unit":1}]"#,
        r#"[{"type":"sliding","limit":5,"window":"day"}]"#,
        r#"[{"type":"sliding","limit":5,"window":"day","unit":0}]"#,
        r#"[{"type":"rollover","limit":5}]"#,
        r#"[{"type":"rollover","limit":5,"cron":""}]"#,
        r#"[{"type":"absolute","limit":5},{"type":"absolute","limit":0}]"#,
    ];
    assert_snapshot!(verdicts(&mock, &texts).await, @r#"
    {
      400 invalid_request: buzz_limit is not valid JSON
    5000 buzz
      400 invalid_request: buzz_limit is not valid JSON
     
      400 invalid_request: buzz_limit is not valid JSON
    {}
      400 invalid_request: buzz_limit failed validation
    5000
      400 invalid_request: buzz_limit failed validation
    true
      400 invalid_request: buzz_limit failed validation
    "null"
      400 invalid_request: buzz_limit failed validation
    [null]
      400 invalid_request: buzz_limit failed validation
    [{"limit":5}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"weekly","limit":5}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute"}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":0}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":-1}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":1.5}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":"5"}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":5,"currencies":"blue"}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":5,"currencies":[1]}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"sliding","limit":5,"window":"year","unit":1}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"sliding","limit":5,"window":"day"}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"sliding","limit":5,"window":"day","unit":0}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"rollover","limit":5}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"rollover","limit":5,"cron":""}]
      400 invalid_request: buzz_limit failed validation
    [{"type":"absolute","limit":5},{"type":"absolute","limit":0}]
      400 invalid_request: buzz_limit failed validation
    "#);
}

#[tokio::test]
async fn budget_is_checked_whenever_present() {
    let mock = TestServer::documented().await;
    let request = spending().and("buzz_limit", "{");
    assert_snapshot!(mock.authorize(&request).await, @r#"
    400
    content-type: application/json
    x-mock-reason: a buzz limit is null or a list of budgets, each with a type and whole numbers of at least 1; buzz_limit was "{"
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_request","error_description":"buzz_limit is not valid JSON"}
    "#);
    let without_spending = CONF.authorize_params("1").and("buzz_limit", "{");
    assert_snapshot!(mock.authorize(&without_spending).await.summary(), @"400 invalid_request: buzz_limit is not valid JSON");
}

#[tokio::test]
async fn the_deployed_server_ignores_budgets() {
    let mock = TestServer::live().await;
    let request = spending().and("buzz_limit", "{");
    assert_eq!(mock.approve(&request).await.status, 303);
    mock.set_difference(Difference::BuzzLimit, Contract::Documented)
        .await;
    assert_eq!(mock.approve(&request).await.status, 400);

    let mock = TestServer::documented().await;
    mock.set_difference(Difference::BuzzLimit, Contract::Live)
        .await;
    assert_eq!(mock.approve(&request).await.status, 302);
}

#[tokio::test]
async fn the_pages_simple_form_has_an_amount_a_period_and_a_switch() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (on, amount, days) in [
        (Some("true"), "5000", "1"),
        (Some("true"), "5000", "7"),
        (Some("true"), "5000", "30"),
        (Some("true"), "5000", "8"),
        (Some("true"), "0", "7"),
        (Some("true"), "", "7"),
        (Some("true"), "5.5", "7"),
        (Some("true"), "much", "7"),
        (None, "much", "8"),
        (None, "", "7"),
    ] {
        let mut request = spending()
            .and("buzz_limit", amount)
            .and("buzz_limit_days", days);
        if let Some(on) = on {
            request = request.and("buzz_limit_on", on);
        }
        let output = mock.approve(&request).await.summary();
        table += &format!("on={on:?} {amount:?} per {days} days: {output}\n");
    }
    assert_snapshot!(table, @r#"
    on=Some("true") "5000" per 1 days: 302 to https://app.example/callback?code=<secret>&state=xyz
    on=Some("true") "5000" per 7 days: 302 to https://app.example/callback?code=<secret>&state=xyz
    on=Some("true") "5000" per 30 days: 302 to https://app.example/callback?code=<secret>&state=xyz
    on=Some("true") "5000" per 8 days: 400 invalid_request: buzz_limit failed validation
    on=Some("true") "0" per 7 days: 400 invalid_request: buzz_limit failed validation
    on=Some("true") "" per 7 days: 400 invalid_request: buzz_limit failed validation
    on=Some("true") "5.5" per 7 days: 400 invalid_request: buzz_limit failed validation
    on=Some("true") "much" per 7 days: 400 invalid_request: buzz_limit failed validation
    on=None "much" per 8 days: 302 to https://app.example/callback?code=<secret>&state=xyz
    on=None "" per 7 days: 302 to https://app.example/callback?code=<secret>&state=xyz
    "#);
}

#[tokio::test]
async fn budget_without_remembered_consent_still_shows_the_page() {
    let mock = TestServer::documented().await;
    let limit = json!([{ "type": "absolute", "limit": 5 }]).to_string();
    mock.approve(&spending().and("buzz_limit", &limit)).await;
    let answer = mock.authorize(&spending()).await;
    assert_eq!(answer.location().path(), "/login/oauth/authorize");
    mock.approve(&spending().and("buzz_limit", &limit).and("remember", "true"))
        .await;
    assert_eq!(mock.authorize(&spending()).await.status, 302);
}
