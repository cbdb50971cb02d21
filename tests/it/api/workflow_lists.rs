//! `GET /v2/consumer/workflows`: pages, filters, and what they show.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, SpendingApp, TestServer, WORKFLOWS};

/// A sandbox where workflows cost 10 and run for 60 s, and an app of ada's with 100 buzz.
pub(crate) async fn running(mock: &TestServer, name: &str) -> (SandboxClient, SpendingApp) {
    let sandbox = mock.sandbox(name);
    sandbox.freeze("2026-05-01T12:00:00Z").await;
    let settings = json!({ "workflow_seconds": 60, "workflow_cost": 10 });
    sandbox.set(settings).await;
    let ada = SpendingApp::funded(&sandbox, &CONF, 100).await;
    (sandbox, ada)
}

pub(crate) async fn submit(app: &SpendingApp, body: Value) -> String {
    let submitted = app.submit(&body).await;
    assert_eq!(submitted.status, 202, "{submitted}");
    submitted.text("id")
}

pub(crate) fn one(id: &str) -> String {
    format!("{WORKFLOWS}/{id}")
}

/// The steps of the workflows of a page, which are named by their order, and whether another page follows.
pub(crate) async fn page(app: &SpendingApp, query: &str) -> (String, Option<String>) {
    let answer = app.get(&format!("{WORKFLOWS}?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer}");
    let page = answer.json();
    let items = page["items"].as_array().expect("items");
    let names: Vec<&str> = items
        .iter()
        .map(|item| item["steps"][0]["name"].as_str().expect("a name"))
        .collect();
    (names.join(" "), page["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_list_has_pages_and_filters() {
    let mock = TestServer::documented().await;
    let (sandbox, ada) = running(&mock, "list").await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let labels = if "bd".contains(name) {
            json!(["even", name])
        } else {
            json!(["odd"])
        };
        let body = json!({
            "cost": 1, "steps": [{ "name": name }], "tags": labels, "metadata": { "place": name.repeat(3) },
        });
        ids.push(submit(&ada, body).await);
        if name != "c" {
            sandbox.advance(1).await;
        }
    }
    let cancel = json!({ "status": "canceled" });
    let canceled = ada.request("PUT", &one(&ids[1])).json(&cancel).await;
    assert_eq!(canceled.status, 204, "{canceled}");
    for (query, names) in [
        ("", "e d c b a"),
        ("ascending=true", "a b c d e"),
        ("tags=even", "d b"),
        ("tags=even&tags=b", "b"),
        ("tags=even&tags=odd", ""),
        ("query=ccc", "c"),
        ("excludeFailed=true", "e d c a"),
        ("fromDate=2026-05-01T12:00:03Z", "e"),
        ("toDate=2026-05-01T12:00:00", "a"),
        ("fromDate=2026-05-02", ""),
        ("hideMatureContent=true&take=", "e d c b a"),
    ] {
        // Two of them were submitted in the same millisecond: which comes first, their ids say.
        let (found, next) = page(&ada, query).await;
        let sorted = |names: &str| {
            let names = names.replace("d c", "c d");
            names.replace("d c", "c d")
        };
        assert_eq!((sorted(&found), next), (sorted(names), None), "{query}");
    }
    for order in ["", "&ascending=true"] {
        let (all, _) = page(&ada, order).await;
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for take in [2, 1, 2] {
            let query = format!("take={take}&cursor={cursor}{order}");
            let (names, next) = page(&ada, &query).await;
            found.push(names);
            cursor = next.unwrap_or_default();
        }
        assert_eq!((found.join(" "), &*cursor), (all, ""), "{order}");
    }
    let (_, next) = page(&ada, "take=5").await;
    assert_eq!(next, None, "the last page is full");
}

#[tokio::test]
async fn a_page_shows_what_one_workflow_shows() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "show").await;
    let id = submit(&ada, json!({ "tags": ["mine"], "metadata": { "a": [1] } })).await;
    let listed = ada.get(WORKFLOWS).await;
    assert_snapshot!(listed.summary(), @r#"200 {"next":null,"items":[{"id":"<workflow>","status":"processing","createdAt":"2026-05-01T12:00:00Z","completedAt":null,"tags":["mine"],"metadata":{"a":[1]},"cost":{"base":10,"total":10},"steps":[{"$type":"imageGen","name":"0","status":"processing","output":{"images":[{"id":"<blob>","available":false,"url":"http://mock/_sandbox/show/v2/consumer/blobs/<blob>"}]}}]}]}"#);
    let shown = ada.get(&one(&id)).await.json();
    assert_eq!(listed.json()["items"], json!([shown]));
}

#[tokio::test]
async fn invalid_query_is_rejected_with_its_parameter() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "query").await;
    let mut table = String::new();
    for query in [
        "take=0",
        "take=-1",
        "take=many",
        "cursor=nonsense",
        "cursor=x-wf_1",
        "ascending=yes",
        "excludeFailed=1",
        "fromDate=yesterday",
        "toDate=2026-13-01",
    ] {
        let answer = ada.get(&format!("{WORKFLOWS}?{query}")).await;
        let error = &answer.json()["errors"];
        table += &format!("{query}: {} {error}\n", answer.status);
    }
    assert_snapshot!(table, @r#"
    take=0: 400 {"take":["The value '0' is not valid for take."]}
    take=-1: 400 {"take":["The value '-1' is not valid for take."]}
    take=many: 400 {"take":["The value 'many' is not valid for take."]}
    cursor=nonsense: 400 {"cursor":["The value 'nonsense' is not valid for cursor."]}
    cursor=x-wf_1: 400 {"cursor":["The value 'x-wf_1' is not valid for cursor."]}
    ascending=yes: 400 {"ascending":["The value 'yes' is not valid for ascending."]}
    excludeFailed=1: 400 {"excludeFailed":["The value '1' is not valid for excludeFailed."]}
    fromDate=yesterday: 400 {"fromDate":["The value 'yesterday' is not valid for fromDate."]}
    toDate=2026-13-01: 400 {"toDate":["The value '2026-13-01' is not valid for toDate."]}
    "#);
}

#[tokio::test]
async fn page_is_limited_to_128_kib() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "large").await;
    let metadata = json!({ "text": "x".repeat(8000) });
    for _ in 0..20 {
        submit(&ada, json!({ "cost": 0, "metadata": metadata })).await;
    }
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let (names, next) = page(&ada, &format!("cursor={cursor}")).await;
        pages.push(names.split_whitespace().count());
        match next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(pages, [16, 4]);
}
