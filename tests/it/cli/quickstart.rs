//! The first minute of an app: sign-in, user, balance, quote and workflow, until the user's cap is reached and
//! raised.

use civitai_oauth_mock::{Contract, Difference};
use serde_json::json;

use crate::support::{Fields, ME, SPA, SandboxClient, SpendingApp, TestServer, WORKFLOWS};

/// Signs ada in to the app, with a cap as the consent page sends it.
async fn sign_in(sandbox: &SandboxClient, cap: &str) -> SpendingApp {
    let request = SPA.authorize_params("114689").and("buzz_limit", cap);
    let code = sandbox.approve(&request).await.code();
    let token = sandbox
        .token(&SPA.redeem_params(&code))
        .await
        .text("access_token");
    SpendingApp::with(sandbox, &token)
}

async fn quickstart(sandbox: &SandboxClient) {
    sandbox
        .set_difference(Difference::InsufficientFunds, Contract::Live)
        .await;
    let buzz = json!({ "buzz": { "yellow": 500, "blue": 40 } });
    sandbox.control("PATCH", "/users/ada", buzz).await;

    let cap = r#"[{"type":"sliding","limit":150,"window":"day","unit":1}]"#;
    let ada = sign_in(sandbox, cap).await;
    let me = ada.get(ME).await.json();
    assert_eq!(
        (&me["username"], &me["status"]),
        (&json!("ada"), &json!("active"))
    );
    assert_eq!(me["buzzLimit"].to_string(), cap);
    assert_eq!(ada.balance().await, [500, 40, 0]);

    let body =
        json!({ "cost": 100, "steps": [{ "$type": "imageGen", "input": { "prompt": "a cat" } }] });
    let quote = ada.quote(&body).await;
    assert_eq!(
        (quote.status, &quote.json()["cost"]["total"]),
        (200, &json!(100))
    );
    assert_eq!(ada.balance().await, [500, 40, 0]);

    let done = ada.submit(&body).await;
    assert_eq!(
        (done.status, done.text("status").as_str()),
        (200, "succeeded")
    );
    let again = ada.get(&format!("{WORKFLOWS}/{}", done.text("id"))).await;
    assert_eq!(again.body, done.body);
    assert_eq!(ada.balance().await, [440, 0, 0]);

    let refused = ada.submit(&body).await;
    assert_eq!(refused.status, 403, "{refused}");
    let kind = refused.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{kind}");
    let spent = &ada.data("apiKey.getSpend").await[0]["rules"][0];
    assert_eq!(
        (&spent["spend"], &spent["remaining"]),
        (&json!(100), &json!(50))
    );
    assert_eq!(ada.balance().await, [440, 0, 0]);

    // The user raises the cap on the account page; the app's token is the old one.
    let cookie = sandbox.session("ada").await;
    let form = Fields::new(&[
        ("kind-1", "sliding"),
        ("limit-1", "200"),
        ("unit-1", "1"),
        ("window-1", "day"),
    ]);
    let path = format!("/user/account/connected/{}/limit", SPA.id);
    let raised = sandbox.post(&path, &form).cookie(&cookie).await;
    assert_eq!(raised.status, 303, "{raised}");
    assert_eq!(ada.submit(&body).await.status, 200);
    assert_eq!(ada.balance().await, [340, 0, 0]);
}

#[tokio::test]
async fn app_signs_in_and_spends_until_its_cap() {
    let mock = TestServer::documented().await;
    quickstart(&mock).await;
}

#[tokio::test]
async fn app_signs_in_and_spends_until_its_cap_in_a_sandbox() {
    let mock = TestServer::documented().await;
    quickstart(&mock.sandbox("first")).await;
}
