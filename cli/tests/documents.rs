//! The commands in the documents are commands of the program, and the settings in them are settings.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOCUMENTS: [&str; 8] = [
    "agent",
    "design-of-a-group",
    "install",
    "operations",
    "quick-start",
    "recovery",
    "security",
    "upgrade",
];

fn document(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(folder.join(format!("{name}.md"))).unwrap()
}

/// The fenced blocks of `text` that are in `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap())
        .collect()
}

/// Whether the program knows the command of that line. With --help it does nothing.
fn is_known(line: &str) -> bool {
    let script = format!("tetrarch() {{ \"$PROGRAM\" \"$@\" --help >/dev/null 2>&1; }}\n{line}\n");
    Command::new("sh")
        .args(["-ec", &script])
        .env("PROGRAM", env!("CARGO_BIN_EXE_tetrarch"))
        .status()
        .unwrap()
        .success()
}

#[test]
fn every_command_in_the_documents_is_known() {
    let mut seen = 0;
    for name in DOCUMENTS {
        let text = document(name);
        let lines = blocks(&text, "sh").into_iter().flat_map(str::lines);
        for line in lines.filter(|line| line.starts_with("tetrarch ")) {
            assert!(is_known(line), "docs/{name}.md: {line}");
            seen += 1;
        }
    }
    assert!(seen >= 14, "{seen}");
    assert!(!is_known("tetrarch status --no-such-option"));
}

#[test]
fn every_table_of_settings_in_the_documents_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("site.toml");
    let mut seen = 0;
    for block in blocks(&document("install"), "toml") {
        let head = "name = \"office\"\nserver = \"web\"\nring = [\"mail\", \"web\"]\nguests_max = 3\n\
            program = \"/usr/lib/tetrarch/parts\"\n";
        fs::write(&path, format!("{head}{block}")).unwrap();
        let checked = Command::new(env!("CARGO_BIN_EXE_tetrarch"))
            .args(["config", "check"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{said}\n{block}");
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn the_group_of_the_quick_start_becomes_a_site() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("group.toml");
    fs::write(&file, blocks(&document("quick-start"), "toml")[0]).unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_tetrarch"))
        .args(["init", "group.toml", "--name", "office", "--out", "site"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for host in ["mail", "web", "ftp", "proxy"] {
        assert!(
            folder
                .path()
                .join("site")
                .join(host)
                .join("site.toml")
                .exists()
        );
    }
}
