//! The `client_credentials` grant (RFC 6749 §4.4): the client acts for its owner.

use crate::contract::{Contract, Difference, Rules};
use crate::model::client::Client;
use crate::oauth::extract::Context;
use crate::oauth::mint::{Minted, Permission, mint};
use crate::protocol::error::{OAuthError, scope_refused};
use crate::protocol::params::Params;
use crate::protocol::scope::Scope;
use crate::protocol::token_request::{RequestedScope, client_credentials_scope};

/// Gives a client tokens of its owner.
pub(super) async fn grant(
    context: &Context,
    client: &Client,
    params: &Params,
    rules: &Rules,
) -> Result<Minted, OAuthError> {
    let sandbox = &context.sandbox;
    let scope = scope(client, client_credentials_scope(params, rules)?, rules)?.with_user_read();
    if !client.ceiling().covers(scope) {
        return Err(scope_refused());
    }
    context.notes.user(client.owner);
    let permission = Permission {
        client_id: client.id.clone(),
        user_id: client.owner,
        scope,
    };
    rules.otherwise(Difference::ClientCredentialsRefresh, true);
    let with_refresh = rules.live(Difference::ClientCredentialsRefresh);
    let minted = mint(sandbox, &permission, with_refresh);
    sandbox
        .store
        .insert_tokens(sandbox.world(), &minted.rows)
        .await?;
    Ok(minted)
}

/// Difference `client-credentials-scope`.
fn scope(client: &Client, requested: RequestedScope, rules: &Rules) -> Result<Scope, OAuthError> {
    let side = rules.side(Difference::ClientCredentialsScope);
    let differs = match requested {
        RequestedScope::Read(_) => false,
        RequestedScope::Absent => client.ceiling() != Scope::USER_READ,
        RequestedScope::Unreadable => true,
    };
    rules.otherwise(Difference::ClientCredentialsScope, differs);
    match (requested, side) {
        (RequestedScope::Read(scope), _) => Ok(scope),
        (RequestedScope::Absent, Contract::Documented) => Ok(client.ceiling()),
        (RequestedScope::Unreadable, Contract::Documented) => Err(scope_refused()),
        (RequestedScope::Absent | RequestedScope::Unreadable, Contract::Live) => {
            Ok(Scope::USER_READ)
        }
    }
}
