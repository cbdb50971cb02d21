//! Endpoints, grant types and methods: one list each, by which faults select requests and journals are searched. A word
//! that is not in the list is an error that names the closest one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A closed list of words. They stand in the order of their names, in which they are counted.
macro_rules! string_enum {
    ($(#[$doc:meta])* $kind:ident, $noun:literal, $spell:expr, {
        $($(#[$about:meta])* $word:ident $name:literal)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $kind {
            $(#[doc = concat!("`", $name, "`.")] $(#[$about])* $word,)*
        }

        impl $kind {
            /// Every one there is, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// What it is called in faults, filters and answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$word => $name,)* }
            }

            fn named(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == text)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let spelt: String = $spell(text);
                Self::named(&spelt).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|word| word.name()).collect();
                    crate::suggest::unknown_value_error($noun, text, &spelt, &names)
                })
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

string_enum! {
    /// What an app or a browser asks for; most are named by the last segment of their path.
    Endpoint, "endpoint", str::to_owned, {
        ApiKeyGetSpend "apiKey.getSpend"
        Authorize "authorize"
        /// A picture that a workflow has made.
        Blobs "blobs"
        BuzzGetBuzzAccount "buzz.getBuzzAccount"
        BuzzGetUserAccount "buzz.getUserAccount"
        /// Where a device starts (RFC 8628 §3.1), and the page where its user code is entered.
        Device "device"
        DeviceApprove "device-approve"
        DeviceDeny "device-deny"
        DeviceInfo "device-info"
        /// Where a device polls (RFC 8628 §3.4).
        DeviceToken "device-token"
        /// The page at `/`.
        Home "home"
        /// What a token stands for (RFC 7662).
        Introspect "introspect"
        Jwks "jwks"
        JwksJson "jwks.json"
        Login "login"
        Logout "logout"
        /// `/api/v1/me`.
        Me "me"
        OpenidConfiguration "openid-configuration"
        /// Every other path: there is no end to what can be asked for.
        Other "other"
        Revoke "revoke"
        Token "token"
        Userinfo "userinfo"
        /// Workflows are submitted, listed, asked for by id, changed or deleted.
        Workflows "workflows"
    }
}

string_enum! {
    /// What a token request asks by: the grants that this server knows, and those that others have registered, since
    /// an app may be expected never to use them.
    GrantType, "grant type", str::to_owned, {
        AuthorizationCode "authorization_code"
        ClientCredentials "client_credentials"
        /// Anything else.
        Other "other"
        /// RFC 6749 §4.3.
        Password "password"
        RefreshToken "refresh_token"
        /// RFC 8628 §3.4.
        DeviceCode "urn:ietf:params:oauth:grant-type:device_code"
        /// RFC 7523 §2.1.
        JwtBearer "urn:ietf:params:oauth:grant-type:jwt-bearer"
        /// RFC 7522 §2.1.
        Saml2Bearer "urn:ietf:params:oauth:grant-type:saml2-bearer"
        /// RFC 8693 §2.1.
        TokenExchange "urn:ietf:params:oauth:grant-type:token-exchange"
        /// OpenID Connect CIBA Core §10.1.
        Ciba "urn:openid:params:grant-type:ciba"
    }
}

string_enum! {
    /// A method of HTTP (RFC 9110 §9, RFC 5789). Read in any case.
    Method, "method", str::to_ascii_uppercase, {
        Connect "CONNECT"
        Delete "DELETE"
        Get "GET"
        Head "HEAD"
        Options "OPTIONS"
        Patch "PATCH"
        Post "POST"
        Put "PUT"
        Trace "TRACE"
    }
}

/// The path without the slash at its end, where Civitai's framework leads from the one to the other.
pub(crate) fn without_slash(path: &str) -> Option<&str> {
    let without = path.strip_suffix('/')?;
    ["/api/auth/", "/login", "/.well-known/"]
        .iter()
        .any(|one| without.starts_with(one))
        .then_some(without)
}

impl Endpoint {
    /// The endpoint that a path leads to; the one that a path with a slash at its end is led to. Of the calls of a tRPC
    /// batch, it is the first.
    pub(crate) fn from_path(path: &str) -> Self {
        if let Some(procedures) = path.strip_prefix("/api/trpc/") {
            return match procedures.split(',').next() {
                Some("apiKey.getSpend") => Self::ApiKeyGetSpend,
                Some("buzz.getBuzzAccount") => Self::BuzzGetBuzzAccount,
                Some("buzz.getUserAccount") => Self::BuzzGetUserAccount,
                _ => Self::Other,
            };
        }
        for (folder, endpoint) in [
            ("/v2/consumer/workflows/", Self::Workflows),
            ("/v2/consumer/blobs/", Self::Blobs),
        ] {
            // What follows is an id, and may be any word.
            let id = path.strip_prefix(folder);
            let id = id.map(|id| id.strip_suffix("/refresh").unwrap_or(id));
            if id.is_some_and(|id| !id.is_empty() && !id.contains('/')) {
                return endpoint;
            }
        }
        match without_slash(path).unwrap_or(path) {
            "/" => Self::Home,
            "/.well-known/jwks.json" => Self::JwksJson,
            "/.well-known/openid-configuration" => Self::OpenidConfiguration,
            "/api/auth/jwks" => Self::Jwks,
            "/api/auth/oauth/authorize"
            | "/api/oauth/authorize"
            | "/v1/oauth/authorize"
            | "/login/oauth/authorize" => Self::Authorize,
            "/api/auth/oauth/device" | "/login/oauth/device" => Self::Device,
            "/api/auth/oauth/device-approve" => Self::DeviceApprove,
            "/api/auth/oauth/device-deny" => Self::DeviceDeny,
            "/api/auth/oauth/device-info" => Self::DeviceInfo,
            "/api/auth/oauth/device-token" => Self::DeviceToken,
            "/api/auth/oauth/introspect" => Self::Introspect,
            "/api/auth/oauth/revoke" => Self::Revoke,
            "/api/auth/oauth/token" | "/api/oauth/token" | "/v1/oauth/token" => Self::Token,
            "/api/auth/oauth/userinfo" => Self::Userinfo,
            "/api/v1/me" => Self::Me,
            "/login" => Self::Login,
            "/logout" => Self::Logout,
            "/v2/consumer/blobs" => Self::Blobs,
            "/v2/consumer/workflows" => Self::Workflows,
            _ => Self::Other,
        }
    }

    /// Whether requests to it say by which grant they ask.
    pub(crate) fn reads_grant_type(self) -> bool {
        matches!(self, Self::DeviceToken | Self::Token)
    }
}

impl GrantType {
    /// The grant that a request of this `grant_type` asks by.
    pub(crate) fn from_text(text: &str) -> Self {
        Self::named(text).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_their_names() {
        assert!(Endpoint::ALL.is_sorted_by_key(|word| word.name()));
        assert!(GrantType::ALL.is_sorted_by_key(|word| word.name()));
        assert!(Method::ALL.is_sorted_by_key(|word| word.name()));
    }

    #[test]
    fn a_path_leads_to_an_endpoint() {
        for (path, endpoint) in [
            ("/", Endpoint::Home),
            ("/api/auth/oauth/token", Endpoint::Token),
            ("/.well-known/jwks.json", Endpoint::JwksJson),
            ("/login/", Endpoint::Login),
            ("/login/oauth/device", Endpoint::Device),
            ("/v1/oauth/token", Endpoint::Token),
            ("/nowhere", Endpoint::Other),
            ("/api/auth/oauth/token/", Endpoint::Token),
            ("/api/v1/me/", Endpoint::Other),
            ("/v2/consumer/workflows/", Endpoint::Other),
            ("/oauth/token", Endpoint::Other),
            ("/user/account/connected/conf/revoke", Endpoint::Other),
            ("/api/trpc/token", Endpoint::Other),
            ("/v2/consumer/workflows", Endpoint::Workflows),
            ("/v2/consumer/workflows/token", Endpoint::Workflows),
            ("/v2/consumer/blobs", Endpoint::Blobs),
            ("/v2/consumer/blobs/blob_1-0", Endpoint::Blobs),
            ("/v2/consumer/blobs/blob_1-0/refresh", Endpoint::Blobs),
            ("/v2/consumer/blobs/blob_1-0/delete", Endpoint::Other),
            (
                "/api/trpc/buzz.getUserAccount",
                Endpoint::BuzzGetUserAccount,
            ),
            (
                "/api/trpc/apiKey.getSpend,buzz.getBuzzAccount",
                Endpoint::ApiKeyGetSpend,
            ),
        ] {
            assert_eq!(Endpoint::from_path(path), endpoint, "{path}");
        }
    }

    #[test]
    fn a_mistyped_word_is_told_the_nearest() {
        assert_eq!("post".parse(), Ok(Method::Post));
        let wrong = "pst".parse::<Method>().unwrap_err();
        insta::assert_snapshot!(wrong, @r#"no method "pst"; did you mean "POST"?"#);
        let wrong = "x".parse::<Method>().unwrap_err();
        insta::assert_snapshot!(wrong, @r#"no method "x"; choose among CONNECT, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE"#);
    }
}
