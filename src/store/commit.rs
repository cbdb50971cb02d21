//! The outcome of a commit, known once the writer has tried.

use std::sync::Arc;
use tokio::sync::watch;

/// Whether a batch was committed, or why not.
pub(crate) type Outcome = Result<(), Arc<str>>;

/// The outcome of a batch, once it is known.
#[derive(Debug, Clone)]
pub(crate) struct PendingCommit(pub(crate) watch::Receiver<Option<Outcome>>);

impl PendingCommit {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}
