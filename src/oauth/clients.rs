//! Lookup of the client of a request. With `unknown_clients = "register"`, the first request of an unknown client
//! registers it. The rules for clients are in `model/client.rs`.

use std::sync::Arc;

use crate::http::context::RequestContext;
use crate::model::client::{AccessMode, Client};
use crate::model::refusal_cause::RefusalCause;
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::sandbox::settings::UnknownClients;
use crate::store::StoreError;

/// Maximum number of clients in a sandbox for the account page and `unknown_clients = "register"`.
pub(crate) const MOST_CLIENTS: usize = 1000;

/// The client with this ID, which is registered if it is unknown and the settings say so. Errors: there is no room for it.
pub(crate) async fn find_or_register(
    context: &RequestContext,
    id: &str,
) -> Result<Option<Arc<Client>>, StoreError> {
    let sandbox = &context.sandbox;
    let found = sandbox.data().find_client(id);
    let registers_unknown = sandbox.settings().unknown_clients == UnknownClients::Register;
    // An ID that no client can authenticate with stays unknown.
    if found.is_some() || !registers_unknown || id.is_empty() || ClientId::check(id).is_err() {
        return Ok(found);
    }
    let owner = sandbox.data().list_users().first().map(|user| user.id);
    let client = Client {
        id: ClientId(id.to_owned()),
        name: id.to_owned(),
        description: String::new(),
        logo_url: None,
        confidential: false,
        redirect_uris: Vec::new(),
        any_loopback_redirect: false,
        allowed_origins: Vec::new(),
        grants: GrantType::SUPPORTED.to_vec(),
        allowed_scopes: Scope::ALL,
        verified: false,
        access_mode: AccessMode::Open,
        may_introspect: false,
        owner: owner.unwrap_or(UserId(1)),
        auto_registered: true,
        secret: None,
    };
    if sandbox.data().insert_client(&client, MOST_CLIENTS).await? {
        return Ok(Some(Arc::new(client)));
    }
    // A concurrent request has registered the client.
    Ok(sandbox.data().find_client(id))
}

/// Records that no client has this id.
pub(crate) fn record_unknown_client(context: &RequestContext, id: &str) {
    context.notes.cause(RefusalCause::UnknownClient {
        client_id: id.to_owned(),
        closest: context.sandbox.data().closest_client_id(id),
    });
}

/// Records that the secret of a client is wrong or missing, or that the client must not have one.
pub(crate) fn record_wrong_secret(
    context: &RequestContext,
    client: &Client,
    presented: Option<&Secret>,
) {
    let name = client.name.clone();
    context.notes.cause(match (client.confidential, presented) {
        (false, _) => RefusalCause::SecretOfPublicClient { client: name },
        (true, None) => RefusalCause::MissingSecret { client: name },
        (true, Some(_)) => RefusalCause::WrongSecret { client: name },
    });
}

/// Records that a client may not have a part of a scope.
pub(crate) fn record_refused_scope(context: &RequestContext, client: &Client, requested: Scope) {
    let cause = RefusalCause::scope_not_allowed(&client.name, requested, client.scope_ceiling());
    context.notes.cause(cause);
}

/// Records that a client may not use a grant.
pub(crate) fn record_refused_grant(context: &RequestContext, client: &Client, grant: GrantType) {
    context.notes.cause(RefusalCause::GrantNotAllowed {
        client: client.name.clone(),
        grant: grant.name(),
        allowed: client.grants.iter().map(|grant| grant.name()).collect(),
    });
}

/// Stores the first secret that a client registered by [`find_or_register`] presents. If several arrive concurrently, one wins.
pub(crate) async fn bind_first_secret(
    context: &RequestContext,
    client: Arc<Client>,
    presented: Option<&Secret>,
) -> Result<Arc<Client>, StoreError> {
    let (true, None, Some(secret)) = (client.auto_registered, &client.secret, presented) else {
        return Ok(client);
    };
    let sandbox = &context.sandbox;
    let give = |known: &Client| {
        let mut known = known.clone();
        known.confidential = true;
        known.secret.get_or_insert_with(|| secret.hash());
        Ok::<_, StoreError>(known)
    };
    let id = client.id.as_str();
    let known = sandbox.data().change_client(id, give).await?;
    Ok(known.map_or(client, Arc::new))
}
