//! The `client_credentials` grant (RFC 6749 §4.4): the client acts for its owner.

use crate::contract::{Contract, Difference};
use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::refusal_cause::RefusalCause;
use crate::oauth::clients;
use crate::oauth::issue::{IssuedTokens, TokenPermission, issue_tokens};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::{OAuthError, scope_not_allowed_error};
use crate::protocol::scope::Scope;
use crate::protocol::token_request::{ClientCredentialsRequest, RequestedScope};

/// Issues tokens for the owner of the client.
pub(super) async fn grant(
    context: &RequestContext,
    client: &Client,
    request: &ClientCredentialsRequest,
) -> Result<IssuedTokens, OAuthError> {
    let (sandbox, rules) = (&context.sandbox, context.rules());
    let requested = request.scope(client.declared_scope(rules), rules);
    if is_without_secret(client)
        && rules.contract_for(Difference::ClientCredentialsPublic) == Contract::Live
    {
        return Err(OAuthError::invalid_grant(
            "Invalid grant: user credentials are invalid",
        ));
    }
    let scope = scope(client, requested, rules)?.with_user_read();
    if !client.scope_ceiling().covers(scope) {
        clients::record_refused_scope(context, client, scope);
        return Err(scope_not_allowed_error());
    }
    if !is_within_grant(scope, rules) {
        let cause = RefusalCause::scope_not_allowed(&client.name, scope, grant_ceiling());
        context.notes.cause(cause);
        return Err(scope_not_allowed_error());
    }
    context.notes.user(client.owner);
    let permission = TokenPermission {
        client_id: client.id.clone(),
        user_id: client.owner,
        scope,
    };
    rules.record_divergence(Difference::ClientCredentialsRefresh, true);
    let with_refresh = rules.follows_recording(Difference::ClientCredentialsRefresh);
    let issued = issue_tokens(sandbox, &permission, with_refresh);
    sandbox.data().insert_tokens(&issued.tokens).await?;
    Ok(issued)
}

/// Whether no secret of this client is stored, so that none can match.
pub(super) fn is_without_secret(client: &Client) -> bool {
    !client.confidential || client.secret.is_none()
}

/// The largest scope of the grant on the deployed server, by the difference `client-credentials-ceiling`.
fn grant_ceiling() -> Scope {
    Scope::USER_READ.union(Scope::APP_STORE_CATALOG_WRITE)
}

/// Difference `client-credentials-ceiling`: whether the grant may have this scope.
fn is_within_grant(scope: Scope, rules: &ContractRules) -> bool {
    if grant_ceiling().covers(scope) {
        return true;
    }
    rules.record_divergence(Difference::ClientCredentialsCeiling, true);
    rules.contract_for(Difference::ClientCredentialsCeiling) != Contract::Live
}

/// Difference `client-credentials-scope`.
fn scope(
    client: &Client,
    requested: RequestedScope,
    rules: &ContractRules,
) -> Result<Scope, OAuthError> {
    let contract = rules.contract_for(Difference::ClientCredentialsScope);
    let differs = match requested {
        RequestedScope::Read(_) => false,
        RequestedScope::Absent => client.scope_ceiling() != Scope::USER_READ,
        RequestedScope::Unreadable => true,
    };
    rules.record_divergence(Difference::ClientCredentialsScope, differs);
    match (requested, contract) {
        (RequestedScope::Read(scope), _) => Ok(scope),
        (RequestedScope::Absent, Contract::Documented) => Ok(client.scope_ceiling()),
        (RequestedScope::Unreadable, Contract::Documented) => Err(scope_not_allowed_error()),
        (
            RequestedScope::Absent | RequestedScope::Unreadable,
            Contract::Live | Contract::Live2026_08,
        ) => Ok(Scope::USER_READ),
    }
}
