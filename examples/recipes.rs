//! The recipes of the README, for a test in Rust.

use std::time::Duration;

use civitai_oauth_mock::MockServer;
use serde_json::json;

const CLIENT_ID: &str = "dec0de00-0000-4000-8000-000000000001";

#[tokio::test]
async fn the_app_meets_what_production_will_bring() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::start().await; // its own world; stops when it is dropped
    let tokens = server.mint(CLIENT_ID, "ada", "AI Services").await?; // no browser
    assert_eq!(tokens["scope"], "114689");
    server.snapshot("signed-in").await?;

    server.advance(Duration::from_secs(3601)).await?; // the access token expires
    server.preset("refresh-revoked").await?; // and the refresh is refused
    server.restore("signed-in").await?; // all as it was
    server.fault(
        json!({"endpoint": "token", "times": 1, "effect": {"delay": "2s", "status": 503}}),
    )?;

    // … let the app at server.base_url() do its work, then:
    server
        .verify(json!([{"endpoint": "token", "grant_type": "refresh_token", "times": 0}]))
        .await?;
    Ok(())
}
