//! How do findings reach code scanning? As SARIF 2.1.0 (OASIS), one run, one result for each finding.

use serde_json::{Value, json};
use url::Url;

use super::{Advice, Finding, Rule, Severity, rules};

/// Where results are shown unless it is said: a path, since code scanning asks for one, that stands for the app.
pub(super) const LOCATION: &str = "oauth-client";

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A path as a URI reference has it; what is a URI already stays as it is.
fn reference(location: &str) -> String {
    let mut url = match Url::parse(location) {
        Ok(_) => return location.to_owned(),
        Err(_) => Url::parse("file:///").expect("it is one"),
    };
    url.set_path(location);
    let path = url.path();
    let is_relative = !location.starts_with('/');
    path.strip_prefix('/')
        .filter(|_| is_relative)
        .unwrap_or(path)
        .to_owned()
}

/// The whole log.
pub(super) fn log(advice: &Advice, location: &str) -> Value {
    let all: Vec<&Rule> = rules().collect();
    let results = advice.findings.iter().map(|finding| {
        let index = all.iter().position(|rule| rule.id == finding.id);
        result(finding, index.unwrap_or_default(), location)
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "civitai-oauth-mock",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": all.iter().map(|rule| described(rule)).collect::<Value>(),
            } },
            "results": results.collect::<Value>(),
        }],
    })
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.id.replace('-', " ") },
        "fullDescription": { "text": rule.why },
        "help": { "text": rule.mend },
        "helpUri": rule.source,
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(finding: &Finding, index: usize, location: &str) -> Value {
    let client = finding.client_id.as_deref().unwrap_or("unknown client");
    let text = format!(
        "{client}: {}. Why: {}. Mend: {}.",
        finding.summary, finding.why, finding.mend
    );
    json!({
        "ruleId": finding.id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": reference(location) },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "name": client }],
        }],
        // What makes it the same finding in the next run: ids of requests do not.
        "partialFingerprints": { "ruleAndClient/v1": format!("{}:{client}", finding.id) },
        "properties": { "client_id": finding.client_id, "requests": finding.requests },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}
