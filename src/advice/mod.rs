//! What would production punish? Mistakes that the journal shows, by rules that are asked when somebody wants to know: no
//! request waits for them. The rules are the files beside this one, by family; what they see is `call.rs`.

mod access;
mod call;
mod codes;
mod contracts;
mod history;
mod parameters;
mod picked;
mod pkce;
mod polling;
mod redirects;
mod refresh;
pub(crate) mod refusal;
mod refusal_hints;
mod retries;
pub(crate) mod sarif;
mod scopes;
mod secrets;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::advice::call::Seen;
use crate::control::Outcome;
use crate::invalid::Invalid;
use crate::protocol::secret::SecretHash;
use crate::redact::{printable, redact_message, redact_text};
use crate::sandbox::Sandbox;
use crate::sandbox::journal::{Breaks, Entry};
use history::History;

/// So many of the exchanges that show it are named by a finding: the newest.
const NAMED: usize = 20;

/// How bad a finding is. What is worse comes first, and is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// It breaks, or will.
    Error,
    /// It will break under another contract, or under load, or gives something away.
    Warning,
    /// Good practice, or a suspicion: what the server cannot see may explain it.
    Hint,
}

impl Severity {
    /// All of them, the worst first.
    pub(crate) const ALL: &[Self] = &[Self::Error, Self::Warning, Self::Hint];

    /// What it is called: `error`, `warning` or `hint`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|one| one.name() == text);
        known.ok_or_else(|| {
            format!("no severity {text:?}: choose \"error\", \"warning\" or \"hint\"")
        })
    }
}

/// One thing to look for.
struct Rule {
    id: &'static str,
    severity: Severity,
    /// Why it matters.
    why: &'static str,
    /// What to do about it.
    mend: &'static str,
    /// Where it is written: a link.
    source: &'static str,
    /// What one app's exchanges show of it, if anything.
    look: fn(&History) -> Option<Sight>,
}

/// What was seen, and in which exchanges.
struct Sight {
    summary: String,
    requests: Vec<u64>,
}

impl Sight {
    /// Nothing where there are none; else what is said of so many.
    fn of(mut requests: Vec<u64>, summary: impl FnOnce(usize) -> String) -> Option<Self> {
        requests.sort_unstable();
        requests.dedup();
        let many = requests.len();
        (many > 0).then(|| {
            requests.drain(..many.saturating_sub(NAMED));
            Self {
                summary: summary(many),
                requests,
            }
        })
    }
}

/// `once`, `twice`, or so many times.
fn times(many: usize) -> String {
    match many {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}

/// Every rule there is, family by family.
fn rules() -> impl Iterator<Item = &'static Rule> {
    let families: [&'static [Rule]; 11] = [
        pkce::RULES,
        codes::RULES,
        refresh::RULES,
        access::RULES,
        secrets::RULES,
        scopes::RULES,
        polling::RULES,
        retries::RULES,
        redirects::RULES,
        parameters::RULES,
        contracts::RULES,
    ];
    families.into_iter().flatten()
}

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

/// What all rules find in these exchanges, of one client where it is named; none of them looks across a way back to a
/// snapshot.
fn advise(all: Vec<Seen>, breaks: Breaks, client: Option<&str>) -> Advice {
    let mut found: HashMap<(&str, Option<String>), Finding> = HashMap::new();
    let mut exchanges = 0;
    let ended: Arc<[u64]> = breaks.tokens_ended.into();
    let owners = history::owners(&all);
    let stretches = history::stretches(all, &breaks.turned_back).into_iter();
    let histories = stretches.flat_map(|seen| history::by_client(seen, &owners, &ended));
    let client = client.map(picked::shortened);
    let is_asked_for = |history: &History| {
        let asked = client.as_deref();
        asked.is_none_or(|client| history.client.as_deref() == Some(client))
    };
    for history in histories.filter(is_asked_for) {
        exchanges += history.seen.len() as u64;
        for rule in rules() {
            let Some(sight) = (rule.look)(&history) else {
                continue;
            };
            let summary = match history.client {
                Some(_) => sight.summary,
                None => format!("{}; no request says which client it is of", sight.summary),
            };
            let summary = redact_message(&summary).into_owned();
            let client_id = history.client.as_deref().map(redact_text);
            let client_id = client_id.map(Cow::into_owned);
            let finding = Finding {
                id: rule.id.to_owned(),
                severity: rule.severity,
                client_id: client_id.clone(),
                summary,
                why: rule.why.to_owned(),
                mend: rule.mend.to_owned(),
                source: rule.source.to_owned(),
                requests: sight.requests,
            };
            // The newest stretch speaks for all.
            found.insert((rule.id, client_id), finding);
        }
    }
    let mut findings: Vec<Finding> = found.into_values().collect();
    findings
        .sort_by_cached_key(|one: &Finding| (one.severity, one.id.clone(), one.client_id.clone()));
    Advice {
        findings,
        exchanges,
        dropped: 0,
    }
}

impl Sandbox {
    /// What production would punish of what the apps have done, as far as the journal goes back. Errors: the journal is off;
    /// there is no such client, and none of the name has called.
    pub(crate) async fn advice(&self, client: Option<&str>) -> Outcome<Arc<Advice>> {
        if self.journal.is_off() {
            let off = Invalid::new("journal", "the journal is off, so advice sees no request");
            return Err(off
                .with_hint("start the server with --journal 1000 or more")
                .into());
        }
        if client.is_some() {
            self.known_parties(client, None)?;
        }
        let key = format!("advice {}", self.journal_state(client));
        self.in_flight
            .share(key, || self.compute_advice(client))
            .await
    }

    /// What advice for a client depends on, as a key of shared computations.
    pub(crate) fn journal_state(&self, client: Option<&str>) -> String {
        let (journal, breaks) = (&self.journal, self.journal.breaks());
        let state = (journal.newest(), journal.clearings(), breaks, client);
        format!("{state:?}")
    }

    async fn compute_advice(&self, client: Option<&str>) -> Outcome<Advice> {
        let permit = self.journal.readers().advice().await?;
        let (sandbox, client) = (self.clone(), client.map(str::to_owned));
        let advising = tokio::task::spawn_blocking(move || {
            // Its turn lasts as long as the work does, even if the caller disconnects.
            let _permit = permit;
            let (seen, breaks) = (sandbox.seen(), sandbox.journal.breaks());
            Advice {
                dropped: sandbox.journal.dropped().count,
                ..advise(seen, breaks, client.as_deref())
            }
        });
        match advising.await {
            Ok(advice) => Ok(advice),
            // It is not cancelled by others.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// What the rules need of each exchange. The journal is read page by page, so that no request waits for all of it.
    fn seen(&self) -> Vec<Seen> {
        let mut all: Vec<Seen> = Vec::new();
        // What comes meanwhile is left for the next call: it may come faster than it is read.
        let newest = self.journal.newest();
        loop {
            let last = all.last().map_or(0, |one| one.id);
            let mut page = self.journal.page_after(last);
            page.retain(|exchange| exchange.id() <= newest);
            if page.is_empty() {
                return all;
            }
            // One is parsed at a time.
            all.extend(page.iter().map(|exchange| self.see(exchange.to_entry())));
        }
    }

    /// An exchange with its client, which may follow from its token: one that a control call has minted, too.
    fn see(&self, entry: Entry) -> Seen {
        let mut seen = Seen::of(entry);
        if seen.client.is_none()
            && let Some(token) = seen.presented()
            && let Some(token) = self.world().find_token(&SecretHash::of(token))
        {
            seen.client = Some(token.client_id.0);
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_lists_every_rule() {
        let readme = include_str!("../../README.md");
        for rule in rules() {
            let row = format!("| `{}` | {} |", rule.id, rule.severity);
            assert!(readme.contains(&row), "no row {row:?}");
        }
        let rows = readme.lines().filter(|line| {
            ["| error |", "| warning |", "| hint |"]
                .iter()
                .any(|word| line.contains(word))
        });
        assert_eq!(rows.count(), rules().count());
    }

    #[test]
    fn no_two_rules_have_one_name_and_each_names_its_source() {
        let mut ids: Vec<&str> = rules().map(|rule| rule.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for rule in rules() {
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
        }
    }
}
