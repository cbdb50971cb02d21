//! Which client is meant? The registered one, or – with `unknown_clients = "register"` – one that its first
//! request registers. What a client may do is `model/client.rs`.

use std::sync::Arc;

use crate::http::context::Context;
use crate::model::client::{AccessMode, Client, Grant};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::Secret;
use crate::sandbox::settings::UnknownClients;
use crate::store::StoreError;

/// The account page and `unknown_clients = "register"` register no more clients in a sandbox that has so many.
pub(crate) const MOST_CLIENTS: usize = 1000;

/// The client of this id. Errors: there is no room to register it.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Option<Arc<Client>>, StoreError> {
    let sandbox = &context.sandbox;
    let found = sandbox.world().find_client(id);
    let adopts = sandbox.settings().unknown_clients == UnknownClients::Register;
    // An id that no client can authenticate by stays unknown.
    if found.is_some() || !adopts || id.is_empty() || ClientId::check(id).is_err() {
        return Ok(found);
    }
    let owner = sandbox.world().list_users().first().map(|user| user.id);
    let client = Client {
        id: ClientId(id.to_owned()),
        name: id.to_owned(),
        description: String::new(),
        logo_url: None,
        confidential: false,
        redirect_uris: Vec::new(),
        any_loopback_redirect: false,
        allowed_origins: Vec::new(),
        grants: Grant::ALL.to_vec(),
        allowed_scopes: Scope::ALL,
        verified: false,
        access_mode: AccessMode::Open,
        may_introspect: false,
        owner: owner.unwrap_or(UserId(1)),
        adopted: true,
        secret: None,
    };
    if sandbox
        .store
        .insert_client(sandbox.world(), &client, MOST_CLIENTS)
        .await?
    {
        return Ok(Some(Arc::new(client)));
    }
    // Another first request was quicker.
    Ok(sandbox.world().find_client(id))
}

/// Makes the first secret that a client of [`find`]'s making sends its own: of many at once, one.
pub(crate) async fn bind_first_secret(
    context: &Context,
    client: Arc<Client>,
    presented: Option<&Secret>,
) -> Result<Arc<Client>, StoreError> {
    let (true, None, Some(secret)) = (client.adopted, &client.secret, presented) else {
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
    let known = sandbox
        .store
        .change_client(sandbox.world(), id, give)
        .await?;
    Ok(known.map_or(client, Arc::new))
}
