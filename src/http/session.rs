//! Identification of the user: the session cookie, the two ways to sign in without a browser (the `login` setting and
//! the header `X-Mock-User`), and bearer tokens. The sign-in page is `pages/site/login.rs`.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::contract::Difference;
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond::EndpointError;
use crate::invalid::Invalid;
use crate::model::session::{self, LIFETIME_SECONDS};
use crate::model::user::{User, UserRef};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::ids::UserId;
use crate::protocol::scope::Scope;
use crate::protocol::secret::{Secret, SecretHash};
use crate::sandbox::Sandbox;
use crate::store::{NewSession, StoreError};

/// Names the user that a test acts for at the authorize endpoint.
pub(crate) const MOCK_USER_HEADER: &str = "x-mock-user";

/// The user who is signed in by cookie.
pub(crate) fn cookie_user(context: &RequestContext) -> Option<Arc<User>> {
    by_cookie(&context.sandbox, &context.headers)
}

/// The user of the first session cookie that belongs to this sandbox.
pub(crate) fn by_cookie(sandbox: &Sandbox, headers: &HeaderMap) -> Option<Arc<User>> {
    let now = sandbox.now();
    cookie_hashes(headers).find_map(|hash| sandbox.data().session_user(&hash, now))
}

/// The user who is signed in by cookie or by the `login` setting. For requests of browsers only: a back end that calls
/// `/revoke` must not count as a signed-in user.
pub(crate) fn user(context: &RequestContext) -> Option<Arc<User>> {
    let signed_in = cookie_user(context).or_else(|| configured_login(&context.sandbox));
    if let Some(user) = &signed_in {
        context.notes.user(user.id);
    }
    signed_in
}

/// The user of the `login` setting.
pub(crate) fn configured_login(sandbox: &Sandbox) -> Option<Arc<User>> {
    active(sandbox, sandbox.settings().login.as_ref()?)
}

/// Same as [`user`], but `X-Mock-User` takes precedence. The second value is the cookie that signs such a user in for
/// the following pages.
pub(crate) async fn user_or_mock(
    context: &RequestContext,
) -> Result<(Option<Arc<User>>, Option<String>), EndpointError> {
    let Some(value) = context.headers.get(MOCK_USER_HEADER) else {
        return Ok((user(context), None));
    };
    let name = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let named = UserRef::from(name);
    match active(&context.sandbox, &named) {
        Some(user) => {
            match sign_in(&context.sandbox, &context.base, user.id).await {
                Ok(cookie) => Ok((Some(user), Some(cookie))),
                // The header identifies the user; only the following pages need the session.
                Err(error @ StoreError::TableFull { .. }) => {
                    tracing::warn!(%error, "X-Mock-User does not open a session");
                    Ok((Some(user), None))
                }
                Err(error) => Err(error.into()),
            }
        }
        None => Err(EndpointError::Invalid(unknown_user_error(
            &context.sandbox,
            "X-Mock-User",
            &named,
        ))),
    }
}

/// The named user, unless deleted.
fn active(sandbox: &Sandbox, named: &UserRef) -> Option<Arc<User>> {
    let found = sandbox.data().find_user(named);
    found.filter(|user| !user.deleted).map(Arc::new)
}

/// The error for a user who does not exist or is deleted; it lists the users that exist.
pub(crate) fn unknown_user_error(sandbox: &Sandbox, path: &str, named: &UserRef) -> Invalid {
    let users = sandbox.data().list_users();
    let text = named.to_string();
    if named.find_in(&users).is_some_and(|user| user.deleted) {
        return Invalid::new(path, format!("user {text:?} is deleted"))
            .with_hint("PATCH the user with {\"deleted\":false}");
    }
    let there = users.iter().filter(|user| !user.deleted);
    let names: Vec<String> = there
        .map(|user| user.username.clone().unwrap_or_else(|| user.id.to_string()))
        .collect();
    let invalid = Invalid::new(path, format!("no user {text:?}"));
    if let Some(hint) = named.hint_for_digits(&users) {
        return invalid.with_hint(hint);
    }
    let choices = format!("name a user by id or username: {}", names.join(", "));
    invalid.with_nearest(&text, names.iter().map(String::as_str), choices)
}

/// Maximum number of sessions per sandbox that pages and `X-Mock-User` open; about 10 MB.
const MAX_SESSIONS: usize = 100_000;

/// Opens a session and returns the `Set-Cookie` value. Errors: there are [`MAX_SESSIONS`] sessions.
pub(crate) async fn sign_in(
    sandbox: &Sandbox,
    base: &BaseUrl,
    user: UserId,
) -> Result<String, StoreError> {
    let value = open(sandbox, user, MAX_SESSIONS).await?;
    Ok(set_cookie(base, value.reveal(), LIFETIME_SECONDS))
}

/// Opens a session and returns its secret. Errors: there are `max_sessions` sessions.
pub(crate) async fn open(
    sandbox: &Sandbox,
    user: UserId,
    most: usize,
) -> Result<Secret, StoreError> {
    let value = sandbox.entropy.cookie();
    let now = sandbox.now();
    let session = NewSession {
        hash: value.hash(),
        user,
        now,
        expires_at: now.plus_seconds(LIFETIME_SECONDS),
    };
    sandbox.data().insert_session(session, most).await?;
    Ok(value)
}

/// Ends the sessions of the cookies. Returns the `Set-Cookie` that removes the cookie of this sandbox.
pub(crate) async fn sign_out(context: &RequestContext) -> Result<String, StoreError> {
    let (sandbox, now) = (&context.sandbox, context.sandbox.now());
    for hash in cookie_hashes(&context.headers) {
        if sandbox.data().session_user(&hash, now).is_some() {
            sandbox.data().delete_session(&hash).await?;
        }
    }
    Ok(set_cookie(&context.base, "", 0))
}

fn set_cookie(base: &BaseUrl, value: &str, seconds: u32) -> String {
    let cookie = Cookie::build((session::COOKIE, value))
        .path(base.cookie_path())
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(base.is_https())
        .build();
    format!("{cookie}; Max-Age={seconds}")
}

/// The access token of a request (RFC 6750 §2.1). The scheme is case-sensitive.
pub(crate) fn bearer_hash(headers: &HeaderMap) -> Option<SecretHash> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let token = value.strip_prefix(b"Bearer ")?;
    Some(SecretHash::new(&String::from_utf8_lossy(token)))
}

/// Whether a scope is for `client_credentials` only (difference `app-store-catalog-write`): the consent page does not
/// offer it, and its tokens give access to the app store's catalog only.
pub(crate) fn is_client_credentials_only_scope(scope: Scope, rules: &ContractRules) -> bool {
    if !scope.covers(Scope::APP_STORE_CATALOG_WRITE) {
        return false;
    }
    rules.record_divergence(Difference::AppStoreCatalogWrite, true);
    !rules.follows_recording(Difference::AppStoreCatalogWrite)
}

/// The access token of a request to the site: from the `Authorization` header with any scheme, else from `?token=`.
/// Source: civitai/civitai, `get-server-auth-session.ts`.
pub(crate) fn site_token_hash(headers: &HeaderMap, query: Option<&str>) -> Option<SecretHash> {
    let header = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = match header {
        Some(header) => header.split(' ').nth(1).map(str::to_owned),
        // The first one wins, as with `searchParams.get`.
        None => url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "token")
            .map(|(_, token)| token.into_owned()),
    };
    let token = token.as_deref().map(str::trim);
    token.filter(|token| !token.is_empty()).map(SecretHash::new)
}

/// The hashes of all session cookies, in their order.
fn cookie_hashes(headers: &HeaderMap) -> impl Iterator<Item = SecretHash> {
    cookies(headers, session::COOKIE).map(|value| SecretHash::new(&value))
}

/// The values of all cookies of this name. Browsers send the cookie with the longer path, the sandbox's own, first.
/// Other clients ignore paths and send the cookies of the default sandbox and of the sandbox in any order. A `CookieJar`
/// would have one cookie of each name.
pub(crate) fn cookies(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(move |cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}
