//! The commit and the version of the program. The commit is that of `CIVITAI_MOCK_COMMIT` or of git, and empty in a build
//! from a packaged crate. The container image is built without `.git`.

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
        version.to_owned()
    } else {
        format!("{version} ({commit})")
    };
    println!("cargo:rustc-env=CIVITAI_MOCK_COMMIT={commit}");
    println!("cargo:rustc-env=CIVITAI_MOCK_VERSION={shown}");
}

/// The commit that is checked out, if this is a clone. Another checkout runs this again.
fn from_git() -> Option<String> {
    // Git writes it at every commit and checkout. Cargo would run this each time for a missing file.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
