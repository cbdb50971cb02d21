//! What work has an app paid for? As much of a workflow as billing needs: who pays how much, and when it is done.

use serde::{Deserialize, Serialize};

use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// Something that an app has asked for and a user has paid.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    pub(crate) user_id: UserId,
    pub(crate) client_id: ClientId,
    /// In buzz.
    pub(crate) cost: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) finishes_at: Timestamp,
}

/// One of the things to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    #[serde(rename = "$type")]
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Workflow {
    pub(crate) fn is_finished(&self, now: Timestamp) -> bool {
        self.finishes_at <= now
    }
}
