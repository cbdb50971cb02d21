//! What an app calls right after sign-in: who am I, what is there to spend, do some work. Parse, act, render, as in
//! `oauth/`; `respond.rs` alone chooses statuses and headers. What may be spent is `model/ledger.rs`.

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
