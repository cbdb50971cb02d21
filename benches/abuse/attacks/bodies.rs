//! Bodies that are small on the wire and large or slow to parse.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use crate::client::{FEW, FORM, JSON, TOKEN, Target, post, request};

/// The largest body that is read, in bytes.
const LONGEST_BODY: usize = 512 * 1024;

/// How deep the deepest body is.
const DEEP: usize = 250_000;

pub(crate) async fn many_nodes(target: Arc<Target>) -> Result<(), String> {
    let bodies = [nodes(), allowed_nodes()].map(|body| post(TOKEN, JSON, body.as_bytes()));
    let count = target.either(400, 100);
    target
        .flood(count, FEW, move |at| bodies[at % bodies.len()].clone())
        .await;
    Ok(())
}

pub(crate) async fn refused_nodes(target: Arc<Target>) -> Result<(), String> {
    let unknown = post("/api/nowhere", JSON, nodes().as_bytes());
    let headers = [
        ("Content-Type", JSON),
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
    ];
    let refused = request("POST", "/_mock/users", &headers, nodes().as_bytes());
    let mcp = post("/mcp", JSON, nodes().as_bytes());
    let bodies = [unknown, refused, mcp];
    let count = target.either(400, 100);
    target
        .flood(count, FEW, move |at| bodies[at % bodies.len()].clone())
        .await;
    Ok(())
}

/// In a sandbox of its own: some of the calls reset the data that they reach.
pub(crate) async fn wide_input(target: Arc<Target>) -> Result<(), String> {
    let document = target
        .control("GET", "/_sandbox/wide/_mock/openapi.json", &json!(null))
        .await?;
    let bodies = [
        ["{\"a\":", &"[".repeat(DEEP), &"]".repeat(DEEP), "}"].concat(),
        wide(),
        nodes(),
    ];
    let mut requests = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, operations) in paths {
        let path = format!("/_sandbox/wide{path}").replace(['{', '}'], "");
        let methods = operations.as_object().into_iter().flatten();
        for (method, _) in methods.filter(|(method, _)| *method != "get") {
            let method = method.to_uppercase();
            let headers = [("Content-Type", JSON)];
            let with = |body: &String| request(&method, &path, &headers, body.as_bytes());
            requests.extend(bodies.iter().map(with));
        }
    }
    for path in [TOKEN, "/login", "/api/auth/oauth/device", "/api/v1/me"] {
        requests.push(post(path, FORM, pairs().as_bytes()));
        let kind = "multipart/form-data; boundary=x";
        requests.push(post(path, kind, parts().as_bytes()));
    }
    let count = requests.len() * target.either(8, 1);
    target
        .flood(count, FEW, move |at| requests[at % requests.len()].clone())
        .await;
    Ok(())
}

/// 17 lists of 100 lists of 100 empty lists.
fn nodes() -> String {
    let list = |item: &str| format!("[{}]", vec![item; 100].join(","));
    let lists = list(&list("[]"));
    let members: Vec<String> = (0..17).map(|at| format!("\"{at}\":{lists}")).collect();
    format!("{{{}}}", members.join(","))
}

/// As many empty lists as a body may have values.
fn allowed_nodes() -> String {
    format!("{{\"0\":[{}]}}", vec!["[]"; 49_990].join(","))
}

/// An object with as many short keys as fit.
fn wide() -> String {
    let members: Vec<String> = (0..45_000).map(|at| format!("\"{at:05}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

/// A form of 100,000 pairs.
fn pairs() -> String {
    let mut form = String::new();
    for at in 0..100_000 {
        // Never fails: it is a String.
        let _ = write!(form, "{at:04x}&");
    }
    form.truncate(LONGEST_BODY);
    form
}

/// A multipart body of 10,000 parts.
fn parts() -> String {
    let mut body = String::new();
    for at in 0..10_000 {
        let disposition = "content-disposition:form-data;name=";
        let _ = write!(body, "--x\r\n{disposition}{at}\r\n\r\n\r\n");
    }
    body.push_str("--x--\r\n");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_short_enough_to_be_read() {
        assert_eq!(nodes().len(), 513_510);
        for body in [wide(), pairs(), parts()] {
            assert!(body.len() <= LONGEST_BODY, "{}", body.len());
        }
        const { assert!(2 * DEEP < LONGEST_BODY) };
    }
}
