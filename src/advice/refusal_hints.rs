//! Explanations that follow from the request rather than from the response, and those of revocations without effect.

use super::explanation::Explanation;
use crate::protocol::client_auth::Credentials;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::sandbox::journal::{Entry, RevokeNoop};

/// An explanation that follows from the request rather than from the response.
struct RefusalHint {
    applies: fn(&Entry) -> bool,
    code: &'static str,
    rule: &'static str,
    fix: &'static str,
    source: &'static str,
}

/// The first hint that applies takes precedence over the explanations of `refusal.rs`.
const HINTS: &[RefusalHint] = &[
    RefusalHint {
        applies: |entry| {
            entry.endpoint == Endpoint::Token
                && entry.grant_type() == Some(GrantType::DeviceCode.name())
        },
        code: "device-grant-at-token",
        rule: "the device grant is exchanged only at /device-token, which the discovery document does not list",
        fix: "poll POST /api/auth/oauth/device-token; if a library polls its token endpoint, configure this URL as its token endpoint",
        source: "Civitai's device flow; RFC 8628 §3.4 uses the token endpoint",
    },
    RefusalHint {
        applies: |entry| {
            is_refused_as_client(entry) && basic_name(entry).is_some_and(|name| name.contains('%'))
        },
        code: "basic-percent-encoding",
        rule: "HTTP Basic credentials are not percent-decoded, and they take precedence over the body",
        fix: "send client_id and client_secret in the body (client_secret_post), or without percent-encoding",
        source: "RFC 6749 §2.3.1, which Civitai does not follow",
    },
    RefusalHint {
        applies: |entry| {
            lacks_something(entry) && is_json(entry) && entry.endpoint == Endpoint::Device
        },
        code: "json-at-device",
        rule: "this endpoint reads only forms: a JSON body counts as empty",
        fix: "send application/x-www-form-urlencoded",
        source: "RFC 8628 §3.1",
    },
    RefusalHint {
        applies: |entry| lacks_something(entry) && !is_readable(entry),
        code: "unreadable-body",
        rule: "a body that is not a form, JSON or multipart counts as empty",
        fix: "send the Content-Type of the body, application/x-www-form-urlencoded",
        source: "RFC 6749 §4.1.3",
    },
];

/// The explanation of the first hint that applies.
pub(crate) fn find(entry: &Entry) -> Option<Explanation> {
    let hint = HINTS.iter().find(|hint| (hint.applies)(entry))?;
    Some(Explanation::general(
        hint.code,
        hint.rule,
        hint.fix,
        hint.source,
    ))
}

/// The `error_description` of the response.
pub(crate) fn description(entry: &Entry) -> &str {
    let answer = entry.answer.as_ref();
    let description = answer.and_then(|answer| answer.get("error_description"));
    description
        .and_then(|text| text.as_str())
        .unwrap_or_default()
}

fn is_refused_as_client(entry: &Entry) -> bool {
    entry.error() == Some(ErrorCode::InvalidClient.name())
}

/// Whether an endpoint missed something in the body.
fn lacks_something(entry: &Entry) -> bool {
    if entry.error() == Some(ErrorCode::InvalidToken.name()) {
        return false;
    }
    let description = description(entry);
    description.starts_with("Missing") || description.contains("cannot retrieve client credentials")
}

fn content_type(entry: &Entry) -> Option<&str> {
    entry
        .headers
        .get("content-type")
        .and_then(|kind| kind.as_str())
}

fn is_json(entry: &Entry) -> bool {
    content_type(entry).is_some_and(|kind| kind.contains("json"))
}

/// Whether the body has a media type that the endpoint reads, or none.
fn is_readable(entry: &Entry) -> bool {
    let kinds = [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "json",
    ];
    content_type(entry).is_none_or(|kind| {
        let kind = kind.to_ascii_lowercase();
        kinds.iter().any(|readable| kind.contains(readable))
    })
}

/// The client id of HTTP Basic.
fn basic_name(entry: &Entry) -> Option<String> {
    let header = entry.headers.get("authorization")?.as_str()?;
    Credentials::claimed_client_id(Some(header), &Params::none())
}

/// The reason that nothing was revoked, and the fix.
pub(crate) fn without_effect(reason: RevokeNoop) -> Explanation {
    let (code, rule, fix) = match reason {
        RevokeNoop::NoClient => (
            "revoke-without-client",
            "the body contains no client_id of a registered app, and this endpoint ignores HTTP Basic",
            "send client_id, and client_secret if the app has one, in the body",
        ),
        RevokeNoop::PublicClient => (
            "revoke-by-public-client",
            "a public app cannot revoke tokens, as documented and on the server of 2026-08; today's deployed \
                server revokes the tokens that were issued to it",
            "have the user revoke it, on the account page or signed in to this browser; or register the app as confidential",
        ),
        RevokeNoop::NoSecret => (
            "missing-secret",
            "a confidential app must send its secret",
            "send client_secret with client_id in the body",
        ),
        RevokeNoop::WrongSecret => (
            "wrong-secret",
            "the client_secret is wrong",
            "check client_secret",
        ),
        RevokeNoop::NotTheirs => (
            "revoke-of-other-client",
            "this app cannot revoke the token: as documented, a confidential app revokes the tokens issued to \
                it, and on the deployed server those of its owner; a public app revokes at most those issued \
                to it",
            "have the user revoke it, on the account page or signed in to this browser",
        ),
    };
    Explanation::general(
        code,
        format!("nothing was revoked, although the response is 200: {rule}"),
        fix,
        "RFC 7009 §2.2; differences revoke-by-client, revoke-by-public-client",
    )
}
