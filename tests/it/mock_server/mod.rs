//! Tests of `MockServer`, the API for Rust tests.

mod errors;
mod operations;
mod startup;
