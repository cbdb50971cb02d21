//! The answers of a replayed exchange, and what is expected of their headers.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::recordings::Step;

/// An answer as it came.
pub(super) struct TestResponse {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: String,
}

impl TestResponse {
    /// The values of a header, with commas between them.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let values: Vec<String> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|_| format!("expected JSON, got {:?}", self.body))
    }
}

pub(super) async fn send(request: RequestBuilder) -> Result<TestResponse, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.map_err(|error| error.to_string())?;
    Ok(TestResponse {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Sends a request several times at once: one may succeed.
pub(super) async fn race(request: &RequestBuilder, step: &Step, status: u16) -> Result<(), String> {
    let many = step.parallel.unwrap_or(1);
    let sent: Vec<_> = (0..many)
        .filter_map(|_| request.try_clone())
        .map(|request| tokio::spawn(send(request)))
        .collect();
    let (mut winners, mut losers) = (0, 0);
    for answer in sent {
        let answer = answer.await.map_err(|error| error.to_string())??;
        let lost = || {
            answer
                .json()
                .is_ok_and(|body| Some(&body["error"]) == step.expect.others_error.as_ref())
        };
        if answer.status == status {
            winners += 1;
        } else if Some(answer.status) == step.expect.others && lost() {
            losers += 1;
        }
    }
    if (winners, losers) == (1, many - 1) {
        Ok(())
    } else {
        Err(format!(
            "{many} at once: {winners} succeeded, {losers} were refused as expected"
        ))
    }
}

pub(super) fn match_header(name: &str, expected: &Value, got: Option<&str>) -> Result<(), String> {
    let expected = expected.as_str().unwrap_or_default();
    let shown = got.unwrap_or_default();
    let methods = |text: &str| -> Vec<String> {
        let all = text.split(',').map(|method| method.trim().to_owned());
        all.filter(|method| !["HEAD", "OPTIONS"].contains(&method.as_str()))
            .collect()
    };
    let fits = match name {
        "allow" => methods(expected)
            .iter()
            .all(|method| methods(shown).contains(method)),
        "vary" => shown.to_lowercase().contains(&expected.to_lowercase()),
        _ => shown == expected,
    };
    if got.is_some() && fits {
        Ok(())
    } else {
        Err(format!("{name}: expected {expected:?}, got {got:?}"))
    }
}
