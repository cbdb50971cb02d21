//! `/token` with a JSON body.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, TOKEN, TestServer};

#[tokio::test]
async fn json_list_with_one_value_is_not_that_value() {
    let mock = TestServer::live().await;
    let ask = |body: Value| mock.request("POST", TOKEN).json(&body);
    let grant = json!({
        "grant_type": ["client_credentials"], "client_id": CONF.id, "client_secret": CONF.secret,
    });
    assert_snapshot!(ask(grant).await.summary(), @"400 unauthorized_client: Unauthorized client: `grant_type` is invalid");
    let mut redeems = CONF.redeem_params(&mock.code(&CONF, "1").await).to_json();
    redeems["redirect_uri"] = json!([redeems["redirect_uri"]]);
    assert_snapshot!(ask(redeems).await.summary(), @"400 invalid_request: Invalid request: `redirect_uri` is invalid");
}

#[tokio::test]
async fn byte_order_mark_before_json_is_accepted() {
    let mock = TestServer::live().await;
    let body = format!("\u{feff}{}", CONF.client_credentials().to_json());
    let answer = mock
        .request("POST", TOKEN)
        .body("application/json", body)
        .await;
    assert_eq!(answer.status, 200);
}
