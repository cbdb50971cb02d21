//! Authorization codes: their lifetime, and what the client must present to redeem them.

use crate::contract::{Contract, Difference};
use crate::model::client::Client;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::{OAuthError, scope_not_allowed_error};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::pkce::{Challenge, Verifier};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// For this long after it was issued, an expired code is reported as expired, not as unknown.
const RETENTION_SECONDS: u32 = 600;

/// The lifetime of a code under each contract, by the difference `code-lifetime`.
const DOCUMENTED_LIFETIME_SECONDS: u32 = 600;
const LIVE_LIFETIME_SECONDS: u32 = 300;

/// An authorization code without its secret.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationCode {
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    pub(crate) scope: Scope,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Challenge,
    pub(crate) nonce: Option<String>,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// From this time on, the code is unknown.
    pub(crate) retained_until: Timestamp,
}

/// How long a code issued now may be redeemed, and how long it is known.
pub(crate) fn lifetime(rules: &ContractRules, chosen: Option<u32>) -> (u32, u32) {
    let contract_default = match rules.contract_for(Difference::CodeLifetime) {
        Contract::Documented => DOCUMENTED_LIFETIME_SECONDS,
        Contract::Live | Contract::Live2026_08 => LIVE_LIFETIME_SECONDS,
    };
    let life = chosen.unwrap_or(contract_default);
    (life, life.max(RETENTION_SECONDS))
}

/// Records an expired code that would not have expired under the other contract by the difference `code-lifetime`: the
/// documented lifetime is longer.
pub(crate) fn record_lifetime_divergence_if_expired(
    expired: bool,
    chosen: Option<u32>,
    rules: &ContractRules,
) {
    let is_live = rules.contract_untracked(Difference::CodeLifetime) != Contract::Documented;
    rules.record_divergence(
        Difference::CodeLifetime,
        expired && is_live && chosen.is_none(),
    );
}

impl AuthorizationCode {
    /// Records a code that would have expired under the other contract by the difference `code-lifetime`: the deployed server's
    /// lifetime is shorter.
    pub(crate) fn record_lifetime_divergence_if_redeemed(
        &self,
        now: Timestamp,
        chosen: Option<u32>,
        rules: &ContractRules,
    ) {
        let is_past = now > self.issued_at.plus_seconds(LIVE_LIFETIME_SECONDS);
        let is_documented =
            rules.contract_untracked(Difference::CodeLifetime) == Contract::Documented;
        let differs = is_past && is_documented && chosen.is_none();
        rules.record_divergence(Difference::CodeLifetime, differs);
    }

    /// Checks the verifier of a code that has just been used up. A failure does not restore it.
    pub(crate) fn check_verifier(&self, verifier: &Verifier) -> Result<(), OAuthError> {
        if verifier.fits(&self.challenge) {
            Ok(())
        } else {
            Err(OAuthError::invalid_grant(
                "Invalid grant: code verifier is invalid",
            ))
        }
    }

    /// The scope of the token: the approved one, within the client's current ceiling.
    pub(crate) fn token_scope(
        &self,
        client: &Client,
        rules: &ContractRules,
    ) -> Result<Scope, OAuthError> {
        limit_to_ceiling(self.scope, client, rules)
    }
}

/// The part of this scope that the client may get (difference `scope-ceiling`). Errors: the deployed server rejects a
/// scope that the documented one trims.
pub(crate) fn limit_to_ceiling(
    scope: Scope,
    client: &Client,
    rules: &ContractRules,
) -> Result<Scope, OAuthError> {
    if client.scope_ceiling().covers(scope) {
        return Ok(scope);
    }
    rules.record_divergence(Difference::ScopeCeiling, true);
    match rules.contract_for(Difference::ScopeCeiling) {
        Contract::Documented => Ok(scope.intersection(client.scope_ceiling())),
        Contract::Live | Contract::Live2026_08 => Err(scope_not_allowed_error()),
    }
}
