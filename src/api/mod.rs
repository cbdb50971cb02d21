//! API endpoints that apps call after sign-in: `me`, tRPC procedures, workflows and blobs. As in `oauth/`: parse, act,
//! render; only `respond.rs` chooses statuses and headers. The budget rules are in `model/ledger.rs`.

pub(crate) mod blobs;
pub(crate) mod buzz;
pub(crate) mod caller;
pub(crate) mod me;
mod orchestrator;
mod picture;
mod respond;
pub(crate) mod spend;
mod submission;
pub(crate) mod trpc;
mod workflow_changes;
mod workflow_queries;
pub(crate) mod workflows;
