//! Rules about requests that pass under this contract and would fail under another. Each decision on a difference records
//! whether the other contract would have answered differently.

use std::collections::BTreeSet;

use super::history::History;
use super::rule::{AdviceRule, Violation, advice_rules, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::{Contract, Difference};
use crate::redact;

const DOCUMENTATION_URL: &str = "https://developer.civitai.com/site/oauth";

/// A rule for a difference: the request was accepted, and would not have been under the other contract.
macro_rules! divergence_rules {
    ($(#[$doc:meta] $name:ident $id:literal $severity:ident $difference:ident, $rationale:literal, $fix:literal;)*) => {$(
        #[$doc]
        pub(crate) const $name: AdviceRule = AdviceRule {
            id: $id,
            severity: Severity::$severity,
            rationale: $rationale,
            fix: $fix,
            source: DOCUMENTATION_URL,
            check: |history| find_reliance(history, Difference::$difference),
        };
    )*

    /// The rules for one difference each.
    pub(crate) const RULES: &[AdviceRule] = &[$($name),*];
    };
}

divergence_rules! {
    /// A scope that one contract accepts and another rejects.
    SCOPE_SYNTAX "contract-scope-syntax" Warning ScopeSyntax,
        "as documented, a scope is a decimal number up to 33554431; the deployed server reads only the leading digits",
        "send the bitmask as decimal digits only";
    /// A scope beyond the app's own, which one contract trims and another rejects.
    SCOPE_CEILING "contract-scope-ceiling" Warning ScopeCeiling,
        "a scope beyond the app's allowed scopes is trimmed as documented, but rejected by the deployed server",
        "request only the app's allowed scopes";
    /// No `response_type=code`.
    RESPONSE_TYPE "contract-response-type" Warning ResponseType,
        "the documentation requires response_type=code; the deployed server ignores the parameter",
        "send response_type=code";
    /// A preflight of authorize, which the deployed server rejects.
    AUTHORIZE_PREFLIGHT "contract-authorize-preflight" Warning AuthorizePreflight,
        "the deployed server rejects the CORS preflight of /authorize, so a page cannot fetch it",
        "navigate the browser to /authorize instead of fetching it";
    /// A code that is exchanged after more than 300 s.
    CODE_LIFETIME "contract-code-lifetime" Warning CodeLifetime,
        "an authorization code is valid for ten minutes as documented and for five on the deployed server: this code would have expired",
        "exchange the code as soon as the browser returns it";
    /// `client_credentials` without a valid scope.
    CLIENT_CREDENTIALS_SCOPE "contract-client-credentials-scope" Warning ClientCredentialsScope,
        "as documented, a request without a scope gets all allowed scopes and an invalid scope is rejected; on \
            the deployed server both mean UserRead",
        "send the scope that the app needs";
    /// `client_credentials` with a scope that the deployed server rejects.
    CLIENT_CREDENTIALS_CEILING "contract-client-credentials-ceiling" Warning ClientCredentialsCeiling,
        "the deployed server grants client_credentials only UserRead and AppStoreCatalogWrite, and rejects every other scope",
        "use the code grant or the device flow for a user's data, and request UserRead for client_credentials";
    /// A scope at refresh that has an effect in one contract only.
    REFRESH_SCOPE "contract-refresh-scope" Warning RefreshScope,
        "as documented, a scope at refresh narrows the grant and a wider scope is rejected; the deployed server ignores it",
        "send no scope with a refresh; request a narrow scope at authorize";
    /// A call that the legacy host still answers.
    LEGACY_HOST "contract-legacy-host" Warning LegacyHost,
        "the deployed server still answers on the old host; as documented, the old host redirects every path",
        "call auth.civitai.com directly, as in the discovery document";
    /// A revocation that has no effect in the other contract.
    REVOKE_BY_CLIENT "contract-revoke-by-client" Hint RevokeByClient,
        "as documented, an app revokes the tokens issued to it; the deployed server revokes only tokens of the \
            app's owner, and responds with 200 in either case",
        "delete the tokens after every response of /revoke, and link to the connected apps of the user's account";
}

advice_rules! { OTHER_RULES {
    /// A refresh with a token of `client_credentials`, which only the deployed server of 2026-08 issues.
    CLIENT_CREDENTIALS_REFRESH "contract-client-credentials-refresh" Warning client_credentials_refresh {
        rationale: "only the deployed server of 2026-08 issued a refresh token for client_credentials; today's issues none, as documented",
        fix: "request a new token with client_credentials when the old one expires",
        source: "https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3",
    }
} }

fn contract_phrase(contract: Contract) -> &'static str {
    match contract {
        Contract::Documented => "the documented behaviour",
        Contract::Live => "the behaviour of the deployed server",
        Contract::Live2026_08 => "the behaviour of the deployed server of 2026-08",
    }
}

/// The parameter that a difference is about.
fn parameter(difference: Difference) -> Option<&'static str> {
    match difference {
        Difference::ScopeSyntax
        | Difference::ScopeCeiling
        | Difference::ClientCredentialsScope
        | Difference::ClientCredentialsCeiling
        | Difference::RefreshScope => Some("scope"),
        Difference::ResponseType => Some("response_type"),
        _ => None,
    }
}

/// The most parameter values that a summary lists.
const MAX_VALUES: usize = 3;

fn find_reliance(history: &History, difference: Difference) -> Option<Violation> {
    let (mut requests, mut contract, mut values) = (Vec::new(), None, BTreeSet::new());
    for call in &history.calls {
        let Some(decision) = call
            .decision(difference)
            .filter(|decision| decision.is_divergent)
        else {
            continue;
        };
        let is_preflight = difference == Difference::AuthorizePreflight && call.is_success();
        if is_preflight || call.kind != CallKind::Other && call.is_accepted() {
            // The exchange of a code may decide again on what its authorization asked for.
            let asked = history.authorization(call).unwrap_or(call);
            let blamed = if parameter(difference).is_some() {
                asked
            } else {
                call
            };
            requests.push(blamed.id);
            contract = Some(decision.contract);
            values.extend(parameter(difference).map(|name| match blamed.param(name) {
                Some(value) => format!("{name}={}", redact::redact_named(name, value)),
                None => format!("no {name}"),
            }));
        }
    }
    Violation::new(requests, |count| {
        let here = contract.map(contract_phrase).unwrap_or_default();
        let shown: Vec<&str> = values.iter().take(MAX_VALUES).map(String::as_str).collect();
        let for_what = if shown.is_empty() {
            String::new()
        } else {
            format!(" for {}", shown.join(", "))
        };
        format!(
            "relied on {here} {}{for_what}; another contract answers differently",
            times(count)
        )
    })
}

fn client_credentials_refresh(history: &History) -> Option<Violation> {
    let is_of_client_credentials = |call: &&ObservedCall| {
        let origin = call
            .param("refresh_token")
            .and_then(|token| history.origin(token));
        origin.is_some_and(|origin| origin.kind == CallKind::ClientCredentials)
    };
    let refreshes = history.calls_of(CallKind::Refresh);
    let requests = refreshes.filter(is_of_client_credentials);
    Violation::new(requests.map(|call| call.id).collect(), |count| {
        format!(
            "refreshed {} with a refresh token from client_credentials",
            times(count)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{authorize, exchange, refresh, reported, token_request};
    use crate::contract::{Contract, Difference};

    #[test]
    fn request_that_only_this_contract_accepts_is_reported() {
        let call = authorize("c1").with("scope", "1x");
        let call = call.decided(Difference::ScopeSyntax, Contract::Live);
        assert_eq!(reported(&SCOPE_SYNTAX, [call]), [1]);
    }

    #[test]
    fn rejected_request_is_not_reported() {
        let call = authorize("c1").with("scope", "1x");
        let call = call.decided(Difference::ScopeSyntax, Contract::Documented);
        assert!(reported(&SCOPE_SYNTAX, [call.answered(400, json!({}))]).is_empty());
    }

    #[test]
    fn exchange_is_reported_at_its_authorization() {
        let exchange = exchange("c1").decided(Difference::ScopeCeiling, Contract::Documented);
        let calls = [authorize("c1").with("scope", "12"), exchange];
        assert_eq!(reported(&SCOPE_CEILING, calls), [1]);
    }

    #[test]
    fn refresh_of_client_credentials_is_reported() {
        let issued = json!({ "access_token": "a1", "refresh_token": "r1" });
        let calls = [
            token_request("client_credentials").answered(200, issued),
            refresh("r1", "r2"),
        ];
        assert_eq!(reported(&CLIENT_CREDENTIALS_REFRESH, calls), [2]);
    }
}
