//! Advice on a sandbox: reads the journal and runs the rules on it.

use std::sync::Arc;

use crate::advice::{Advice, Seen, advise};
use crate::control::error::Outcome;
use crate::invalid::Invalid;
use crate::protocol::secret::SecretHash;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::Entry;

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
