//! Who calls? A user by an app's access token, or by a session. The site takes either; the orchestrator, which answers
//! for workflows, takes the header alone.

use std::sync::Arc;

use crate::http::context::Context;
use crate::http::session;
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;

/// Somebody who is neither deleted nor banned.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) user: Arc<User>,
    /// By whose token; nothing where they came with a session.
    pub(crate) app: Option<App>,
}

/// What the token says.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: ClientId,
    pub(crate) scope: Scope,
}

impl Caller {
    /// Whether they may do what needs this scope. A session may do anything.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        let app = self.app.as_ref();
        app.is_none_or(|app| app.scope.covers(scope))
    }
}

/// Whoever calls the site: by the `Authorization` header, whatever its scheme is called; without one by `?token=`;
/// without either by the session cookie.
pub(crate) fn of_site(context: &Context, query: Option<&str>) -> Option<Caller> {
    match session::site_token_hash(&context.headers, query) {
        Some(hash) => by_token(context, &hash),
        None => welcome(context, session::cookie_user(context), None),
    }
}

/// Whoever calls the orchestrator.
pub(crate) fn by_bearer(context: &Context) -> Option<(Arc<User>, App)> {
    let hash = session::bearer_hash(&context.headers)?;
    let caller = by_token(context, &hash)?;
    Some((caller.user, caller.app?))
}

fn by_token(context: &Context, hash: &SecretHash) -> Option<Caller> {
    let sandbox = &context.sandbox;
    let (scope, client, user) = sandbox.world().bearer(hash, sandbox.now())?;
    context.notes.client(client.clone());
    if session::is_for_catalog_alone(scope, context.rules()) {
        return None;
    }
    welcome(context, user, Some(App { client, scope }))
}

fn welcome(context: &Context, user: Option<Arc<User>>, app: Option<App>) -> Option<Caller> {
    let user = user?;
    context.notes.user(user.id);
    (!user.banned).then_some(Caller { user, app })
}
