//! The named differences between the documentation and the deployed server, as data that the settings,
//! the README and `GET /_mock/contract` share. Which side holds is decided by `Rules` in `mod.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// When both sides were read: the deployed server moves on.
pub const OBSERVED: &str = "2026-08";

/// One row of the table of differences.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Entry {
    /// The difference; serialised as its name.
    #[serde(rename = "name")]
    pub difference: Difference,
    /// What developer.civitai.com says.
    pub documented: &'static str,
    /// What the deployed server answers.
    pub live: &'static str,
}

macro_rules! differences {
    ($($variant:ident $name:literal { documented: $documented:literal, live: $live:literal })*) => {
        /// A named place where the documentation and the deployed server disagree.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Difference {
            $(#[doc = concat!("`", $name, "`. Documented: ", $documented, ". Live: ", $live, ".")] $variant,)*
        }

        impl Difference {
            /// The name that users see: in settings, in the README and in answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        /// Every difference, in the order of the README's table.
        pub const DIFFERENCES: &[Entry] = &[
            $(Entry { difference: Difference::$variant, documented: $documented, live: $live },)*
        ];
    };
}

differences! {
    ScopeShape "scope-shape" {
        documented: "the token answer's scope is a string, \"5\"",
        live: "the token answer's scope is a list, [\"5\"]; the device flow's a string"
    }
    CodeLifetime "code-lifetime" {
        documented: "an authorization code lives 600 s",
        live: "an authorization code lives 300 s"
    }
    RedirectStatus "redirect-status" {
        documented: "302 with the code",
        live: "303 with the code"
    }
    ScopeSyntax "scope-syntax" {
        documented: "at authorize and for client_credentials a decimal integer 0 to 33554431, else invalid_scope",
        live: "the leading digits count, up to 134217727 (the device flow does so in both)"
    }
    ScopeCeiling "scope-ceiling" {
        documented: "code grant: scope beyond the app's is trimmed when the token is issued",
        live: "code grant: scope beyond the app's is refused with invalid_scope once approved"
    }
    RedirectUriMatch "redirect-uri-match" {
        documented: "exact, character for character",
        live: "also any port, query, fragment and loopback name when scheme and path equal a registered loopback URI"
    }
    ResponseType "response-type" {
        documented: "must be code, else invalid_request",
        live: "never looked at"
    }
    AuthorizePreflight "authorize-preflight" {
        documented: "OPTIONS answers 204 with credentialed CORS",
        live: "OPTIONS answers 405"
    }
    BuzzLimit "buzz-limit" {
        documented: "buzz_limit at consent is validated and kept; the page has the control",
        live: "buzz_limit is ignored; the page has no control"
    }
    ClientCredentialsRefresh "client-credentials-refresh" {
        documented: "client_credentials gets no refresh token",
        live: "client_credentials gets a refresh token that works"
    }
    ClientCredentialsScope "client-credentials-scope" {
        documented: "no scope means what the app may have; a bad one is invalid_scope",
        live: "no scope, or an unreadable one, means UserRead"
    }
    ClientCredentialsPublic "client-credentials-public" {
        documented: "confidential clients only, else unauthorized_client",
        live: "any client with the grant and any secret that is not empty"
    }
    RefreshScope "refresh-scope" {
        documented: "scope at refresh may narrow, for good; a wider one is invalid_scope and uses nothing up",
        live: "scope at refresh is ignored"
    }
    PublicClientSecret "public-client-secret" {
        documented: "a public client that sends a secret is refused, invalid_client; nothing is used up",
        live: "a public client's secret is ignored"
    }
    MissingParameter "missing-parameter" {
        documented: "a missing client_id or code_verifier is invalid_request",
        live: "a missing client_id is invalid_client, a missing code_verifier is invalid_grant"
    }
    RevokeByClient "revoke-by-client" {
        documented: "an app revokes the tokens issued to it",
        live: "an app's secret revokes only tokens of the app's owner, and those of any app"
    }
    RateLimitKey "rate-limit-key" {
        documented: "token per client; revoke per IP, the peer address where no header tells",
        live: "both per IP, from CF-Connecting-IP or the first X-Forwarded-For; without either no limit"
    }
    UserinfoClaims "userinfo-claims" {
        documented: "sub, id, username, preferred_username, name, picture, image, email, email_verified",
        live: "also roles, isModerator and tier"
    }
    LegacyHost "legacy-host" {
        documented: "civitai.com answers 308 to auth.civitai.com for every path",
        live: "only authorize redirects, the rest is proxied"
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
        DIFFERENCES
            .iter()
            .map(|entry| entry.difference)
            .find(|one| one.name() == text)
            .ok_or_else(|| {
                let names = DIFFERENCES.iter().map(|entry| entry.difference.name());
                match crate::protocol::nearest(text, names) {
                    Some(near) => format!("no difference {text:?}; did you mean {near:?}?"),
                    None => format!(
                        "no difference {text:?}; choose among those that the README and GET /_mock/contract list"
                    ),
                }
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
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
