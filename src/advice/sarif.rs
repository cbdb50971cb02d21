//! Findings as a SARIF 2.1.0 log for code scanning: one run, one result for each finding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use url::Url;

use super::report::{Advice, Finding};
use super::rule::AdviceRule;
use super::rules::rules;
use super::severity::Severity;

/// The default file of results: code scanning requires one.
pub(crate) const DEFAULT_LOCATION: &str = "oauth-client";

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The characters of a path segment that are percent-encoded: all but the unreserved ones (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path as a URI reference. The path may be relative, and may be a Windows path; a URI stays as it is.
pub(crate) fn reference(location: &str) -> String {
    if location.contains("://")
        && let Ok(url) = Url::parse(location)
    {
        return url.into();
    }
    let path = location.replace('\\', "/");
    let segments = path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string());
    let path = segments.collect::<Vec<_>>().join("/");
    let has_drive = location.as_bytes().get(1) == Some(&b':');
    if has_drive {
        format!("file:///{}", path.replacen("%3A", ":", 1))
    } else {
        path
    }
}

/// The log with all rules and findings.
pub(crate) fn log(advice: &Advice, location: &str) -> Value {
    let results = advice.findings.iter().map(|finding| {
        let index = rules().position(|rule| rule.id == finding.rule_id);
        result(finding, index.unwrap_or_default(), location)
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "civitai-oauth-mock",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules().map(described).collect::<Value>(),
            } },
            // A log without results shows what was checked.
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": [{
                    "level": "note",
                    "message": { "text": format!("{}.", advice.summary()) },
                }],
            }],
            "results": results.collect::<Value>(),
        }],
    })
}

fn described(rule: &AdviceRule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.id.replace('-', " ") },
        "fullDescription": { "text": rule.rationale },
        "help": { "text": rule.fix },
        "helpUri": rule.source,
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(finding: &Finding, index: usize, location: &str) -> Value {
    let client = finding.client_id.as_deref().unwrap_or("unknown client");
    let text = format!(
        "{client}: {}. Reason: {}. Fix: {}.",
        finding.summary, finding.reason, finding.fix
    );
    json!({
        "ruleId": finding.rule_id,
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
        // Identifies the finding across runs; request ids differ between runs.
        "partialFingerprints": { "ruleAndClient/v1": format!("{}:{client}", finding.rule_id) },
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

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn a_path_becomes_a_uri_reference() {
        for (path, uri) in [
            ("oauth-client", "oauth-client"),
            ("src/sign-in.ts", "src/sign-in.ts"),
            (
                "app/api/auth/[...nextauth]/route.ts",
                "app/api/auth/%5B...nextauth%5D/route.ts",
            ),
            ("../src/a b.ts", "../src/a%20b.ts"),
            ("100%.ts", "100%25.ts"),
            ("/srv/app/a.ts", "/srv/app/a.ts"),
            ("src/a:b.ts", "src/a%3Ab.ts"),
            (r"src\a.ts", "src/a.ts"),
            (r"C:\app\a.ts", "file:///C:/app/a.ts"),
            ("https://x.example/a b.ts", "https://x.example/a%20b.ts"),
        ] {
            assert_eq!(reference(path), uri, "{path}");
        }
    }
}
