//! Words that no file and no text of the program uses: the project's word list has a plain one for each.

use std::fs;
use std::path::Path;

use crate::cli::help::{COMMANDS, help};
use crate::support::TestServer;

/// The words, in two parts: this file is searched too.
const WORDS: [[&str; 2]; 7] = [
    ["me", "nd"],
    ["me", "nds"],
    ["me", "nded"],
    ["me", "nding"],
    ["str", "uck"],
    ["who", "ever"],
    ["an", "ew"],
];

const FOLDERS: [&str; 7] = [
    "src",
    "tests",
    "docs",
    "templates",
    "examples",
    "benches",
    "skills",
];

const PAGES: [&str; 4] = [
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// What npm and the site generator write.
const GENERATED: [&str; 2] = ["node_modules", ".vitepress"];

/// The words of a text in lower case. Names are split: `timesApplied` and `times_applied` have two words each.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for letter in text.chars() {
        let begins = !letter.is_alphabetic() || (was_lower && letter.is_uppercase());
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphabetic(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    words
}

/// Adds each use of a word in a file, or in the files of a folder.
fn search(path: &Path, forbidden: &[String], found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder can be listed") {
            let entry = entry.expect("a folder can be listed");
            if !GENERATED.iter().any(|name| entry.file_name() == *name) {
                search(&entry.path(), forbidden, found);
            }
        }
        return;
    }
    // Others are pictures and databases.
    let Ok(text) = fs::read_to_string(path) else {
        return;
    };
    search_text(&path.display().to_string(), &text, forbidden, found);
}

/// Adds each use of a word in a text.
fn search_text(name: &str, text: &str, forbidden: &[String], found: &mut Vec<String>) {
    for (at, line) in text.lines().enumerate() {
        for word in words(line).iter().filter(|word| forbidden.contains(word)) {
            found.push(format!("{name}:{}: {word}", at + 1));
        }
    }
}

#[test]
fn no_file_uses_a_word_that_has_a_plain_one() {
    let forbidden = WORDS.map(|parts| parts.concat());
    let mut found = Vec::new();
    for path in FOLDERS.iter().chain(&PAGES) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        search(&root.join(path), &forbidden, &mut found);
    }
    super::assert_none(&found);
}

#[tokio::test]
async fn no_text_of_the_program_uses_a_word_that_has_a_plain_one() {
    let mock = TestServer::documented().await;
    let document = mock.get("/_mock/openapi.json").await.json();
    let document = serde_json::to_string_pretty(&document).expect("JSON is text");
    let mut texts = vec![("openapi.json", document), ("--help", help(&["--help"]))];
    texts.extend(COMMANDS.map(|command| (command, help(&[command, "--help"]))));
    let forbidden = WORDS.map(|parts| parts.concat());
    let mut found = Vec::new();
    for (name, text) in texts {
        search_text(name, &text, &forbidden, &mut found);
    }
    super::assert_none(&found);
}

#[test]
fn names_are_split_into_words() {
    let split = words("let timesApplied = one.is_late2(HTTP);");
    let split: Vec<&str> = split.iter().map(String::as_str).collect();
    assert_eq!(
        split,
        ["let", "times", "applied", "one", "is", "late", "http", ""]
    );
}
