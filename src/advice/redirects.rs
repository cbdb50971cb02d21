//! Where does the app send browsers, and where is it sent itself?

use std::collections::HashSet;

use url::Url;

use super::history::History;
use super::rule::{Rule, Sight, times};
use super::severity::Severity;
use crate::advice::call::{Call, Seen};
use crate::contract::{Contract, Difference};
use crate::protocol::redirect_uri;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "redirect-loopback-rule",
        severity: Severity::Warning,
        why: "the redirect URI is none that is registered: the deployed server accepts it because scheme and path equal a \
              registered loopback URI, and the documentation says character for character",
        mend: "register the URI that is sent, with its port, or send one that is registered",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1",
        look: loopback_rule,
    },
    Rule {
        id: "redirect-http",
        severity: Severity::Warning,
        why: "the code travels in the clear, and Civitai registers https redirect URIs only, except for this machine's own",
        mend: "use https, or a loopback address while the app is being built",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.6",
        look: plain_http,
    },
    Rule {
        id: "authorization-lost",
        severity: Severity::Error,
        why: "civitai.com redirects to auth.civitai.com, and most HTTP clients take Authorization off when a redirect leads to \
              another host: the call arrives without it",
        mend: "call auth.civitai.com itself, as the discovery document says",
        source: "https://developer.civitai.com/site/oauth",
        look: lost,
    },
    Rule {
        id: "same-site-sign-in",
        severity: Severity::Hint,
        why: "the app and this server share a site here, as two ports of localhost do, and in production they do not: cookies \
              with SameSite=Strict and checks of Sec-Fetch-Site that pass here fail there, when the browser comes back from Civitai",
        mend: "open this server under another site than the app: as http://127.0.0.1:8080 if the app is at localhost, and the \
               other way round",
        source: "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site",
        look: same_site,
    },
];

fn accepted(history: &History) -> impl Iterator<Item = &Seen> {
    let all = history.calls(Call::Authorize).map(|(_, one)| one);
    all.filter(|one| one.is_accepted())
}

fn loopback_rule(history: &History) -> Option<Sight> {
    let saved = accepted(history).filter(|one| {
        let decision = one.decision(Difference::RedirectUriMatch);
        decision.is_some_and(|decision| decision.otherwise && decision.side != Contract::Documented)
    });
    Sight::of(saved.map(|one| one.id).collect(), |many| {
        format!(
            "sent a redirect URI that only the loopback rule accepts {}",
            times(many)
        )
    })
}

fn plain_http(history: &History) -> Option<Sight> {
    let is_plain = |one: &&Seen| {
        let text = one.param("redirect_uri").unwrap_or_default();
        let url = Url::parse(text);
        url.is_ok_and(|url| url.scheme() == "http") && !redirect_uri::is_loopback(text)
    };
    let requests = accepted(history).filter(is_plain).map(|one| one.id);
    Sight::of(requests.collect(), |many| {
        format!(
            "sent an http redirect URI that is not of this machine {}",
            times(many)
        )
    })
}

/// Navigations to authorize from the app's own page. A page of this server has the same origin as authorize: it leads back
/// there after sign-in with the request that came first, and by POST after consent.
fn same_site(history: &History) -> Option<Sight> {
    let (mut known, mut requests) = (HashSet::new(), Vec::new());
    for (_, one) in history.calls(Call::Authorize) {
        let request = ["client_id", "state", "code_challenge"].map(|name| one.param(name));
        let is_first = known.insert(request);
        let from_app = match one.fetch_site() {
            Some("same-site") => true,
            Some("same-origin") => is_first && one.method == "GET",
            _ => false,
        };
        if from_app && one.is_navigation() {
            requests.push(one.id);
        }
    }
    Sight::of(requests, |many| {
        format!(
            "sent a browser to authorize from the same site {}",
            times(many)
        )
    })
}

fn lost(history: &History) -> Option<Sight> {
    let lost = history
        .seen
        .iter()
        .filter_map(|one| Some([one.lost_at?, one.id]));
    let pairs: Vec<[u64; 2]> = lost.collect();
    let many = pairs.len();
    Sight::of(pairs.into_iter().flatten().collect(), |_| {
        format!(
            "lost its Authorization on the redirect of the old host {}",
            times(many)
        )
    })
}
