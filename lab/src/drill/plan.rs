//! The file with the drills.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::group::Function;

/// Why a file of drills cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    Parse {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("two drills are named {0:?}")]
    Twice(String),
    #[error("no drill {name:?}; there are: {known}")]
    Unknown { name: String, known: String },
}

/// One thing to break.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drill {
    pub(crate) name: String,
    /// The function whose clients are watched.
    pub(crate) function: Function,
    /// What `lab fault` is given.
    pub(crate) fault: String,
    /// How long it stays broken, in seconds.
    pub(crate) hold_s: u64,
}

impl Drill {
    /// The same on another server.
    pub(crate) fn on(&self, function: Function) -> Self {
        let (from, to) = (self.function.to_string(), function.to_string());
        let words = self.fault.split_whitespace();
        let words: Vec<&str> = words
            .map(|word| if word == from { to.as_str() } else { word })
            .collect();
        Self {
            function,
            fault: words.join(" "),
            ..self.clone()
        }
    }

    pub(crate) fn fault_arguments(&self) -> Vec<String> {
        let words = self.fault.split_whitespace().map(str::to_owned);
        std::iter::once("fault".to_owned()).chain(words).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "drill")]
    drills: Vec<Drill>,
}

/// The named drills of a file, or all when none is named.
pub(crate) fn read(path: &Path, names: &[String]) -> Result<Vec<Drill>, PlanError> {
    let text = std::fs::read_to_string(path).map_err(|source| PlanError::Read {
        path: path.to_owned(),
        source,
    })?;
    let file: File = toml::from_str(&text).map_err(|source| PlanError::Parse {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    select(file.drills, names)
}

fn select(drills: Vec<Drill>, names: &[String]) -> Result<Vec<Drill>, PlanError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = drills.iter().find(|drill| !seen.insert(&drill.name)) {
        return Err(PlanError::Twice(twice.name.clone()));
    }
    if names.is_empty() {
        return Ok(drills);
    }
    names
        .iter()
        .map(|name| {
            let drill = drills.iter().find(|drill| drill.name == *name);
            drill.cloned().ok_or_else(|| PlanError::Unknown {
                name: name.clone(),
                known: seen
                    .iter()
                    .map(|n| n.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(name: &str) -> Drill {
        Drill {
            name: name.to_owned(),
            function: Function::Web,
            fault: "cut web  mail".to_owned(),
            hold_s: 1,
        }
    }

    #[test]
    fn the_committed_drills_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("drills");
        for entry in std::fs::read_dir(folder).unwrap() {
            let drills = read(&entry.unwrap().path(), &[]).unwrap();
            assert!(!drills.is_empty());
        }
    }

    #[test]
    fn drills_are_chosen_by_name() {
        let all = vec![drill("a"), drill("b")];
        let chosen = select(all.clone(), &["b".to_owned()]).unwrap();
        assert_eq!(chosen, [drill("b")]);
        let error = select(all, &["c".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "no drill \"c\"; there are: a, b");
    }

    #[test]
    fn a_name_stands_for_one_drill() {
        let error = select(vec![drill("a"), drill("a")], &[]).unwrap_err();
        assert_eq!(error.to_string(), "two drills are named \"a\"");
    }

    #[test]
    fn a_fault_is_split_into_words() {
        assert_eq!(
            drill("a").fault_arguments(),
            ["fault", "cut", "web", "mail"]
        );
    }

    #[test]
    fn a_drill_may_be_done_to_another_server() {
        let moved = drill("a").on(Function::Ftp);
        assert_eq!(moved.fault_arguments(), ["fault", "cut", "ftp", "mail"]);
        assert_eq!(moved.function, Function::Ftp);
    }
}
