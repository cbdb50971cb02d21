//! The walls between the rooms, guarded by reading the source.

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 400;

/// Every file below this folder of the package with this ending: its path from there, and its text.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the package is there") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == ending) {
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

/// Where one of these words stands in a file of these rooms, comments aside.
fn trespasses(rooms: &[&str], words: &[&str], exempt: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in source() {
        let inside = rooms.iter().any(|room| name.starts_with(room));
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

fn nobody(trespasses: &[String]) {
    assert!(trespasses.is_empty(), "\n{}\n", trespasses.join("\n"));
}

/// Everything there is.
const EVERYWHERE: &[&str] = &[""];

#[test]
fn the_rules_know_nothing_of_http() {
    let rooms = ["contract/", "protocol/", "model/", "store/"];
    nobody(&trespasses(&rooms, &["axum", "hyper"], &[]));
}

/// Each room, and those that it knows. Rules are below, then what is kept, then one world of it, then who asks; the last few
/// put them together.
const KNOWS: [(&str, &str); 26] = [
    ("files", ""),
    ("long_steps", ""),
    ("protocol", "contract"),
    ("contract", "protocol"),
    ("redact", "protocol"),
    ("lenient", "protocol"),
    ("invalid", "lenient protocol redact"),
    ("model", "contract invalid protocol"),
    ("store", "model protocol"),
    ("seed", "invalid model protocol store"),
    ("sandbox", "contract invalid model protocol store"),
    ("hosts", "protocol"),
    ("tls", "files sandbox"),
    ("base", "listener sandbox server"),
    (
        "oauth",
        "base contract exchange invalid listener model protocol sandbox server store",
    ),
    (
        "exchange",
        "base contract listener model oauth protocol sandbox server store",
    ),
    ("api", "base contract model oauth protocol sandbox store"),
    (
        "control",
        "api base contract exchange hosts invalid listener long_steps model oauth protocol redact sandbox seed server store",
    ),
    (
        "pages",
        "api base contract control invalid long_steps model oauth protocol redact router sandbox server store",
    ),
    (
        "mcp",
        "control exchange invalid listener model oauth protocol redact router server",
    ),
    ("health", "server"),
    ("listener", "config invalid long_steps router server tls"),
    (
        "router",
        "api base contract control exchange health invalid listener mcp oauth pages protocol server",
    ),
    (
        "config",
        "base contract hosts invalid listener model protocol sandbox seed store tls",
    ),
    (
        "server",
        "config control hosts invalid listener long_steps pages sandbox store tls",
    ),
    (
        "embed",
        "base config contract control invalid protocol sandbox server store",
    ),
];

/// What stands before every room: it shows or runs all of them.
const OUTSIDE: [&str; 4] = ["cli", "internals", "lib", "main"];

/// Of tests alone, which begin from the demo's seed.
const SOWN: &str = "store/refused.rs";

#[test]
fn every_room_knows_those_that_it_may() {
    let mut strangers = Vec::new();
    for (name, text) in source() {
        let room = name.split('/').next().unwrap_or(&name);
        let room = room.strip_suffix(".rs").unwrap_or(room);
        if OUTSIDE.contains(&room) || name == SOWN {
            continue;
        }
        let found = KNOWS.iter().find(|(of, _)| *of == room);
        let Some((_, known)) = found else {
            strangers.push(format!("{name}: {room} is on no list"));
            continue;
        };
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for path in line.split("crate::").skip(1) {
                let end = path.find(|c: char| c != '_' && !c.is_alphanumeric());
                let other = &path[..end.unwrap_or(path.len())];
                let is_room = KNOWS.iter().any(|(of, _)| *of == other) || OUTSIDE.contains(&other);
                if is_room && other != room && !known.split(' ').any(|one| one == other) {
                    strangers.push(format!("{name}:{}: {}", at + 1, line.trim()));
                }
            }
        }
    }
    nobody(&strangers);
}

#[test]
fn sql_is_written_in_the_store_alone() {
    let words = [
        "sqlx::query",
        "select ",
        "insert into",
        "delete from",
        "on conflict (",
        "begin immediate",
    ];
    let outside: Vec<String> = trespasses(EVERYWHERE, &words, &[])
        .into_iter()
        .filter(|place| !place.starts_with("store/"))
        .collect();
    nobody(&outside);
}

#[test]
fn time_and_randomness_have_one_door_each() {
    let clocks = [
        "SystemTime::now",
        "Instant::now",
        "OffsetDateTime::now",
        "Utc::now",
    ];
    // Connections are timed by the machine's clock, which no test moves; and so are searches.
    let exempt = [
        "sandbox/clock.rs",
        "listener/activity.rs",
        "model/cron/tests.rs",
    ];
    nobody(&trespasses(EVERYWHERE, &clocks, &exempt));
    let dice = ["SysRng", "OsRng", "rand::", "thread_rng", "getrandom"];
    nobody(&trespasses(EVERYWHERE, &dice, &["sandbox/entropy.rs"]));
}

#[test]
fn one_file_of_a_room_chooses_the_statuses_of_its_answers() {
    nobody(&trespasses(
        &["oauth/", "api/"],
        &["StatusCode"],
        &["oauth/respond.rs", "api/respond.rs"],
    ));
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
    nobody(&trespasses(EVERYWHERE, &words, &[]));
}

#[test]
fn no_file_is_too_long_to_be_read() {
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
    nobody(&long);
}

#[test]
fn every_file_says_in_its_first_line_what_it_answers() {
    let all = [source(), files("tests", "rs"), files("benches", "rs")].concat();
    let silent: Vec<String> = all
        .iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name.clone())
        .collect();
    nobody(&silent);
}

#[test]
fn no_test_sleeps() {
    let word = ["sl", "eep("].concat();
    let sleepy: Vec<String> = files("tests", "rs")
        .into_iter()
        .filter(|(_, text)| text.contains(&word))
        .map(|(name, _)| name)
        .collect();
    nobody(&sleepy);
}

#[test]
fn migrations_are_numbered_and_say_what_they_do() {
    for (at, (name, _)) in files("migrations", "sql").iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}");
    }
}

/// A neighbour that the first lines of a file speak of, from the file's folder or from one above it.
#[test]
fn the_files_that_are_spoken_of_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for (name, text) in source() {
        for line in text.lines().take_while(|line| line.starts_with("//!")) {
            let spoken = line.split('`').skip(1).step_by(2);
            for path in spoken.filter(|path| [".rs", "/"].iter().any(|end| path.ends_with(end))) {
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
    nobody(&missing);
}
