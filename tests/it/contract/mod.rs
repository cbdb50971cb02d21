//! Tests of the contracts: recorded exchanges, and the differences between contracts.

mod changes;
mod divergence;
mod recorded;
