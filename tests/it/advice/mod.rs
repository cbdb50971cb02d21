//! Tests of advice: which mistakes of an app it reports, and in which formats.

mod attribution;
mod browsers;
mod contracts;
mod formats;
mod retries;
mod sign_in;
mod tokens;
