//! The findings of all rules for a journal, as JSON and as text.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::severity::Severity;
use crate::redact::printable;

/// A mistake that an app was seen to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which rule found it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whose it is; nobody's where no exchange says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What was seen.
    pub summary: String,
    /// Why it matters.
    pub why: String,
    /// How to mend it.
    pub mend: String,
    /// Where it is written: a link.
    pub source: String,
    /// The exchanges that show it, by their ids in the journal: the newest 20.
    pub requests: Vec<u64>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = printable(self.client_id.as_deref().unwrap_or("unknown client"));
        let requests: Vec<String> = self.requests.iter().map(u64::to_string).collect();
        writeln!(f, "{}: {} ({client})", self.severity, printable(&self.id))?;
        let summary = printable(&self.summary);
        writeln!(f, "  {summary}; requests {}", requests.join(", "))?;
        writeln!(f, "  why: {}", printable(&self.why))?;
        writeln!(f, "  mend: {}", printable(&self.mend))?;
        write!(f, "  {}", printable(&self.source))
    }
}

/// What production would punish, the worst first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Advice {
    /// By severity, then id, then client.
    pub findings: Vec<Finding>,
    /// How many exchanges were looked at: of every client, or of the one that was asked for; what the playground did is not
    /// counted. Where there are none, nothing was judged.
    pub exchanges: u64,
    /// How many older ones the journal has let go since it was cleared: of them, nothing is said.
    pub dropped: u64,
}

impl Advice {
    /// Those that are at least as bad.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        let all = self.findings.iter();
        all.filter(move |finding| finding.severity <= severity)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}\n")?;
        }
        let count = |severity| {
            let all = self.findings.iter();
            let many = all.filter(|finding| finding.severity == severity).count();
            format!("{many} {severity}{}", if many == 1 { "" } else { "s" })
        };
        let counts: Vec<String> = Severity::ALL.iter().map(|one| count(*one)).collect();
        let plural = if self.exchanges == 1 { "" } else { "s" };
        write!(
            f,
            "{}, in {} exchange{plural}",
            counts.join(", "),
            self.exchanges
        )?;
        if self.dropped > 0 {
            write!(
                f,
                " ({} older ones are gone: raise --journal or --journal-memory)",
                self.dropped
            )?;
        }
        Ok(())
    }
}
