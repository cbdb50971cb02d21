//! `/v2/consumer/workflows`: cancellation, labels and deletion.

use civitai_oauth_mock::{Contract, Database};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::api::workflow_lists::{one, page, running, submit};
use crate::support::{
    CONF, OTHER, SpendingApp, TempDir, TestRequest, TestServer, WORKFLOWS, config,
};

fn put(app: &SpendingApp, id: &str, body: &Value) -> TestRequest {
    app.request("PUT", &one(id)).json(body)
}

fn patch(app: &SpendingApp, id: &str, body: &Value) -> TestRequest {
    app.request("PATCH", &one(id)).json(body)
}

async fn status(app: &SpendingApp, id: &str) -> String {
    app.get(&one(id)).await.text("status")
}

#[tokio::test]
async fn a_running_workflow_is_canceled_and_refunded() {
    let mock = TestServer::documented().await;
    let (sandbox, ada) = running(&mock, "cancel").await;
    sandbox
        .cap(&CONF, json!([{ "type": "absolute", "limit": 10 }]))
        .await;
    for (name, ask) in [
        ("PUT", put as fn(&SpendingApp, &str, &Value) -> TestRequest),
        ("PATCH", patch),
    ] {
        let id = submit(&ada, json!({})).await;
        assert_eq!(ada.balance().await, [90, 0, 0]);
        assert!(!ada.pays(1).await, "the cap is met");
        sandbox.advance(59).await;
        let canceled = ask(&ada, &id, &json!({ "status": "canceled" })).await;
        assert_eq!((canceled.status, &*canceled.body), (204, ""), "{name}");
        assert_eq!(ada.balance().await, [100, 0, 0], "{name}");
        let again = ask(&ada, &id, &json!({ "status": "canceled" })).await;
        assert_eq!(again.status, 204, "{name}");
        sandbox.advance(60).await;
        let shown = ada.get(&one(&id)).await;
        assert_eq!(
            (shown.status, shown.text("status")),
            (200, "canceled".to_owned())
        );
        let picture = &shown.json()["steps"][0]["output"]["images"][0];
        assert_eq!(picture["available"], false);
        assert_eq!(ada.balance().await, [100, 0, 0], "{name}: refunded once");
    }
    let accounts = ada.data("buzz.getUserAccount").await;
    assert_eq!(
        accounts[0]["lifetimeBalance"], 100,
        "nothing came in: {accounts}"
    );
}

#[tokio::test]
async fn a_finished_workflow_stays_finished_and_paid() {
    let mock = TestServer::documented().await;
    let (sandbox, ada) = running(&mock, "finished").await;
    let id = submit(&ada, json!({})).await;
    sandbox.advance(60).await;
    let canceled = put(&ada, &id, &json!({ "status": "canceled" })).await;
    assert_eq!(canceled.status, 204);
    assert_eq!(status(&ada, &id).await, "succeeded");
    let deleted = ada.request("DELETE", &one(&id)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(ada.balance().await, [90, 0, 0]);
}

#[tokio::test]
async fn deleted_workflow_is_removed_and_refunded_if_running() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "deleted").await;
    let id = submit(&ada, json!({})).await;
    let deleted = ada.request("DELETE", &one(&id)).await;
    assert_eq!((deleted.status, &*deleted.body), (204, ""));
    assert_eq!(ada.balance().await, [100, 0, 0]);
    for method in ["GET", "DELETE"] {
        let gone = ada.request(method, &one(&id)).await;
        assert_eq!(gone.status, 404, "{method}");
    }
    assert_eq!(page(&ada, "").await, (String::new(), None));
}

#[tokio::test]
async fn tags_and_metadata_are_replaced_or_patched() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "labels").await;
    let id = submit(&ada, json!({ "tags": ["a"], "metadata": { "n": 1 } })).await;
    let labels = async || {
        let shown = ada.get(&one(&id)).await.json();
        format!("{} {}", shown["tags"], shown["metadata"])
    };
    assert_eq!(labels().await, r#"["a"] {"n":1}"#);
    for (body, after) in [
        (json!({ "tags": ["b", "c"] }), r#"["b","c"] {"n":1}"#),
        (json!({ "metadata": { "m": 2 } }), r#"["b","c"] {"m":2}"#),
        (
            json!({ "allowMatureContent": true }),
            r#"["b","c"] {"m":2}"#,
        ),
        (
            json!([{ "op": "add", "path": "/tags/-", "value": "d" }, { "op": "remove", "path": "/tags/0" }]),
            r#"["c","d"] {"m":2}"#,
        ),
        (
            json!([{ "op": "test", "path": "/status", "value": "processing" },
                   { "op": "add", "path": "/metadata/k", "value": { "l": null } }]),
            r#"["c","d"] {"m":2,"k":{"l":null}}"#,
        ),
        (
            json!([{ "op": "remove", "path": "/tags" }]),
            r#"[] {"m":2,"k":{"l":null}}"#,
        ),
        (
            json!([{ "op": "replace", "path": "/metadata", "value": {} }]),
            "[] {}",
        ),
    ] {
        let answer = patch(&ada, &id, &body).await;
        assert_eq!(answer.status, 204, "{body}: {answer}");
        assert_eq!(labels().await, after, "{body}");
    }
    let canceled = patch(
        &ada,
        &id,
        &json!([{ "op": "replace", "path": "/status", "value": "canceled" }]),
    )
    .await;
    assert_eq!(canceled.status, 204);
    assert_eq!(status(&ada, &id).await, "canceled");
}

#[tokio::test]
async fn invalid_change_is_rejected_with_its_path() {
    let mock = TestServer::documented().await;
    let (_, ada) = running(&mock, "unusable").await;
    let id = submit(&ada, json!({ "tags": ["a"] })).await;
    let before = ada.get(&one(&id)).await.body;
    let deep: Vec<Value> = (0..60)
        .map(|level| {
            let path = format!("/metadata{}", "/a".repeat(4 * level + 1));
            let value = json!({ "a": { "a": { "a": {} } } });
            json!({ "op": "add", "path": path, "value": value })
        })
        .collect();
    let mut table = String::new();
    for (name, body) in [
        ("text", json!("canceled")),
        ("status", json!({ "status": "succeeded" })),
        ("status number", json!({ "status": 1 })),
        ("tags", json!({ "tags": "a" })),
        ("tag", json!({ "tags": [1] })),
        ("metadata", json!({ "metadata": [] })),
        ("long", json!({ "metadata": { "a": "x".repeat(8192) } })),
        (
            "path",
            json!([{ "op": "replace", "path": "/nothing/there", "value": 1 }]),
        ),
        (
            "test",
            json!([{ "op": "test", "path": "/tags/0", "value": "b" }]),
        ),
        ("op", json!([{ "op": "set", "path": "/tags", "value": [] }])),
        (
            "copy",
            json!([{ "op": "copy", "from": "/tags", "path": "/metadata/tags" }]),
        ),
        ("root", json!([{ "op": "replace", "path": "", "value": 1 }])),
        (
            "patched status",
            json!([{ "op": "replace", "path": "/status", "value": "failed" }]),
        ),
        ("deep", json!(deep[..40])),
        (
            "long patch",
            json!([{ "op": "add", "path": "/metadata/a", "value": "x".repeat(16 * 1024) }]),
        ),
    ] {
        let answer = patch(&ada, &id, &body).await;
        let error = &answer.json()["errors"];
        table += &format!("{name}: {} {error}\n", answer.status);
        assert_eq!(ada.get(&one(&id)).await.body, before, "{name}");
    }
    let nothing = ada.request("PUT", &one(&id)).await;
    table += &format!("no body: {} {}\n", nothing.status, nothing.json()["errors"]);
    assert_snapshot!(table, @r#"
    text: 400 {"$":["The body is not a JSON object."]}
    status: 400 {"status":["The value '\"succeeded\"' is not valid: a status can only become canceled."]}
    status number: 400 {"status":["The value '1' is not valid: a status can only become canceled."]}
    tags: 400 {"tags":["The tags are not a list of texts."]}
    tag: 400 {"tags":["The tags are not a list of texts."]}
    metadata: 400 {"metadata":["The metadata is not an object."]}
    long: 400 {"metadata":["The tags and the metadata have 8204 bytes as JSON: at most 8192 are stored."]}
    path: 400 {"$":["The patch cannot be applied: operation '/0' failed at path '/nothing/there': path is invalid."]}
    test: 400 {"$":["The patch cannot be applied: operation '/0' failed at path '/tags/0': value did not match."]}
    op: 400 {"$":["The patch cannot be applied: unknown variant `set`, expected one of `add`, `remove`, `replace`, `move`, `copy`, `test`."]}
    copy: 400 {"$":["The patch cannot be applied: this server does not support copy."]}
    root: 400 {"$":["The patch cannot be applied: no object is left."]}
    patched status: 400 {"status":["The value '\"failed\"' is not valid: a status can only become canceled."]}
    deep: 400 {"$":["The patch cannot be applied: recursion limit exceeded at line 1 column 636."]}
    long patch: 400 {"$":["The patch cannot be applied: it has 16430 bytes, at most 16384."]}
    no body: 400 {"$":["There is no body, or it is longer than 512 KiB."]}
    "#);
}

#[tokio::test]
async fn workflows_belong_to_a_user_and_an_app() {
    let mock = TestServer::documented().await;
    let (sandbox, ada) = running(&mock, "whose").await;
    let id = submit(&ada, json!({})).await;
    let other = SpendingApp::for_ada(&sandbox, &OTHER).await;
    let reader = SpendingApp::with(&sandbox, &sandbox.tokens(&CONF, "65537").await.access);
    let nobody = SpendingApp::with(&sandbox, "nonsense");
    let cancel = json!({ "status": "canceled" });
    let mut table = String::new();
    for (who, app) in [
        ("another app", &other),
        ("read scope only", &reader),
        ("nobody", &nobody),
    ] {
        table += &format!("{who}:");
        for ask in [
            app.get(WORKFLOWS),
            app.get(&one(&id)),
            put(app, &id, &cancel),
            patch(app, &id, &cancel),
            app.request("DELETE", &one(&id)),
        ] {
            table += &format!(" {}", ask.await.status);
        }
        table += "\n";
    }
    assert_snapshot!(table, @"
    another app: 200 404 404 404 404
    read scope only: 403 403 403 403 403
    nobody: 401 401 401 401 401
    ");
    assert_eq!(page(&other, "").await, (String::new(), None));
    assert_eq!(status(&ada, &id).await, "processing");
}

#[tokio::test]
async fn a_restart_keeps_changes_and_refunds() {
    let folder = TempDir::new();
    let start = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(folder.path("mock.db"));
        TestServer::start(config).await
    };
    let mock = start().await;
    let (_, ada) = running(&mock, "kept").await;
    let body = json!({ "tags": ["a"], "metadata": { "n": 1 }, "steps": [{ "name": "kept" }] });
    let (canceled, deleted) = (submit(&ada, body.clone()).await, submit(&ada, body).await);
    put(&ada, &canceled, &json!({ "status": "canceled" })).await;
    ada.request("DELETE", &one(&deleted)).await;
    let shown = ada.get(&one(&canceled)).await.json();
    mock.stop().await;

    let mock = start().await;
    let ada = SpendingApp::with(&mock.sandbox("kept"), &ada.token);
    let again = ada.get(&one(&canceled)).await.json();
    for key in [
        "id",
        "status",
        "createdAt",
        "completedAt",
        "tags",
        "metadata",
        "cost",
    ] {
        assert_eq!(again[key], shown[key], "{key}");
    }
    assert_eq!(page(&ada, "").await, ("kept".to_owned(), None));
    assert_eq!(ada.balance().await, [100, 0, 0]);
}
