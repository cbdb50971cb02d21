//! Tests of the APIs that apps call with a token: `me`, buzz, workflows and blobs.

mod blobs;
mod budget_properties;
mod budgets;
mod buzz;
mod cors;
mod me;
mod workflow_changes;
pub(crate) mod workflow_lists;
mod workflows;
