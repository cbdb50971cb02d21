//! The findings of all rules for a journal, as JSON and as text.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::severity::Severity;
use crate::redact::printable;

/// A mistake that an app made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The id of the rule.
    pub rule_id: String,
    /// The severity of the rule.
    pub severity: Severity,
    /// The client; `None` if no request identifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the app did.
    pub summary: String,
    /// The reason to avoid the mistake.
    pub reason: String,
    /// The fix.
    pub fix: String,
    /// A link to the specification or documentation.
    pub source: String,
    /// The journal ids of the requests that show it: the newest 20.
    pub requests: Vec<u64>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = printable(self.client_id.as_deref().unwrap_or("unknown client"));
        let requests: Vec<String> = self.requests.iter().map(u64::to_string).collect();
        writeln!(
            f,
            "{}: {} ({client})",
            self.severity,
            printable(&self.rule_id)
        )?;
        let summary = printable(&self.summary);
        writeln!(f, "  {summary}; requests {}", requests.join(", "))?;
        writeln!(f, "  reason: {}", printable(&self.reason))?;
        writeln!(f, "  fix: {}", printable(&self.fix))?;
        write!(f, "  {}", printable(&self.source))
    }
}

/// The mistakes of apps that the journal shows, the most severe first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Advice {
    /// Sorted by severity, then id, then client.
    pub findings: Vec<Finding>,
    /// Number of requests that were checked, of all clients or of the requested one, without those of the playground.
    pub requests: u64,
    /// Number of older requests that were evicted from the journal, and so were not checked.
    pub evicted: u64,
}

impl Advice {
    /// The findings of at least this severity.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        let all = self.findings.iter();
        all.filter(move |finding| finding.severity <= severity)
    }

    /// The number of findings of exactly this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.severity == severity).count()
    }

    /// One sentence: `42 requests checked: no errors, no warnings`. Hints are counted if there are any.
    pub fn summary(&self) -> String {
        let counted = |severity: Severity| match self.count(severity) {
            0 => format!("no {severity}s"),
            1 => format!("1 {severity}"),
            number => format!("{number} {severity}s"),
        };
        let shown = Severity::ALL.iter().copied();
        let shown = shown.filter(|one| *one != Severity::Hint || self.count(*one) > 0);
        let counts: Vec<String> = shown.map(counted).collect();
        let plural = if self.requests == 1 { "" } else { "s" };
        format!(
            "{} request{plural} checked: {}",
            self.requests,
            counts.join(", ")
        )
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}\n")?;
        }
        f.write_str(&self.summary())?;
        if self.evicted > 0 {
            write!(
                f,
                " ({} older ones were removed: raise --journal or --journal-memory)",
                self.evicted
            )?;
        }
        Ok(())
    }
}
