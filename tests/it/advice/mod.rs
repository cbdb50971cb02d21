//! Tests of advice: which mistakes of an app it reports, and in which formats.

mod attribution;
mod browsers;
mod contracts;
mod formats;
mod full_journal;
mod retries;
mod sign_in;
mod tokens;
