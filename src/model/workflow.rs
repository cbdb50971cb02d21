//! Workflows, with the data that billing needs: user, cost, duration, and the tags and metadata of the app.

use serde::{Deserialize, Serialize};

use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// A workflow that an app has submitted and a user has paid.
#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    pub(crate) user_id: UserId,
    pub(crate) client_id: ClientId,
    /// In buzz.
    pub(crate) cost: u64,
    pub(crate) steps: Vec<WorkflowStep>,
    pub(crate) tags: Vec<String>,
    /// The app's own JSON object, as text.
    pub(crate) metadata: String,
    pub(crate) submitted_at: Timestamp,
    /// When it finishes, unless it is canceled before.
    pub(crate) finishes_at: Timestamp,
    pub(crate) canceled_at: Option<Timestamp>,
}

/// One of the things to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkflowStep {
    #[serde(rename = "$type")]
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// How far a workflow and its steps are. Source: `WorkflowStatus` of `@civitai/client`, of which these occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkflowStatus {
    /// It was only quoted.
    Unassigned,
    Processing,
    Succeeded,
    Canceled,
}

impl WorkflowStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl Workflow {
    pub(crate) fn status(&self, now: Timestamp) -> WorkflowStatus {
        if self.canceled_at.is_some() {
            WorkflowStatus::Canceled
        } else if self.finishes_at <= now {
            WorkflowStatus::Succeeded
        } else {
            WorkflowStatus::Processing
        }
    }

    /// When it reached its last status; None while it runs.
    pub(crate) fn completed_at(&self, now: Timestamp) -> Option<Timestamp> {
        let finished = (self.finishes_at <= now).then_some(self.finishes_at);
        self.canceled_at.or(finished)
    }

    /// The approximate bytes of its texts.
    pub(crate) fn size_in_bytes(&self) -> usize {
        let steps = self.steps.iter();
        let steps = steps.map(|step| size_of::<WorkflowStep>() + step.kind.len() + step.name.len());
        let tags = self.tags.iter();
        let tags = tags.map(|tag| size_of::<String>() + tag.len());
        steps.chain(tags).sum::<usize>() + self.metadata.len()
    }
}

/// A change of a workflow by its app. Absent parts stay as they are.
#[derive(Debug, Default)]
pub(crate) struct WorkflowChange {
    pub(crate) cancels: bool,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) metadata: Option<String>,
}

/// Which of its workflows an app lists.
#[derive(Debug)]
pub(crate) struct WorkflowQuery {
    /// The last workflow of the page before.
    pub(crate) after: Option<WorkflowPosition>,
    /// The most workflows of a page.
    pub(crate) take: usize,
    /// Oldest first, instead of newest first.
    pub(crate) is_ascending: bool,
    pub(crate) excludes_failed: bool,
    /// All of these must be among its tags.
    pub(crate) tags: Vec<String>,
    /// Must be a part of its metadata's text.
    pub(crate) text: Option<String>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// The position of a workflow in a list: by time, then by id.
pub(crate) type WorkflowPosition = (Timestamp, String);

impl WorkflowQuery {
    pub(crate) fn matches(&self, workflow: &Workflow) -> bool {
        let is_canceled = workflow.canceled_at.is_some();
        !(self.excludes_failed && is_canceled)
            && self.tags.iter().all(|tag| workflow.tags.contains(tag))
            && self
                .text
                .iter()
                .all(|text| workflow.metadata.contains(text))
            && self.from.is_none_or(|from| workflow.submitted_at >= from)
            && self.to.is_none_or(|to| workflow.submitted_at <= to)
    }
}
