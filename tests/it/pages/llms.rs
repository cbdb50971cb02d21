//! `/llms.txt`: the description of the server for coding agents.

use civitai_oauth_mock::Contract;

use crate::support::{TestServer, config};

/// Every URL of the text with its host removed.
fn links(text: &str, base: &str) -> Vec<String> {
    let is_end = |end: char| end.is_whitespace() || matches!(end, ')' | '`' | ',');
    let after_base = text.split(base).skip(1);
    let paths = after_base.map(|rest| rest.split(is_end).next().unwrap_or_default().to_owned());
    paths.filter(|path| path.starts_with('/')).collect()
}

#[tokio::test]
async fn llms_txt_names_only_urls_that_answer() {
    let mock = TestServer::documented().await;
    let answer = mock.get("/llms.txt").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("text/plain; charset=utf-8")
    );
    let base = mock.server().base_url();
    let links = links(&answer.body, &base);
    assert!(links.len() >= 15, "{links:?}");
    for path in links.iter().filter(|path| !path.contains("NAME")) {
        let status = mock.get(path).await.status;
        assert_ne!(status, 404, "{path}");
    }
    let home = mock.get("/").await;
    assert!(home.body.contains(r#"href="/llms.txt""#));
}

#[tokio::test]
async fn llms_txt_of_a_sandbox_has_its_base_and_creates_nothing() {
    let mock = TestServer::documented().await;
    let text = mock.sandbox("agent").get("/llms.txt").await.body;
    let base = mock.server().base_url();
    assert!(text.contains(&format!("Base URL: {base}/_sandbox/agent\n")));
    assert!(text.contains(&format!("`{base}/_sandbox/NAME`")));
    let sandboxes = mock
        .control("GET", "/sandboxes", serde_json::Value::Null)
        .await;
    assert!(!sandboxes.to_string().contains("agent"), "{sandboxes}");
    let requests = mock.get("/_mock/requests").await.body;
    assert!(!requests.contains("llms.txt"), "{requests}");
}

#[tokio::test]
async fn llms_txt_names_the_control_token_if_one_is_needed() {
    let mut config = config(Contract::Documented);
    config.set_control_token("t0ken").unwrap();
    let guarded = TestServer::start(config).await.get("/llms.txt").await.body;
    assert!(guarded.contains("need the control token"), "{guarded}");
    assert!(!guarded.contains("t0ken"), "{guarded}");
    let open = TestServer::documented().await.get("/llms.txt").await.body;
    assert!(!open.contains("control token"), "{open}");
}

#[tokio::test]
async fn llms_txt_contains_no_host_that_another_site_chose() {
    let mock = TestServer::documented().await;
    let foreign = mock.get("/llms.txt").header("host", "evil.example").await;
    assert_eq!(foreign.status, 403);
    let injected = mock.get("/llms.txt").header("host", "a$(id)`id`;x").await;
    assert!(!injected.body.contains("$("), "{}", injected.body);
}
