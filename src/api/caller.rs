//! Who calls? A user by an app's access token, or by a session. The site takes either; the orchestrator, which answers
//! for workflows, takes the header alone.

use crate::model::user::User;
use crate::oauth::extract::Context;
use crate::oauth::session;
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::store::StoreError;

/// Somebody who is neither deleted nor banned.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
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
/// without either by the session cookie. Source: civitai/civitai, `get-server-auth-session.ts`.
pub(crate) async fn of_site(
    context: &Context,
    query: Option<&str>,
) -> Result<Option<Caller>, StoreError> {
    let token = match context.authorization() {
        Some(header) => header.split(' ').nth(1).map(str::to_owned),
        None => Params::from_urlencoded(query.unwrap_or_default().as_bytes()).filled("token"),
    };
    let token = token.as_deref().map(str::trim);
    match token.filter(|token| !token.is_empty()) {
        Some(token) => by_token(context, &SecretHash::of(token)).await,
        None => by_session(context).await,
    }
}

/// Whoever calls the orchestrator.
pub(crate) async fn by_bearer(context: &Context) -> Result<Option<(User, App)>, StoreError> {
    let Some(hash) = session::bearer_hash(&context.headers) else {
        return Ok(None);
    };
    let caller = by_token(context, &hash).await?;
    Ok(caller.and_then(|caller| Some((caller.user, caller.app?))))
}

async fn by_token(context: &Context, hash: &SecretHash) -> Result<Option<Caller>, StoreError> {
    let sandbox = &context.sandbox;
    let found = sandbox
        .store
        .bearer(sandbox.world(), hash, sandbox.now())
        .await?;
    let Some((scope, client, user)) = found else {
        return Ok(None);
    };
    context.notes.client(client.clone());
    let app = App {
        client: ClientId(client),
        scope,
    };
    Ok(welcome(context, user, Some(app)))
}

async fn by_session(context: &Context) -> Result<Option<Caller>, StoreError> {
    let user = session::cookie_user(context).await?;
    Ok(welcome(context, user, None))
}

fn welcome(context: &Context, user: Option<User>, app: Option<App>) -> Option<Caller> {
    let user = user?;
    context.notes.user(user.id);
    (!user.banned).then_some(Caller { user, app })
}
