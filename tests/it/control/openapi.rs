//! `/_mock/openapi.json`: the control API, described.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::{Map, Value};

use crate::support::TestServer;

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

pub(super) async fn document(mock: &TestServer) -> Value {
    mock.get("/_mock/openapi.json").await.json()
}

/// Each operation: method, path, and the object that describes it.
pub(super) fn operations(document: &Value) -> Vec<(String, String, Map<String, Value>)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path has methods") {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            let operation = operation.as_object().expect("an operation is an object");
            found.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    found
}

/// The schema of a body that is an object; some may be something else too.
fn object_of<'a>(document: &'a Value, body: &'a Value) -> &'a Value {
    let schema = resolve(document, &body["content"]["application/json"]["schema"]);
    schema["anyOf"].get(0).unwrap_or(schema)
}

/// The schema that a reference leads to.
pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("no {reference}")),
        None => schema,
    }
}

#[tokio::test]
async fn every_call_is_listed() {
    let mock = TestServer::documented().await;
    let mut list = String::new();
    let document = document(&mock).await;
    for (method, path, operation) in operations(&document) {
        let keys = operation.get("requestBody").map(|body| {
            let keys: Vec<&str> = object_of(&document, body)["properties"]
                .as_object()
                .into_iter()
                .flat_map(|keys| keys.keys())
                .map(String::as_str)
                .collect();
            format!(" {{{}}}", keys.join(","))
        });
        let query: Vec<&str> = operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "query")
            .filter_map(|one| one["name"].as_str())
            .collect();
        let query = if query.is_empty() {
            String::new()
        } else {
            format!(" ?{}", query.join("&"))
        };
        list += &format!(
            "{} {path}{query}{}\n",
            method.to_uppercase(),
            keys.unwrap_or_default()
        );
    }
    assert_snapshot!(list, @"
    GET /_mock/advice ?client_id&format&location
    GET /_mock/changes
    GET /_mock/clients
    POST /_mock/clients {id,name,description,logo_url,confidential,secret,redirect_uris,any_loopback_redirect,allowed_origins,grants,allowed_scopes,verified,access_mode,may_introspect,owner}
    GET /_mock/clients/{id}
    PATCH /_mock/clients/{id} {id,name,description,logo_url,confidential,secret,redirect_uris,any_loopback_redirect,allowed_origins,grants,allowed_scopes,verified,access_mode,may_introspect,owner}
    DELETE /_mock/clients/{id}
    POST /_mock/clients/{id}/rotate-secret
    GET /_mock/clock
    POST /_mock/clock/advance {by}
    POST /_mock/clock/freeze {at}
    POST /_mock/clock/resume
    POST /_mock/clock/set {at}
    POST /_mock/codes {client_id,user,scope,redirect_uri,code_challenge,nonce,state}
    GET /_mock/codes ?user&client_id
    GET /_mock/consents ?user&client_id
    POST /_mock/consents {user,client_id,scope,buzz_limit}
    DELETE /_mock/consents ?user&client_id {user,client_id}
    GET /_mock/contract
    POST /_mock/device/approve {user_code,user}
    POST /_mock/device/deny {user_code}
    GET /_mock/faults
    POST /_mock/faults {endpoint,client_id,grant_type,user,nth,skip,times,probability,effect}
    DELETE /_mock/faults
    POST /_mock/faults/presets/{name} {times,client_id}
    GET /_mock/faults/{id}
    DELETE /_mock/faults/{id}
    GET /_mock/openapi.json
    GET /_mock/requests ?endpoint&path&method&grant_type&client_id&user&status&error&after&limit&before&unredacted&wait&count&format
    DELETE /_mock/requests
    GET /_mock/requests/{id} ?unredacted
    POST /_mock/reset
    GET /_mock/sandboxes
    POST /_mock/sandboxes {name,seed,settings}
    GET /_mock/sandboxes/{name}
    DELETE /_mock/sandboxes/{name}
    GET /_mock/sessions ?user
    DELETE /_mock/sessions ?user {user}
    POST /_mock/sessions {user}
    GET /_mock/settings
    PATCH /_mock/settings {contract,differences,scopes,rate_limits,login,consent,access_token_seconds,refresh_token_seconds,code_seconds,unknown_clients,workflow_cost,workflow_seconds,reason_headers}
    GET /_mock/snapshots
    GET /_mock/snapshots/{name}
    POST /_mock/snapshots/{name}
    DELETE /_mock/snapshots/{name}
    POST /_mock/snapshots/{name}/restore
    GET /_mock/spends ?user&client_id
    DELETE /_mock/spends ?user&client_id {user,client_id}
    POST /_mock/spends/reset {user,client_id}
    GET /_mock/tokens ?user&client_id
    POST /_mock/tokens {client_id,user,scope,expires_in,exact_scope}
    DELETE /_mock/tokens ?token&client_id&user {token,client_id,user}
    POST /_mock/tokens/expire {token}
    POST /_mock/tokens/introspect {token}
    GET /_mock/users
    POST /_mock/users {id,username,email,email_verified,image,moderator,tier,roles,subscriptions,muted,banned,deleted,buzz}
    GET /_mock/users/{id}
    PATCH /_mock/users/{id} {id,username,email,email_verified,image,moderator,tier,roles,subscriptions,muted,banned,deleted,buzz}
    DELETE /_mock/users/{id}
    POST /_mock/verify {expectations,in_order}
    ");
}

#[tokio::test]
async fn document_is_valid_openapi() {
    let mock = TestServer::documented().await;
    let document = document(&mock).await;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], mock.base);
    let mut ids = Vec::new();
    for (method, path, operation) in operations(&document) {
        ids.push(operation["operationId"].as_str().expect("an id").to_owned());
        let named: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let described: Vec<&str> = operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "path" && one["required"] == true)
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(named, described, "{method} {path}");
        let statuses: Vec<&String> = operation["responses"]
            .as_object()
            .expect("responses")
            .keys()
            .collect();
        assert!(
            statuses.len() == if path == "/_mock/verify" { 3 } else { 2 }
                && statuses.iter().any(|status| *status == "4XX"),
            "{method} {path} {statuses:?}"
        );
    }
    // Clients derive names from the ids, in languages of any case.
    let is_plain = |id: &String| id.chars().all(|letter| matches!(letter, 'a'..='z' | '_'));
    assert!(ids.iter().all(is_plain), "{ids:?}");
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "operation ids are unique");
}

#[tokio::test]
async fn summaries_name_no_schema() {
    let mock = TestServer::documented().await;
    let document = document(&mock).await;
    let schemas = document["components"]["schemas"].as_object();
    let schemas = schemas.expect("schemas");
    // A schema of one word, such as `User`, may be the first word of a sentence.
    let is_schema = |word: &&str| {
        let inner = word.get(1..).unwrap_or_default();
        schemas.contains_key(*word) && inner.contains(char::is_uppercase)
    };
    for (method, path, operation) in operations(&document) {
        let summary = operation["summary"].as_str().expect("a summary");
        let mut words = summary.split(|letter: char| !letter.is_alphanumeric());
        assert_eq!(words.find(is_schema), None, "{method} {path}: {summary}");
    }
}

#[tokio::test]
async fn document_is_unchanged() {
    let mock = TestServer::documented().await;
    let mut document = document(&mock).await;
    document["servers"][0]["url"] = "http://mock".into();
    document["info"]["version"] = "0.0.0".into();
    let text = serde_json::to_string_pretty(&document).expect("JSON is text");
    assert_snapshot!("openapi", text);
}

#[tokio::test]
async fn every_component_exists_and_is_used() {
    let mock = TestServer::documented().await;
    let document = document(&mock).await;
    let text = document.to_string();
    let named: BTreeSet<&str> = text
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let there = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let there: BTreeSet<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(named, there);
}

#[tokio::test]
async fn a_body_is_required_where_one_of_its_keys_is() {
    let mock = TestServer::documented().await;
    let mut list = String::new();
    let document = document(&mock).await;
    for (method, path, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else {
            continue;
        };
        let needed = &object_of(&document, body)["required"];
        assert_eq!(body["required"], needed.is_array(), "{method} {path}");
        if needed.is_array() {
            list += &format!("{} {path} {needed}\n", method.to_uppercase());
        }
    }
    assert_snapshot!(list, @r#"
    POST /_mock/clients ["name"]
    POST /_mock/clock/advance ["by"]
    POST /_mock/clock/set ["at"]
    POST /_mock/codes ["client_id","user"]
    POST /_mock/consents ["user","client_id","scope"]
    POST /_mock/device/approve ["user_code","user"]
    POST /_mock/device/deny ["user_code"]
    POST /_mock/faults ["effect"]
    POST /_mock/sessions ["user"]
    POST /_mock/spends/reset ["user","client_id"]
    POST /_mock/tokens ["client_id","user"]
    POST /_mock/tokens/introspect ["token"]
    POST /_mock/verify ["expectations"]
    "#);
}

#[tokio::test]
async fn enums_list_every_value() {
    let mock = TestServer::documented().await;
    let document = document(&mock).await;
    let listed = |name: &str| document["components"]["schemas"][name]["enum"].to_string();
    assert_snapshot!(listed("Endpoint"), @r#"["apiKey.getSpend","authorize","blobs","buzz.getBuzzAccount","buzz.getUserAccount","device","device-approve","device-deny","device-info","device-token","home","introspect","jwks","jwks.json","login","logout","me","openid-configuration","other","revoke","token","userinfo","workflows"]"#);
    assert_snapshot!(listed("GrantType"), @r#"["authorization_code","client_credentials","other","password","refresh_token","urn:ietf:params:oauth:grant-type:device_code","urn:ietf:params:oauth:grant-type:jwt-bearer","urn:ietf:params:oauth:grant-type:saml2-bearer","urn:ietf:params:oauth:grant-type:token-exchange","urn:openid:params:grant-type:ciba"]"#);
    assert_snapshot!(listed("Method"), @r#"["CONNECT","DELETE","GET","HEAD","OPTIONS","PATCH","POST","PUT","TRACE"]"#);
}

#[tokio::test]
async fn every_call_that_is_described_is_routed() {
    let mock = TestServer::documented().await;
    let prefixed = mock.sandbox("x");
    assert_eq!(
        prefixed.get("/_mock/openapi.json").await.json()["servers"][0]["url"],
        prefixed.base
    );
    for (method, path, _) in operations(&document(&mock).await) {
        let path = path.replace("{name}", "n0").replace("{id}", "n0");
        // Wrong on purpose, so that nothing is changed; a body that is not read does no harm.
        let answer = prefixed
            .request(&method.to_uppercase(), &path)
            .body("application/json", "{")
            .await;
        assert!(
            answer.status != 405 && answer.status < 500,
            "{method} {path}: {answer}"
        );
        assert!(
            !answer.body.contains("nothing answers"),
            "{method} {path}: {answer}"
        );
    }
}
