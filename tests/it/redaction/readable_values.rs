//! Ordinary values that redaction must leave readable.

use serde_json::{Value, json};

use crate::support::{AUTHORIZE, TestServer};

#[tokio::test]
async fn ordinary_values_stay_readable_in_the_journal() {
    let mock = TestServer::documented().await;
    let hex_state = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let query = format!(
        "response_type=code&client_id=dec0de00-0000-4000-8000-000000000001&scope=114689&state={hex_state}\
         &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fapi%2Fcallback%3Fa%3Db\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&nonce=n-1"
    );
    mock.get(&format!("{AUTHORIZE}?{query}")).await;
    let shown = mock.control("GET", "/requests", json!({})).await;
    let params: &Value = &shown["requests"][0]["params"];
    assert_eq!(params["client_id"], "dec0de00-0000-4000-8000-000000000001");
    assert_eq!(params["state"], hex_state);
    assert_eq!(
        params["redirect_uri"],
        "http://localhost:3000/api/callback?a=b"
    );
    assert_eq!(
        params["code_challenge"],
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    assert_eq!(
        (&params["scope"], &params["nonce"]),
        (&json!("114689"), &json!("n-1"))
    );
}
