//! GET and POST `/authorize` (RFC 6749 §4.1.1): sign-in, consent, code. The checks have the same order as at Civitai.
//! `protocol/authorize_request.rs` parses the request; the consent page is `pages/site/consent.rs`.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::http::Method;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Response};

use crate::contract::{Contract, Difference};
use crate::http::context::{Context, Outline};
use crate::http::cors;
use crate::http::respond::{self, EndpointError};
use crate::http::session;
use crate::model::buzz::BuzzLimit;
use crate::model::client::{Client, Grant};
use crate::model::code::{self, AuthorizationCode};
use crate::model::consent::Approval;
use crate::model::user::User;
use crate::oauth::clients;
use crate::protocol::authorize_request::{AuthorizeRequest, MAX_STORED_BYTES};
use crate::protocol::endpoint::{AUTHORIZE, CONSENT_PAGE, LOGIN};
use crate::protocol::error::{OAuthError, grant_refused};
use crate::protocol::format::{has_scheme, is_vschar};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri;
use crate::protocol::rules::Rules;
use crate::sandbox::rate_limits::Limit;
use crate::sandbox::settings::ConsentMode;

/// `GET /authorize`. A HEAD request ignores the query, as at Civitai.
pub(crate) async fn get(
    method: Method,
    RawQuery(query): RawQuery,
    context: Context,
) -> Result<impl IntoResponse, EndpointError> {
    let query = query.filter(|_| method == Method::GET).unwrap_or_default();
    answer(&context, &Params::from_urlencoded(query.as_bytes()), false).await
}

/// `POST /authorize`, the target of the consent page's form.
pub(crate) async fn post(context: Context) -> Result<impl IntoResponse, EndpointError> {
    answer(&context, context.params(), true).await
}

/// `OPTIONS /authorize` (difference `authorize-preflight`).
pub(crate) async fn options(method: Method, outline: Outline) -> Response {
    let rules = &outline.rules;
    rules.record_divergence(Difference::AuthorizePreflight, true);
    match rules.side(Difference::AuthorizePreflight) {
        Contract::Documented => cors::credentialed_preflight(outline.headers.get(ORIGIN)),
        Contract::Live | Contract::Live2026_08 => {
            respond::method_not_allowed(&method, AUTHORIZE.allow)
        }
    }
}

/// Where the browser goes next.
enum Next {
    SignIn,
    AskConsent,
    /// Back to the client, with a code.
    Client(String),
    /// Back to the client, with the error that the user denied the request.
    Refused(String),
}

async fn answer(
    context: &Context,
    params: &Params,
    by_post: bool,
) -> Result<impl IntoResponse + use<>, EndpointError> {
    let (user, cookie) = session::user_or_mock(context).await?;
    let next = match user {
        Some(user) => decide(context, params, by_post, &user).await,
        None => Ok(Next::SignIn),
    };
    let redirect = next.map(|next| match next {
        Next::SignIn => respond::see_other(&sign_in_path(context, params)),
        Next::AskConsent => respond::see_other(&consent_url(context, params)),
        Next::Refused(location) => respond::see_other(&location),
        Next::Client(location) => with_code(context.rules(), &location),
    });
    // An error too signs the user of `X-Mock-User` in.
    let cookie = AppendHeaders(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok((cookie, redirect))
}

/// Difference `redirect-status`.
fn with_code(rules: &Rules, location: &str) -> Response {
    rules.record_divergence(Difference::RedirectStatus, true);
    match rules.side(Difference::RedirectStatus) {
        Contract::Documented => respond::found(location),
        Contract::Live | Contract::Live2026_08 => respond::see_other(location),
    }
}

/// The sign-in page, which returns to this request.
fn sign_in_path(context: &Context, params: &Params) -> String {
    let here = with_query(context.base.path(AUTHORIZE.path()), params);
    with_return(context.base.path(LOGIN.path()), &here)
}

/// A path with the URL to return to in its query.
pub(crate) fn with_return(path: String, return_path: &str) -> String {
    let start = path.len() + 1;
    let mut query = url::form_urlencoded::Serializer::for_suffix(path + "?", start);
    query.append_pair("returnUrl", return_path).finish()
}

fn consent_url(context: &Context, params: &Params) -> String {
    with_query(format!("{}{}", context.base, CONSENT_PAGE.path()), params)
}

fn with_query(url: String, params: &Params) -> String {
    let query = params.to_query();
    if query.is_empty() {
        url
    } else {
        format!("{url}?{query}")
    }
}

async fn decide(
    context: &Context,
    params: &Params,
    by_post: bool,
    user: &User,
) -> Result<Next, OAuthError> {
    context.notes.user(user.id);
    if !context
        .sandbox
        .check_rate_limit(Limit::Authorize, &user.id.to_string())
    {
        return Err(OAuthError::rate_limited("Too many authorization requests"));
    }
    let rules = context.rules();
    let client = known_client(context, params).await?;
    let redirect_uri = registered_redirect(&client, params, rules)?;
    if let Some(extension) = client.redirect_by_extension(&redirect_uri, rules) {
        context.notes.extension(extension);
    }
    client.check_access(user)?;
    let request = AuthorizeRequest::parse(params, client.declared_scope(rules), rules)?;
    let buzz_limit = asked_buzz_limit(params, rules)?;

    let (sandbox, mode) = (&context.sandbox, context.sandbox.settings().consent);
    let stored = sandbox.data().find_consent(user.id, &client.id);
    if context.notes.read().deny {
        return Ok(Next::Refused(refusal(&redirect_uri, &request.state)?));
    }
    let approved = by_post && params.text("approved") == Some("true");
    if approved {
        let remember = (params.text("remember") == Some("true")).then_some(request.scope);
        let approval = Approval {
            remember,
            buzz_limit,
        };
        if approval.leaves_something() {
            let parties = (user.id, &client.id);
            sandbox
                .data()
                .approve_consent(parties, &approval, sandbox.now())
                .await?;
        }
    } else if !stored.is_some_and(|consent| consent.covers(request.scope)) {
        match mode {
            ConsentMode::Ask => return Ok(Next::AskConsent),
            ConsentMode::Deny => return Ok(Next::Refused(refusal(&redirect_uri, &request.state)?)),
            ConsentMode::Approve => {}
        }
    }
    issue(context, params, (user, &client), &redirect_uri, &request)
        .await
        .map(Next::Client)
}

async fn known_client(context: &Context, params: &Params) -> Result<Arc<Client>, OAuthError> {
    let id = params.non_empty("client_id");
    let id = id.ok_or_else(|| OAuthError::invalid_request("Missing client_id"))?;
    if ClientId::is_app_block(&id) {
        return Err(OAuthError::invalid_client(
            "This client cannot be used for interactive authorization",
        ));
    }
    let client = clients::find(context, &id).await?;
    client.ok_or_else(|| OAuthError::invalid_client("Unknown client_id"))
}

fn registered_redirect(
    client: &Client,
    params: &Params,
    rules: &Rules,
) -> Result<String, OAuthError> {
    let given = params.non_empty("redirect_uri");
    given
        .filter(|given| given.len() <= MAX_STORED_BYTES && client.accepts_redirect(given, rules))
        .ok_or_else(|| {
            OAuthError::invalid_request("redirect_uri does not match any registered URI")
        })
}

/// The budget of the request (difference `buzz-limit`). The outer option is None if the request has none.
fn asked_buzz_limit(
    params: &Params,
    rules: &Rules,
) -> Result<Option<Option<BuzzLimit>>, OAuthError> {
    let Some(text) = params.text("buzz_limit") else {
        return Ok(None);
    };
    let is_live = rules.live(Difference::BuzzLimit);
    let asked = match params.text("buzz_limit_days") {
        None => BuzzLimit::parse(text).map(Some),
        // The form of the consent page, which works without a script: an amount, a period, and whether the limit is on.
        Some(days) if params.text("buzz_limit_on") == Some("true") => {
            BuzzLimit::per_days(text, days).map(|limit| Some(Some(limit)))
        }
        Some(_) => Ok(Some(None)),
    };
    rules.record_divergence(Difference::BuzzLimit, !matches!(asked, Ok(Some(None))));
    if is_live { Ok(None) } else { asked }
}

async fn issue(
    context: &Context,
    params: &Params,
    (user, client): (&User, &Client),
    redirect_uri: &str,
    request: &AuthorizeRequest,
) -> Result<String, OAuthError> {
    let (sandbox, rules) = (&context.sandbox, context.rules());
    if !is_vschar(client.id.as_str()) {
        return Err(OAuthError::invalid_parameter("client_id"));
    }
    if !has_scheme(redirect_uri) {
        return Err(OAuthError::invalid_request(
            "Invalid request: `redirect_uri` is not a valid URI",
        ));
    }
    if !client.may_use(Grant::AuthorizationCode) {
        return Err(grant_refused());
    }
    request.check_before_issue(params)?;
    // Checks only for an error: the scope is reduced when the token is issued.
    code::within_ceiling(request.scope, client, rules)?;

    let now = sandbox.now();
    let (life, kept) = code::lifetime(rules, sandbox.settings().code_seconds);
    let value = sandbox.entropy.authorization_code();
    let code = AuthorizationCode {
        client_id: client.id.clone(),
        user_id: user.id,
        scope: request.scope,
        redirect_uri: redirect_uri.to_owned(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        issued_at: now,
        expires_at: now.plus_seconds(life),
        kept_until: now.plus_seconds(kept),
    };
    let answer = [("code", value.reveal()), ("state", request.state.as_str())];
    let location =
        redirect_uri::with_params(redirect_uri, &answer).ok_or_else(unusable_redirect)?;
    sandbox.data().insert_code(&value.hash(), code).await?;
    Ok(location)
}

/// The redirect to the client with the error that the user denied the request.
pub(crate) fn refusal(redirect_uri: &str, state: &str) -> Result<String, OAuthError> {
    let mut params = vec![
        ("error", "access_denied"),
        (
            "error_description",
            "The user denied the authorization request",
        ),
    ];
    if !state.is_empty() {
        params.push(("state", state));
    }
    redirect_uri::with_params(redirect_uri, &params).ok_or_else(unusable_redirect)
}

/// The registered redirect URI is not a URL.
fn unusable_redirect() -> OAuthError {
    OAuthError::invalid_request("Invalid request: `redirect_uri` is not a valid URI")
}
