//! `/_mock` and `/_mock/requests/{id}`: the requests, their filters and their details.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, SPA, SandboxClient, TestResponse, TestServer, USERINFO};

const REQUESTS: &str = "/_mock";

/// The rows of the list: id, method, endpoint, status, client, user.
fn rows(answer: &TestResponse) -> Vec<String> {
    let page = answer.page();
    let ids = page.attributes("#requests tr[data-id]", "data-id");
    let cell = |name: &str| page.texts(&format!("#requests td.{name}"));
    let cells = ["method", "endpoint", "state", "client", "user"].map(cell);
    let row = |(at, id): (usize, &String)| {
        let texts = cells.each_ref().map(|column| column[at].as_str());
        let filled = texts.into_iter().filter(|text| !text.is_empty());
        format!("{id} {}", filled.collect::<Vec<_>>().join(" "))
    };
    ids.iter().enumerate().map(row).collect()
}

fn ids(answer: &TestResponse) -> Vec<String> {
    answer.page().attributes("#requests tr[data-id]", "data-id")
}

fn chips(answer: &TestResponse) -> String {
    answer.page().texts(".chip").join(" · ")
}

async fn detail(sandbox: &SandboxClient, id: u64) -> TestResponse {
    sandbox
        .get(&format!("/_mock/requests/{id}"))
        .header("accept", "text/html")
        .await
}

#[tokio::test]
async fn rejection_shows_its_reason_and_the_other_contract() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let asked = CONF
        .authorize_params("1")
        .with("redirect_uri", "http://localhost:9/<b>");
    mock.get(&format!("{AUTHORIZE}?{}", asked.encoded()))
        .cookie(&cookie)
        .await;
    let page = detail(&mock, 1).await;
    let texts = |css: &str| page.page().texts(css).join(" | ");
    assert_snapshot!(texts(".diagnosis__row--reason"), @r#"Reason redirect_uri "http://localhost:9/<b>" is not registered for Conf App; the closest one, "http://localhost:8080/cb", differs in the port The redirect URI must equal a registered one, character by character; the port of a loopback URI counts, too."#);
    assert_snapshot!(texts(".diagnosis__row--fix"), @"Fix Register it on the account page, in the seed or with PATCH /_mock/clients/{id}, or send a registered one. RFC 9700 §2.1; difference redirect-uri-match");
    assert!(!page.body.contains("<b>http") && !page.body.contains("9/<b>"));
    // The list shows the same beside it.
    let list = mock.get(REQUESTS).await;
    assert_eq!(
        list.page().texts(".diagnosis__row--reason"),
        page.page().texts(".diagnosis__row--reason")
    );
}

#[tokio::test]
async fn only_differences_with_an_effect_are_prominent() {
    let mock = TestServer::documented().await;
    // Without a challenge: neither the redirect URI nor the response type had an effect.
    let asked = CONF.authorize_params("1").without("code_challenge");
    let cookie = mock.session("ada").await;
    mock.get(&format!("{AUTHORIZE}?{}", asked.encoded()))
        .cookie(&cookie)
        .await;
    let page = detail(&mock, 1).await.page();
    assert_eq!(page.texts(".diagnosis__row--differs"), [""; 0]);
    let others = page.texts(".differences summary");
    assert!(
        others.len() == 1 && others[0].contains("other difference"),
        "{others:?}"
    );
    // The documentation and the live server answer differently about the claims.
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    let newest = ids(&mock.get(REQUESTS).await)[0].parse().expect("an id");
    let page = detail(&mock, newest).await.page();
    assert_snapshot!(page.texts(".diagnosis__row--differs").join(""), @"Civitai’s live server would answer differently here live, live@2026-08 : also roles, isModerator and tier. Here (documented): sub, id, username, preferred_username, name, picture, image, email, email_verified. userinfo-claims");
}

#[tokio::test]
async fn reused_token_links_to_the_request_that_used_it() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/requests", json!({})).await;
    mock.control("POST", "/clock/freeze", json!({})).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.advance(4).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    let newest = ids(&mock.get(REQUESTS).await)[0].parse().expect("an id");
    let page = detail(&mock, newest).await.page();
    assert_snapshot!(page.texts(".headline").concat(), @"Refresh token already used in request 3 , 4 s ago");
    assert_eq!(
        page.attributes(".headline a", "href"),
        [format!("/_mock/requests/{}", newest - 1)]
    );
    assert_eq!(page.texts(".timeline b"), ["Used", "Refused"]);
    let known = page.texts(".params .known");
    assert!(
        known.contains(&format!("used in {}", newest - 1)),
        "{known:?}"
    );
}

#[tokio::test]
async fn a_fault_is_named() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/faults/presets/token-endpoint-down", json!({}))
        .await;
    mock.token(&CONF.client_credentials()).await;
    let page = mock.get(REQUESTS).await;
    assert_snapshot!(page.page().texts(".diagnosis__row--fault").join(" | "), @"Fault applied fault 1 (token-endpoint-down: the token endpoint returns 503)");
    assert_snapshot!(rows(&page).join("\n"), @"1 POST token client_credentials fault 503 fault 1 Conf App");
}

#[tokio::test]
async fn chips_count_refusals_app_requests_and_everything() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    // A browser signs in: pages are not app requests.
    for path in ["/", "/login", "/user/account", "/favicon.ico"] {
        mock.get(path).header("accept", "text/html").await;
    }
    let device = mock.device("1").await;
    // The device must wait, which is no refusal.
    assert_eq!(
        mock.poll(&device).await.text("error"),
        "authorization_pending"
    );
    mock.token(&CONF.refresh_params("x")).await;
    let page = mock.get(REQUESTS).await;
    assert_snapshot!(chips(&page), @"Refused 1 · App requests 3 · Everything 6");
    assert_snapshot!(rows(&page).join("\n"), @"
    6 POST token refresh_token 400 invalid_grant Conf App
    5 POST device-token device_code 400 authorization_pending Device App
    4 POST device 200 Device App
    ");
    assert_snapshot!(page.page().texts("#count").concat(), @"3 of 6 requests");
    assert_snapshot!(page.page().title(), @"Requests (1 refused) · civitai-oauth-mock");
    let refused = mock.get("/_mock?show=refused").await;
    assert_snapshot!(rows(&refused).join("\n"), @"6 POST token refresh_token 400 invalid_grant Conf App");
    let everything = mock.get("/_mock?show=all").await;
    assert_snapshot!(rows(&everything).join("\n"), @"
    6 POST token refresh_token 400 invalid_grant Conf App
    5 POST device-token device_code 400 authorization_pending Device App
    4 POST device 200 Device App
    3 GET /user/account 303
    2 GET /login 200
    1 GET / 200
    ");
}

#[tokio::test]
async fn counts_follow_evictions_and_deletions() {
    let mut config = crate::support::config(civitai_oauth_mock::Contract::Documented);
    config.journal_capacity = 3;
    let mock = TestServer::start(config).await;
    for _ in 0..3 {
        mock.token(&CONF.refresh_params("x")).await;
    }
    mock.get("/login").await;
    mock.token(&CONF.client_credentials()).await;
    assert_snapshot!(chips(&mock.get(REQUESTS).await), @"Refused 1 · App requests 2 · Everything 3");
    mock.control("DELETE", "/requests", json!({})).await;
    assert_snapshot!(chips(&mock.get(REQUESTS).await), @"Refused 0 · App requests 0 · Everything 0");
}

#[tokio::test]
async fn search_finds_path_parameter_answer_and_names() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.userinfo(&tokens.access).await;
    mock.token(&CONF.refresh_params("civitai_00")).await;
    mock.token(&SPA.refresh_params("civitai_00")).await;
    let mut table = String::new();
    for query in [
        "q=userinfo",
        "q=app.example%2Fcallback",
        "q=invalid_grant",
        "q=public+app",
        "q=%231",
        "q=nowhere",
        "status=4xx",
        "status=400&client_id=conf",
        "user=ada&endpoint=userinfo",
    ] {
        let found = mock.get(&format!("/_mock?{query}")).await;
        table += &format!(
            "{query}: {} ({})\n",
            ids(&found).join(", "),
            found.page().texts("#count").concat()
        );
    }
    assert_snapshot!(table, @"
    q=userinfo: 3 (1 of 5 requests)
    q=app.example%2Fcallback: 2, 1 (2 of 5 requests)
    q=invalid_grant: 5, 4 (2 of 5 requests)
    q=public+app: 5 (1 of 5 requests)
    q=%231: 1 (1 of 5 requests)
    q=nowhere:  (0 of 5 requests)
    status=4xx: 5, 4 (2 of 5 requests)
    status=400&client_id=conf: 4 (1 of 5 requests)
    user=ada&endpoint=userinfo: 3 (1 of 5 requests)
    ");
}

#[tokio::test]
async fn filters_that_cannot_match_are_reported() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for query in [
        "endpoint=tokn",
        "client_id=cnf",
        "user=adda",
        "status=9",
        "before=x",
        "error=invalid_grnt",
    ] {
        let answer = mock.get(&format!("/_mock?{query}")).await;
        let problem = answer.page().texts(".problem").join(" | ");
        table += &format!("{} {problem}\n", answer.status);
        assert!(!answer.body.contains("No requests yet"));
    }
    assert_snapshot!(table, @r#"
    400 endpoint: no endpoint "tokn"; did you mean "token"?
    400 client_id: no client "cnf"; did you mean "conf"?
    400 user: no user "adda"; did you mean "ada"?
    400 status: 9 is not a status from 100 to 599; use 0 for requests whose connection was closed without a response
    400 before: "x" is not a number; use the number of a request
    400 error: no endpoint returns the error "invalid_grnt"; did you mean "invalid_grant"?
    "#);
    let none = mock.get("/_mock?error=invalid_grant").await;
    assert_eq!(
        none.page().texts("#nothing p").join(""),
        "No requests match these filters."
    );
}

#[tokio::test]
async fn list_has_50_rows_and_older_pages() {
    let mock = TestServer::documented().await;
    for _ in 0..120 {
        mock.token(&CONF.refresh_params("x")).await;
    }
    let newest = mock.get(REQUESTS).await;
    assert_eq!(ids(&newest).len(), 50);
    assert_eq!(ids(&newest)[0], "120");
    let older = newest.page().attributes("#older a", "href");
    let before = mock.get(&older[0]).await;
    assert_eq!(ids(&before)[0], "70");
    assert!(
        !before.body.contains("data-query"),
        "an old page stays as it is"
    );
    assert_eq!(
        before.page().texts("#count").concat(),
        "120 of 120 requests"
    );
}

#[tokio::test]
async fn request_has_a_page_with_its_neighbors() {
    let mock = TestServer::documented().await;
    for _ in 0..3 {
        mock.token(&CONF.refresh_params("x")).await;
    }
    let page = detail(&mock, 2).await.page();
    assert_eq!(page.texts("h1"), ["#2 POST /api/auth/oauth/token"]);
    assert_eq!(page.attributes("[rel=next]", "href"), ["/_mock/requests/3"]);
    assert_eq!(page.attributes("[rel=prev]", "href"), ["/_mock/requests/1"]);
    assert_eq!(
        page.attributes("[data-copy-text]", "data-copy-text"),
        [format!("{}/_mock/requests/2", mock.base)]
    );
    // The address of a sandbox has its prefix.
    let sandbox = mock.sandbox("x");
    sandbox.token(&CONF.refresh_params("x")).await;
    let page = detail(&sandbox, 1).await.page();
    assert_eq!(
        page.attributes("[data-copy-text]", "data-copy-text"),
        [format!("{}/_mock/requests/1", sandbox.base)]
    );
    for missing in ["77", "0", "x", "-1"] {
        let page = mock
            .get(&format!("/_mock/requests/{missing}"))
            .header("accept", "text/html")
            .await;
        assert_eq!(page.status, 404);
    }
}

#[tokio::test]
async fn names_stand_for_ids_and_times_are_utc() {
    let mock = TestServer::documented().await;
    let at = json!({ "at": "2026-01-31T12:00:00.5Z" });
    mock.control("POST", "/clock/freeze", at).await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.get(USERINFO)
        .header("authorization", &format!("Bearer {}", tokens.access))
        .await;
    mock.advance(120).await;
    let page = mock.get("/_mock?endpoint=userinfo").await.page();
    assert_eq!(page.texts("#requests .client span"), ["Conf App"]);
    assert_eq!(page.attributes("#requests .client span", "title"), ["conf"]);
    assert_eq!(page.texts("#requests .user span"), ["ada"]);
    assert_eq!(page.attributes("#requests .user span", "title"), ["id 2"]);
    assert_eq!(page.texts("#requests time"), ["12:00:00"]);
    assert_eq!(
        page.attributes("#requests time", "title"),
        ["31 Jan 2026, 12:00:00.500 UTC, 2 min ago"]
    );
    assert_eq!(page.texts("[data-ago]"), ["2 min ago"]);
}

#[tokio::test]
async fn large_requests_do_not_make_the_page_large() {
    let mock = TestServer::documented().await;
    let large = "<&\"".repeat(5000);
    for _ in 0..60 {
        let mut fields = CONF.client_credentials();
        for number in 0..100 {
            fields = fields.with(&format!("field-{number}"), &large[..600]);
        }
        mock.token(&fields).await;
    }
    let page = mock.get(REQUESTS).await;
    assert_eq!(ids(&page).len(), 50);
    assert!(page.body.len() <= 150_000, "{} bytes", page.body.len());
}
