//! Programs that follow the fence agents' API of the ClusterLabs project: options are lines
//! `name=value` on standard input, and the exit code is the answer.
//!
//! Options go by standard input and never as arguments, because they hold passwords and anyone can
//! read the arguments of a running program.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::parts::command::{self, CommandError};

/// Longest text of an agent that is passed on, in characters.
const TEXT_MAX: usize = 200;

/// A fence agent with its options: which server it is about, and how to reach its switch.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Settings")]
pub struct FenceAgent {
    program: PathBuf,
    options: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    program: PathBuf,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

/// Never shows the values of options: some are passwords, and nobody can tell which.
impl fmt::Debug for FenceAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FenceAgent")
            .field("program", &self.program)
            .field("options", &self.options.keys())
            .finish()
    }
}

/// What a fence agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceAction {
    /// Switch the server on.
    On,
    /// Switch it off, at once and whatever it is doing.
    Off,
    /// Switch it off and on.
    Reboot,
}

impl FenceAction {
    const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Reboot => "reboot",
        }
    }
}

/// Whether a server has power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It has.
    On,
    /// It has not.
    Off,
}

/// Why an agent could not be set up, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FenceError {
    /// The program is not an absolute path.
    #[error("expected the absolute path of a fence agent, found {}", .0.display())]
    Program(PathBuf),
    /// An option cannot be written as one line.
    #[error("the option {0:?} has a name or value that does not fit in one line \"name=value\"")]
    Option(String),
    /// An option that is not the configuration's to set.
    #[error("the option \"action\" is set by whoever uses the agent")]
    Action,
    /// The agent could not be run, or hung.
    #[error("{0}")]
    Run(String),
    /// The agent says that it failed.
    #[error("{} failed at \"{action}\": {said}", program.display())]
    Failed {
        /// The agent.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// What it printed, or else its exit status.
        said: String,
    },
}

impl TryFrom<Settings> for FenceAgent {
    type Error = FenceError;

    fn try_from(settings: Settings) -> Result<Self, FenceError> {
        Self::new(settings.program, settings.options)
    }
}

impl From<CommandError> for FenceError {
    fn from(error: CommandError) -> Self {
        Self::Run(error.to_string())
    }
}

impl FenceAgent {
    /// The agent `program` with `options`.
    ///
    /// # Errors
    ///
    /// When the program's path is not absolute, an option does not fit in a line, or is `action`.
    pub fn new(program: PathBuf, options: BTreeMap<String, String>) -> Result<Self, FenceError> {
        if !program.is_absolute() {
            return Err(FenceError::Program(program));
        }
        for (name, value) in &options {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || !name.chars().all(plain) || value.contains(['\n', '\r', '\0']) {
                return Err(FenceError::Option(name.clone()));
            }
            if name == "action" {
                return Err(FenceError::Action);
            }
        }
        Ok(Self { program, options })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Does `action`, and returns when the agent has seen it done.
    ///
    /// # Errors
    ///
    /// When the agent cannot be run, does not end within `limit`, or says that it failed. The server may
    /// have been switched all the same.
    pub async fn act(&self, action: FenceAction, limit: Duration) -> Result<(), FenceError> {
        match self.run(action.name(), limit).await? {
            (Some(0), _) => Ok(()),
            (_, said) => Err(self.failed(action.name(), said)),
        }
    }

    /// Whether the server has power.
    ///
    /// # Errors
    ///
    /// When the agent cannot be run, does not end within `limit`, or cannot tell.
    pub async fn power(&self, limit: Duration) -> Result<Power, FenceError> {
        match self.run("status", limit).await? {
            (Some(0), _) => Ok(Power::On),
            (Some(2), _) => Ok(Power::Off),
            (_, said) => Err(self.failed("status", said)),
        }
    }

    fn failed(&self, action: &'static str, said: String) -> FenceError {
        FenceError::Failed {
            program: self.program.clone(),
            action,
            said,
        }
    }

    /// Runs the agent. Returns its exit code and what it said.
    async fn run(
        &self,
        action: &str,
        limit: Duration,
    ) -> Result<(Option<i32>, String), FenceError> {
        let mut input = format!("action={action}\n");
        for (name, value) in &self.options {
            input.push_str(&format!("{name}={value}\n"));
        }
        let none: &[&str] = &[];
        let done = command::run(&self.program, none, input.as_bytes(), limit).await?;
        let said: String = match done.first_line() {
            "" => done.status.to_string(),
            line => line.chars().take(TEXT_MAX).collect(),
        };
        Ok((done.status.code(), said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// An agent that is a shell script, in a folder that must be kept.
    fn script(text: &str) -> (tempfile::TempDir, FenceAgent) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fence_test");
        std::fs::write(
            &path,
            format!("#!/bin/sh\ncd {}\n{text}\n", folder.path().display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let agent = FenceAgent::new(path, options(&[("ip", "10.0.0.9"), ("password", "a b=c")]));
        (folder, agent.unwrap())
    }

    #[tokio::test]
    async fn options_go_by_standard_input() {
        let (folder, agent) = script("cat > input; echo $# > arguments");
        agent.act(FenceAction::Reboot, LONG).await.unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            read("input"),
            "action=reboot\nip=10.0.0.9\npassword=a b=c\n"
        );
        assert_eq!(read("arguments"), "0\n");
    }

    #[tokio::test]
    async fn the_exit_code_is_the_answer() {
        for (code, power) in [(0, Some(Power::On)), (2, Some(Power::Off)), (1, None)] {
            let (_folder, agent) = script(&format!("exit {code}"));
            assert_eq!(agent.power(LONG).await.ok(), power);
            assert_eq!(agent.act(FenceAction::Off, LONG).await.is_ok(), code == 0);
        }
        let (_folder, agent) = script("echo 'no route to the switch' >&2; exit 1");
        let error = agent
            .act(FenceAction::On, LONG)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("failed at \"on\": no route to the switch"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_agent_that_hangs_is_killed() {
        let (_folder, agent) = script("sleep 1000");
        let error = agent.power(Duration::from_millis(200)).await.unwrap_err();
        assert!(matches!(error, FenceError::Run(_)), "{error}");
    }

    #[test]
    fn bad_settings_are_refused() {
        let path = || PathBuf::from("/usr/sbin/fence_x");
        assert!(FenceAgent::new("fence_x".into(), options(&[])).is_err());
        for (name, value) in [
            ("a", "b\nmore=1"),
            ("a", "b\0"),
            ("", "b"),
            ("a b", "c"),
            ("a=b", "c"),
            ("action", "off"),
        ] {
            assert!(
                FenceAgent::new(path(), options(&[(name, value)])).is_err(),
                "{name:?}"
            );
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let agent = FenceAgent::new("/x".into(), options(&[("password", "secret")])).unwrap();
        let shown = format!("{agent:?}");
        assert!(
            shown.contains("password") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
