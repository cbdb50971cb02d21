//! The example of `docs/reference/rust.md`.

use std::time::Duration;

use civitai_oauth_mock::control::{Endpoint, Expect, Fault, NewTokens, Preset};
use civitai_oauth_mock::{MockServer, Scope};

const CLIENT_ID: &str = "dec0de00-0000-4000-8000-000000000001";

#[tokio::test]
async fn tokens_expire_and_refreshes_fail() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::start().await; // stops when the value is dropped
    let new_tokens = NewTokens::new(CLIENT_ID, "ada", Scope::AI_SERVICES);
    let tokens = server.issue_tokens(new_tokens).await?; // no browser
    assert!(server.introspect_token(&tokens.access_token).await?.active);
    server.take_snapshot("signed-in").await?;

    server.advance_clock(Duration::from_secs(3601)).await?; // the access token expires
    server.add_fault_preset(Preset::RefreshRevoked).await?; // and the refresh is refused
    server.restore_snapshot("signed-in").await?; // back to the snapshot
    let slow = Fault::endpoint(Endpoint::Token).delay(Duration::from_secs(2));
    server.add_fault(slow.times(1).status(503)).await?;

    // … let the app at server.base_url() do its work, then:
    let refreshes = Expect::endpoint(Endpoint::Token).refresh_token();
    server.verify([refreshes.never()]).await?;
    Ok(())
}
