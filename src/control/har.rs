//! The journal as an HTTP archive (HAR 1.2), which browsers' developer tools and HTTP clients import.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::requests::JournalRequest;

/// The beginning of an archive.
pub(crate) const HEAD: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":""#,
    env!("CARGO_PKG_NAME"),
    r#"","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"entries":["#
);

/// The end of an archive.
pub(crate) const TAIL: &str = "]}}";

/// The entry of a request to a server at this base URL, as JSON.
pub(crate) fn entry(request: &JournalRequest, base: &str) -> Value {
    let reason = request.reason.as_ref();
    json!({
        "startedDateTime": request.at,
        "time": request.duration_ms,
        "request": sent(request, base),
        "response": received(request),
        "cache": {},
        "timings": { "send": 0, "wait": request.duration_ms, "receive": 0 },
        "comment": reason.map_or_else(String::new, |reason| format!("{}; fix: {}", reason.message, reason.fix)),
    })
}

fn sent(request: &JournalRequest, base: &str) -> Value {
    let pairs: Vec<(&str, String)> = request
        .params
        .iter()
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    let list = |pairs: &[(&str, String)]| -> Value {
        let all = pairs.iter();
        all.map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    };
    let is_query = matches!(
        request.method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "DELETE"
    );
    let query: &[_] = if is_query { &pairs } else { &[] };
    let encoded = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    let separator = if encoded.is_empty() { "" } else { "?" };
    let mut sent = json!({
        "method": request.method,
        "url": format!("{base}{}{separator}{encoded}", request.path),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": list(query),
        "headersSize": -1,
        "bodySize": request.request_bytes,
    });
    if !is_query && !pairs.is_empty() {
        // The journal has the parameters of every kind of body; HAR writes them as pairs.
        let kind = request.header("content-type");
        sent["postData"] = json!({
            "mimeType": kind.unwrap_or("application/x-www-form-urlencoded"),
            "params": list(&pairs),
        });
    }
    sent
}

fn received(request: &JournalRequest) -> Value {
    // HAR writes 0 for a connection that was cut.
    let status = request.status.unwrap_or(0);
    let phrase = StatusCode::from_u16(status).ok();
    let phrase = phrase.and_then(|status| status.canonical_reason());
    let body = request.response_body.as_ref();
    let mut content = json!({
        "size": request.response_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(-1)),
        "mimeType": if body.is_some() { "application/json" } else { "" },
    });
    if let Some(body) = body {
        content["text"] = body.to_string().into();
    }
    json!({
        "status": status,
        "statusText": phrase.unwrap_or_default(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": content,
        "redirectURL": request.location.as_deref().unwrap_or_default(),
        "headersSize": -1,
        "bodySize": request.response_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(-1)),
    })
}

fn headers(headers: &Map<String, Value>) -> Value {
    let all = headers.iter();
    all.map(|(name, value)| json!({ "name": name, "value": text(value) }))
        .collect()
}

/// Text as it is, and other values as JSON.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
