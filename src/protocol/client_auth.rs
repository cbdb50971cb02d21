//! Client credentials, from HTTP Basic or the body (RFC 6749 §2.3.1). `oauth/` checks them.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::contract_rules::ContractRules;
use crate::contract::Difference;
use crate::protocol::error::OAuthError;
use crate::protocol::format::is_vschar;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;

/// The credentials of a client, not verified.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    /// Present and not empty.
    pub(crate) secret: Option<Secret>,
}

/// The reason that a request has no credentials.
#[derive(Debug)]
pub(crate) enum CredentialsError {
    /// Neither the header nor the body identifies the client.
    Unidentified {
        has_header: bool,
        has_client_id: bool,
        has_grant_type: bool,
    },
    Invalid(OAuthError),
}

impl From<OAuthError> for CredentialsError {
    fn from(error: OAuthError) -> Self {
        Self::Invalid(error)
    }
}

impl CredentialsError {
    /// Difference `missing-parameter`.
    pub(crate) fn into_oauth_error(self, rules: &ContractRules) -> OAuthError {
        let (has_header, has_client_id, has_grant_type) = match self {
            Self::Invalid(error) => return error,
            Self::Unidentified {
                has_header,
                has_client_id,
                has_grant_type,
            } => (has_header, has_client_id, has_grant_type),
        };
        // An unreadable header has the same answer under every contract.
        let lacks_parameter = !(has_client_id && has_grant_type);
        let differs = lacks_parameter && !has_header;
        rules.record_divergence(Difference::MissingParameter, differs);
        if !has_header && rules.follows_documentation(Difference::MissingParameter) {
            if !has_client_id {
                return OAuthError::missing_parameter("client_id");
            }
            if !has_grant_type {
                return OAuthError::missing_parameter("grant_type");
            }
        }
        OAuthError::invalid_client("Invalid client: cannot retrieve client credentials")
    }
}

impl Credentials {
    /// Basic goes before the body. `authorization` is the header's value, Basic or not.
    pub(super) fn parse(
        authorization: Option<&str>,
        params: &Params,
    ) -> Result<Self, CredentialsError> {
        let grant = params.non_empty("grant_type");
        let secret_needed = !matches!(
            grant.as_deref(),
            Some("authorization_code" | "refresh_token")
        );
        let (client_id, secret) = if let Some((name, password)) = authorization.and_then(basic) {
            (name, Some(password).filter(|password| !password.is_empty()))
        } else {
            let secret = params.non_empty("client_secret");
            match params.non_empty("client_id") {
                Some(client_id) if secret.is_some() || !secret_needed => (client_id, secret),
                client_id => {
                    return Err(CredentialsError::Unidentified {
                        has_header: authorization.is_some(),
                        has_client_id: client_id.is_some(),
                        has_grant_type: grant.is_some(),
                    });
                }
            }
        };
        if client_id.is_empty() {
            return Err(OAuthError::missing_parameter("client_id").into());
        }
        if secret_needed && secret.is_none() {
            return Err(OAuthError::missing_parameter("client_secret").into());
        }
        if !is_vschar(&client_id) {
            return Err(OAuthError::invalid_parameter("client_id").into());
        }
        if secret.as_deref().is_some_and(|secret| !is_vschar(secret)) {
            return Err(OAuthError::invalid_parameter("client_secret").into());
        }
        Ok(Self {
            client_id,
            secret: secret.map(Secret::new),
        })
    }

    /// As [`Credentials::claimed_client_id`], or else the one of the query.
    pub(crate) fn claimed_by_request(
        authorization: Option<&str>,
        body: &Params,
        query: Option<&[u8]>,
    ) -> Option<String> {
        let of_query = || Params::from_urlencoded(query?).non_empty("client_id");
        Self::claimed_client_id(authorization, body).or_else(of_query)
    }

    /// The client ID that a request claims, not verified.
    pub(crate) fn claimed_client_id(
        authorization: Option<&str>,
        params: &Params,
    ) -> Option<String> {
        authorization
            .and_then(basic)
            .map(|(name, _)| name)
            .or_else(|| params.non_empty("client_id"))
    }
}

/// Id and secret of an introspection request. HTTP Basic goes before the body unless it is malformed, and each half is
/// form-decoded (RFC 6749 §2.3.1), unlike at `/token`.
pub(super) fn introspection_credentials(
    authorization: Option<&str>,
    params: &Params,
) -> Option<Credentials> {
    let (client_id, secret) = match authorization.and_then(basic) {
        Some((id, secret)) => (form_decoded(id), form_decoded(secret)),
        // JSON that is not text counts as missing here.
        None => (
            params.text("client_id")?.to_owned(),
            params.text("client_secret")?.to_owned(),
        ),
    };
    (!client_id.is_empty() && !secret.is_empty()).then(|| Credentials {
        client_id,
        secret: Some(Secret::new(secret)),
    })
}

/// Decodes text of a form; invalid text is returned unchanged.
fn form_decoded(text: String) -> String {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return text;
    }
    let spaced = text.replace('+', " ");
    match percent_encoding::percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => text,
    }
}

/// Name and password of a Basic header; nothing is percent-decoded, although RFC 6749 §2.3.1 asks for it.
fn basic(header: &str) -> Option<(String, String)> {
    let header = header.trim_matches(' ');
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let well_formed = token
        .trim_end_matches('=')
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._~+/-".contains(&byte));
    if !scheme.eq_ignore_ascii_case("basic")
        || token.trim_end_matches('=').is_empty()
        || !well_formed
    {
        return None;
    }
    let text = String::from_utf8_lossy(&decode_base64(token)).into_owned();
    let (name, password) = text.split_once(':')?;
    let one_line = !password.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
    one_line.then(|| (name.to_owned(), password.to_owned()))
}

/// Accepts both alphabets, with or without padding, and skips other characters, as Node's `Buffer.from` does.
fn decode_base64(token: &str) -> Vec<u8> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let mut digits: String = token
        .chars()
        .filter_map(|c| match c {
            '-' => Some('+'),
            '_' => Some('/'),
            '.' | '~' | '=' => None,
            other => Some(other),
        })
        .collect();
    // A single digit left over holds no whole byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    GeneralPurpose::new(&alphabet::STANDARD, lenient)
        .decode(digits)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_as_leniently_as_the_deployed_server_reads_it() {
        let expected = Some(("a".to_owned(), "b:c%20d".to_owned()));
        assert_eq!(basic("Basic YTpiOmMlMjBk"), expected);
        assert_eq!(basic("  bASIC   YTpiOmMlMjBk== "), expected);
        assert_eq!(basic("Basic !!!"), None);
        assert_eq!(basic("Bearer YTpi"), None);
        assert_eq!(basic("Basic YQ=="), None, "no colon");
        assert_eq!(basic("Basic Ong="), Some((String::new(), "x".to_owned())));
    }
}
