//! Operations on workflows.

use crate::model::workflow::{Workflow, WorkflowChange, WorkflowPosition, WorkflowQuery};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::columns::ROW_BYTES;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;

/// A page of a list ends when its workflows have this many bytes, even if more are requested: an answer stays in memory
/// until the client has read it.
const MAX_PAGE_BYTES: usize = 128 * 1024;

impl SandboxData {
    /// A workflow of any user, by id.
    pub(crate) fn find_workflow(&self, id: &str) -> Option<Workflow> {
        let tables = self.read();
        let stored = tables.workflows.get(id)?;
        Some(stored.workflow.clone())
    }

    /// A page of the workflows of a user and a client, and where the next page begins, if there is one.
    pub(crate) fn list_workflows(
        &self,
        user: UserId,
        client: &ClientId,
        query: &WorkflowQuery,
    ) -> (Vec<Workflow>, Option<WorkflowPosition>) {
        let tables = self.read();
        let all = tables.workflows.values();
        let mut found: Vec<&Workflow> = all
            .map(|stored| &stored.workflow)
            .filter(|one| one.user_id == user && one.client_id == *client && query.matches(one))
            .collect();
        let position = |workflow: &Workflow| (workflow.submitted_at, workflow.id.clone());
        found.sort_by(|one, other| {
            let order = (one.submitted_at, &one.id).cmp(&(other.submitted_at, &other.id));
            if query.is_ascending {
                order
            } else {
                order.reverse()
            }
        });
        let follows = |workflow: &&Workflow| {
            query.after.as_ref().is_none_or(|(at, id)| {
                let (this, last) = ((workflow.submitted_at, &workflow.id), (*at, id));
                if query.is_ascending {
                    this > last
                } else {
                    this < last
                }
            })
        };
        let mut following = found.into_iter().filter(follows);
        let (mut page, mut bytes) = (Vec::new(), 0);
        while page.len() < query.take && bytes < MAX_PAGE_BYTES {
            let Some(workflow) = following.next() else {
                return (page, None);
            };
            bytes += ROW_BYTES + workflow.size_in_bytes();
            page.push(workflow.clone());
        }
        let next = following.next().and(page.last()).map(position);
        (page, next)
    }

    /// Changes a workflow of a user and a client, and refunds it if it is canceled while it runs. Returns whether it exists.
    pub(crate) async fn change_workflow(
        &self,
        id: &str,
        user: UserId,
        client: &ClientId,
        change: WorkflowChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            let Some(workflow) = tables.workflows.find_own(id, user, client) else {
                return false;
            };
            let cancels = change.cancels && workflow.completed_at(now).is_none();
            tables
                .workflows
                .change(&workflow.id.clone(), batch, |stored| {
                    let workflow = &mut stored.workflow;
                    if cancels {
                        workflow.canceled_at = Some(now);
                    }
                    if let Some(tags) = change.tags {
                        workflow.tags = tags;
                    }
                    if let Some(metadata) = change.metadata {
                        workflow.metadata = metadata;
                    }
                });
            if cancels {
                tables.refund(id, batch);
            }
            true
        })
        .await
    }

    /// Deletes a workflow of a user and a client, and refunds it if it still runs. Returns whether it existed.
    pub(crate) async fn delete_workflow(
        &self,
        id: &str,
        user: UserId,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            let Some(workflow) = tables.workflows.find_own(id, user, client) else {
                return false;
            };
            let is_running = workflow.completed_at(now).is_none();
            tables.workflows.remove(id, batch);
            if is_running {
                tables.refund(id, batch);
            }
            true
        })
        .await
    }
}
