//! Advice on a sandbox: reads its journal and runs the rules on it.

use std::sync::Arc;

use crate::advice::{Advice, ObservedCall, advise};
use crate::control::error::ControlResult;
use crate::invalid::Invalid;
use crate::protocol::secret::SecretHash;
use crate::sandbox::Sandbox;
use crate::sandbox::journal::Entry;

impl Sandbox {
    /// Mistakes of apps that the journal shows. Errors: the journal is off; the client is unknown and has not called.
    pub(crate) async fn advice(&self, client: Option<&str>) -> ControlResult<Arc<Advice>> {
        if self.journal.is_off() {
            let off = Invalid::new(
                "journal",
                "the journal is off, so advice has no requests to check",
            );
            return Err(off
                .with_hint("start the server with --journal 1000 or more")
                .into());
        }
        if client.is_some() {
            self.check_client_and_user(client, None)?;
        }
        let key = format!("advice {}", self.journal_state(client));
        self.shared_computations
            .share(key, || self.compute_advice(client))
            .await
    }

    /// A key of everything that advice for a client depends on, for shared computations.
    pub(crate) fn journal_state(&self, client: Option<&str>) -> String {
        let journal = &self.journal;
        let state = (
            journal.newest(),
            journal.clearings(),
            journal.restores(),
            client,
        );
        format!("{state:?}")
    }

    async fn compute_advice(&self, client: Option<&str>) -> ControlResult<Advice> {
        let permit = self.journal.readers().advice.acquire().await?;
        let (sandbox, client) = (self.clone(), client.map(str::to_owned));
        let advising = tokio::task::spawn_blocking(move || {
            // The permit lasts as long as the work, even if the caller disconnects.
            let _permit = permit;
            let (calls, restores) = (sandbox.observed_calls(), sandbox.journal.restores());
            Advice {
                evicted: sandbox.journal.evicted().count,
                ..advise(calls, &restores, client.as_deref())
            }
        });
        match advising.await {
            Ok(advice) => Ok(advice),
            // The task is never cancelled, so it panicked.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The whole journal, read page by page so that no request waits for all of it.
    fn observed_calls(&self) -> Vec<ObservedCall> {
        let mut all: Vec<ObservedCall> = Vec::new();
        // Newer requests are left for the next call: they may arrive faster than this reads.
        let newest = self.journal.newest();
        loop {
            let last = all.last().map_or(0, |call| call.id);
            let mut page = self.journal.page_after(last);
            page.retain(|request| request.id <= newest);
            if page.is_empty() {
                return all;
            }
            // One entry is parsed at a time.
            all.extend(page.iter().map(|request| self.observe(request.to_entry())));
        }
    }

    /// A call with its client, which may be known from its token, also from one that a control operation issued.
    fn observe(&self, entry: Entry) -> ObservedCall {
        let mut call = ObservedCall::new(entry);
        if call.client.is_none()
            && let Some(token) = call.presented()
            && let Some(token) = self.data().find_token(&SecretHash::new(token))
        {
            call.client = Some(token.client_id.0);
        }
        call
    }
}
