//! A fault of the simulator as commands of the lab.

use std::io;
use std::path::Path;
use std::process::Command;

use tetrarch_core::ServerId;
use tetrarch_sim::scenario::{FaultAction, ServerIndex, Trouble};

/// Why a fault could not be caused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    #[error("the lab cannot do this fault of a scenario: {0}")]
    Unknown(String),
    #[error("cannot run {command}: {source}")]
    Run { command: String, source: io::Error },
    #[error("{command} failed: {message}")]
    Failed { command: String, message: String },
}

/// The servers that a fault strikes.
pub(crate) fn struck(action: &FaultAction) -> Vec<ServerId> {
    let server = match action {
        FaultAction::Trouble { server, .. }
        | FaultAction::Crash(server)
        | FaultAction::Destroy(server) => server,
        _ => return Vec::new(),
    };
    ServerId::new(usize::from(server.0)).into_iter().collect()
}

/// The commands that cause a fault, each as its arguments.
pub(crate) fn commands(
    action: &FaultAction,
    group: &[String],
) -> Result<Vec<Vec<String>>, ActError> {
    let name = |server: &ServerIndex| group[usize::from(server.0)].clone();
    let fault = |kind: &str, servers: Vec<String>| {
        let words = ["fault", kind].map(str::to_owned);
        words.into_iter().chain(servers).collect::<Vec<_>>()
    };
    Ok(match action {
        FaultAction::Trouble { trouble, server } => {
            let kind = match trouble {
                Trouble::S1t => "stop",
                Trouble::S2t => "hang",
                Trouble::N1t => "reboot",
                Trouble::N2t => "poweroff",
            };
            vec![fault(kind, vec![name(server)])]
        }
        FaultAction::Crash(server) => vec![fault("powercut", vec![name(server)])],
        FaultAction::Destroy(server) => vec![fault("destroy", vec![name(server)])],
        FaultAction::Cut { from, to } => vec![fault("oneway", vec![name(from), name(to)])],
        FaultAction::Heal => vec![vec!["heal".to_owned()]],
        FaultAction::Partition(sides) => match &sides[..] {
            [side, _] => vec![fault("isolate", side.iter().map(name).collect())],
            _ => return Err(ActError::Unknown(format!("{action:?}"))),
        },
        _ => return Err(ActError::Unknown(format!("{action:?}"))),
    })
}

/// Runs a command of the lab, while everything else goes on.
pub(crate) async fn run(program: &Path, arguments: Vec<String>) -> Result<(), ActError> {
    let command = format!("lab {}", arguments.join(" "));
    let mut process = Command::new(program);
    process.args(arguments);
    let output = tokio::task::spawn_blocking(move || process.output()).await;
    match output.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(ActError::Failed {
            command,
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
        Err(source) => Err(ActError::Run { command, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_simulator_are_commands_of_the_lab() {
        let group = ["mail", "web", "ftp", "proxy"].map(str::to_owned);
        let [mail, web, ftp, proxy] = [0, 1, 2, 3].map(ServerIndex);
        let words = |action| commands(&action, &group).unwrap()[0].join(" ");
        let trouble = Trouble::S2t;
        let struck_web = FaultAction::Trouble {
            trouble,
            server: web,
        };
        assert_eq!(struck(&struck_web), [ServerId::new(1).unwrap()]);
        assert_eq!(words(struck_web), "fault hang web");
        let halves = FaultAction::Partition(vec![vec![mail, web], vec![ftp, proxy]]);
        assert_eq!(words(halves), "fault isolate mail web");
        assert_eq!(words(FaultAction::Destroy(ftp)), "fault destroy ftp");
        let refused = commands(&FaultAction::FileServerDown, &group).unwrap_err();
        assert!(refused.to_string().contains("FileServerDown"), "{refused}");
    }
}
