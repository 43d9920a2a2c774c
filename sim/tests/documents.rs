//! The documents say what the program does: their tables are generated and compared, and their
//! examples are read.
//!
//! `cargo test -p tetrarch-sim --test documents -- --ignored` writes the tables anew.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod experiments;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tetrarch_sim::parameters::{Source, TABLE};
use tetrarch_sim::run::run;
use tetrarch_sim::scenario::Scenario;

const DOCUMENTS: [&str; 3] = ["docs/accuracy.md", "docs/safety.md", "docs/scenarios.md"];
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end of generated -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}

/// The generated text of that name.
fn generated(name: &str) -> String {
    match name {
        "fig6" => tables::figure_6(),
        "fig7" => tables::figure_7(),
        "inferred" => tables::parameters(&[Source::Inferred]),
        "parameters" => tables::parameters(&[Source::Table1, Source::Inferred, Source::Assumed]),
        "decomposition" => tables::decomposition(),
        "partitions" => tables::partitions(),
        "costs" => tables::costs(),
        "sensitivity" => tables::sensitivity_tables(),
        _ => panic!("there is no generated text named {name:?}"),
    }
}

/// The document with every generated block as it should be, and how many there are.
fn renewed(text: &str) -> (String, usize) {
    let mut parts = text.split(BEGIN);
    let mut renewed = parts.next().unwrap().to_owned();
    let mut blocks = 0;
    for part in parts {
        let (name, rest) = part.split_once(" -->").unwrap();
        let (_, rest) = rest.split_once(END).expect("every block has an end");
        renewed += &format!("{BEGIN}{name} -->\n\n{}\n{END}{rest}", generated(name));
        blocks += 1;
    }
    (renewed, blocks)
}

#[test]
fn the_generated_tables_are_current() {
    let mut blocks = 0;
    for document in DOCUMENTS {
        let text = read(document);
        let (expected, found) = renewed(&text);
        let pairs = text.lines().zip(expected.lines());
        for (number, (line, expected)) in pairs.enumerate() {
            assert_eq!(line, expected, "{document}:{}", number + 1);
        }
        assert_eq!(text, expected, "{document}");
        blocks += found;
    }
    assert_eq!(blocks, 8);
}

#[test]
#[ignore = "writes the documents' tables anew"]
fn write_the_generated_tables() {
    for document in DOCUMENTS {
        let (text, _) = renewed(&read(document));
        fs::write(root().join(document), text).unwrap();
    }
}

/// The fenced blocks of TOML in a document, each with the line that it begins at.
fn toml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == "```toml" => open = Some((number + 1, String::new())),
            None => {}
        }
    }
    assert!(open.is_none(), "every block is closed");
    blocks
}

/// What the examples that are only a part of a scenario are put behind.
const HEAD: &str = r#"
name = "an example"
purpose = "Stands around a part."
group = ["mail", "web", "ftp", "proxy"]
duration = "600s"
"#;

/// The kinds of faults but the operators'.
const FAULTS: &[&str] = &[
    "crash",
    "destroy",
    "repair",
    "agent-stop",
    "agent-start",
    "agent-pause",
    "agent-resume",
    "pause",
    "resume",
    "clock-drift",
    "resume-fails",
    "virtual-server-fails",
    "cut",
    "flap",
    "link-loss",
    "link-delay",
    "late",
    "doubled",
    "partition",
    "heal",
    "loss",
    "file-server-cut",
    "file-server-down",
    "file-server-up",
    "file-server-slow",
];

#[test]
fn every_example_is_a_scenario_or_a_part_of_one() {
    let text = read("docs/scenarios.md");
    let blocks = toml_blocks(&text);
    assert!(blocks.len() >= 12, "{}", blocks.len());
    let mut all = String::new();
    for (line, block) in &blocks {
        let whole = block.starts_with("name =");
        let scenario = if whole {
            block.clone()
        } else {
            format!("{HEAD}{block}")
        };
        let folder = root().join("scenarios/paper");
        let parsed = Scenario::parse(&scenario, "docs/scenarios.md", &folder)
            .unwrap_or_else(|error| panic!("docs/scenarios.md:{line}: {error}"));
        if whole {
            let run = run(&parsed).unwrap();
            assert_eq!(run.unmet, [], "docs/scenarios.md:{line}");
            assert_eq!(run.violations, [], "docs/scenarios.md:{line}");
        }
        all += block;
    }
    // Every kind of fault, trouble and expectation has an example.
    for verb in FAULTS {
        assert!(all.contains(&format!("fault = \"{verb}\"")), "{verb}");
    }
    for key in [
        "S1t",
        "S2t",
        "N1t",
        "N2t",
        "absent",
        "served",
        "members",
        "\"nobody\"",
    ] {
        assert!(all.contains(key), "{key}");
    }
}

#[test]
fn a_broken_example_is_noticed() {
    let blocks = toml_blocks("text\n```toml\n[[fault]]\nat = \"1s\"\nfault = \"explode\"\n```\n");
    let scenario = format!("{HEAD}{}", blocks[0].1);
    assert!(Scenario::parse(&scenario, "x", Path::new(".")).is_err());
}

#[test]
fn every_source_file_is_in_the_house_plan() {
    let plan = read("ARCHITECTURE.md");
    for room in ["core/src", "sim/src"] {
        for entry in fs::read_dir(root().join(room)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.trim_end_matches(".rs");
            assert!(plan.contains(&format!("`{name}`")), "{room}: {name}");
        }
    }
}

/// The variants of an enum in a source file of the core, from its declaration's text.
fn variants(file: &str, declaration: &str) -> Vec<String> {
    let text = read(&format!("core/src/{file}.rs"));
    let (_, body) = text.split_once(declaration).expect("the enum is there");
    let (body, _) = body.split_once("\n}").unwrap();
    let line_is_variant = |line: &&str| {
        line.starts_with("    ")
            && line.trim_start().len() + 4 == line.len()
            && line
                .trim_start()
                .starts_with(|c: char| c.is_ascii_uppercase())
    };
    body.lines()
        .filter(line_is_variant)
        .map(|line| {
            let end = |c: char| !c.is_ascii_alphanumeric();
            line.trim_start().split(end).next().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_protocol_document_has_every_state_and_message() {
    let text = read("docs/protocol.md");
    // Idle is the absence of a job, drawn as the beginning.
    let silent = ["Idle"];
    for (file, declaration, least) in [
        ("watch", "enum State {", 8),
        ("recovery", "enum State {", 10),
        ("standby", "enum State {", 9),
        ("membership", "enum Phase {", 4),
        ("message", "enum Message {", 11),
    ] {
        let found = variants(file, declaration);
        assert!(found.len() >= least, "{file}: {found:?}");
        for name in found.iter().filter(|name| !silent.contains(&name.as_str())) {
            assert!(text.contains(name.as_str()), "{file}: {name}");
        }
    }
}

#[test]
fn the_documents_name_every_inferred_constant() {
    let text = read("docs/accuracy.md");
    for row in TABLE.iter().filter(|row| row.source == Source::Inferred) {
        assert!(text.contains(&format!("`{}`", row.key)), "{}", row.key);
    }
}
