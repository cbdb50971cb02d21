//! `/_mock/api`: the reference of the control API.

use serde_json::{Value, json};

use crate::support::TestServer;

const PATH: &str = "/_mock/api";

#[tokio::test]
async fn the_reference_has_every_operation_and_type_of_the_document() {
    let mock = TestServer::documented().await;
    let document = mock.get("/_mock/openapi.json").await.json();
    let page = mock.get(PATH).await.page();
    let mut ids: Vec<String> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|methods| methods.as_object().expect("methods").values())
        .map(|operation| {
            format!(
                "operation-{}",
                operation["operationId"].as_str().expect("an id")
            )
        })
        .collect();
    let mut shown = page.attributes("[id^=operation-]", "id");
    ids.sort();
    shown.sort();
    assert_eq!(shown, ids);
    assert!(ids.len() > 40, "{}", ids.len());
    let types = document["components"]["schemas"]
        .as_object()
        .expect("types");
    let types: Vec<String> = types.keys().map(|name| format!("type-{name}")).collect();
    assert_eq!(page.attributes("[id^=type-]", "id"), types);
    // Every link to a type leads to it.
    for link in page.attributes("a[href^='#type-']", "href") {
        assert!(types.contains(&link[1..].to_owned()), "{link}");
    }
}

#[tokio::test]
async fn an_operation_has_its_parameters_body_response_and_curl() {
    let mock = TestServer::documented().await;
    let page = mock.get(PATH).await.page();
    let operation = page.texts("#operation-issue_tokens").concat();
    for text in [
        "POST",
        "/_mock/tokens",
        "client_id",
        "required",
        "curl -sS -X POST",
    ] {
        assert!(operation.contains(text), "{text}: {operation}");
    }
    let filter = page.texts("#operation-list_requests").concat();
    assert!(
        filter.contains("Only requests with this grant") || filter.contains("grant_type"),
        "{filter}"
    );
    let in_path = page.texts("#operation-delete_fault code").join("\n");
    assert!(
        in_path.contains(&format!("curl -sS -X DELETE {}/_mock/faults/ID", mock.base)),
        "{in_path}"
    );
}

/// The commands are complete up to the values in capitals.
#[tokio::test]
async fn commands_without_values_can_be_run() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let page = sandbox.get(PATH).await.page();
    let commands = page.texts("[id^=operation-] pre code");
    let gets = commands
        .iter()
        .filter_map(|command| command.strip_prefix("curl -sS -X GET "));
    let urls: Vec<&str> = gets
        .filter(|url| !url.chars().any(char::is_uppercase))
        .collect();
    assert!(urls.len() > 8, "{urls:?}");
    for url in urls {
        let path = url
            .strip_prefix(&sandbox.base)
            .expect("a URL of the sandbox");
        assert_eq!(sandbox.get(path).await.status, 200, "{url}");
    }
}

#[tokio::test]
async fn the_document_can_be_downloaded() {
    let mock = TestServer::documented().await;
    let page = mock.get(PATH).await.page();
    let links = page.attributes("a[download]", "href");
    assert_eq!(links, ["/_mock/openapi.json"]);
    let document: Value = mock.get(&links[0]).await.json();
    assert_eq!(document["openapi"], json!("3.1.0"));
}
