//! Names whose values are secrets.
//!
//! The list is generous: a secret under a misspelt or foreign name is still a secret. `state` and `nonce` stay readable:
//! they travel through the browser's address bar in the clear, prove nothing alone, and are what a developer compares.

use super::encoding::decode_all;

/// Names of this server's own protocol that are no secrets, in their usual spelling. Found before anything is allocated.
const PUBLIC: &[&str] = &[
    "accept",
    "approved",
    "cf-connecting-ip",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "content-type",
    "error",
    "error_description",
    "expires_in",
    "grant_type",
    "interval",
    "keys",
    "nonce",
    "origin",
    "redirect_uri",
    "response_type",
    "scope",
    "sec-fetch-site",
    "state",
    "token_type",
    "token_type_hint",
    "user-agent",
    "x-forwarded-for",
    "x-mock-user",
];

/// Names whose values are random by design and public: a long hexadecimal value or a JWT stays readable there.
const OPAQUE: &[&str] = &["codechallenge", "nonce", "state"];

/// Anywhere in a normalized name.
const FRAGMENTS: &[&str] = &[
    "accesskey",
    "apikey",
    "assertion",
    "authorization",
    "bearer",
    "code",
    "cookie",
    "credential",
    "jwt",
    "passcode",
    "passphrase",
    "passw",
    "privatekey",
    "pwd",
    "samlresponse",
    "secret",
    "sessid",
    "session",
    "signature",
    "signingkey",
    "token",
    "verifier",
];

/// As a whole word of a name: too short to be looked for within words.
const WORDS: &[&str] = &[
    "auth",
    "authentication",
    "csrf",
    "key",
    "keys",
    "otp",
    "pass",
    "pin",
    "pwd",
    "sid",
    "sig",
    "totp",
    "xsrf",
];

/// At the end of a normalized name: `apikey`, `basicauth`.
const ENDINGS: &[&str] = &["auth", "key", "otp", "pin", "sid"];

/// Parts of names that only look like secrets; they are taken out before the fragments are looked for.
const HARMLESS: &[&str] = &[
    "areacode",
    "authenticated",
    "authorized",
    "authorizationdetails",
    "authorizationserver",
    "codec",
    "codechallengemethod",
    "codechallenge",
    "countrycode",
    "currencycode",
    "decode",
    "encode",
    "errcode",
    "errorcode",
    "exitcode",
    "httpcode",
    "hotkey",
    "langcode",
    "languagecode",
    "localecode",
    "maxtokens",
    "monkey",
    "oauth",
    "postalcode",
    "postcode",
    "publickey",
    "regioncode",
    "responsecode",
    "resultcode",
    "returncode",
    "statuscode",
    "tokenscope",
    "turkey",
    "unicode",
    "zipcode",
];

/// What a name ends in that describes a secret instead of holding it: `token_type`, `token_endpoint`, `auth_time`.
const DESCRIPTIONS: &[&str] = &[
    "alg",
    "algorithm",
    "count",
    "endpoint",
    "expires",
    "expiresat",
    "expiresin",
    "expiry",
    "issuer",
    "length",
    "lifetime",
    "limit",
    "method",
    "methods",
    "scheme",
    "seconds",
    "status",
    "supported",
    "time",
    "type",
    "typehint",
    "uri",
    "uris",
    "url",
    "urls",
];

/// Longer names are cut before they are looked at, in bytes.
const LONGEST: usize = 512;

/// Whether a value under this name is a secret, however the name is spelled or encoded: `client_secret`, `Client-Secret`,
/// `client[secret]`, `code[]`, `client%5Fsecret`.
pub(crate) fn is_secret(name: &str) -> bool {
    if PUBLIC.contains(&name) {
        return false;
    }
    let name = decode_all(&name[..name.floor_char_boundary(LONGEST)]);
    let mut plain = normalized(&name);
    // `client_secret_2`.
    plain.truncate(
        plain
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
            .len(),
    );
    if DESCRIPTIONS.iter().any(|end| plain.ends_with(end)) || plain == "keys" {
        return false;
    }
    if words(&name)
        .iter()
        .any(|word| WORDS.contains(&word.as_str()))
    {
        return !is_harmless_word(&plain);
    }
    for harmless in HARMLESS {
        if plain.contains(harmless) {
            plain = plain.replace(harmless, "");
        }
    }
    FRAGMENTS.iter().any(|part| plain.contains(part))
        || ENDINGS
            .iter()
            .any(|end| plain.ends_with(end) && plain != *end)
}

/// A word that is a secret's elsewhere: `public_key`.
fn is_harmless_word(plain: &str) -> bool {
    plain.ends_with("publickey") || plain.ends_with("hotkey")
}

/// Whether the value under this name is random by design and public.
pub(super) fn is_opaque(name: &str) -> bool {
    OPAQUE.contains(&name) || OPAQUE.contains(&normalized(name).as_str())
}

/// Whether the value under this name is an `Authorization` header, whose scheme is shown.
pub(super) fn is_authorization(name: &str) -> bool {
    normalized(name).ends_with("authorization")
}

/// Lower case, without what divides words.
fn normalized(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The words of a name in lower case: of `x-api-key`, `apiKey` and `APIKey`, the last is `key`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_alphabetic() {
            let is_next_lower = letters.peek().is_some_and(char::is_ascii_lowercase);
            let begins = !before.is_ascii_alphabetic()
                || letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || is_next_lower);
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(letter.to_ascii_lowercase());
            }
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_are_found_in_any_spelling() {
        for name in [
            "clientSecret",
            "client[secret]",
            "client[secret][]",
            "Refresh-Token",
            "code_verifier[]",
            "code",
            "code[0]",
            "oauth_code",
            "oauthCode",
            "PASSWORD",
            "passwd",
            "user.pwd",
            "x-api-key-secret",
            "x-api-key",
            "X-API-KEY",
            "apikey",
            "APIKey",
            "apiKey",
            "private_key",
            "key",
            "refresh_tokens",
            "client_secret_2",
            "userCode",
            "session_id",
            "PHPSESSID",
            "connect.sid",
            "sid",
            "pin",
            "user_pin",
            "otp",
            "totp",
            "jwt",
            "credentials",
            "id_token_hint",
            "client_assertion",
            "Set-Cookie",
            "Authorization",
            "proxy-authorization",
            "x-auth",
            "basicauth",
            "csrf",
            "X-Amz-Signature",
            "client%5Fsecret",
            "client%255fsecret",
            "%63ode",
            "\\u0063ode",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_no_secrets() {
        for name in [
            "accept",
            "author",
            "authorities",
            "authorization_endpoint",
            "auth_time",
            "client_id",
            "client_name",
            "code_challenge",
            "code_challenge_method",
            "code_challenge_methods_supported",
            "cost",
            "country_code",
            "encoding",
            "error",
            "error_code",
            "error_description",
            "expires_in",
            "grant_type",
            "id",
            "introspection_endpoint_auth_methods_supported",
            "jwks_uri",
            "keyboard",
            "keys",
            "kid",
            "loginHint",
            "max_tokens",
            "nonce",
            "oauth_version",
            "ping",
            "preferred_username",
            "prompt",
            "public_key",
            "redirect_uri",
            "response_type",
            "returnUrl",
            "scope",
            "shipping",
            "sec-fetch-site",
            "state",
            "status_code",
            "subscriptions",
            "token_endpoint",
            "token_endpoint_auth_method",
            "token_type",
            "token_type_hint",
            "tokenScope",
            "unicode",
            "user",
            "user-agent",
            "verification_uri_complete",
            "x-mock-user",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
