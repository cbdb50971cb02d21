//! The caller of an API endpoint: a user, by an app's access token or by a session. The site accepts either; the
//! orchestrator, which runs workflows, accepts only the `Authorization` header.

use std::sync::Arc;

use crate::http::context::RequestContext;
use crate::http::session;
use crate::model::refusal_cause::{CredentialKind, RefusalCause};
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::sandbox::credential_cause::RefusedCredential;

/// An authenticated user, who is neither deleted nor banned.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) user: Arc<User>,
    /// The app of the access token; None for a session.
    pub(crate) app: Option<App>,
}

/// The app and the scope of an access token.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: ClientId,
    pub(crate) scope: Scope,
}

impl Caller {
    /// Whether the caller has this scope. A session has all scopes.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        let app = self.app.as_ref();
        app.is_none_or(|app| app.scope.covers(scope))
    }
}

/// The caller of the site: from the `Authorization` header with any scheme, else from `?token=`, else from the session
/// cookie.
pub(crate) fn authenticate_site(context: &RequestContext, query: Option<&str>) -> Option<Caller> {
    match session::site_token_hash(&context.headers, query) {
        Some(hash) => authenticate_token(context, &hash),
        None => caller_unless_banned(context, session::cookie_user(context), None),
    }
}

/// The caller of the orchestrator.
pub(crate) fn authenticate_orchestrator(context: &RequestContext) -> Option<(Arc<User>, App)> {
    let hash = session::bearer_hash(&context.headers)?;
    let caller = authenticate_token(context, &hash)?;
    Some((caller.user, caller.app?))
}

fn authenticate_token(context: &RequestContext, hash: &SecretHash) -> Option<Caller> {
    let sandbox = &context.sandbox;
    let found = sandbox.data().bearer(hash, sandbox.now());
    let Some((scope, client, user)) = found else {
        context.record_refused_credential(RefusedCredential::access_token(*hash));
        return None;
    };
    context.notes.client(client.clone());
    if session::is_client_credentials_only_scope(scope, context.rules()) {
        context.notes.cause(RefusalCause::ClientCredentialsToken);
        return None;
    }
    caller_unless_banned(context, user, Some(App { client, scope }))
}

fn caller_unless_banned(
    context: &RequestContext,
    user: Option<Arc<User>>,
    app: Option<App>,
) -> Option<Caller> {
    let user = user.filter(|user| !user.banned);
    let Some(user) = user else {
        if app.is_some() {
            let credential = CredentialKind::AccessToken;
            let cause = RefusalCause::UserUnavailable { credential };
            context.notes.cause(cause);
        }
        return None;
    };
    context.notes.user(user.id);
    Some(Caller { user, app })
}
