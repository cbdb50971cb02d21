//! Requests: the journal as a list and a detail, and each request as a page of its own.

mod detail;
mod page;
mod pairs;
mod replay;
mod request;
mod row;
mod search;

pub(crate) use page::get;
pub(crate) use replay::post as send_again;
pub(crate) use request::get as get_request;
pub(super) use row::{Row, milliseconds, request_path};
pub(super) use search::SearchForm;
