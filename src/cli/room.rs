//! How many connections can this process hold? Each takes a file descriptor, of which the system gives so many.

use crate::config::Config;

/// For the database, the listeners, and what the runtime keeps for itself.
const BESIDE_CONNECTIONS: u64 = 128;

/// Takes as many file descriptors as the system allows, and promises no more connections than they suffice for.
/// `asked` is how many somebody asked for by name: they are told where they get fewer.
pub(super) fn make(config: &mut Config, asked: Option<usize>) {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(why) => {
            tracing::debug!(%why, "the limit of file descriptors could not be raised");
            return;
        }
    };
    let room = files.saturating_sub(BESIDE_CONNECTIONS).max(1);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if config.max_connections <= room {
        return;
    }
    if asked.is_some() {
        tracing::warn!(
            "the system allows {files} file descriptors, which suffice for {room} connections; raise its limit \
             (ulimit -Hn) for more"
        );
    }
    config.max_connections = room;
}
