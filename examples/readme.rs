//! The test of `README.md`: an access token expires after an hour.

use std::time::Duration;

use civitai_oauth_mock::{MockServer, Scope, control::NewTokens};

#[tokio::test]
async fn access_token_expires() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::start().await; // a free port, all data in memory
    let client_id = "dec0de00-0000-4000-8000-000000000001";
    let tokens = server
        .issue_tokens(NewTokens::new(client_id, "ada", Scope::AI_SERVICES))
        .await?;
    let me = async || {
        let request = reqwest::Client::new().get(format!("{}/api/v1/me", server.base_url()));
        request
            .bearer_auth(tokens.access_token.reveal())
            .send()
            .await
    };

    assert!(me().await?.text().await?.contains(r#""username":"ada""#));
    server.advance_clock(Duration::from_secs(3601)).await?;
    assert_eq!(me().await?.status(), 401);
    Ok(())
}
