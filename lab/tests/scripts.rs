//! The scripts of the lab, as far as they can be tried without being root: they parse, every command
//! explains itself, and wrong use is told from failure.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn lab(arguments: &[&str]) -> Output {
    Command::new(folder().join("lab"))
        .args(arguments)
        .env("TETRARCH_LAB_PROGRAM", env!("CARGO_BIN_EXE_tetrarch-lab"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The commands as `lab --help` lists them.
fn commands() -> Vec<String> {
    let help = text(&lab(&["--help"]).stdout);
    let listed = help.lines().filter(|line| {
        line.strip_prefix("  ")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()))
    });
    listed
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

/// Every bash script of the lab.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(scripts(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path)
            && (text.contains("/bin/bash\n") || text.contains("env bash\n") || is_sourced(&path))
        {
            found.push(path);
        }
    }
    found
}

fn is_sourced(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sh")
}

#[test]
fn every_script_parses() {
    let scripts = scripts(folder());
    assert!(scripts.len() > 10, "{scripts:?}");
    for script in scripts {
        let output = Command::new("bash")
            .arg("-n")
            .arg(&script)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn every_listed_command_explains_itself() {
    let commands = commands();
    for known in ["build", "up", "down", "fault", "probe", "drill", "clean"] {
        assert!(commands.contains(&known.to_owned()), "{commands:?}");
    }
    for command in commands {
        let output = lab(&[&command, "--help"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let help = text(&output.stdout);
        let usage = format!("lab {command}");
        assert!(
            help.contains(&usage),
            "{command} does not explain itself: {help}"
        );
    }
}

#[test]
fn wrong_use_has_an_exit_code_of_its_own() {
    for arguments in [&["nonsense"][..], &[]] {
        let output = lab(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
