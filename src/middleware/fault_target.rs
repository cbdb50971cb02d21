//! Properties of a request that faults match: its endpoint, client, grant and user.

use axum::http::request::Parts;

use crate::http::request::RequestInfo;
use crate::http::session;
use crate::model::user::UserRef;
use crate::protocol::endpoint::UserSource;
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::UserId;
use crate::protocol::params::Params;
use crate::protocol::secret::SecretHash;
use crate::sandbox::faults::FaultRequest;

/// The properties of a request that faults match. `claimed` is the client ID that the request claims.
pub(super) fn fault_target(
    request: &RequestInfo,
    parts: &Parts,
    claimed: Option<String>,
) -> FaultRequest {
    let sent = &request.received.params;
    let user = if request.sandbox.faults.need_user() {
        acting_user(request, parts, sent)
    } else {
        None
    };
    let mut client_id = claimed;
    if client_id.is_none()
        && let Some(hash) = access_token(request, parts)
    {
        let data = request.sandbox.data();
        let found = data.find_token(&hash);
        client_id = found.map(|token| token.client_id.as_str().to_owned());
    }
    FaultRequest {
        endpoint: request.endpoint(),
        client_id,
        grant_type: sent
            .non_empty("grant_type")
            .as_deref()
            .map(GrantType::from_text),
        user,
    }
}

/// The user that the request acts for, as its endpoint determines it.
fn acting_user(request: &RequestInfo, parts: &Parts, sent: &Params) -> Option<UserId> {
    let data = request.sandbox.data();
    let named = |named: &UserRef| Some(data.find_user(named)?.id);
    if let Some(mock) = request.headers.get(session::MOCK_USER_HEADER) {
        let mock = String::from_utf8_lossy(mock.as_bytes()).into_owned();
        return named(&UserRef::from(mock));
    }
    let browser = || session::by_cookie(&request.sandbox, &request.headers);
    let of_token = |hash: SecretHash| Some(data.find_token(&hash)?.user_id);
    let sent_hash = |name: &str| sent.non_empty(name).as_deref().map(SecretHash::new);
    let id = match user_source(request) {
        UserSource::None => return None,
        UserSource::SessionOrLogin => {
            browser()
                .or_else(|| session::configured_login(&request.sandbox))?
                .id
        }
        UserSource::SessionOrRevokedToken => match browser() {
            Some(user) => user.id,
            None => of_token(sent_hash("token")?)?,
        },
        UserSource::BearerToken => of_token(access_token(request, parts)?)?,
        UserSource::SiteTokenOrSession => match access_token(request, parts) {
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
fn access_token(request: &RequestInfo, parts: &Parts) -> Option<SecretHash> {
    match user_source(request) {
        UserSource::SiteTokenOrSession => {
            session::site_token_hash(&request.headers, parts.uri.query())
        }
        _ => session::bearer_hash(&request.headers),
    }
}

fn user_source(request: &RequestInfo) -> UserSource {
    let spec = request.spec;
    spec.map_or(UserSource::SessionOrLogin, |spec| spec.user)
}
