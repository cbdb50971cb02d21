//! The outcome of a commit, known once the writer has attempted it.

use std::sync::Arc;
use tokio::sync::watch;

/// The result of a commit; an error has the reason.
pub(crate) type Outcome = Result<(), Arc<str>>;

/// The outcome of a batch, once it is known.
#[derive(Debug, Clone)]
pub(crate) struct PendingCommit(pub(crate) watch::Receiver<Option<Outcome>>);

impl PendingCommit {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}
