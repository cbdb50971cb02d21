//! Rules for every page: security headers, escaping, no links to other sites. A new page must be added here: the list
//! is compared with the router.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, CONSENT_PAGE, Fields, SPA, SandboxClient, TestResponse, TestServer, redacted,
};

/// The routes of pages. The test fills in `{…}`.
const PAGES: [&str; 37] = [
    "/",
    "/login",
    "/logout",
    "/login/oauth/authorize",
    "/login/oauth/device",
    "/user/account",
    "/user/account/new-app",
    "/user/account/apps/{id}",
    "/user/account/apps/{id}/rotate-secret",
    "/user/account/apps/{id}/secret",
    "/user/account/apps/{id}/delete",
    "/user/account/connected/{id}/limit",
    "/user/account/connected/{id}/reset-budget",
    "/user/account/connected/{id}/revoke",
    "/_mock",
    "/_mock/events",
    "/_mock/actions",
    "/_mock/first-sign-in",
    "/_mock/requests/{id}",
    "/_mock/requests/{id}/send",
    "/_mock/faults",
    "/_mock/tokens",
    "/_mock/users",
    "/_mock/clients",
    "/_mock/snapshots",
    "/_mock/sandboxes",
    "/_mock/settings",
    "/_mock/styleguide",
    "/_mock/theme",
    "/_mock/findings",
    "/_mock/playground",
    "/_mock/playground/act",
    "/_mock/playground/callback",
    "/_mock/api",
    "/_mock/consent",
    "/_mock/consent/preview",
    "/_mock/unlock",
];

/// The routes that have no page.
const NO_PAGES: [&str; 4] = [
    "/_mock/assets/{name}",
    "/.well-known/",
    "/llms.txt",
    "/favicon.ico",
];

const API: [&str; 3] = ["/api/", "/v1/", "/v2/"];

/// The parameters that pages show, and those of redirects.
const PARAMETERS: &str = "returnUrl name user client_id redirect_uri state scope code user_code error error_description preset \
     budget days scheme verified act by token secret grant description redirect_uris logo_url endpoint \
     path status text limit amount code_challenge response_type pressed q show back theme edit add issue \
     from kind client username effect.error seed";

const MARKUP: &str = "'\"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}";

const ELSEWHERE: [&str; 4] = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
];

/// Every parameter with this value.
fn all(value: &str) -> Fields {
    let none = Fields::default();
    PARAMETERS
        .split_whitespace()
        .fold(none, |fields, name| fields.and(name, value))
}

/// A sandbox with hostile names everywhere, in which ada is signed in.
async fn hostile(mock: &TestServer) -> (SandboxClient, String) {
    let sandbox = SandboxClient::clone(mock);
    // The control API has no length limit for usernames, unlike the page.
    sandbox
        .control(
            "PATCH",
            "/users/2",
            json!({ "username": MARKUP, "email": format!("{MARKUP}@x") }),
        )
        .await;
    let client = json!({
        "name": MARKUP, "description": MARKUP, "logo_url": MARKUP, "owner": 2,
        "redirect_uris": ["https://app.example/callback?<script>alert(1)</script>", "https://app.example/callback"],
    });
    sandbox.control("PATCH", "/clients/conf", client).await;
    let agreed = json!({ "user": 2, "client_id": "conf", "scope": 1 });
    sandbox.control("POST", "/consents", agreed).await;
    let signs_in = sandbox.control("POST", "/sessions", json!({ "user": 2 }));
    let cookie = signs_in.await["cookie"]
        .as_str()
        .expect("a cookie")
        .to_owned();
    // Requests that the console shows.
    let asked = format!("{AUTHORIZE}?{}", all(MARKUP).encoded());
    sandbox
        .get(&asked)
        .header("user-agent", MARKUP)
        .header("x-mock-user", MARKUP)
        .await;
    sandbox
        .post(crate::support::TOKEN, &all(MARKUP))
        .header("authorization", MARKUP)
        .await;
    let fault =
        json!({ "endpoint": "token", "effect": { "error": MARKUP, "error_description": MARKUP } });
    sandbox.control("POST", "/faults", fault).await;
    sandbox.token(&CONF.client_credentials()).await;
    (sandbox, cookie)
}

fn is_html(answer: &TestResponse) -> bool {
    let kind = answer.header("content-type").unwrap_or_default();
    kind.starts_with("text/html")
}

/// Asserts that the sent value is text, and no markup.
fn assert_harmless(what: &str, answer: &TestResponse) {
    if !is_html(answer) {
        return;
    }
    let page = answer.page();
    for live in [
        "script:not([src])",
        "[onerror]",
        "[src='x']",
        "[style]",
        "iframe:not([src^='/_mock/consent/preview?'])",
        "base",
    ] {
        assert_eq!(page.texts(live), [""; 0], "{what}: {live}");
    }
    for (css, name) in [
        ("a", "href"),
        ("form", "action"),
        ("script", "src"),
        ("link", "href"),
        ("img", "src"),
        ("iframe", "src"),
    ] {
        for to in page.attributes(css, name) {
            let to = to.trim().to_ascii_lowercase();
            assert!(
                !to.starts_with("javascript:"),
                "{what}: {css} leads to {to:?}"
            );
        }
    }
    assert!(!answer.body.contains("<script>alert"), "{what}");
}

/// The paths of the pages to request; those that remove data come last. The endless event stream is left out.
fn paths() -> impl Iterator<Item = String> {
    const LAST: [&str; 2] = ["/user/account/apps/{id}/delete", "/logout"];
    let first = PAGES
        .into_iter()
        .filter(|path| *path != "/_mock/events" && !LAST.contains(path));
    first.chain(LAST).map(|path| {
        let id = if path.starts_with("/_mock/") {
            "1"
        } else {
            "conf"
        };
        path.replace("{id}", id)
    })
}

#[test]
fn every_route_is_covered() {
    let router = include_str!("../../../src/router.rs");
    let routes = router
        .split(".route(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let endpoints = include_str!("../../../src/protocol/endpoint.rs");
    let pages = endpoints.lines().filter(|line| line.contains("..PAGE"));
    let pages = pages.filter_map(|line| line.split('"').nth(1));
    let routed: BTreeSet<&str> = routes
        .chain(pages)
        .filter(|path| {
            !API.iter()
                .chain(&NO_PAGES)
                .any(|folder| path.starts_with(folder))
        })
        .collect();
    assert_eq!(routed, BTreeSet::from(PAGES));
}

#[tokio::test]
async fn every_page_has_security_headers() {
    let mock = TestServer::documented().await;
    let (sandbox, cookie) = hostile(&mock).await;
    let asked = CONF.authorize_params("1").encoded();
    let mut table = BTreeSet::new();
    let mut pages = 0;
    for path in paths() {
        let path = if path == CONSENT_PAGE {
            format!("{path}?{asked}")
        } else {
            path
        };
        let answers = [
            sandbox.get(&path).in_browser().cookie(&cookie).await,
            sandbox
                .post(&path, &Fields::default())
                .cookie(&cookie)
                .await,
        ];
        for answer in answers.iter().filter(|answer| is_html(answer)) {
            pages += 1;
            let headers = [
                "cache-control",
                "referrer-policy",
                "x-content-type-options",
                "x-frame-options",
                "content-security-policy",
            ];
            let headers =
                headers.map(|name| format!("{name}: {}", answer.header(name).unwrap_or_default()));
            table.insert(headers.join("\n"));
            assert_harmless(&path, answer);
        }
    }
    assert!(pages >= 14, "only {pages} answers are pages");
    let table: Vec<String> = table.into_iter().collect();
    assert_snapshot!(table.join("\n\n"), @"
    cache-control: no-store
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'

    cache-control: no-store
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'

    cache-control: no-store
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY
    content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'
    ");
}

#[tokio::test]
async fn input_is_escaped_on_every_page() {
    let mock = TestServer::documented().await;
    let (sandbox, cookie) = hostile(&mock).await;
    let sent = all(MARKUP);
    for path in paths() {
        let query = format!("{path}?{}", sent.encoded());
        let asked = sandbox
            .get(&query)
            .in_browser()
            .cookie(&cookie)
            .header("user-agent", MARKUP);
        assert_harmless(&format!("GET {path}"), &asked.await);
        let posted = sandbox.post(&path, &sent).cookie(&cookie).await;
        assert_harmless(&format!("POST {path}"), &posted);
        let name = format!("{path}/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
        assert_harmless(
            &name,
            &sandbox.get(&name).in_browser().cookie(&cookie).await,
        );
    }
    assert_harmless("/_mock", &sandbox.get("/_mock").await);
}

#[tokio::test]
async fn no_page_leads_to_another_site() {
    let mock = TestServer::documented().await;
    let (sandbox, cookie) = hostile(&mock).await;
    for value in ELSEWHERE {
        let sent = all(value);
        for path in paths() {
            let answers = [
                sandbox
                    .get(&format!("{path}?{}", sent.encoded()))
                    .cookie(&cookie)
                    .await,
                sandbox.post(&path, &sent).cookie(&cookie).await,
                sandbox
                    .post(&path, &sent.clone().with("user", "2"))
                    .cookie(&cookie)
                    .await,
            ];
            for answer in answers {
                if answer.header("location").is_some() {
                    let there = answer.location().origin().ascii_serialization();
                    assert_eq!(there, sandbox.base, "{path} {value:?}: {answer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn cookies_are_for_this_server_alone() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        let picks = Fields::new(&[("user", "2"), ("returnUrl", "/")]);
        let begins = Fields::new(&[
            ("client_id", SPA.id),
            ("grant", "code"),
            ("preset", "AI Services"),
        ]);
        let answers = [
            sandbox.post("/login", &picks).await,
            sandbox.post("/_mock/playground", &begins).await,
            sandbox.get("/logout").await,
        ];
        for answer in answers {
            let cookie = answer.header("set-cookie").unwrap_or_default();
            table += &format!("{}\n", redacted(&cookie, 0));
        }
    }
    assert_snapshot!(table, @"
    civ-token=<secret>; HttpOnly; SameSite=Lax; Path=/; Max-Age=7776000
    mock-playground=<secret>; HttpOnly; SameSite=Lax; Path=/_mock/playground
    civ-token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0
    civ-token=<secret>; HttpOnly; SameSite=Lax; Path=/_sandbox/x; Max-Age=7776000
    mock-playground=<secret>; HttpOnly; SameSite=Lax; Path=/_sandbox/x/_mock/playground
    civ-token=; HttpOnly; SameSite=Lax; Path=/_sandbox/x; Max-Age=0
    ");
}

/// FNV-1a, as the names of assets have it.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[tokio::test]
async fn assets_are_immutable_and_named_by_their_hash() {
    let mock = TestServer::documented().await;
    let mut assets = BTreeSet::new();
    for path in ["/", "/_mock", "/login"] {
        let page = mock.get(path).await.body;
        let named = page
            .split('"')
            .filter(|text| text.starts_with("/_mock/assets/"));
        assets.extend(named.map(str::to_owned));
    }
    assert!(assets.len() > 3, "{assets:?}");
    for path in assets {
        let asset = mock.get(&path).await;
        let caching = asset.header("cache-control").unwrap_or_default();
        assert!(caching.ends_with("immutable"), "{path}: {caching}");
        let content = fingerprint(&asset.body);
        assert!(path.contains(&content), "{path} is not named {content}");
    }
}
