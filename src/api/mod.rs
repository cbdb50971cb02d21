//! API endpoints that apps call after sign-in: `me`, tRPC procedures, workflows and blobs. Three of
//! Civitai's servers have them, with three formats of errors. The budget rules are in `model/ledger.rs`.

pub(crate) mod blobs;
pub(crate) mod buzz;
pub(crate) mod caller;
pub(crate) mod me;
mod orchestrator;
pub(crate) mod orchestrator_error;
mod picture;
pub(crate) mod spend;
mod submission;
pub(crate) mod trpc;
mod trpc_response;
mod workflow_changes;
mod workflow_queries;
pub(crate) mod workflows;
