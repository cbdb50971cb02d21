//! Names whose values are secrets.
//!
//! The list is generous: a secret under a misspelt or foreign name is still a secret. `state` and `nonce` stay readable: they
//! are in the browser's address bar anyway, give no access alone, and developers compare them.

use super::encoding::decode_all;

/// Names of the protocol whose values are not secret, in their usual spelling. A fast path without allocation.
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
const PUBLIC_RANDOM_NAMES: &[&str] = &["codechallenge", "nonce", "state"];

/// Parts of names that mark a secret, anywhere in a normalized name.
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

/// Whole words of names that mark a secret; too short to be found within words.
const WORDS: &[&str] = &["authentication", "csrf", "keys", "pass", "sig", "xsrf"];

/// Ends of words that mark a secret: `x-api-key`, `masterkey`, `basicauth`, `totp`.
const ENDINGS: &[&str] = &["auth", "key", "otp", "pin", "sid"];

/// Words, alone or joined, that only look like secrets: `country_code`, `countryCode` and `countrycode`. They are removed
/// before the search.
const HARMLESS: &[&str] = &[
    "areacode",
    "authorizationdetails",
    "authorizationserver",
    "codec",
    "codechallenge",
    "codechallengemethod",
    "countrycode",
    "currencycode",
    "decode",
    "decoded",
    "decoder",
    "encode",
    "encoded",
    "encoder",
    "errcode",
    "errorcode",
    "exitcode",
    "hotkey",
    "httpcode",
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

/// The most words that are harmless together.
const MAX_HARMLESS_WORDS: usize = 3;

/// The last words of names that describe a secret, but are not its value: `token_type`, `token_endpoint`, `auth_time`.
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

/// A longer name, in bytes, counts as that of a secret: the journal may have cut off its end.
const MAX_NAME_BYTES: usize = 512;

/// Whether a value under this name is a secret, however the name is spelled or encoded: `client_secret`, `Client-Secret`,
/// `client[secret]`, `code[]`, `client%5Fsecret`. Ambiguous names count as secrets.
pub(crate) fn is_secret(name: &str) -> bool {
    if PUBLIC.contains(&name) {
        return false;
    }
    if name.len() > MAX_NAME_BYTES {
        return true;
    }
    let words = words(&decode_all(name));
    if words == ["keys"] || is_description(&words) {
        return false;
    }
    let words = without_harmless(&words);
    let whole = words.concat();
    FRAGMENTS.iter().any(|part| whole.contains(part))
        || words.iter().any(|word| {
            WORDS.contains(&word.as_str()) || ENDINGS.iter().any(|end| word.ends_with(end))
        })
}

/// Whether the last word, or the last two, mark a description of a secret.
fn is_description(words: &[String]) -> bool {
    let starts = words.len().saturating_sub(2)..words.len();
    starts
        .map(|start| words[start..].concat())
        .any(|last| DESCRIPTIONS.contains(&last.as_str()))
}

/// The words without those that are harmless alone or together.
fn without_harmless(words: &[String]) -> Vec<String> {
    let (mut left, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let most = MAX_HARMLESS_WORDS.min(words.len() - at);
        let is_harmless = |count: &usize| {
            let together = words[at..at + count].concat();
            HARMLESS.contains(&together.as_str())
        };
        if let Some(count) = (1..=most).rev().find(is_harmless) {
            at += count;
        } else {
            left.push(words[at].clone());
            at += 1;
        }
    }
    left
}

/// Whether the value under this name is random by design and public.
pub(super) fn is_public_random(name: &str) -> bool {
    PUBLIC_RANDOM_NAMES.contains(&name) || PUBLIC_RANDOM_NAMES.contains(&normalized(name).as_str())
}

/// Whether the value under this name is an `Authorization` header, whose scheme is shown.
pub(super) fn is_authorization(name: &str) -> bool {
    normalized(name).ends_with("authorization")
}

/// The letters and digits of a name, in lower case.
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
    fn harmless_words_are_whole_words() {
        for name in [
            "TokenCode",
            "token_code",
            "hidden_code",
            "code_confirmation",
            "device_code_copy",
            "snapshot_key",
            "screenshot_key",
            "session_account",
            "sessioncount",
            "passwordtype",
            "oauth_key",
            "masterkey_id",
            "public_key_password",
            "country_code_token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        let long = "x".repeat(MAX_NAME_BYTES);
        assert!(!is_secret(&long));
        assert!(is_secret(&format!("{long}_client_secret")));
        assert!(is_secret(&format!("{long}x")), "its end may be cut off");
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
            "countryCode",
            "countrycode",
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
            "process_id",
            "prompt",
            "public_key",
            "redirect_uri",
            "response_type",
            "returnUrl",
            "scope",
            "shipping",
            "sec-fetch-site",
            "session_count",
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
