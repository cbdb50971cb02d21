//! GET and POST `/authorize` (RFC 6749 §4.1.1): sign-in, consent, code. The checks have the same order as at Civitai.
//! `protocol/authorize_request.rs` parses the request; the consent page is `pages/site/consent.rs`.

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::http::Method;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Response};

use crate::contract::{Contract, Difference};
use crate::http::context::{RequestContext, RequestHead};
use crate::http::cors;
use crate::http::respond::{self, EndpointError};
use crate::http::session;
use crate::model::buzz::BuzzLimit;
use crate::model::client::Client;
use crate::model::code::{self, AuthorizationCode};
use crate::model::consent::Approval;
use crate::model::refusal_cause::{DeniedBy, RefusalCause};
use crate::model::user::User;
use crate::oauth::clients;
use crate::protocol::authorize_request::{AuthorizeRequest, BuzzLimitParam, CodeRequest};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::endpoint::{AUTHORIZE, CONSENT_PAGE, LOGIN};
use crate::protocol::error::{OAuthError, grant_not_allowed_error};
use crate::protocol::format::{has_scheme, is_vschar};
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::redirect_uri;
use crate::sandbox::journal::CredentialAction;
use crate::sandbox::rate_limits::Limit;
use crate::sandbox::settings::ConsentMode;

/// `GET /authorize`. A HEAD request ignores the query, as at Civitai.
pub(crate) async fn get(
    method: Method,
    RawQuery(query): RawQuery,
    context: RequestContext,
) -> Result<impl IntoResponse, EndpointError> {
    let query = query.filter(|_| method == Method::GET).unwrap_or_default();
    let params = Params::from_urlencoded(query.as_bytes());
    authorize(&context, &params).await
}

/// `POST /authorize`, the target of the consent page's form.
pub(crate) async fn post(context: RequestContext) -> Result<impl IntoResponse, EndpointError> {
    authorize(&context, context.params()).await
}

/// `OPTIONS /authorize` (difference `authorize-preflight`).
pub(crate) async fn options(method: Method, head: RequestHead) -> Response {
    let rules = &head.rules;
    rules.record_divergence(Difference::AuthorizePreflight, true);
    match rules.contract_for(Difference::AuthorizePreflight) {
        Contract::Documented => cors::credentialed_preflight(head.headers.get(ORIGIN)),
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
    Denied(String),
}

async fn authorize(
    context: &RequestContext,
    params: &Params,
) -> Result<impl IntoResponse + use<>, EndpointError> {
    let request = AuthorizeRequest::parse(params);
    let (user, cookie) = session::user_or_mock(context).await?;
    let next = match user {
        Some(user) => decide(context, &request, &user).await,
        None => Ok(Next::SignIn),
    };
    let redirect = next.map(|next| match next {
        Next::SignIn => respond::see_other(&sign_in_path(context, params)),
        Next::AskConsent => respond::see_other(&consent_url(context, params)),
        Next::Denied(location) => respond::see_other(&location),
        Next::Client(location) => with_code(context.rules(), &location),
    });
    // An error too signs the user of `X-Mock-User` in.
    let cookie = AppendHeaders(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok((cookie, redirect))
}

/// Difference `redirect-status`.
fn with_code(rules: &ContractRules, location: &str) -> Response {
    rules.record_divergence(Difference::RedirectStatus, true);
    match rules.contract_for(Difference::RedirectStatus) {
        Contract::Documented => respond::found(location),
        Contract::Live | Contract::Live2026_08 => respond::see_other(location),
    }
}

/// The sign-in page, which returns to this request.
fn sign_in_path(context: &RequestContext, params: &Params) -> String {
    let here = with_query(context.base.path(AUTHORIZE.path()), params);
    with_return(context.base.path(LOGIN.path()), &here)
}

/// A path with the URL to return to in its query.
pub(crate) fn with_return(path: String, return_path: &str) -> String {
    let start = path.len() + 1;
    let mut query = url::form_urlencoded::Serializer::for_suffix(path + "?", start);
    query.append_pair("returnUrl", return_path).finish()
}

fn consent_url(context: &RequestContext, params: &Params) -> String {
    let page = format!("{}{}", context.base, CONSENT_PAGE.path());
    with_query(page, params)
}

/// A URL with the parameters that are text.
fn with_query(url: String, params: &Params) -> String {
    let query = params.to_query();
    if query.is_empty() {
        url
    } else {
        format!("{url}?{query}")
    }
}

async fn decide(
    context: &RequestContext,
    request: &AuthorizeRequest,
    user: &User,
) -> Result<Next, OAuthError> {
    context.notes.user(user.id);
    let (sandbox, rules) = (&context.sandbox, context.rules());
    if !sandbox.check_rate_limit(Limit::Authorize, &user.id.to_string()) {
        context.notes.cause(Limit::Authorize.cause());
        return Err(OAuthError::rate_limited("Too many authorization requests"));
    }
    let client = find_client(context, request).await?;
    let redirect_uri = check_redirect_uri(context, request, &client)?;
    client.check_access(user).inspect_err(|_| {
        context.notes.cause(RefusalCause::AppClosed {
            client: client.name.clone(),
            access_mode: client.access_mode,
            user: user.display_name(),
        });
    })?;
    let code_request = request.code_request(client.declared_scope(rules), rules)?;
    let buzz_limit = buzz_limit(request.buzz_limit.as_ref(), rules)?;

    let denied = |by| {
        record_denial(context, user, &client, by);
        denied_location(redirect_uri, &code_request.state).map(Next::Denied)
    };
    if context.notes.read().deny {
        return denied(DeniedBy::Fault);
    }
    let stored = sandbox.data().find_consent(user.id, &client.id);
    if request.is_approved && context.is_post() {
        let remember = request.is_remembered.then_some(code_request.scope);
        let approval = Approval {
            remember,
            buzz_limit,
        };
        if approval.has_effect() {
            sandbox
                .data()
                .approve_consent(user.id, &client.id, &approval, sandbox.now())
                .await?;
        }
    } else if !stored.is_some_and(|consent| consent.covers(code_request.scope)) {
        match sandbox.settings().consent {
            ConsentMode::Ask => return Ok(Next::AskConsent),
            ConsentMode::Deny => return denied(DeniedBy::Setting),
            ConsentMode::Approve => {}
        }
    }
    check_before_issue(context, request, &client, redirect_uri)?;
    // Checks only for an error: the scope is reduced when the token is issued.
    code::limit_to_ceiling(code_request.scope, &client, rules)
        .inspect_err(|_| clients::record_refused_scope(context, &client, code_request.scope))?;
    issue(context, user, &client, redirect_uri, code_request)
        .await
        .map(Next::Client)
}

async fn find_client(
    context: &RequestContext,
    request: &AuthorizeRequest,
) -> Result<Arc<Client>, OAuthError> {
    let id = request.client_id.as_ref().map_err(Clone::clone)?;
    let client = clients::find_or_register(context, id).await?;
    client.ok_or_else(|| {
        clients::record_unknown_client(context, id);
        OAuthError::invalid_client("Unknown client_id")
    })
}

/// The redirect URI of the request, which the client has registered or an extension of the mock accepts.
fn check_redirect_uri<'a>(
    context: &RequestContext,
    request: &'a AuthorizeRequest,
    client: &Client,
) -> Result<&'a str, OAuthError> {
    let (given, rules) = (request.redirect_uri.as_deref(), context.rules());
    let accepted = given.filter(|given| client.accepts_redirect(given, rules));
    let accepted = accepted.ok_or_else(|| {
        let registered = &client.redirect_uris;
        let any_port = rules.follows_deployed_server(Difference::RedirectUriMatch);
        let cause =
            RefusalCause::redirect_not_registered(&client.name, given, registered, any_port);
        context.notes.cause(cause);
        OAuthError::invalid_request("redirect_uri does not match any registered URI")
    })?;
    if let Some(extension) = client.redirect_by_extension(accepted, rules) {
        context.notes.extension(extension);
    }
    Ok(accepted)
}

/// The budget of the request (difference `buzz-limit`). The outer option is None if the request has none.
fn buzz_limit(
    param: Option<&BuzzLimitParam>,
    rules: &ContractRules,
) -> Result<Option<Option<BuzzLimit>>, OAuthError> {
    let Some(param) = param else {
        return Ok(None);
    };
    let is_live = rules.follows_deployed_server(Difference::BuzzLimit);
    let limit = match param {
        BuzzLimitParam::Json(text) => BuzzLimit::parse(text),
        BuzzLimitParam::Form { amount, days } => BuzzLimit::per_days(amount, days).map(Some),
        BuzzLimitParam::Off => Ok(None),
    };
    rules.record_divergence(Difference::BuzzLimit, !matches!(limit, Ok(None)));
    if is_live { Ok(None) } else { limit.map(Some) }
}

/// The checks of the request that Civitai makes when it is about to issue a code, in its order.
fn check_before_issue(
    context: &RequestContext,
    request: &AuthorizeRequest,
    client: &Client,
    redirect_uri: &str,
) -> Result<(), OAuthError> {
    if !is_vschar(client.id.as_str()) {
        return Err(OAuthError::invalid_parameter("client_id"));
    }
    if !has_scheme(redirect_uri) {
        return Err(unusable_redirect());
    }
    if !client.may_use(GrantType::AuthorizationCode) {
        clients::record_refused_grant(context, client, GrantType::AuthorizationCode);
        return Err(grant_not_allowed_error());
    }
    request.issuable.clone()
}

async fn issue(
    context: &RequestContext,
    user: &User,
    client: &Client,
    redirect_uri: &str,
    request: CodeRequest,
) -> Result<String, OAuthError> {
    let (sandbox, rules) = (&context.sandbox, context.rules());
    let now = sandbox.now();
    let (life, retention) = code::lifetime(rules, sandbox.settings().code_seconds);
    let value = sandbox.entropy.authorization_code();
    let code = AuthorizationCode {
        client_id: client.id.clone(),
        user_id: user.id,
        scope: request.scope,
        redirect_uri: redirect_uri.to_owned(),
        challenge: request.challenge,
        nonce: request.nonce,
        issued_at: now,
        expires_at: now.plus_seconds(life),
        retained_until: now.plus_seconds(retention),
    };
    let params = [("code", value.reveal()), ("state", request.state.as_str())];
    let location =
        redirect_uri::with_params(redirect_uri, &params).ok_or_else(unusable_redirect)?;
    let hash = value.hash();
    sandbox.data().insert_code(&hash, code).await?;
    context.notes.credential(CredentialAction::Issued, &hash);
    Ok(location)
}

/// Records that a consent was denied, which the app receives as `access_denied`.
pub(crate) fn record_denial(context: &RequestContext, user: &User, client: &Client, by: DeniedBy) {
    context.notes.cause(RefusalCause::ConsentDenied {
        user: user.display_name(),
        client: client.name.clone(),
        by,
    });
}

/// The redirect to the client with the error that the user denied the request.
pub(crate) fn denied_location(redirect_uri: &str, state: &str) -> Result<String, OAuthError> {
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
