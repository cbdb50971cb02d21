//! Tests of the whole store.

mod failed_commits;
mod files;
mod purges;
mod removals;
mod seeds;
mod sessions;
mod snapshots;
mod support;
