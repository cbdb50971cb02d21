//! How many connections this process can hold: each takes a file descriptor, and the system limits their number.

use crate::config::Config;

/// File descriptors for the database, the listeners and the runtime.
const BESIDE_CONNECTIONS: u64 = 128;

/// Fewer connections than this are reported even without `--max-connections`: browsers and test suites open dozens.
const FEW_CONNECTIONS: usize = 1000;

/// Raises the limit of file descriptors as far as the system allows, and accepts no more connections than they suffice
/// for. `asked` is the value of `--max-connections`. Returns a warning if there are fewer than wanted.
pub(crate) fn make(config: &mut Config, asked: Option<usize>) -> Option<String> {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::debug!(%error, "the limit of file descriptors could not be raised");
            return None;
        }
    };
    let room = connections(files);
    if config.max_connections <= room {
        return None;
    }
    let wanted = std::mem::replace(&mut config.max_connections, room);
    (asked.is_some() || room < FEW_CONNECTIONS).then(|| warning(files, room, wanted))
}

/// The connections that this many file descriptors suffice for. Half of few descriptors are left for everything else.
fn connections(files: u64) -> usize {
    let room = files.saturating_sub(BESIDE_CONNECTIONS).max(files / 2);
    usize::try_from(room.max(1)).unwrap_or(usize::MAX)
}

fn warning(files: u64, room: usize, wanted: usize) -> String {
    let enough =
        u64::try_from(wanted).map_or(u64::MAX, |wanted| wanted.saturating_add(BESIDE_CONNECTIONS));
    format!(
        "the system allows {files} open files, enough for {room} connections instead of {wanted}; raise the limit with \
         `ulimit -n {enough}` (in Docker: --ulimit nofile={enough}), or set --max-connections {room}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_shared_between_connections_and_the_rest() {
        for (files, room) in [
            (0, 1),
            (2, 1),
            (64, 32),
            (256, 128),
            (1024, 896),
            (20_000, 19_872),
        ] {
            assert_eq!(connections(files), room, "{files} descriptors");
        }
    }

    #[test]
    fn the_warning_gives_the_number_and_the_fix() {
        insta::assert_snapshot!(warning(64, 32, 10_000), @"the system allows 64 open files, enough for 32 connections instead of 10000; raise the limit with `ulimit -n 10128` (in Docker: --ulimit nofile=10128), or set --max-connections 32");
    }
}
