//! Rules of the source: layers, no cycles between files, one place for SQL, time and randomness, short files.

mod import_search;
mod imports;
mod picture;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 400;

/// The files below a folder of the package with this extension: relative path and text.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the package is there") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == extension) {
                let name = path.strip_prefix(&root).expect("it was found there");
                let text = fs::read_to_string(&path).expect("source is text");
                found.push((name.display().to_string().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

fn source() -> Vec<(String, String)> {
    files("src", "rs")
}

/// The lines of files in these folders that contain one of these words, except comments.
fn violations(folders: &[&str], words: &[&str], exempt: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in source() {
        let inside = folders.iter().any(|folder| name.starts_with(folder));
        if !inside || exempt.contains(&name.as_str()) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{name}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// All folders.
const EVERYWHERE: &[&str] = &[""];

#[test]
fn domain_layers_do_not_import_http() {
    let folders = ["contract/", "protocol/", "model/", "store/"];
    assert_none(&violations(&folders, &["axum", "hyper"], &[]));
}

/// The modules of the crate, from the highest to the lowest: each may import those below it.
const LAYERS: [&str; 29] = [
    "main",
    "internals",
    "cli",
    "mock_server",
    "server",
    "router",
    "middleware",
    "mcp",
    "pages",
    "control_api",
    "health",
    "control",
    "oauth",
    "api",
    "advice",
    "http",
    "config",
    "certificate",
    "seed",
    "sandbox",
    "store",
    "model",
    "invalid",
    "redact",
    "hosts",
    "protocol",
    "contract",
    "files",
    "suggest",
];

/// The module of a file: the first part of its path.
fn module(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn every_module_is_in_a_layer() {
    let known = |name: &str| name == "lib.rs" || LAYERS.contains(&module(name));
    let unknown = source().into_iter().map(|(name, _)| name);
    assert_none(&unknown.filter(|name| !known(name)).collect::<Vec<_>>());
}

#[test]
fn the_document_lists_the_layers_in_order() {
    let document = std::fs::read_to_string("docs/development/architecture.md").unwrap();
    let modules = document
        .lines()
        .filter(|line| line.starts_with('|'))
        .take_while(|line| !line.starts_with("| question"))
        .filter_map(|line| line.split('|').nth(2))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2));
    assert_eq!(modules.collect::<Vec<_>>(), LAYERS);
}

#[test]
fn imports_go_down() {
    let layer = |file: &str| LAYERS.iter().position(|name| *name == module(file));
    let upward = imports::imports(&source());
    let upward = upward
        .iter()
        .filter(|import| layer(&import.to) < layer(&import.from));
    let shown =
        upward.map(|import| format!("{} imports {} of {}", import.from, import.name, import.to));
    assert_none(&shown.collect::<Vec<_>>());
}

#[test]
fn files_have_no_import_cycles() {
    let imports = imports::imports(&source());
    let mut shown = Vec::new();
    for cycle in imports::cycles(&imports) {
        shown.push(format!("a cycle of {} files:", cycle.len()));
        let inside = imports
            .iter()
            .filter(|import| cycle.contains(&import.from) && cycle.contains(&import.to));
        shown.extend(
            inside.map(|import| {
                format!("  {} imports {} of {}", import.from, import.name, import.to)
            }),
        );
    }
    assert_none(&shown);
}

#[test]
fn sql_is_only_in_the_store() {
    let words = [
        "sqlx::query",
        "select ",
        "insert into",
        "delete from",
        "on conflict (",
        "begin immediate",
    ];
    let outside: Vec<String> = violations(EVERYWHERE, &words, &[])
        .into_iter()
        .filter(|place| !place.starts_with("store/"))
        .collect();
    assert_none(&outside);
}

#[test]
fn time_and_randomness_have_one_source_each() {
    let clocks = [
        "SystemTime::now",
        "Instant::now",
        "OffsetDateTime::now",
        "Utc::now",
    ];
    // Connections are timed by the machine's clock, which no test moves, and so are the searches of cron tests.
    let exempt = [
        "sandbox/clock.rs",
        "server/activity.rs",
        "model/cron/tests.rs",
    ];
    assert_none(&violations(EVERYWHERE, &clocks, &exempt));
    let generators = ["SysRng", "OsRng", "rand::", "thread_rng", "getrandom"];
    assert_none(&violations(
        EVERYWHERE,
        &generators,
        &["sandbox/entropy.rs"],
    ));
}

/// The error code of an OAuth response decides its status.
#[test]
fn oauth_handlers_choose_no_status() {
    assert_none(&violations(&["oauth/"], &["StatusCode"], &[]));
}

#[test]
fn there_is_no_global_state() {
    let words = [
        "OnceLock",
        "LazyLock",
        "lazy_static",
        "static mut",
        "thread_local!",
    ];
    assert_none(&violations(EVERYWHERE, &words, &[]));
}

#[test]
fn files_have_at_most_400_lines() {
    let all = [
        files("src", "rs"),
        files("tests", "rs"),
        files("benches", "rs"),
        files("templates", "html"),
    ]
    .concat();
    let long: Vec<String> = all
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(name, lines)| format!("{name} has {lines} lines"))
        .collect();
    assert_none(&long);
}

/// rustfmt does not wrap comments.
#[test]
fn comments_have_at_most_128_characters_in_a_line() {
    let all = [source(), files("tests", "rs"), files("benches", "rs")].concat();
    let is_long = |line: &str| {
        let text = line.trim_start();
        let is_table = text.trim_start_matches(['/', '!', ' ']).starts_with('|');
        text.starts_with("//") && !is_table && !text.contains("http") && text.chars().count() > 128
    };
    let long: Vec<String> = all
        .iter()
        .flat_map(|(name, text)| {
            let lines = text.lines().enumerate().filter(|(_, line)| is_long(line));
            lines.map(move |(index, _)| format!("{name}:{}", index + 1))
        })
        .collect();
    assert_none(&long);
}

#[test]
fn every_file_begins_with_a_module_comment() {
    let all = [source(), files("tests", "rs"), files("benches", "rs")].concat();
    let undocumented: Vec<String> = all
        .iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name.clone())
        .collect();
    assert_none(&undocumented);
}

#[test]
fn no_test_sleeps() {
    let word = ["sl", "eep("].concat();
    let offenders: Vec<String> = files("tests", "rs")
        .into_iter()
        .filter(|(_, text)| text.contains(&word))
        .map(|(name, _)| name)
        .collect();
    assert_none(&offenders);
}

#[test]
fn migrations_are_numbered() {
    for (at, (name, _)) in files("migrations", "sql").iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}");
    }
}

/// Every file mentioned in a module comment exists, relative to the file's folder or to one above it.
#[test]
fn mentioned_files_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for (name, text) in source() {
        for line in text.lines().take_while(|line| line.starts_with("//!")) {
            let mentioned = line.split('`').skip(1).step_by(2);
            for path in mentioned.filter(|path| [".rs", "/"].iter().any(|end| path.ends_with(end)))
            {
                let file = root.join(&name);
                let mut above = file
                    .ancestors()
                    .skip(1)
                    .take_while(|folder| folder.starts_with(&root));
                let beside_root = root.join("..").join(path);
                if !above.any(|folder| folder.join(path).exists()) && !beside_root.exists() {
                    missing.push(format!("{name}: {path}"));
                }
            }
        }
    }
    assert_none(&missing);
}
