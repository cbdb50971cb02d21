//! Which commit is the program built from? What `CIVITAI_MOCK_COMMIT` says, else what git says, else nobody knows: the
//! container image is built without `.git`.

use std::path::Path;
use std::process::Command;

fn main() {
    // The library has no version to show.
    if std::env::var_os("CARGO_FEATURE_CLI").is_none() {
        return;
    }
    println!("cargo:rerun-if-env-changed=CIVITAI_MOCK_COMMIT");
    let given = std::env::var("CIVITAI_MOCK_COMMIT").unwrap_or_default();
    let commit = match given.trim() {
        "" => from_git().unwrap_or_default(),
        given => given.to_owned(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let shown = if commit.is_empty() {
        "unknown"
    } else {
        &commit
    };
    println!("cargo:rustc-env=CIVITAI_MOCK_COMMIT={commit}");
    println!("cargo:rustc-env=CIVITAI_MOCK_VERSION={version} ({shown})");
}

/// The commit that is checked out, if this is a clone; asked again when another is.
fn from_git() -> Option<String> {
    // Written at every commit and checkout; a file that is not there would have this run each time.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let said = text.trim();
    (output.status.success() && !said.is_empty()).then(|| said.to_owned())
}
