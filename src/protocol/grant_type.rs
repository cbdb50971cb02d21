//! Grant types: those that clients may use, and all by which faults select requests and journals are searched.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::suggest::ValueError;

string_enum! {
    /// The `grant_type` of a token request: the grants that this server supports, and those that others have registered,
    /// since an app may be expected never to use them.
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

/// A grant of a client. JSON and TOML are checked when they are read; in Rust, `ClientSpec` checks that it is one of
/// [`GrantType::SUPPORTED`] when it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SupportedGrant(GrantType);

impl From<GrantType> for SupportedGrant {
    fn from(grant: GrantType) -> Self {
        Self(grant)
    }
}

impl From<SupportedGrant> for GrantType {
    fn from(grant: SupportedGrant) -> Self {
        grant.0
    }
}

impl<'de> Deserialize<'de> for SupportedGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = GrantType::named(&text).filter(|grant| GrantType::SUPPORTED.contains(grant));
        known
            .map(Self)
            .ok_or_else(|| D::Error::custom(GrantType::not_supported(&text)))
    }
}

/// Reads the grants of a client. Errors: an element is not supported.
pub(crate) fn deserialize_supported<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<GrantType>, D::Error> {
    let grants: Vec<SupportedGrant> = Vec::deserialize(deserializer)?;
    Ok(grants.into_iter().map(GrantType::from).collect())
}

impl GrantType {
    /// The grants that clients may use.
    pub const SUPPORTED: [Self; 4] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
    ];

    /// Checks that clients may use this grant.
    pub(crate) fn check_supported(self) -> Result<Self, ValueError> {
        if Self::SUPPORTED.contains(&self) {
            Ok(self)
        } else {
            Err(Self::not_supported(self.name()))
        }
    }

    fn not_supported(name: &str) -> ValueError {
        ValueError::not_in_list("grant", name, name, &Self::SUPPORTED.map(Self::name))
    }

    /// The grant that the `grant_type` of a request names.
    pub(crate) fn from_text(text: &str) -> Self {
        Self::named(text).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(GrantType::ALL.is_sorted_by_key(|grant| grant.name()));
    }
}
