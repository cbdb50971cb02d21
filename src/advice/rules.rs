//! The table of all rules.

use super::access_tokens::EXPIRED_TOKEN_USED;
use super::codes::CODE_REUSED;
use super::contracts as contract;
use super::parameters::IGNORED_PARAMETER;
use super::rule::AdviceRule;
use super::scopes::SCOPE_TRIMMED;
use super::{pkce, polling, rate_limits, redirects, refresh, secrets, state};

/// Every rule.
pub(crate) const RULES: &[AdviceRule] = &[
    pkce::PKCE_MISSING,
    pkce::PKCE_PLAIN,
    pkce::PKCE_CHALLENGE_MALFORMED,
    pkce::PKCE_VERIFIER_MALFORMED,
    pkce::PKCE_VERIFIER_REUSED,
    state::STATE_MISSING,
    state::STATE_REUSED,
    CODE_REUSED,
    refresh::REFRESH_TOKEN_REUSED,
    refresh::REFRESH_RACE,
    refresh::REFRESH_RETRIED_AFTER_REJECTION,
    EXPIRED_TOKEN_USED,
    secrets::PUBLIC_CLIENT_SECRET,
    secrets::SECRET_IN_QUERY,
    secrets::BASIC_AUTH_AT_REVOKE,
    secrets::BASIC_AUTH_PERCENT_ENCODED,
    secrets::REVOKE_WITHOUT_EFFECT,
    secrets::REVOKE_BY_PUBLIC_CLIENT,
    SCOPE_TRIMMED,
    polling::DEVICE_POLL_TOO_FAST,
    polling::DEVICE_POLL_AFTER_END,
    polling::DEVICE_GRANT_AT_TOKEN,
    rate_limits::RATE_LIMIT_IGNORED,
    redirects::REDIRECT_URI_MATCH,
    redirects::REDIRECT_URI_HTTP,
    redirects::AUTHORIZATION_HEADER_REDIRECTED,
    redirects::SAME_SITE_SIGN_IN,
    IGNORED_PARAMETER,
    contract::SCOPE_SYNTAX,
    contract::SCOPE_CEILING,
    contract::RESPONSE_TYPE,
    contract::AUTHORIZE_PREFLIGHT,
    contract::CODE_LIFETIME,
    contract::CLIENT_CREDENTIALS_SCOPE,
    contract::CLIENT_CREDENTIALS_CEILING,
    contract::CLIENT_CREDENTIALS_REFRESH,
    contract::REFRESH_SCOPE,
    contract::LEGACY_HOST,
    contract::REVOKE_BY_CLIENT,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sources_are_links() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for rule in RULES {
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
        }
    }
}
