//! Reading of command-line options.

use std::str::FromStr;

/// The value that follows an option. Errors: it is missing or unreadable; the message ends with the usage.
pub fn value<T: FromStr>(
    option: &str,
    given: &mut impl Iterator<Item = String>,
    usage: &str,
) -> Result<T, String> {
    let text = given.next().unwrap_or_default();
    text.parse()
        .map_err(|_| format!("{option} {text:?} cannot be read\n\n{usage}"))
}

/// The path of the program of this name in the folder of the running one: cargo builds both into it.
pub fn beside_this_one(name: &str) -> String {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name).display().to_string()
}
