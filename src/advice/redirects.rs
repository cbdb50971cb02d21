//! Rules about redirects: redirect URIs, the legacy host, and the site of the app.

use url::Url;

use super::history::History;
use super::rule::{Violation, advice_rules};
use crate::advice::call::{CallKind, ObservedCall};
use crate::contract::{Contract, Difference};
use crate::protocol::redirect_uri;

advice_rules! { RULES {
    /// A redirect URI that only the loopback rule of the deployed server accepts.
    REDIRECT_URI_MATCH "contract-redirect-uri-match" Warning redirect_loopback_rule {
        rationale: "the redirect URI is not registered: the deployed server accepts it because its scheme and path \
            equal a registered loopback URI, but the documentation requires an exact match",
        fix: "register the URI that the app sends, with its port, or send a registered URI",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.1",
    }
    /// An http redirect URI that is not loopback.
    REDIRECT_URI_HTTP "redirect-uri-http" Warning redirect_http {
        rationale: "the code is sent unencrypted, and Civitai registers only https redirect URIs, except loopback ones",
        fix: "use https, or a loopback address during development",
        source: "https://www.rfc-editor.org/rfc/rfc9700#section-2.6",
    }
    /// A call with `Authorization` to the legacy host, which redirects it to another host.
    AUTHORIZATION_HEADER_REDIRECTED "authorization-header-redirected" Warning authorization_redirected {
        rationale: "civitai.com redirects to auth.civitai.com, and most HTTP clients remove the Authorization \
            header when a redirect leads to another host",
        fix: "call auth.civitai.com directly, as in the discovery document",
        source: "https://developer.civitai.com/site/oauth",
    }
    /// A browser is sent to authorize by a page of the same site.
    SAME_SITE_SIGN_IN "same-site-sign-in" Hint same_site_sign_in {
        rationale: "the app and the mock are on one site here, and on two sites in production: SameSite=Strict \
            cookies and Sec-Fetch-Site checks fail there when the browser returns from Civitai",
        fix: "open the mock on another site than the app: http://127.0.0.1:8080 if the app is on localhost, and \
            vice versa",
        source: "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site",
    }
} }

fn accepted(history: &History) -> impl Iterator<Item = &ObservedCall> {
    let all = history.calls_of(CallKind::Authorize);
    all.filter(|call| call.is_accepted())
}

fn redirect_loopback_rule(history: &History) -> Option<Violation> {
    let saved = accepted(history).filter(|call| {
        let decision = call.decision(Difference::RedirectUriMatch);
        decision.is_some_and(|decision| {
            decision.is_divergent && decision.contract != Contract::Documented
        })
    });
    Violation::repeated(
        saved,
        "sent a redirect URI that only the loopback rule accepts",
    )
}

fn redirect_http(history: &History) -> Option<Violation> {
    let is_plain = |call: &&ObservedCall| {
        let text = call.param("redirect_uri").unwrap_or_default();
        let url = Url::parse(text);
        url.is_ok_and(|url| url.scheme() == "http") && !redirect_uri::is_loopback(text)
    };
    Violation::repeated(
        accepted(history).filter(is_plain),
        "sent an http redirect URI that is not a loopback address",
    )
}

/// Navigations from a page of the same site, but another origin: pages of this server have the origin of authorize.
fn same_site_sign_in(history: &History) -> Option<Violation> {
    let from_app = history
        .calls_of(CallKind::Authorize)
        .filter(|call| call.is_navigation && call.fetch_site.as_deref() == Some("same-site"));
    Violation::repeated(from_app, "sent a browser to authorize from the same site")
}

fn authorization_redirected(history: &History) -> Option<Violation> {
    let calls = history.calls.iter();
    let redirected = calls.filter(|call| call.is_moved() && call.has_authorization());
    Violation::repeated(
        redirected,
        "sent Authorization to the old host, which redirects to another host,",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::advice::testing::{TestCall, api, authorize, reported};
    use crate::contract::{Contract, Difference};

    #[test]
    fn redirect_uri_of_the_loopback_rule_is_reported() {
        let by = |contract| {
            let call = authorize("c1").with("redirect_uri", "http://127.0.0.1:4000/callback");
            let call = call.decided(Difference::RedirectUriMatch, contract);
            reported(&REDIRECT_URI_MATCH, [call])
        };
        assert_eq!(by(Contract::Live), [1]);
        assert!(by(Contract::Documented).is_empty());
    }

    #[test]
    fn http_redirect_uri_is_reported_unless_it_is_loopback() {
        let to = |uri| {
            reported(
                &REDIRECT_URI_HTTP,
                [authorize("c1").with("redirect_uri", uri)],
            )
        };
        assert_eq!(to("http://app.example/callback"), [1]);
        assert!(to("http://localhost:3000/callback").is_empty());
        assert!(to("https://app.example/callback").is_empty());
    }

    #[test]
    fn authorization_is_reported_if_the_legacy_host_redirects_it() {
        let moved = |call: TestCall| {
            let call = call.answered(308, json!(null));
            let call = call.decided(Difference::LegacyHost, Contract::Documented);
            reported(&AUTHORIZATION_HEADER_REDIRECTED, [call])
        };
        assert_eq!(moved(api("a1")), [1]);
        assert!(moved(api("a1").without_header("authorization")).is_empty());
    }

    #[test]
    fn navigation_from_the_same_site_is_reported() {
        let from = |site, accept| {
            let call = authorize("c1").header("sec-fetch-site", site);
            reported(&SAME_SITE_SIGN_IN, [call.header("accept", accept)])
        };
        assert_eq!(from("same-site", "text/html"), [1]);
        for site in ["cross-site", "same-origin", "none"] {
            assert!(from(site, "text/html").is_empty(), "{site}");
        }
        assert!(from("same-site", "*/*").is_empty(), "a script's fetch");
    }
}
