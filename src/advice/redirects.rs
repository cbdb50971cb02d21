//! Rules about redirects: redirect URIs, the legacy host, and the site of the app.

use std::collections::HashSet;

use url::Url;

use super::history::History;
use super::rule::{Rule, Violation, times};
use super::severity::Severity;
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::{Contract, Difference};
use crate::protocol::redirect_uri;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "redirect-loopback-rule",
        severity: Severity::Warning,
        rationale: "the redirect URI is none that is registered: the deployed server accepts it because scheme and path equal a \
              registered loopback URI, and the documentation says character for character",
        fix: "register the URI that is sent, with its port, or send one that is registered",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1",
        check: redirect_loopback_rule,
    },
    Rule {
        id: "redirect-http",
        severity: Severity::Warning,
        rationale: "the code travels in the clear, and Civitai registers https redirect URIs only, except for this machine's own",
        fix: "use https, or a loopback address while the app is being built",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.6",
        check: redirect_http,
    },
    Rule {
        id: "authorization-lost",
        severity: Severity::Error,
        rationale: "civitai.com redirects to auth.civitai.com, and most HTTP clients take Authorization off when a redirect leads to \
              another host: the call arrives without it",
        fix: "call auth.civitai.com itself, as the discovery document says",
        source: "https://developer.civitai.com/site/oauth",
        check: authorization_lost,
    },
    Rule {
        id: "same-site-sign-in",
        severity: Severity::Hint,
        rationale: "the app and this server share a site here, as two ports of localhost do, and in production they do not: cookies \
              with SameSite=Strict and checks of Sec-Fetch-Site that pass here fail there, when the browser comes back from Civitai",
        fix: "open this server under another site than the app: as http://127.0.0.1:8080 if the app is at localhost, and the \
               other way round",
        source: "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site",
        check: same_site_sign_in,
    },
];

fn accepted(history: &History) -> impl Iterator<Item = &ObservedCall> {
    let all = history.calls_of(CallKind::Authorize).map(|(_, call)| call);
    all.filter(|call| call.is_accepted())
}

fn redirect_loopback_rule(history: &History) -> Option<Violation> {
    let saved = accepted(history).filter(|call| {
        let decision = call.decision(Difference::RedirectUriMatch);
        decision.is_some_and(|decision| {
            decision.other_side_differs && decision.side != Contract::Documented
        })
    });
    Violation::new(saved.map(|call| call.id).collect(), |count| {
        format!(
            "sent a redirect URI that only the loopback rule accepts {}",
            times(count)
        )
    })
}

fn redirect_http(history: &History) -> Option<Violation> {
    let is_plain = |call: &&ObservedCall| {
        let text = call.param("redirect_uri").unwrap_or_default();
        let url = Url::parse(text);
        url.is_ok_and(|url| url.scheme() == "http") && !redirect_uri::is_loopback(text)
    };
    let requests = accepted(history).filter(is_plain).map(|call| call.id);
    Violation::new(requests.collect(), |count| {
        format!(
            "sent an http redirect URI that is not of this machine {}",
            times(count)
        )
    })
}

/// Navigations to authorize from the app's own pages. Pages of this server have the origin of authorize: they repeat the
/// first request after sign-in, and send a POST after consent.
fn same_site_sign_in(history: &History) -> Option<Violation> {
    let (mut known, mut requests) = (HashSet::new(), Vec::new());
    for (_, call) in history.calls_of(CallKind::Authorize) {
        let request = ["client_id", "state", "code_challenge"].map(|name| call.param(name));
        let is_first = known.insert(request);
        let from_app = match call.fetch_site() {
            Some("same-site") => true,
            Some("same-origin") => is_first && call.method == "GET",
            _ => false,
        };
        if from_app && call.is_navigation() {
            requests.push(call.id);
        }
    }
    Violation::new(requests, |count| {
        format!(
            "sent a browser to authorize from the same site {}",
            times(count)
        )
    })
}

fn authorization_lost(history: &History) -> Option<Violation> {
    let lost = history
        .calls
        .iter()
        .filter_map(|call| Some([call.lost_at?, call.id]));
    let pairs: Vec<[u64; 2]> = lost.collect();
    let count = pairs.len();
    Violation::new(pairs.into_iter().flatten().collect(), |_| {
        format!(
            "lost its Authorization on the redirect of the old host {}",
            times(count)
        )
    })
}
