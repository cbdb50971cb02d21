//! `/user/account`, Connected Apps: the budgets of an app, one row each, and what is spent of them.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, Fields, TestResponse, TestServer};

const ACCOUNT: &str = "/user/account";
const LIMIT: &str = "/user/account/connected/conf/limit";

/// A sandbox in which every visitor is ada, who owns no app.
async fn ada() -> TestServer {
    let mock = TestServer::documented().await;
    mock.set(json!({ "login": "ada" })).await;
    mock.control("DELETE", "/clients/other", json!({})).await;
    mock
}

/// As [`ada`], with an app that she authorized with this limit.
async fn limited(budgets: &Value) -> TestServer {
    let mock = ada().await;
    let consent = json!({ "user": "ada", "client_id": "conf", "scope": "AI Services", "buzz_limit": budgets });
    mock.control("POST", "/consents", consent).await;
    mock
}

/// The text of these elements.
fn shown(answer: &TestResponse, css: &str) -> String {
    answer.page().texts(css).join("\n")
}

async fn budgets(mock: &TestServer) -> Value {
    let consents = mock.control("GET", "/consents", json!({})).await;
    consents["consents"][0]["buzz_limit"].clone()
}

/// The fields of the limit's form, including its selections.
async fn form(mock: &TestServer) -> Fields {
    let page = mock.get(ACCOUNT).await.page();
    let forms = page.forms();
    let found = forms.iter().find(|form| form.action == LIMIT);
    let mut fields = found.expect("there is such a form").fields.clone();
    let css = format!("form[action='{LIMIT}'] select");
    for name in page.attributes(&css, "name") {
        let chosen = format!("select[name='{name}'] option[selected]");
        let value = match &page.attributes(&chosen, "value")[0] {
            value if value.is_empty() => page.texts(&chosen)[0].clone(),
            value => value.clone(),
        };
        fields = fields.and(&name, &value);
    }
    fields
}

fn three() -> Value {
    json!([
        { "type": "absolute", "limit": 100, "currencies": ["blue", "green"] },
        { "type": "sliding", "limit": 500, "window": "week", "unit": 2 },
        { "type": "rollover", "limit": 900, "cron": "0 0 * * 1", "currencies": ["yellow"] },
    ])
}

#[tokio::test]
async fn unchanged_form_changes_nothing() {
    let mock = limited(&three()).await;
    let saved = mock.post(LIMIT, &form(&mock).await).await;
    assert_eq!((saved.status, saved.location().path()), (303, ACCOUNT));
    assert_eq!(budgets(&mock).await, three());
}

#[tokio::test]
async fn budget_is_removed_and_another_added() {
    let mock = limited(&three()).await;
    let changed = form(&mock)
        .await
        .and("remove-2", "yes")
        .with("kind-4", "absolute")
        .with("limit-4", "7")
        .with("currencies-4", "yellow");
    assert_eq!(mock.post(LIMIT, &changed).await.status, 303);
    let mut wanted = three();
    wanted[1] = wanted[2].take();
    wanted[2] = json!({ "type": "absolute", "limit": 7, "currencies": ["yellow"] });
    assert_eq!(budgets(&mock).await, wanted);
}

#[tokio::test]
async fn invalid_budget_is_reported_beside_its_row_and_shown_as_typed() {
    let mock = limited(&three()).await;
    let mut table = String::new();
    for (field, value) in [
        ("limit-1", "0"),
        ("unit-2", "two"),
        ("cron-3", "not a cron"),
        ("cron-3", "0 0 30 2 *"),
    ] {
        let typed = form(&mock).await.with(field, value).with("limit-2", "4321");
        let answer = mock.post(LIMIT, &typed).await;
        let page = answer.page();
        let value_of = |name| {
            page.attributes(&format!("input[name='{name}']"), "value")
                .concat()
        };
        assert_eq!((&*value_of(field), &*value_of("limit-2")), (value, "4321"));
        assert_eq!(
            page.attributes("[aria-describedby]", "aria-describedby"),
            page.attributes(".problem", "id")
        );
        table += &format!("{} {}\n", answer.status, page.texts(".problem").join(" | "));
    }
    let nothing = mock.post(LIMIT, &Fields::new(&[])).await;
    table += &format!(
        "{} {}\n",
        nothing.status,
        nothing.page().texts(".problem").join(" | ")
    );
    assert_snapshot!(table, @r#"
    400 The amount must be a whole number of at least 1, not "0".
    400 The number of windows must be a whole number of at least 1, not "two".
    400 "not a cron" is not a cron expression that fires: write five fields, such as "0 0 1 * *" for the first day of each month.
    400 "0 0 30 2 *" is not a cron expression that fires: write five fields, such as "0 0 1 * *" for the first day of each month.
    400 The form had no limit: nothing was changed.
    "#);
    assert_eq!(budgets(&mock).await, three(), "nothing was stored");
}

#[tokio::test]
async fn app_without_consent_gets_no_budget() {
    let mock = ada().await;
    let fields = Fields::new(&[("kind-1", "absolute"), ("limit-1", "5")]);
    for app in ["conf", "nobody"] {
        let path = format!("/user/account/connected/{app}/limit");
        let refused = mock.post(&path, &fields).await;
        assert_eq!(refused.status, 404);
        assert_eq!(
            refused.page().texts(".problem").join(""),
            format!(
                "{app:?} is not connected: authorize it on its consent page first, then set a limit."
            )
        );
    }
    let consents = mock.control("GET", "/consents", json!({})).await;
    assert_eq!(consents["consents"], json!([]));
}

#[tokio::test]
async fn spent_buzz_is_shown_and_an_absolute_budget_can_be_reset() {
    let mock = ada().await;
    mock.control("PATCH", "/users/ada", json!({ "buzz": { "yellow": 1000 } }))
        .await;
    let budget = json!([{ "type": "absolute", "limit": 100 }, { "type": "sliding", "limit": 500, "window": "day", "unit": 1 }]);
    let consent =
        json!({ "user": "ada", "client_id": "conf", "scope": "AI Services", "buzz_limit": budget });
    mock.control("POST", "/consents", consent).await;
    let tokens = mock.tokens(&CONF, "98309").await;
    let order = || {
        let bearer = format!("Bearer {}", tokens.access);
        let ask = mock.request("POST", "/v2/consumer/workflows");
        ask.header("authorization", &bearer)
            .json(&json!({ "cost": 80, "steps": [] }))
    };
    let first = order().await;
    assert_eq!(first.status, 200, "{first}");
    assert!(order().await.status >= 400, "the cap holds");
    let bars = |answer: &TestResponse| shown(answer, ".budget-bar");
    assert_snapshot!(bars(&mock.get(ACCOUNT).await), @"
    100 buzz in total: 80 spent, 20 remaining 80 of 100
    500 buzz per day: 80 spent, 420 remaining 80 of 500
    ");
    let reset = mock
        .post(
            "/user/account/connected/conf/reset-budget",
            &Fields::new(&[]),
        )
        .await;
    assert_eq!((reset.status, reset.location().path()), (303, ACCOUNT));
    assert_snapshot!(bars(&mock.get(ACCOUNT).await), @"
    100 buzz in total: 0 spent, 100 remaining 0 of 100
    500 buzz per day: 80 spent, 420 remaining 80 of 500
    ");
    assert_eq!(order().await.status, 200);
}

#[tokio::test]
async fn connected_apps_are_listed_limited_and_revoked() {
    let mock = ada().await;
    mock.approve(&CONF.authorize_params("98309").and("remember", "true"))
        .await;
    let tokens = mock.tokens(&CONF, "98309").await;
    let limit = |fields: &[(&str, &str)]| {
        let fields = Fields::new(fields);
        let sandbox = &mock;
        async move {
            sandbox
                .post("/user/account/connected/conf/limit", &fields)
                .await
        }
    };
    let budgets = || async {
        let consents = mock.control("GET", "/consents", json!({})).await;
        (
            consents["consents"][0]["scope"].clone(),
            consents["consents"][0]["buzz_limit"].to_string(),
        )
    };
    let mut table = String::new();
    for fields in [
        vec![("kind-1", "absolute"), ("limit-1", "100")],
        vec![
            ("kind-1", "sliding"),
            ("limit-1", "100"),
            ("unit-1", "2"),
            ("window-1", "week"),
        ],
        vec![
            ("kind-1", "rollover"),
            ("limit-1", "100"),
            ("cron-1", "0 0 1 * *"),
        ],
        vec![("kind-1", "none")],
    ] {
        let answer = limit(&fields).await;
        let (scope, budgets) = budgets().await;
        table += &format!("{} {scope} {budgets}\n", answer.status);
    }
    assert_snapshot!(table, @r#"
    303 "98309" [{"type":"absolute","limit":100}]
    303 "98309" [{"type":"sliding","limit":100,"window":"week","unit":2}]
    303 "98309" [{"type":"rollover","limit":100,"cron":"0 0 1 * *"}]
    303 "98309" null
    "#);

    let page = mock.get(ACCOUNT).await;
    assert_snapshot!(shown(&page, "[aria-labelledby=connected-apps] .scopes li"), @"
    Read profile, settings & email
    Browse & download models
    Generate, train & scan
    View buzz balance & history
    ");
    let gone = mock
        .post("/user/account/connected/conf/revoke", &Fields::new(&[]))
        .await;
    assert_eq!(gone.status, 303);
    assert!(!mock.is_active(&tokens.access).await);
    assert!(
        mock.get(ACCOUNT)
            .await
            .body
            .contains("You have no connected apps.")
    );
}

#[tokio::test]
async fn pages_stay_small_with_many_apps_and_users() {
    let mock = ada().await;
    for number in 0..120 {
        let client = json!({
            "id": format!("app-{number}"), "name": format!("App {number}"), "owner": "ada",
            "redirect_uris": ["https://app.example/one", "https://app.example/two"],
        });
        mock.control("POST", "/clients", client).await;
        let user = json!({ "username": format!("user-{number}") });
        mock.control("POST", "/users", user).await;
        let budget = json!([{ "type": "sliding", "limit": 100, "window": "day", "unit": 1 }]);
        let consent = json!({ "user": "ada", "client_id": format!("app-{number}"), "scope": "AI Services", "buzz_limit": budget });
        mock.control("POST", "/consents", consent).await;
    }
    for path in [
        "/",
        ACCOUNT,
        "/user/account?apps=110&connected=115",
        "/_mock",
        "/_mock/playground",
        "/_mock/consent",
    ] {
        let page = mock.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.body.len() <= 42_000,
            "{path}: {} bytes",
            page.body.len()
        );
    }
    let page = mock.get(ACCOUNT).await.page();
    assert_eq!(
        page.attributes("a[href*='?']", "href").join(" "),
        "/login?returnUrl=%2Fuser%2Faccount /user/account?connected=5#connected-apps /user/account?apps=10#oauth-apps /user/account?scheme=light"
    );
    // An error is shown on the list page that has the app.
    let wrong = Fields::new(&[("kind-1", "absolute"), ("limit-1", "0")]);
    let refused = mock
        .post("/user/account/connected/app-99/limit", &wrong)
        .await;
    assert_eq!(
        shown(&refused, ".problem"),
        "The amount must be a whole number of at least 1, not \"0\"."
    );
}
