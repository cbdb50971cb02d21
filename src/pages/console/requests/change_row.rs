//! A change of clock, faults or settings as a line of the request list.

use askama::Template;

use crate::control::{Change, ChangeKind, Timestamp};
use crate::pages::console::time_text::{ago, full_time, list_time};

/// A change as the list shows it.
#[derive(Template)]
#[template(path = "change_row.html")]
pub(crate) struct ChangeRow {
    id: u64,
    after: u64,
    at: Timestamp,
    time: String,
    full_time: String,
    ago: String,
    icon: &'static str,
    message: String,
}

impl ChangeRow {
    /// The line of a change, read at `now`.
    pub(crate) fn new(change: Change, now: Timestamp) -> Self {
        Self {
            id: change.id,
            after: change.after_request,
            at: change.at,
            time: list_time(now, change.at),
            full_time: full_time(change.at),
            ago: ago(now, change.at),
            icon: icon(change.kind),
            message: change.message,
        }
    }
}

fn icon(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ClockMoved | ChangeKind::ClockFrozen | ChangeKind::ClockResumed => "clock",
        ChangeKind::FaultAdded | ChangeKind::FaultDeleted => "fault",
        ChangeKind::SettingsChanged => "contract",
        ChangeKind::TokensExpired => "token",
        ChangeKind::SnapshotRestored => "sandbox",
        ChangeKind::SandboxReset => "undo",
    }
}
