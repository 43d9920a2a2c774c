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
use tetrarch_sim::scenario::Scenario;

const DOCUMENTS: [&str; 2] = ["docs/accuracy.md", "docs/scenarios.md"];
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
    assert_eq!(blocks, 6);
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

#[test]
fn every_example_is_a_scenario_or_a_part_of_one() {
    let text = read("docs/scenarios.md");
    let blocks = toml_blocks(&text);
    assert!(blocks.len() >= 15, "{}", blocks.len());
    let mut all = String::new();
    for (line, block) in &blocks {
        let whole = block.starts_with("name =");
        let scenario = if whole {
            block.clone()
        } else {
            format!("{HEAD}{block}")
        };
        let folder = root().join("scenarios/paper");
        let parsed = Scenario::parse(&scenario, "docs/scenarios.md", &folder);
        assert!(
            parsed.is_ok(),
            "docs/scenarios.md:{line}: {}",
            parsed.unwrap_err()
        );
        all += block;
    }
    // Every kind of fault, trouble and expectation has an example.
    for verb in [
        "crash",
        "destroy",
        "repair",
        "agent-stop",
        "agent-start",
        "virtual-server-fails",
        "cut",
        "partition",
        "heal",
        "loss",
        "file-server-down",
        "file-server-up",
        "file-server-slow",
    ] {
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

#[test]
fn the_documents_name_every_inferred_constant() {
    let text = read("docs/accuracy.md");
    for row in TABLE.iter().filter(|row| row.source == Source::Inferred) {
        assert!(text.contains(&format!("`{}`", row.key)), "{}", row.key);
    }
}
