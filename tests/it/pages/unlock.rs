//! The pages below `/_mock` with a control token, and for foreign hosts.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;

use crate::support::{Fields, TestServer, config};

const CONSOLE: &str = "/_mock";

#[tokio::test]
async fn control_token_is_requested_once() {
    let mut config = config(Contract::Documented);
    config.set_control_token("t0ken").unwrap();
    let mock = TestServer::start(config).await;
    for path in [
        CONSOLE,
        "/_mock/playground",
        "/_mock/consent",
        "/_mock/users",
    ] {
        let asked = mock.get(path).in_browser().await;
        assert_eq!(
            (asked.status, asked.page().title()),
            (401, "Control token · civitai-oauth-mock".to_owned())
        );
    }
    let wrong = mock
        .post("/_mock/unlock", &Fields::new(&[("token", "t0kem")]))
        .await;
    assert_snapshot!(wrong.page().texts(".problem").join(""), @"Wrong control token.");
    let right = mock
        .post("/_mock/unlock", &Fields::new(&[("token", "t0ken")]))
        .await;
    assert_eq!((right.status, right.location().path()), (303, CONSOLE));
    // It redirects to the requested page, and to no other site.
    let deep = mock
        .get("/_mock?endpoint=token")
        .await
        .page()
        .forms()
        .into_iter()
        .find(|form| form.action == "/_mock/unlock")
        .expect("a form for the token");
    assert_eq!(deep.fields.get("to"), Some("/_mock?endpoint=token"));
    for (to, led) in [
        ("/_mock?endpoint=token", "/_mock?endpoint=token"),
        ("/_mock/playground", "/_mock/playground"),
        ("//evil.example/_mock", CONSOLE),
        ("/_mock.evil.example", CONSOLE),
        ("https://evil.example", CONSOLE),
        ("/_mock/\\evil", CONSOLE),
    ] {
        let fields = Fields::new(&[("token", "t0ken"), ("to", to)]);
        let there = mock.post("/_mock/unlock", &fields).await.location();
        assert_eq!(&there[url::Position::BeforePath..], led, "{to}");
    }
    let attributes = right.header("set-cookie").unwrap_or_default();
    assert!(
        attributes.contains("HttpOnly")
            && attributes.contains("SameSite=Strict")
            && !attributes.contains("t0ken")
    );
    let cookie = right.cookie();
    assert_eq!(mock.get(CONSOLE).cookie(&cookie).await.status, 200);
    assert_eq!(mock.get("/_mock/clock").cookie(&cookie).await.status, 200);
    assert_eq!(
        mock.get("/_mock/clock")
            .cookie("mock-control=00")
            .await
            .status,
        401
    );
    // The cookie does not unlock requests of other sites.
    let foreign = mock
        .request("POST", "/_mock/reset")
        .cookie(&cookie)
        .header("origin", "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn pages_are_guarded() {
    let mock = TestServer::documented().await;
    for (method, path) in [
        ("POST", "/_mock/actions"),
        ("POST", "/_mock/theme"),
        ("POST", "/_mock/requests/1/send"),
        ("GET", "/_mock/requests/1"),
        ("GET", "/_mock/faults"),
        ("GET", "/_mock/tokens"),
        ("GET", "/_mock/users"),
        ("GET", "/_mock/clients"),
        ("GET", "/_mock/snapshots"),
        ("GET", "/_mock/sandboxes"),
        ("GET", "/_mock/settings"),
        ("GET", "/_mock/styleguide"),
        ("POST", "/_mock/playground"),
        ("POST", "/_mock/playground/act"),
        ("POST", "/_mock/unlock"),
        ("GET", "/_mock/events"),
        ("GET", "/_mock"),
        ("GET", "/_mock/findings"),
        ("GET", "/_mock/playground"),
        ("GET", "/_mock/playground/callback"),
        ("GET", "/_mock/consent"),
        ("GET", "/_mock/consent/preview"),
        ("POST", "/_mock/consent/preview"),
    ] {
        let answer = mock
            .request(method, path)
            .in_browser()
            .header("host", "evil.example")
            .await;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn page_has_security_headers_and_its_cookie_ends_with_the_server() {
    let locked = || {
        let mut config = config(Contract::Documented);
        config.set_control_token("t0ken").unwrap();
        config
    };
    let mock = TestServer::start(locked()).await;
    let asked = mock
        .get("/_mock?endpoint='><script>alert(1)</script>")
        .await;
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(asked.header(name).as_deref(), Some(value), "{name}");
    }
    let policy = asked.header("content-security-policy").unwrap_or_default();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!asked.body.contains("<script>alert"), "{}", asked.body);

    let unlocks = Fields::new(&[("token", "t0ken")]);
    let cookie = mock.post("/_mock/unlock", &unlocks).await.cookie();
    assert_eq!(mock.post("/_mock/unlock", &unlocks).await.cookie(), cookie);
    assert_eq!(
        mock.sandbox("x").get(CONSOLE).cookie(&cookie).await.status,
        200
    );
    let other = TestServer::start(locked()).await;
    assert_eq!(
        other.get(CONSOLE).cookie(&cookie).await.status,
        401,
        "it reveals nothing of the token"
    );
}

/// `X-Mock-Request` leads to a page of the console from an app on another host.
#[tokio::test]
async fn links_of_other_sites_lead_to_pages_and_to_nothing_else() {
    let mock = TestServer::documented().await;
    mock.userinfo("unknown").await;
    let from_elsewhere = |method: &str, path: &str, mode: &str, dest: &str| {
        mock.request(method, path)
            .header("accept", "text/html,application/xhtml+xml")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", mode)
            .header("sec-fetch-dest", dest)
    };
    for path in [
        CONSOLE,
        "/_mock/requests/1",
        "/_mock/findings",
        "/_mock/users",
    ] {
        let page = from_elsewhere("GET", path, "navigate", "document").await;
        assert_eq!(page.status, 200, "{path}");
        for (mode, dest) in [
            ("navigate", "iframe"),
            ("no-cors", "script"),
            ("cors", "empty"),
        ] {
            let refused = from_elsewhere("GET", path, mode, dest).await;
            assert_eq!(refused.status, 403, "{path} {dest}");
        }
    }
    for (method, path) in [
        ("POST", "/_mock/actions"),
        ("POST", "/_mock/reset"),
        ("GET", "/_mock/contract"),
        ("GET", "/_mock/playground/callback?error=x"),
    ] {
        let refused = from_elsewhere(method, path, "navigate", "document").await;
        assert_eq!(refused.status, 403, "{method} {path}");
    }
}
