//! The unmodified `oauth2` crate, through the sign-in and consent pages.

use std::future::Future;
use std::pin::Pin;

use civitai_oauth_mock::{Contract, Difference};
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, TokenResponse, TokenUrl,
};
use reqwest::Client;
use url::Url;

use crate::support::{AUTHORIZE, App, CONF, NARROW, SPA, SandboxClient, TOKEN, TestServer};

type Outsider =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

fn outsider(sandbox: &SandboxClient, app: &App) -> Outsider {
    let endpoint = |path: &str| format!("{}{path}", sandbox.base);
    let redirect = RedirectUrl::new(app.redirect_uri.to_owned()).expect("a URL");
    let client = BasicClient::new(ClientId::new(app.id.to_owned()))
        .set_auth_uri(AuthUrl::new(endpoint(AUTHORIZE)).expect("a URL"))
        .set_token_uri(TokenUrl::new(endpoint(TOKEN)).expect("a URL"))
        .set_redirect_uri(redirect);
    match app.secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_owned())),
        None => client,
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

/// The crate's requests over the tests' own HTTP client.
fn transport() -> impl Fn(HttpRequest) -> Sending {
    let http = Client::new();
    move |request| {
        let http = http.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let sent = http
                .request(parts.method, parts.uri.to_string())
                .headers(parts.headers)
                .body(body)
                .send()
                .await?;
            let mut response = oauth2::http::Response::builder().status(sent.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(sent.headers());
            }
            let body = sent.bytes().await?.to_vec();
            Ok(response
                .body(body)
                .expect("a response of a response's parts"))
        })
    }
}

/// Goes where the browser goes: sign-in page, consent page, and back to the app.
async fn walk(sandbox: &SandboxClient, start: &Url) -> Url {
    let path = |url: &Url| url[url::Position::BeforePath..].to_owned();
    let plain = SandboxClient::at(start.origin().ascii_serialization());
    let to_login = plain.get(&path(start)).await.location();
    let login = plain.get(&path(&to_login)).await.page().forms();
    let picked = login[0].fields.clone().and("user", "2");
    let signed_in = plain.post(&login[0].action, &picked).await;
    let cookie = signed_in.cookie();
    let back = signed_in.location();
    assert_eq!(path(&back), path(start), "the whole request came back");
    let to_consent = plain.get(&path(&back)).cookie(&cookie).await.location();
    assert!(to_consent.as_str().starts_with(&sandbox.base));
    let consent = plain
        .get(&path(&to_consent))
        .cookie(&cookie)
        .await
        .page()
        .forms();
    let answer = plain
        .post(&consent[0].action, &consent[0].fields)
        .cookie(&cookie)
        .await;
    answer.location()
}

fn param(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Signs ada in to the app, and gives its tokens.
async fn sign_in(sandbox: &SandboxClient, app: &App) -> BasicTokenResponse {
    let client = outsider(sandbox, app);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("5".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let back = walk(sandbox, &url).await;
    assert!(back.as_str().starts_with(app.redirect_uri));
    assert_eq!(&param(&back, "state"), state.secret());
    client
        .exchange_code(AuthorizationCode::new(param(&back, "code")))
        .set_pkce_verifier(verifier)
        .request_async(&transport())
        .await
        .expect("the code is good")
}

async fn signs_in_refreshes_and_revokes(sandbox: &SandboxClient, app: &App) {
    let tokens = sign_in(sandbox, app).await;
    let scopes: Vec<&str> = tokens
        .scopes()
        .expect("a scope")
        .iter()
        .map(|scope| scope.as_str())
        .collect();
    assert_eq!(scopes, ["5"]);
    let access = tokens.access_token().secret();
    assert_eq!(sandbox.userinfo(access).await.text("username"), "ada");

    let old = tokens.refresh_token().expect("a refresh token");
    let client = outsider(sandbox, app);
    let refreshed = client
        .exchange_refresh_token(old)
        .request_async(&transport())
        .await
        .expect("the refresh token is good");
    let new = refreshed.refresh_token().expect("a refresh token").secret();
    assert_ne!(new, old.secret());

    // The crate refuses to revoke without TLS, so this is sent by hand.
    assert_eq!(sandbox.revoke(&app.revoke_params(new)).await.status, 200);
    let left = client
        .exchange_refresh_token(&RefreshToken::new(new.clone()))
        .request_async(&transport())
        .await;
    assert_eq!(
        left.is_err(),
        app.secret.is_some(),
        "a public app revokes nothing by naming itself"
    );
}

#[tokio::test]
async fn the_oauth2_crate_signs_in_with_a_secret() {
    let mock = TestServer::documented().await;
    signs_in_refreshes_and_revokes(&mock, &CONF).await;
}

#[tokio::test]
async fn the_oauth2_crate_signs_in_without_a_secret() {
    let mock = TestServer::documented().await;
    signs_in_refreshes_and_revokes(&mock, &SPA).await;
}

#[tokio::test]
async fn the_oauth2_crate_signs_in_to_a_sandbox() {
    let mock = TestServer::documented().await;
    signs_in_refreshes_and_revokes(&mock.sandbox("box-1"), &CONF).await;
}

/// The crate's client, which refreshes when its token has expired, and not before.
async fn lives_for_a_day(sandbox: &SandboxClient, app: &App) {
    let client = outsider(sandbox, app);
    let mut tokens = sign_in(sandbox, app).await;
    for _ in 0..5 {
        let expires_in = tokens.expires_in().expect("a life").as_secs();
        sandbox.userinfo(tokens.access_token().secret()).await;
        sandbox
            .advance(expires_in.try_into().expect("a short life"))
            .await;
        let refresh_token = tokens.refresh_token().expect("a refresh token");
        tokens = client
            .exchange_refresh_token(refresh_token)
            .request_async(&transport())
            .await
            .expect("the refresh token is good");
    }
    let last = tokens.refresh_token().expect("a refresh token");
    sandbox.revoke(&app.revoke_params(last.secret())).await;
}

#[tokio::test]
async fn the_oauth2_crate_gets_no_findings() {
    for mock in [TestServer::documented().await, TestServer::live().await] {
        // The crate reads a scope that is text, and no list.
        mock.set_difference(Difference::ScopeShape, Contract::Documented)
            .await;
        for app in [CONF, SPA] {
            lives_for_a_day(&mock, &app).await;
        }
        assert_eq!(mock.errors_and_warnings().await, "");
    }
}

#[tokio::test]
async fn the_oauth2_crate_gets_tokens_of_the_apps_own() {
    let mock = TestServer::documented().await;
    let tokens = outsider(&mock, &NARROW)
        .exchange_client_credentials()
        .request_async(&transport())
        .await
        .expect("the secret is good");
    let access = tokens.access_token().secret();
    assert_eq!(mock.userinfo(access).await.text("username"), "owner");
    assert!(tokens.refresh_token().is_none());
}

#[tokio::test]
async fn the_oauth2_crate_reads_our_errors() {
    let mock = TestServer::documented().await;
    let refused = outsider(&mock, &CONF)
        .exchange_code(AuthorizationCode::new("guess".to_owned()))
        .request_async(&transport())
        .await;
    match refused {
        Err(RequestTokenError::ServerResponse(error)) => {
            assert_eq!(error.error().as_ref(), "invalid_grant");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_deployed_servers_list_of_scopes_is_more_than_the_oauth2_crate_can_read() {
    let mock = TestServer::live().await;
    let unread = outsider(&mock, &NARROW)
        .exchange_client_credentials()
        .request_async(&transport())
        .await;
    assert!(
        matches!(unread, Err(RequestTokenError::Parse(..))),
        "{unread:?}"
    );
}
