//! Properties of a request that faults match: its endpoint, client, grant and user.

use axum::http::request::Parts;

use crate::http::context::RequestContext;
use crate::http::session;
use crate::model::user::UserRef;
use crate::protocol::endpoint::UserSource;
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::UserId;
use crate::protocol::params::Params;
use crate::protocol::secret::SecretHash;
use crate::sandbox::faults::FaultTarget;

/// The properties of a request that faults match.
pub(super) fn fault_target(
    context: &RequestContext,
    parts: &Parts,
    claimed_client_id: Option<String>,
) -> FaultTarget {
    let sent = &context.received.params;
    let user = if context.sandbox.faults.need_user() {
        acting_user(context, parts, sent)
    } else {
        None
    };
    let mut client_id = claimed_client_id;
    if client_id.is_none()
        && let Some(hash) = access_token(context, parts)
    {
        let data = context.sandbox.data();
        let found = data.find_token(&hash);
        client_id = found.map(|token| token.client_id.as_str().to_owned());
    }
    FaultTarget {
        endpoint: context.endpoint(),
        client_id,
        grant_type: sent
            .non_empty("grant_type")
            .as_deref()
            .map(GrantType::from_text),
        user,
    }
}

/// The user that the request acts for, as its endpoint determines it.
fn acting_user(context: &RequestContext, parts: &Parts, sent: &Params) -> Option<UserId> {
    let data = context.sandbox.data();
    let named = |named: &UserRef| Some(data.find_user(named)?.id);
    if let Some(mock) = context.headers.get(session::MOCK_USER_HEADER) {
        let mock = String::from_utf8_lossy(mock.as_bytes()).into_owned();
        return named(&UserRef::from(mock));
    }
    let browser = || session::by_cookie(&context.sandbox, &context.headers);
    let of_token = |hash: SecretHash| Some(data.find_token(&hash)?.user_id);
    let sent_hash = |name: &str| sent.non_empty(name).as_deref().map(SecretHash::new);
    let id = match user_source(context) {
        UserSource::None => return None,
        UserSource::SessionOrLogin => {
            browser()
                .or_else(|| session::configured_login(&context.sandbox))?
                .id
        }
        UserSource::SessionOrRevokedToken => match browser() {
            Some(user) => user.id,
            None => of_token(sent_hash("token")?)?,
        },
        UserSource::BearerToken => of_token(access_token(context, parts)?)?,
        UserSource::SiteTokenOrSession => match access_token(context, parts) {
            Some(hash) => of_token(hash)?,
            None => browser()?.id,
        },
        UserSource::Grant => match sent_hash("refresh_token") {
            Some(hash) => of_token(hash)?,
            None => data.code_user(&sent_hash("code")?)?,
        },
    };
    named(&UserRef::Id(id.0))
}

/// The access token of the request, from the places where its endpoint reads one.
fn access_token(context: &RequestContext, parts: &Parts) -> Option<SecretHash> {
    match user_source(context) {
        UserSource::SiteTokenOrSession => {
            session::site_token_hash(&context.headers, parts.uri.query())
        }
        _ => session::bearer_hash(&context.headers),
    }
}

fn user_source(context: &RequestContext) -> UserSource {
    let spec = context.spec;
    spec.map_or(UserSource::SessionOrLogin, |spec| spec.user)
}
