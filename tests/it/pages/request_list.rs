//! The lines of the request list: changes between the requests, page loads below their sign-in, and denied consents.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, SandboxClient, TestResponse, TestServer};

/// The lines as the list shows them: `#id` of a request, `- ` before one that is hidden, and the text of a change.
fn lines(answer: &TestResponse) -> String {
    let page = answer.page();
    let rows = |name: &str| page.attributes("#requests tr", name);
    let (ids, groups, classes) = (rows("data-id"), rows("data-group"), rows("class"));
    let texts = page.texts("#requests tr");
    let line = |at: usize| {
        let text = texts[at].replace(" ms", "");
        // Times and durations differ from run to run.
        let text: Vec<&str> = text.split(' ').skip(1).collect();
        if classes[at] == "event" {
            return format!("~ {}\n", text.join(" "));
        }
        let text = &text[..text.len() - 1];
        let indent = if groups[at].is_empty() { "" } else { "    " };
        format!("{indent}#{} {}\n", ids[at], text.join(" "))
    };
    (0..ids.len()).map(line).collect()
}

/// Where a response leads to: path and query.
fn target(answer: &TestResponse) -> String {
    let there = answer.location();
    format!("{}?{}", there.path(), there.query().unwrap_or_default())
}

async fn everything(sandbox: &SandboxClient, query: &str) -> String {
    lines(&sandbox.get(&format!("/_mock?show=all{query}")).await)
}

#[tokio::test]
async fn changes_are_lines_between_the_requests() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.client_credentials()).await;
    mock.control("POST", "/clock/advance", json!({ "by": "2h" }))
        .await;
    mock.control(
        "POST",
        "/faults/presets/rate-limited",
        json!({ "times": 1 }),
    )
    .await;
    mock.token(&CONF.client_credentials()).await;
    mock.control("PATCH", "/settings", json!({ "contract": "live" }))
        .await;
    for query in ["", "?show=refused", "?show=all"] {
        let page = mock.get(&format!("/_mock{query}")).await;
        let events = page.page().texts("#requests .event b");
        assert_eq!(
            events,
            [
                "Contract: live",
                "Fault rate-limited turned on, once",
                "Clock moved 2 h ahead"
            ],
            "{query}"
        );
        assert!(page.page().texts("#count")[0].ends_with("of 2 requests"));
    }
    assert_snapshot!(everything(&mock, "").await, @"
    ~ Contract: live
    #2 POST token client_credentials fault 429 rate_limited fault 1 Conf App
    ~ Fault rate-limited turned on, once
    ~ Clock moved 2 h ahead
    #1 POST token client_credentials the other contract differs 200 Conf App owner
    ");
    // A search shows what it finds alone.
    let found = mock.get("/_mock?q=token").await.page();
    assert_eq!(found.texts("#requests .event"), [""; 0]);
}

#[tokio::test]
async fn page_loads_of_a_sign_in_are_below_its_authorize_request() {
    let mock = TestServer::documented().await;
    let asked = CONF.authorize_params("1");
    let authorize = format!("{AUTHORIZE}?{}", asked.encoded());
    let login = target(&mock.get(&authorize).await);
    mock.get(&login).await;
    mock.userinfo("x").await;
    let cookie = mock.session("ada").await;
    let consent = target(&mock.get(&authorize).cookie(&cookie).await);
    mock.get(&consent).cookie(&cookie).await;
    mock.get(&consent).cookie(&cookie).await;
    // Of another sign-in.
    let other = consent.replace("state=", "state=other");
    mock.get(&other).cookie(&cookie).await;
    assert_snapshot!(everything(&mock, "").await, @"
    #7 GET /login/oauth/authorize 200 Conf App ada
    #4 GET authorize +2 pages 303 Conf App ada
        #5 GET /login/oauth/authorize 200 Conf App ada
        #6 GET /login/oauth/authorize 200 Conf App ada
    #3 GET userinfo 401 invalid_token
    #1 GET authorize +1 page 303 Conf App
        #2 GET /login 200
    ");
    let page = mock.get("/_mock?show=all").await.page();
    let hidden = page.attributes("#requests tr[hidden]", "data-group");
    assert_eq!(hidden, ["4", "4", "1"]);
    // Without a script, the link shows them.
    let open = page.attributes("#requests a.pages", "href");
    let page = mock.get(&open[0]).await.page();
    assert_eq!(page.attributes("#requests tr[hidden]", "data-group"), ["1"]);
    assert_eq!(
        page.attributes("#requests a.pages", "aria-expanded"),
        ["true", "false"]
    );
    // They are no requests of the app.
    let app = mock.get("/_mock").await;
    assert_snapshot!(lines(&app), @"
    #4 GET authorize 303 Conf App ada
    #3 GET userinfo 401 invalid_token
    #1 GET authorize 303 Conf App
    ");
}

#[tokio::test]
async fn pages_of_a_device_are_below_the_request_of_the_device() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let cookie = mock.session("ada").await;
    let code = device.user_code.clone();
    mock.get(&format!("/login/oauth/device?code={code}"))
        .cookie(&cookie)
        .await;
    mock.get("/login/oauth/device?code=ZZZZ-ZZZZ")
        .cookie(&cookie)
        .await;
    assert_snapshot!(everything(&mock, "").await.replace(&code, "CODE"), @"
    #3 GET /login/oauth/device 200 ada
    #1 POST device +1 page 200 Device App
        #2 GET /login/oauth/device 200 ada
    ");
}

#[tokio::test]
async fn denied_consent_is_a_refusal_with_its_reason() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    let form = CONF.authorize_params("1");
    let denied = mock
        .post("/login/oauth/authorize", &form)
        .cookie(&cookie)
        .await;
    assert_eq!(denied.status, 303);
    let page = mock.get("/_mock?show=refused").await;
    assert_snapshot!(lines(&page), @"#1 POST /login/oauth/authorize 303 access_denied Conf App ada");
    let page = page.page();
    assert_eq!(
        page.texts(".headline"),
        ["Ada denied the consent to Conf App"]
    );
    assert_eq!(page.texts(".chip b")[0], "1");
    assert_eq!(
        page.attributes("#requests .pill", "class"),
        ["pill pill--denied"]
    );
}

#[tokio::test]
async fn missing_request_is_not_selected() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.client_credentials()).await;
    let page = mock.get("/_mock?request=77").await.page();
    assert_eq!(page.attributes("[data-detail]", "data-detail"), ["1"]);
}
