//! The operations of the control API, by topic. Each file has a table of operations with their handlers below it; a handler
//! passes its input to one operation of `control/`.

mod clients;
mod clock;
mod consents;
mod devices;
mod faults;
mod journal;
mod sandboxes;
mod sessions;
mod settings;
mod snapshots;
mod tokens;
mod users;

use super::operation::Operation;

/// Every operation but the `OpenAPI` document.
pub(super) fn operations() -> Vec<Operation> {
    [
        settings::operations(),
        clock::operations(),
        snapshots::operations(),
        users::operations(),
        clients::operations(),
        sessions::operations(),
        tokens::operations(),
        devices::operations(),
        consents::operations(),
        faults::operations(),
        journal::operations(),
        sandboxes::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
