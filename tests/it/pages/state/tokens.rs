//! `/_mock/tokens`.

use insta::assert_snapshot;
use serde_json::json;

use super::{done, follow, press, rows, show};
use crate::support::{CONF, Page, SandboxClient, TestServer};

const TOKENS: &str = "/_mock/tokens";

/// A server whose clock stands still.
async fn frozen() -> TestServer {
    let mock = TestServer::documented().await;
    let at = json!({ "at": "2026-01-31T12:00:00Z" });
    mock.control("POST", "/clock/freeze", at).await;
    mock
}

/// The rows without the random parts of tokens and hashes.
fn list(page: &Page) -> String {
    let is_hash = |word: &str| {
        let digits = word.strip_suffix('…').unwrap_or_default();
        digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let word = |word: &str| match word {
        word if word.starts_with("civitai_") => "<token>".to_owned(),
        word if is_hash(word) => "<hash>".to_owned(),
        word => word.to_owned(),
    };
    let text = rows(page, "#token-list");
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

async fn hashes(sandbox: &SandboxClient) -> Vec<String> {
    let page = show(sandbox, TOKENS).await;
    page.attributes("#token-list [name=sha256]", "value")
}

#[tokio::test]
async fn tokens_and_codes_show_where_they_come_from_and_when_they_expire() {
    let mock = frozen().await;
    mock.tokens(&CONF, "98309").await;
    mock.advance(60).await;
    mock.code(&CONF, "5").await;
    let issued =
        json!({ "client_id": "spa", "user": "ada", "scope": "AI Services", "expires_in": 30 });
    mock.control("POST", "/tokens", issued).await;
    mock.advance(90).await;
    let page = show(&mock, TOKENS).await;
    assert_snapshot!(list(&page), @"
    authorization code | code | Conf App | ada | 5 | no request | in 8 min 30 s
    sha256 <hash> | access | Public App | ada | AI Services | no request | expired 1 min ago
    sha256 <hash> | refresh | Public App | ada | AI Services | no request | in 29 d 23 h
    <token> | access | Conf App | ada | 98309 | #2 | in 57 min 30 s
    <token> | refresh | Conf App | ada | 98309 | #2 | in 29 d 23 h
    ");
    assert_eq!(
        page.texts("#token-kinds .chip"),
        ["All 5", "Access tokens 2", "Refresh tokens 2", "Codes 1"]
    );
    // The link leads to the request that issued the token.
    let link = &page.attributes("#token-list td[data-label='Issued in'] a", "href")[0];
    let request = mock.get(link).in_browser().await;
    assert!(
        request
            .page()
            .texts("h1")
            .concat()
            .contains("POST /api/auth/oauth/token")
    );
    let codes = mock.control("GET", "/codes", json!({})).await;
    assert_snapshot!(codes, @r#"{"codes":[{"active":true,"client_id":"conf","user":2,"scope":"5","redirect_uri":"https://app.example/callback","issued_at":"2026-01-31T12:01:00Z","expires_at":"2026-01-31T12:11:00Z","expires_in":510}]}"#);
}

#[tokio::test]
async fn list_is_filtered_by_kind_client_and_user() {
    let mock = frozen().await;
    for (client, user) in [("conf", "ada"), ("conf", "owner"), ("spa", "ada")] {
        let issued = json!({ "client_id": client, "user": user });
        mock.control("POST", "/tokens", issued).await;
    }
    let mut table = String::new();
    for query in [
        "kind=access",
        "kind=code",
        "client=conf",
        "user=ada&kind=refresh",
        "client=spa&user=ada",
        "client=nobody",
        "from=4",
        "from=99",
        "from=x",
    ] {
        let page = mock
            .get(&format!("{TOKENS}?{query}"))
            .in_browser()
            .await
            .page();
        let count = page.texts("#token-list tbody tr").len();
        let chips = page.texts("#token-kinds .chip[aria-current]").concat();
        let problem = page.texts(".problem").concat();
        let line = format!("{query}: {count}, {chips} {problem}");
        table += &format!("{}\n", line.trim_end());
    }
    assert_snapshot!(table, @r#"
    kind=access: 3, Access tokens 3
    kind=code: 0, Codes 0
    client=conf: 4, All 4
    user=ada&kind=refresh: 2, Refresh tokens 2
    client=spa&user=ada: 2, All 2
    client=nobody: 0, All 0 client_id: no client "nobody"; there are conf, spa, public-cc, narrow, wide, disabled, testers, other, code-only, no-grants, odd-secret, lost-secret, appblk-x
    from=4: 2, All 6
    from=99: 6, All 6
    from=x: 6, All 6
    "#);
}

#[tokio::test]
async fn tokens_are_expired_and_revoked_one_by_one() {
    let mock = frozen().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let [access, refresh] = &hashes(&mock).await[..] else {
        panic!("two tokens");
    };
    let page = show(&mock, TOKENS).await;
    assert_eq!(page.texts("button[value=expire-token]").len(), 1);
    for (act, hash, said) in [
        ("expire-token", access, "Token expired"),
        ("revoke-token", access, "Token revoked"),
        ("revoke-token", refresh, "Token revoked"),
    ] {
        assert!(mock.is_active(&tokens.access).await || act == "revoke-token");
        assert_eq!(done(&mock, &[("act", act), ("sha256", hash)]).await, said);
        assert!(!mock.is_active(&tokens.access).await, "{act}");
    }
    assert_eq!(hashes(&mock).await, [""; 0]);
    for hash in [refresh.as_str(), "", "zz"] {
        let refused = press(&mock, &[("act", "revoke-token"), ("sha256", hash)]).await;
        assert_eq!(refused.status, 400, "{hash}");
    }
    mock.tokens(&CONF, "1").await;
    mock.tokens(&CONF, "1").await;
    assert_eq!(
        done(&mock, &[("act", "expire")]).await,
        "2 access tokens have expired"
    );
}

#[tokio::test]
async fn issued_tokens_are_shown_once() {
    let mock = TestServer::documented().await;
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        let form = show(&sandbox, "/_mock/tokens?issue").await;
        assert_eq!(form.texts("form [name=client_id] option").len(), 13);
        let fields = [
            ("act", "issue-tokens"),
            ("client_id", "conf"),
            ("user", "ada"),
            ("scope", "AI Services"),
            ("expires_in", "5m"),
        ];
        let pressed = press(&sandbox, &fields).await;
        assert_eq!(pressed.status, 303, "{}", pressed.body);
        let carried = pressed.headers.get_all("set-cookie").iter();
        let carried: Vec<_> = carried.filter_map(|cookie| cookie.to_str().ok()).collect();
        let cookie = carried
            .iter()
            .find(|cookie| cookie.starts_with("mock-shown-once="));
        let cookie = cookie.expect("the tokens are in a cookie");
        let place = format!("{}{TOKENS}", sandbox.base.trim_start_matches(&mock.base));
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Strict")
                && cookie.contains(&format!("Path={place};")),
            "{cookie}"
        );
        let page = sandbox
            .get(TOKENS)
            .in_browser()
            .cookie(&pressed.cookies())
            .await;
        let shown = page.page().texts(".copyfield--box code");
        let [access, refresh] = &shown[..] else {
            panic!("{shown:?}");
        };
        assert!(sandbox.is_active(access).await);
        let refreshed = sandbox.token(&CONF.refresh_params(refresh)).await;
        assert_eq!(refreshed.status, 200, "{refreshed}");
        let forgotten = page.headers.get_all("set-cookie").iter();
        let mut forgotten = forgotten.filter_map(|cookie| cookie.to_str().ok());
        assert!(forgotten.any(|cookie| cookie.starts_with("mock-shown-once=;")));
        // A script that keeps the page up to date leaves them to the page.
        let reload = sandbox
            .get(TOKENS)
            .in_browser()
            .header("sec-fetch-dest", "empty")
            .cookie(&pressed.cookies());
        assert_eq!(reload.await.page().texts(".copyfield--box"), [""; 0]);
        // A value that is none of the sandbox's is not shown.
        let planted = sandbox
            .get(TOKENS)
            .in_browser()
            .cookie("mock-shown-once=access%3Dcivitai_00");
        assert_eq!(planted.await.page().texts(".copyfield--box"), [""; 0]);
    }
}

#[tokio::test]
async fn public_client_gets_tokens_too() {
    let mock = TestServer::documented().await;
    let fields = [
        ("act", "issue-tokens"),
        ("client_id", "spa"),
        ("user", "owner"),
        ("scope", "1"),
    ];
    let page = follow(&mock, &fields).await.page();
    assert_eq!(page.texts(".copyfield--box").len(), 2);
    assert_eq!(page.texts("[data-toasts]"), ["Tokens issued"]);
}
