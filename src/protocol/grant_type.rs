//! Grant types, by which faults select requests and journals are searched.

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

impl GrantType {
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
