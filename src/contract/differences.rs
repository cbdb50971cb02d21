//! The named differences between the contracts, as data that the settings, the documentation and `GET /_mock/contract` share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::contracts::Contract;
use crate::suggest::{ValueError, closest_match};

/// The month in which the documentation was read and the deployed server recorded. Rows that changed later have their own date.
pub const OBSERVED: &str = "2026-08";

/// The evidence for an answer of the deployed server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Evidence {
    /// Read at developer.civitai.com.
    Documentation,
    /// Recorded on the wire.
    Recorded,
    /// Released clients depend on it.
    Shipped,
    /// In a merged pull request.
    Merged,
    /// In the published source; not known to be deployed.
    Source,
}

/// The behavior of a server under one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Behavior {
    /// What is answered.
    pub answer: &'static str,
    /// The month from which it has been answered, as far as is known.
    pub since: &'static str,
    /// The evidence for it.
    pub evidence: Evidence,
}

/// One row of the table of differences.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DifferenceInfo {
    /// The difference; serialised as its name.
    #[serde(rename = "name")]
    pub difference: Difference,
    /// The documentation on developer.civitai.com.
    pub documented: Behavior,
    /// What the deployed server answers, as last known.
    pub live: Behavior,
    /// What the deployed server answered when it was recorded.
    #[serde(rename = "live@2026-08")]
    pub live_2026_08: Behavior,
}

impl DifferenceInfo {
    /// What is answered under a contract.
    pub fn behavior(&self, contract: Contract) -> Behavior {
        match contract {
            Contract::Documented => self.documented,
            Contract::Live => self.live,
            Contract::Live2026_08 => self.live_2026_08,
        }
    }
}

const fn documented(answer: &'static str) -> Behavior {
    Behavior {
        answer,
        since: OBSERVED,
        evidence: Evidence::Documentation,
    }
}

const fn recorded(answer: &'static str) -> Behavior {
    Behavior {
        answer,
        since: OBSERVED,
        evidence: Evidence::Recorded,
    }
}

/// The first of several.
macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// `recorded` is the recorded answer of a deployed server that has changed `since`.
macro_rules! differences {
    ($($variant:ident $name:literal {
        documented: $documented:literal,
        $(recorded: $recorded:literal,)?
        live: $live:literal
        $(, since: $since:literal, evidence: $evidence:ident)?
    })*) => {
        /// A named place where the documentation and the deployed server disagree, or where the deployed server has changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Difference {
            $(#[doc = concat!("`", $name, "`. Documented: ", $documented, ". Live: ", $live, ".")] $variant,)*
        }

        impl Difference {
            /// The name that users see: in settings, in the documentation and in answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        /// Every difference, in the order of the table in `docs/explanation/contracts.md`.
        pub const DIFFERENCES: &[DifferenceInfo] = &[
            $(DifferenceInfo {
                difference: Difference::$variant,
                documented: documented($documented),
                live: Behavior {
                    answer: $live,
                    since: first!($($since,)? OBSERVED),
                    evidence: first!($(Evidence::$evidence,)? Evidence::Recorded),
                },
                live_2026_08: recorded(first!($($recorded,)? $live)),
            },)*
        ];
    };
}

differences! {
    ScopeShape "scope-shape" {
        documented: "scope in the token response is a string, \"5\"",
        live: "scope in the token response is a list, [\"5\"]; in the device flow a string"
    }
    CodeLifetime "code-lifetime" {
        documented: "an authorization code is valid for 600 s",
        live: "an authorization code is valid for 300 s"
    }
    RedirectStatus "redirect-status" {
        documented: "302 with the code",
        live: "303 with the code"
    }
    ScopeSyntax "scope-syntax" {
        documented: "at authorize and for client_credentials: a decimal integer from 0 to 33554431, else invalid_scope",
        live: "only the leading digits are read, up to the sum of all bits (in the device flow under every contract)"
    }
    LinkConnect "link-connect" {
        documented: "not mentioned; the device flow as live, elsewhere outside the range of scope-syntax",
        recorded: "there is no scope bit 27; the largest scope is 134217727",
        live: "scope bit 27 is LinkConnect = 134217728, outside Full Access and the presets",
        since: "2026-09", evidence: Shipped
    }
    AppStoreCatalogWrite "app-store-catalog-write" {
        documented: "not mentioned; the device flow as live, elsewhere outside the range of scope-syntax",
        recorded: "there is no scope bit 28",
        live: "scope bit 28 is AppStoreCatalogWrite = 268435456, only for client_credentials: invalid_scope at authorize and device; userinfo and the API reject its tokens",
        since: "2026-10", evidence: Source
    }
    ScopeCeiling "scope-ceiling" {
        documented: "code grant: scope beyond the app's allowed scopes is trimmed when the token is issued",
        live: "code grant: scope beyond the app's allowed scopes is rejected with invalid_scope after approval"
    }
    RedirectUriMatch "redirect-uri-match" {
        documented: "exact match",
        live: "also any port, query, fragment and loopback name if scheme and path equal a registered loopback URI"
    }
    ResponseType "response-type" {
        documented: "must be code, else invalid_request",
        live: "ignored"
    }
    AuthorizePreflight "authorize-preflight" {
        documented: "OPTIONS answers 204 with credentialed CORS",
        live: "OPTIONS answers 405"
    }
    BuzzLimit "buzz-limit" {
        documented: "buzz_limit at consent is validated and stored; the page has the control",
        live: "buzz_limit is ignored; the page has no control"
    }
    ClientCredentialsRefresh "client-credentials-refresh" {
        documented: "client_credentials gets no refresh token",
        recorded: "client_credentials gets a refresh token that works",
        live: "client_credentials gets no refresh token",
        since: "2026-10", evidence: Source
    }
    ClientCredentialsScope "client-credentials-scope" {
        documented: "no scope means the app's allowed scopes; an invalid scope is invalid_scope",
        live: "a missing or invalid scope means UserRead"
    }
    ClientCredentialsPublic "client-credentials-public" {
        documented: "confidential clients only, else unauthorized_client",
        recorded: "any client with the grant and any non-empty secret",
        live: "a client that is public or has no stored secret gets invalid_grant",
        since: "2026-10", evidence: Source
    }
    ClientCredentialsCeiling "client-credentials-ceiling" {
        documented: "client_credentials: a scope within the app's allowed scopes",
        recorded: "client_credentials: a scope within the app's allowed scopes",
        live: "client_credentials: a scope within UserRead, AppStoreCatalogWrite and the app's allowed scopes, else invalid_scope",
        since: "2026-10", evidence: Source
    }
    RefreshScope "refresh-scope" {
        documented: "scope at refresh permanently narrows the grant; a wider scope is invalid_scope, and the refresh token stays valid",
        live: "scope at refresh is ignored"
    }
    PublicClientSecret "public-client-secret" {
        documented: "a public client that sends a secret is rejected with invalid_client; the code or token stays valid",
        live: "a public client's secret is ignored"
    }
    MissingParameter "missing-parameter" {
        documented: "a missing client_id or code_verifier is invalid_request",
        live: "a missing client_id is invalid_client, a missing code_verifier is invalid_grant"
    }
    RevokeByClient "revoke-by-client" {
        documented: "an app revokes the tokens issued to it",
        live: "an app's secret revokes only tokens of the app's owner, but of any app"
    }
    RevokeByPublicClient "revoke-by-public-client" {
        documented: "revoke by a public client has no effect",
        recorded: "revoke by a public client has no effect",
        live: "revoke by a public client revokes a token that was issued to it",
        since: "2026-09", evidence: Merged
    }
    Introspection "introspection" {
        documented: "not mentioned; as live",
        recorded: "there is no /introspect",
        live: "POST /introspect (RFC 7662) for confidential clients that the operator has listed",
        since: "2026-09", evidence: Shipped
    }
    DiscoveryIntrospection "discovery-introspection" {
        documented: "not mentioned; as live",
        recorded: "the discovery document lists no introspection endpoint",
        live: "the discovery document lists the introspection endpoint and its authentication methods",
        since: "2026-09", evidence: Merged
    }
    DeviceDeny "device-deny" {
        documented: "not mentioned; as live",
        recorded: "there is no /device-deny",
        live: "POST /device-deny with a session and a user code denies the device",
        since: "2026-09", evidence: Source
    }
    DeviceRateLimits "device-rate-limits" {
        documented: "not mentioned; as live",
        recorded: "device and device-token share 20 requests per minute per client",
        live: "device: 30 per minute per address; device-token: 240 per minute per address and 20 per device code; without an address, no limit per address",
        since: "2026-09", evidence: Source
    }
    RateLimitKey "rate-limit-key" {
        documented: "token per client; revoke per IP, without a header the peer address",
        live: "both per IP, from CF-Connecting-IP or the first X-Forwarded-For; without both, no limit"
    }
    UserinfoClaims "userinfo-claims" {
        documented: "sub, id, username, preferred_username, name, picture, image, email, email_verified",
        live: "also roles, isModerator and tier"
    }
    MeIsModerator "me-is-moderator" {
        documented: "/api/v1/me has no isModerator",
        recorded: "/api/v1/me has no isModerator",
        live: "/api/v1/me has isModerator for a session or a token with UserRead",
        since: "2026-09", evidence: Source
    }
    LegacyHost "legacy-host" {
        documented: "civitai.com answers 308 to auth.civitai.com for every path",
        live: "only authorize redirects, all other paths are proxied"
    }
    InsufficientFunds "insufficient-funds" {
        documented: "400 with code BAD_REQUEST and a message",
        live: "403 problem+json with a detail"
    }
    InsufficientScope "insufficient-scope" {
        documented: "403 insufficient_scope at any endpoint",
        live: "403 insufficient_scope only at userinfo; tRPC has its own envelope, workflows problem+json"
    }
    RegistrationRules "registration-rules" {
        documented: "https redirect URIs except for localhost; a confidential app also gets client_credentials",
        live: "any URL; a new app gets authorization_code and refresh_token"
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Difference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|error| error.to_string())
    }
}

impl Difference {
    fn read(text: &str) -> Result<Self, ValueError> {
        let mut known = DIFFERENCES.iter().map(|entry| entry.difference);
        known.find(|one| one.name() == text).ok_or_else(|| {
            let names = DIFFERENCES.iter().map(|entry| entry.difference.name());
            let hint = match closest_match(text, names) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "use one that GET /_mock/contract lists".to_owned(),
            };
            ValueError::new(format!("unknown difference {text:?}")).with_hint(hint)
        })
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Difference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(serde::de::Error::custom)
    }
}
