//! `/_mock/settings`.

use civitai_oauth_mock::{Contract, DIFFERENCES};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{done, show};
use crate::support::{SandboxClient, TestServer};

const SETTINGS: &str = "/_mock/settings";

async fn settings(sandbox: &SandboxClient) -> Value {
    sandbox.get(SETTINGS).await.json()
}

#[tokio::test]
async fn each_setting_shows_its_value_and_its_default() {
    let mock = TestServer::documented().await;
    let page = show(&mock, SETTINGS).await;
    let texts = |page: &crate::support::Page| {
        page.texts(".setting .setting__name, .setting .setting__help")
    };
    assert_snapshot!(texts(&page).join("\n"), @"
    Consent page
    Show it, or answer it automatically. Default: Show the page
    Sign-in page
    Show it, or sign in every browser as one user. Default: Show the page
    Unknown clients
    Refuse them, or register each on its first request. Default: Refuse
    Rate limits
    Enforce Civitai’s rate limits. Default: off
    Reason headers
    Refused responses have X-Mock-Reason and X-Mock-Request. Default: on
    Access tokens
    Lifetime of those issued from now on. Default: 1 h
    Refresh tokens
    Lifetime of those issued from now on. Default: 30 d
    Authorization codes
    Lifetime; empty: that of the contract. Default: that of the contract
    Workflow cost
    In Buzz, if the request names no cost. Default: 10
    Workflow duration
    0: workflows finish at once. Default: 0 s
    ");
    assert_eq!(page.texts("main .tag--accent"), [""; 0]);
    let changed = json!({ "consent": "deny", "access_token_seconds": 90, "reason_headers": false, "login": "ada" });
    mock.set(changed).await;
    let page = show(&mock, SETTINGS).await;
    let marked = page.texts(".setting__name:has(.tag)");
    assert_eq!(
        marked,
        [
            "Consent page changed",
            "Sign-in page changed",
            "Reason headers changed",
            "Access tokens changed"
        ]
    );
    assert_eq!(
        page.attributes("#set-access_token_seconds", "value"),
        ["90s"]
    );
    assert_eq!(
        page.attributes("#set-consent [selected]", "value"),
        ["deny"]
    );
    assert_eq!(page.attributes("#set-login [selected]", "value"), ["ada"]);
    assert_eq!(page.texts("#set-reason_headers[checked]").len(), 0);
    assert!(page.texts("#reset-all summary")[0].starts_with("Reset 4 to the default"));
}

#[tokio::test]
async fn groups_are_saved_and_reset() {
    let mock = TestServer::documented().await;
    let before = settings(&mock).await;
    let sign_in = [
        ("act", "settings"),
        ("group", "sign-in"),
        ("consent", "approve"),
        ("login", "ada"),
        ("unknown_clients", "register"),
        ("rate_limits", "true"),
    ];
    let lifetimes = [
        ("act", "settings"),
        ("group", "lifetimes"),
        ("access_token_seconds", "1m"),
        ("refresh_token_seconds", "30d"),
        ("code_seconds", "30"),
        ("workflow_cost", "12"),
        ("workflow_seconds", "0s"),
    ];
    let scopes = [
        ("act", "settings"),
        ("group", "scopes"),
        ("scopes", "536870912 NewScope Use it"),
    ];
    let mut table = String::new();
    for fields in [&sign_in[..], &lifetimes, &scopes, &scopes] {
        table += &format!("{}\n", done(&mock, fields).await);
    }
    let after = settings(&mock).await;
    assert_eq!(
        (
            &after["scopes"][0]["label"],
            &after["code_seconds"],
            &after["reason_headers"]
        ),
        (&json!("Use it"), &json!(30), &json!(false))
    );
    let page = show(&mock, SETTINGS).await;
    assert_eq!(page.texts("#set-scopes"), ["536870912 NewScope Use it"]);
    for key in ["consent", "code_seconds", "scopes"] {
        table += &format!(
            "{}\n",
            done(&mock, &[("act", "reset-setting"), ("key", key)]).await
        );
    }
    let after = settings(&mock).await;
    assert_eq!(
        (
            &after["consent"],
            &after["code_seconds"],
            after.get("scopes")
        ),
        (&json!("ask"), &Value::Null, None)
    );
    table += &done(&mock, &[("act", "reset-setting"), ("key", "all")]).await;
    assert_eq!(settings(&mock).await, before);
    assert_snapshot!(table, @"
    Rate limits: on, Sign-in page: ada, Consent page: approve, Unknown clients: register, Reason headers: off
    Access tokens: 60, Authorization codes: 30, Workflow cost: 12
    Scopes saved
    Nothing has changed
    Consent page: default
    Authorization codes: default
    Scopes: default
    All settings have their defaults
    ");
}

#[tokio::test]
async fn click_chooses_the_side_of_a_difference() {
    let mock = TestServer::documented().await;
    let page = show(&mock, SETTINGS).await;
    assert_eq!(
        page.texts("#contract-card tbody tr").len(),
        DIFFERENCES.len()
    );
    let choices = page.attributes("button.side", "value");
    assert_eq!(choices.len(), DIFFERENCES.len() * Contract::ALL.len());
    let chosen = page.attributes("button.side[aria-pressed=true]", "value");
    assert!(
        chosen.iter().all(|choice| choice.ends_with("=documented")),
        "{chosen:?}"
    );
    // Each cell has its sentence and its date.
    for (info, row) in DIFFERENCES
        .iter()
        .zip(page.texts("#contract-card tbody tr"))
    {
        for side in [info.documented, info.live] {
            assert!(row.contains(side.since), "{row}");
        }
        assert!(row.contains(info.documented.answer), "{row}");
    }
    for choice in choices
        .iter()
        .filter(|choice| choice.starts_with("scope-shape="))
        .rev()
    {
        let said = done(&mock, &[("act", "difference"), ("choice", choice)]).await;
        assert_eq!(said, choice.replace('=', ": "));
        let (_, side) = choice.split_once('=').expect("a side");
        let set = settings(&mock).await["differences"]["scope-shape"].clone();
        // That of the contract removes the override.
        assert_eq!(
            set,
            if side == "documented" {
                Value::Null
            } else {
                json!(side)
            }
        );
        let page = show(&mock, SETTINGS).await;
        assert_eq!(
            page.attributes("tr:first-child .side[aria-pressed=true]", "value"),
            std::slice::from_ref(choice)
        );
        assert_eq!(
            page.texts("tr.is-override").len(),
            usize::from(side != "documented")
        );
    }
    mock.set(json!({ "contract": "live", "differences": { "scope-shape": "documented", "buzz-limit": "documented" } })).await;
    let reset = [("act", "reset-setting"), ("key", "differences")];
    assert_eq!(done(&mock, &reset).await, "Differences: default");
    let after = settings(&mock).await;
    assert_eq!(
        (&after["contract"], &after["differences"]),
        (&json!("live"), &json!({}))
    );
}

#[tokio::test]
async fn saved_group_does_not_undo_what_others_changed() {
    let mock = TestServer::documented().await;
    let opened = show(&mock, SETTINGS).await;
    let mut forms = opened.forms().into_iter();
    let form = forms.find(|form| form.fields.get("group") == Some("lifetimes"));
    let form = form.expect("the form of the lifetimes").fields;
    mock.set(json!({ "access_token_seconds": 90, "workflow_cost": 7 }))
        .await;
    let changed = form.with("workflow_seconds", "5s");
    let saved = mock.post("/_mock/actions", &changed).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let now = settings(&mock).await;
    let shown = json!([
        now["access_token_seconds"],
        now["workflow_cost"],
        now["workflow_seconds"]
    ]);
    assert_eq!(shown, json!([90, 7, 5]));
}
