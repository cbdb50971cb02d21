//! Limits connections to the file descriptors that the system permits, of which each connection takes one.

use crate::config::Config;

/// File descriptors for the database, the listeners and the runtime.
const OTHER_FILES: u64 = 128;

/// Fewer connections are reported even without `--max-connections`: browsers and test suites open dozens.
const MIN_CONNECTIONS: usize = 1000;

/// Raises the limit of file descriptors as far as the system allows, and accepts no more connections than they suffice
/// for. `requested` is the value of `--max-connections`. Returns a warning if there are fewer than requested.
pub(crate) fn raise(config: &mut Config, requested: Option<usize>) -> Option<String> {
    let files = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => files,
        Err(error) => {
            tracing::debug!(%error, "the limit of file descriptors could not be raised");
            return None;
        }
    };
    let possible = max_connections(files);
    if config.max_connections <= possible {
        return None;
    }
    let wanted = std::mem::replace(&mut config.max_connections, possible);
    (requested.is_some() || possible < MIN_CONNECTIONS).then(|| warning(files, possible, wanted))
}

/// The connections for which this many file descriptors suffice. Of few descriptors, half are left for other files.
fn max_connections(files: u64) -> usize {
    let available = files.saturating_sub(OTHER_FILES).max(files / 2);
    usize::try_from(available.max(1)).unwrap_or(usize::MAX)
}

fn warning(files: u64, possible: usize, wanted: usize) -> String {
    let enough =
        u64::try_from(wanted).map_or(u64::MAX, |wanted| wanted.saturating_add(OTHER_FILES));
    format!(
        "the system allows {files} open files, enough for {possible} connections instead of {wanted}; raise the limit with \
         `ulimit -n {enough}` (in Docker: --ulimit nofile={enough}), or set --max-connections {possible}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_shared_between_connections_and_the_rest() {
        for (files, connections) in [
            (0, 1),
            (2, 1),
            (64, 32),
            (256, 128),
            (1024, 896),
            (20_000, 19_872),
        ] {
            assert_eq!(max_connections(files), connections, "{files} descriptors");
        }
    }

    #[test]
    fn the_warning_gives_the_number_and_the_fix() {
        insta::assert_snapshot!(warning(64, 32, 10_000), @"the system allows 64 open files, enough for 32 connections instead of 10000; raise the limit with `ulimit -n 10128` (in Docker: --ulimit nofile=10128), or set --max-connections 32");
    }
}
