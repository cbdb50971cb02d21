//! Files that the program must not overwrite.

use std::path::PathBuf;

use insta::assert_snapshot;

use crate::cli::errors::refusal;
use crate::support::TempDir;

/// The files of a folder and their contents.
fn files(folder: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    let all = std::fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = all
        .map(|file| file.expect("a folder can be listed").path())
        .map(|path| {
            (
                path.clone(),
                std::fs::read(path).expect("a file can be read"),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_file_that_the_server_would_overwrite_is_refused_and_unchanged() {
    let folder = TempDir::new();
    let at = |name: &str| folder.path(name).display().to_string();
    let database: &[u8] = include_bytes!("../support/first-schema.db");
    std::fs::write(folder.path("k.db"), database).unwrap();
    std::fs::hard_link(folder.path("k.db"), folder.path("link.db")).unwrap();
    std::fs::write(folder.path("binary"), [0xff, 0]).unwrap();
    folder.write("notes.txt", "8080, the usual port\n");
    folder.write("seed.toml", "[[users]]\nid = 1\n");
    let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    folder.write("bundle.pem", &certificate.repeat(2));
    let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
    folder.write("key.pem", &format!("{certificate}{key}"));
    let both = format!("database = {0:?}\nport_file = {0:?}\n", at("new.db"));
    folder.write("both.toml", &both);
    let before = files(&folder);

    let https = "--tls-listen=127.0.0.1:0";
    let cases = [
        // Two options, one file.
        format!("--database={} --port-file={}", at("k.db"), at("k.db")),
        format!("--database={} --port-file={}", at("k.db"), at("link.db")),
        format!("--database={} --port-file={}", at("k.db"), at("k.db-wal")),
        format!(
            "--database={} {https} --tls-ca-file={}",
            at("k.db"),
            at("k.db-lock")
        ),
        format!("--database={} --port-file={}", at("new.db"), at("new.db")),
        format!("--database={0} --seed={0}", at("seed.toml")),
        format!("--seed={0} --port-file={0}", at("seed.toml")),
        format!("--port-file={0} {https} --tls-ca-file={0}", at("new")),
        format!("--config={}", at("both.toml")),
        // A file of another program.
        format!("--port-file={}", at("k.db")),
        format!("--port-file={}", at("notes.txt")),
        format!("--port-file={}", at("binary")),
        format!("{https} --tls-ca-file={}", at("k.db")),
        format!("{https} --tls-ca-file={}", at("bundle.pem")),
        format!("{https} --tls-ca-file={}", at("key.pem")),
    ];
    let printed = cases.map(|case| refusal(&folder, &case.split(' ').collect::<Vec<_>>()));
    assert_snapshot!(printed.join("\n"), @"
    1: civitai-oauth-mock: --port-file: <folder>/k.db is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --port-file: <folder>/link.db is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --port-file: <folder>/k.db-wal is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --tls-ca-file: <folder>/k.db-lock is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --port-file: <folder>/new.db is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --seed: <folder>/seed.toml is also used by --database; use a different file for each option
    1: civitai-oauth-mock: --seed: <folder>/seed.toml is also used by --port-file; use a different file for each option
    1: civitai-oauth-mock: --tls-ca-file: <folder>/new is also used by --port-file; use a different file for each option
    1: civitai-oauth-mock: <folder>/both.toml:2: port_file: <folder>/new.db is also used by <folder>/both.toml:1: database; use a different file for each option
    1: civitai-oauth-mock: --port-file: <folder>/k.db: it holds a SQLite database, not a port number; nothing was written to it; choose another with --port-file, or remove it
    1: civitai-oauth-mock: --port-file: <folder>/notes.txt: it holds other text, not a port number; nothing was written to it; choose another with --port-file, or remove it
    1: civitai-oauth-mock: --port-file: <folder>/binary: it holds binary data, not a port number; nothing was written to it; choose another with --port-file, or remove it
    1: civitai-oauth-mock: <folder>/k.db: it holds a SQLite database, not one certificate in PEM; nothing was written to it; choose another with --tls-ca-file, or remove it
    1: civitai-oauth-mock: <folder>/bundle.pem: it holds other text, not one certificate in PEM; nothing was written to it; choose another with --tls-ca-file, or remove it
    1: civitai-oauth-mock: <folder>/key.pem: it holds other text, not one certificate in PEM; nothing was written to it; choose another with --tls-ca-file, or remove it
    ");
    assert!(files(&folder) == before, "a file was created or changed");
}
