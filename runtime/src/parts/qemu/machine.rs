//! How the machine of a virtual server is made, and what it is kept in.

use std::path::PathBuf;

use serde::Deserialize;

/// What a suspended virtual server is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// A file on the shared area: any host can resume it, and none spends memory on it.
    #[default]
    File,
    /// This host's memory: it resumes in a moment, but only here.
    Memory,
}

/// How the machine of a virtual server is made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "MachineSettings")]
pub struct Machine {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MachineSettings {
    program: PathBuf,
    arguments: Vec<String>,
}

/// Why settings of a machine were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// The program is not an absolute path.
    #[error("expected the absolute path of QEMU, found {}", .0.display())]
    Program(PathBuf),
    /// An argument that would take the machine out of this program's hands.
    #[error("the argument {0} is set by the one who starts the machine")]
    Reserved(String),
    /// An argument that no program can be given.
    #[error("the argument {0:?} holds a zero byte")]
    Zero(String),
}

impl Machine {
    /// QEMU's `program` with the `arguments` that describe the machine. `{disk}` in an argument stands
    /// for the file of the disk. Monitor, guest agent channel and display are added.
    ///
    /// # Errors
    ///
    /// When the program is not an absolute path, or an argument is not to be set.
    pub fn new(program: PathBuf, arguments: Vec<String>) -> Result<Self, MachineError> {
        const RESERVED: [&str; 8] = [
            "daemonize",
            "incoming",
            "S",
            "qmp",
            "mon",
            "pidfile",
            "display",
            "loadvm",
        ];
        if !program.is_absolute() {
            return Err(MachineError::Program(program));
        }
        for argument in &arguments {
            let name = argument.trim_start_matches('-');
            if argument.starts_with('-') && RESERVED.contains(&name) {
                return Err(MachineError::Reserved(argument.clone()));
            }
            if argument.contains('\0') {
                return Err(MachineError::Zero(argument.clone()));
            }
        }
        Ok(Self { program, arguments })
    }
}

impl TryFrom<MachineSettings> for Machine {
    type Error = MachineError;

    fn try_from(settings: MachineSettings) -> Result<Self, MachineError> {
        Self::new(settings.program, settings.arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_the_machine_away_is_refused() {
        let machine = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
            Machine::new("/usr/bin/qemu-system-x86_64".into(), arguments)
        };
        assert!(machine(&["-m", "256", "-drive", "file={disk},format=qcow2"]).is_ok());
        for argument in [
            "-daemonize",
            "--daemonize",
            "-S",
            "-incoming",
            "-qmp",
            "a\0",
        ] {
            assert!(machine(&[argument]).is_err(), "{argument}");
        }
        assert!(Machine::new("qemu".into(), Vec::new()).is_err());
    }
}
