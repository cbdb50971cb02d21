//! Requests: the journal as a list and a detail, and each request as a page of its own.

mod change_row;
mod detail;
mod lines;
mod page;
mod pairs;
mod replay;
mod request;
mod row;
mod search;

pub(super) use change_row::ChangeRow;
pub(crate) use page::get;
pub(crate) use replay::post as send_again;
pub(crate) use request::{get as get_request, is_for_browser};
pub(super) use row::{PageGroup, Row, milliseconds, request_path};
pub(super) use search::SearchForm;
