//! The test of `docs/guides/first-test-rust.md`: sign in without a browser, then see the token expire and refresh it.
#![expect(clippy::too_many_lines, reason = "one story")]

use std::time::Duration;

use civitai_oauth_mock::{ConsentMode, MockServer};
use reqwest::{Client, StatusCode, Url, redirect::Policy};
use serde_json::Value;

const CLIENT_ID: &str = "dec0de00-0000-4000-8000-000000000001";
const CLIENT_SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";
const REDIRECT_URI: &str = "http://localhost:3000/callback";
// The pair of RFC 7636, appendix B. An app generates a new one, and a new state, for every sign-in.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test]
async fn an_expired_token_is_refreshed() -> Result<(), Box<dyn std::error::Error>> {
    // A free port, all data in memory. The server stops when the value is dropped.
    let server = MockServer::builder()
        .consent(ConsentMode::Approve)
        .start()
        .await?;
    let oauth = format!("{}/api/auth/oauth", server.base_url());
    let http = Client::builder().redirect(Policy::none()).build()?;

    let query = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "1"),
        ("state", "b7f3a9d2c4e81650"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let authorize = Url::parse_with_params(&format!("{oauth}/authorize"), query)?;
    let answer = http
        .get(authorize)
        .header("X-Mock-User", "ada")
        .send()
        .await?;
    assert!(answer.status().is_redirection()); // 302, or 303 under live
    let location = Url::parse(answer.headers()["location"].to_str()?)?;
    let code = location.query_pairs().find(|(name, _)| name == "code");
    let code = code.ok_or("no code")?.1.into_owned();

    let token = async |grant: &[(&str, &str)]| {
        let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let request = http
            .post(format!("{oauth}/token"))
            .form(&[grant, &client].concat());
        request
            .send()
            .await?
            .error_for_status()?
            .json::<Value>()
            .await
    };
    let userinfo = async |tokens: &Value| {
        let bearer = tokens["access_token"].as_str().unwrap_or_default();
        http.get(format!("{oauth}/userinfo"))
            .bearer_auth(bearer)
            .send()
            .await
    };

    let tokens = token(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ])
    .await?;
    let user: Value = userinfo(&tokens).await?.json().await?;
    assert_eq!(user["preferred_username"], "ada");

    server.advance_clock(Duration::from_secs(3601)).await?;
    assert_eq!(userinfo(&tokens).await?.status(), StatusCode::UNAUTHORIZED);

    let refresh_token = tokens["refresh_token"].as_str().ok_or("no refresh token")?;
    let tokens = token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
    ])
    .await?;
    assert_eq!(userinfo(&tokens).await?.status(), StatusCode::OK);
    Ok(())
}
