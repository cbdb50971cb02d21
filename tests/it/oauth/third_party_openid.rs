//! The unmodified `openidconnect` and `oauth2` crates, over real sockets.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use civitai_oauth_mock::{Certificate, Contract};
use insta::assert_snapshot;
use oauth2::basic::BasicClient;
use oauth2::{
    DeviceAuthorizationUrl, RevocationUrl, StandardDeviceAuthorizationResponse,
    StandardRevocableToken,
};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, RequestTokenError,
    Scope, TokenResponse as _, TokenUrl,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Request};
use serde_json::json;
use url::Url;

use crate::support::{
    App, CLI, CONF, DEVICE, DEVICE_TOKEN, Https, REVOKE, SPA, SandboxClient, TOKEN, TestServer,
    config,
};

/// How the crates reach the server: by a client that follows nothing, as they ask for.
async fn over_http(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = Client::builder().redirect(Policy::none()).build()?;
    let answer = client.execute(Request::try_from(request)?).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Goes where the app sends its user: sign-in page, consent page, and back to the app. The URL that comes back is
/// the app's callback.
async fn sign_in(sandbox: &SandboxClient, authorize: &Url) -> Url {
    let ours = |url: &Url| {
        let path = url.as_str().strip_prefix(&sandbox.base);
        path.unwrap_or_else(|| panic!("{url} leads away"))
            .to_owned()
    };
    let login = sandbox.get(&ours(authorize)).await.location();
    let login = sandbox.get(&ours(&login)).await;
    let form = login.page().forms().remove(0);
    let signed_in = sandbox.post("/login", &form.fields.and("user", "2")).await;
    let cookie = signed_in.cookie();
    let again = sandbox
        .get(&ours(&signed_in.location()))
        .cookie(&cookie)
        .await;
    let consent = sandbox.get(&ours(&again.location())).cookie(&cookie).await;
    let form = consent.page().forms().remove(0);
    let action = consent
        .asked
        .join(&form.action)
        .expect("an action is a URL");
    let approved = sandbox.post(&ours(&action), &form.fields).cookie(&cookie);
    approved.await.location()
}

fn code_of(callback: &Url, state: &CsrfToken) -> AuthorizationCode {
    let value = |wanted: &str| {
        let mut pairs = callback.query_pairs();
        let found = pairs.find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    assert_eq!(&value("state"), state.secret());
    AuthorizationCode::new(value("code"))
}

/// Discovery, sign-in, tokens, id token, userinfo, refresh.
async fn sign_in_with_civitai(sandbox: &SandboxClient, app: &App, auth: AuthType) -> String {
    let issuer = IssuerUrl::new(sandbox.base.clone()).expect("a URL");
    let metadata = CoreProviderMetadata::discover_async(issuer, &over_http).await;
    let client = CoreClient::from_provider_metadata(
        metadata.expect("the discovery document and the keys are read"),
        ClientId::new(app.id.to_owned()),
        app.secret
            .map(|secret| ClientSecret::new(secret.to_owned())),
    )
    .set_redirect_uri(RedirectUrl::new(app.redirect_uri.to_owned()).expect("a URL"))
    .set_auth_type(auth)
    // Scopes are numbers here: the word `openid` would be refused.
    .disable_openid_scope();

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("5".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let code = code_of(&sign_in(sandbox, &url).await, &state);
    let exchange = client
        .exchange_code(code)
        .expect("there is a token endpoint");
    let tokens = match exchange
        .set_pkce_verifier(verifier)
        .request_async(&over_http)
        .await
    {
        Ok(tokens) => tokens,
        Err(RequestTokenError::Parse(error, _)) => return format!("no tokens: {error}"),
        Err(error) => panic!("{error:?}"),
    };
    let id_token = tokens.id_token().expect("a nonce was sent");
    let claims = match id_token.claims(&client.id_token_verifier(), &nonce) {
        Ok(claims) => claims,
        Err(error) => return format!("no id token: {error}"),
    };
    let subject = claims.subject().clone();
    let userinfo: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(subject.clone()))
        .expect("there is a userinfo endpoint")
        .request_async(&over_http)
        .await
        .expect("the user is shown");
    let refreshed = client
        .exchange_refresh_token(tokens.refresh_token().expect("a refresh token"))
        .expect("there is a token endpoint")
        .request_async(&over_http)
        .await
        .expect("refreshed");
    assert!(sandbox.is_active(refreshed.access_token().secret()).await);
    let name = userinfo.preferred_username().map(|name| name.as_str());
    format!("{} is {}", *subject, name.unwrap_or_default())
}

#[tokio::test]
async fn openidconnect_signs_a_user_in_from_discovery_to_refresh() {
    let mock = TestServer::documented().await;
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        for app in [&CONF, &SPA] {
            sandbox.control("DELETE", "/consents", json!({})).await;
            let output = sign_in_with_civitai(&sandbox, app, AuthType::RequestBody).await;
            assert_eq!(output, "2 is ada");
        }
    }
}

/// The id token's audience is the `client_id` of the body, and with HTTP Basic the body has none.
#[tokio::test]
async fn openidconnect_must_send_its_secret_in_the_body() {
    let mock = TestServer::documented().await;
    let output = sign_in_with_civitai(&mock, &CONF, AuthType::BasicAuth).await;
    assert_snapshot!(output, @"no id token: Invalid audiences: must contain `conf` (found audiences: `unknown`)");
}

/// RFC 6749 §5.1 wants a text; the deployed server answers with a list (difference `scope-shape`).
#[tokio::test]
async fn openidconnect_cannot_read_the_scope_of_the_live_contract() {
    let mock = TestServer::live().await;
    let output = sign_in_with_civitai(&mock, &CONF, AuthType::RequestBody).await;
    assert_snapshot!(output, @"no tokens: scope: invalid type: sequence, expected a string at line 1 column 174");
}

#[tokio::test]
async fn oauth2_connects_a_device_by_its_own_polling() {
    for contract in [Contract::Documented, Contract::Live] {
        let mock = TestServer::start(config(contract)).await;
        mock.register_cli().await;
        let url = |path: &str| format!("{}{path}", mock.base);
        let client = BasicClient::new(ClientId::new(CLI.to_owned()))
            .set_device_authorization_url(DeviceAuthorizationUrl::new(url(DEVICE)).expect("a URL"))
            .set_token_uri(TokenUrl::new(url(DEVICE_TOKEN)).expect("a URL"));
        let started: StandardDeviceAuthorizationResponse = client
            .exchange_device_code()
            .add_scope(Scope::new("5".to_owned()))
            .request_async(&over_http)
            .await
            .expect("a device is started");
        assert_eq!(started.interval(), Duration::from_secs(5));

        let waits = AtomicU32::new(0);
        let wait = async |_| {
            if waits.fetch_add(1, Ordering::Relaxed) == 1 {
                let input = json!({ "user_code": started.user_code().secret(), "user": "ada" });
                mock.control("POST", "/device/approve", input).await;
            }
        };
        let tokens = client
            .exchange_device_access_token(&started)
            .request_async(&over_http, wait, None)
            .await
            .expect("tokens, once the user has approved");
        assert_eq!(waits.load(Ordering::Relaxed), 2, "it polled three times");
        assert!(mock.is_active(tokens.access_token().secret()).await);
        assert_eq!(tokens.scopes(), Some(&vec![Scope::new("5".to_owned())]));
    }
}

#[tokio::test]
async fn oauth2_reports_denied_and_expired_devices() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let url = |path: &str| format!("{}{path}", mock.base);
    let client = BasicClient::new(ClientId::new(CLI.to_owned()))
        .set_device_authorization_url(DeviceAuthorizationUrl::new(url(DEVICE)).expect("a URL"))
        .set_token_uri(TokenUrl::new(url(DEVICE_TOKEN)).expect("a URL"));
    let mut output = String::new();
    for denied in [true, false] {
        let started: StandardDeviceAuthorizationResponse = client
            .exchange_device_code()
            .request_async(&over_http)
            .await
            .expect("a device is started");
        let wait = async |_| {
            if denied {
                let input = json!({ "user_code": started.user_code().secret() });
                mock.control("POST", "/device/deny", input).await;
            } else {
                mock.advance(901).await;
            }
        };
        let polled = client
            .exchange_device_access_token(&started)
            .request_async(&over_http, wait, None)
            .await;
        output += &format!("{:?}\n", polled.expect_err("no tokens"));
    }
    assert_snapshot!(output, @r#"
    ServerResponse(StandardErrorResponse { error: access_denied, error_description: None, error_uri: None })
    ServerResponse(StandardErrorResponse { error: expired_token, error_description: Some("Device code expired"), error_uri: None })
    "#);
}

#[tokio::test]
async fn oauth2_revokes_over_https() {
    let mut config = config(Contract::Documented);
    let anywhere = "127.0.0.1:0".parse().expect("an address");
    config.tls = Some((anywhere, Certificate::Generated { ca_file: None }));
    let mock = TestServer::start(config).await;
    let server = mock.server();
    let https = Https::trusting(
        server.certificate_authority().expect("it made one"),
        server.tls_address().expect("it listens"),
    );
    let over_https = |request: HttpRequest| {
        let https = https.clone();
        async move { https.send(request).await }
    };
    let url = |path: &str| format!("{}{path}", https.base("localhost"));
    let client = BasicClient::new(ClientId::new(CONF.id.to_owned()))
        .set_client_secret(ClientSecret::new(
            CONF.secret.unwrap_or_default().to_owned(),
        ))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::new(url(TOKEN)).expect("a URL"))
        .set_revocation_url(RevocationUrl::new(url(REVOKE)).expect("a URL"));
    let tokens = mock.tokens(&CONF, "1").await;
    let refresh = oauth2::RefreshToken::new(tokens.refresh);
    let refreshed = client
        .exchange_refresh_token(&refresh)
        .request_async(&over_https)
        .await
        .expect("refreshed over https");
    let access = refreshed.access_token().clone();
    assert!(mock.is_active(access.secret()).await);
    let revoked: Result<(), oauth2::RequestTokenError<io::Error, _>> = client
        .revoke_token(StandardRevocableToken::AccessToken(access.clone()))
        .expect("an https URL")
        .request_async(&over_https)
        .await;
    revoked.expect("revoked");
    assert!(!mock.is_active(access.secret()).await);

    let plain = RevocationUrl::new(format!("{}{REVOKE}", mock.base)).expect("a URL");
    let client = client.set_revocation_url(plain);
    let Err(error) = client.revoke_token(StandardRevocableToken::AccessToken(access)) else {
        panic!("the crate insists on https");
    };
    assert_snapshot!(error, @"Scheme for revocation endpoint URL must be HTTPS");
}
