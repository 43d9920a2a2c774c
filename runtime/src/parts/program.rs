//! The parts of a server as one program of the site's own, called with what is to be done.
//!
//! | arguments | is to | may take |
//! |---|---|---|
//! | `examine-network HOST` | end well if the network of HOST answers | the examination |
//! | `examine-services HOST` | print the numbers of the services that fail, from 1, with blanks between | the examination |
//! | `restart-services NUMBER...` | restart these services of this server | a job |
//! | `restart-server` | give the command to restart this server | a job |
//! | `power-on HOST` | give the command to power HOST on | a job |
//! | `fence HOST` | switch HOST off by a device, and end when that says that the power is off | a job |
//! | `serving` | print the hosts whose virtual server here holds the virtual IP address | an examination |
//! | `resume HOST`, `cold-start HOST` | start the virtual server of HOST here | a job |
//! | `undo-start HOST` | end whatever of such a start there is | a job |
//! | `assign HOST`, `release HOST` | give it the virtual IP address, or take it off | a job |
//! | `announce HOST` | tell the neighbours once more that the address is here | a job |
//! | `suspend HOST` | suspend it | a job |
//! | `holds-own` | print `yes` or `no`: whether this server has its own virtual IP address | an examination |
//! | `assign-own`, `release-own` | put it on this server, or take it off | a job |
//! | `announce-own` | tell the neighbours once more that it is here | a job |
//!
//! HOST is the host name in the management data, whose folder is in the environment variable
//! `TETRARCH_DATA`. The program ends with 0 if it has done what it was asked; what it prints on standard
//! error goes to the log. One that is no longer waited for is killed.

use std::path::PathBuf;
use std::process::Stdio;

use tetrarch_core::data::HostName;
use tetrarch_core::{Members, ServerId, ServiceSet};
use thiserror::Error;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::Command;

use super::{Examine, Failure, OwnAddress, Power, Services, VirtualServers};

/// The most bytes of an answer that are read: far more than eight host names need.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Why the program did not do what it was asked.
#[derive(Debug, Error)]
enum ProgramError {
    #[error("{}: {source}", program.display())]
    Start {
        program: PathBuf,
        source: std::io::Error,
    },
    #[error("{} {arguments}: {status}", program.display())]
    Status {
        program: PathBuf,
        arguments: String,
        status: std::process::ExitStatus,
    },
    #[error("{} {arguments}: expected {expected}, found {found:?}", program.display())]
    Answer {
        program: PathBuf,
        arguments: String,
        expected: &'static str,
        found: String,
    },
    #[error("no server of the group")]
    Stranger,
}

/// The parts that a program carries out.
#[derive(Clone, Debug)]
pub struct Program {
    program: PathBuf,
    data: PathBuf,
    hosts: Vec<HostName>,
}

impl Program {
    /// The parts of a server of the group `hosts`, whose management data are in the folder `data`.
    #[must_use]
    pub const fn new(program: PathBuf, data: PathBuf, hosts: Vec<HostName>) -> Self {
        Self {
            program,
            data,
            hosts,
        }
    }

    fn host(&self, server: ServerId) -> Result<&str, ProgramError> {
        let host = self.hosts.get(server.index());
        host.map(HostName::as_str).ok_or(ProgramError::Stranger)
    }

    /// Calls the program and gives what it prints.
    async fn call(&self, arguments: &[&str]) -> Result<String, ProgramError> {
        let start = |source| ProgramError::Start {
            program: self.program.clone(),
            source,
        };
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("TETRARCH_DATA", &self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
        let mut answer = String::new();
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output).take(ANSWER_BYTES_MAX);
            output.read_to_string(&mut answer).await.map_err(start)?;
        }
        let status = child.wait().await.map_err(start)?;
        if status.success() {
            return Ok(answer);
        }
        Err(ProgramError::Status {
            program: self.program.clone(),
            arguments: arguments.join(" "),
            status,
        })
    }

    async fn about(&self, what: &str, server: ServerId) -> Result<String, ProgramError> {
        self.call(&[what, self.host(server)?]).await
    }

    async fn done(&self, what: &str, server: ServerId) -> Result<(), Failure> {
        Ok(self.about(what, server).await.map(drop)?)
    }

    fn refuse(&self, arguments: &str, expected: &'static str, found: &str) -> ProgramError {
        ProgramError::Answer {
            program: self.program.clone(),
            arguments: arguments.to_owned(),
            expected,
            found: found.to_owned(),
        }
    }
}

/// Services by their numbers, from 1 to 8.
fn services(answer: &str) -> Option<ServiceSet> {
    let bit = |word: &str| match word.parse() {
        Ok(number @ 1..=8_u8) => Some(1 << (number - 1)),
        _ => None,
    };
    let mut bits = answer.split_whitespace().map(bit);
    let bits = bits.try_fold(0_u8, |set, bit| Some(set | bit?))?;
    Some(ServiceSet::from_bits(bits))
}

impl Examine for Program {
    async fn network(&self, target: ServerId) -> bool {
        self.about("examine-network", target).await.is_ok()
    }

    async fn services(&self, target: ServerId) -> Result<ServiceSet, Failure> {
        let answer = self.about("examine-services", target).await?;
        let expected = "numbers of services from 1 to 8";
        let refuse = || self.refuse("examine-services", expected, &answer);
        Ok(services(&answer).ok_or_else(refuse)?)
    }
}

impl Services for Program {
    async fn restart(&self, failing: ServiceSet) -> Result<(), Failure> {
        let numbers = (0..8).filter(|n| failing.bits() >> n & 1 == 1);
        let numbers: Vec<String> = numbers.map(|n: u8| (n + 1).to_string()).collect();
        let mut arguments = vec!["restart-services"];
        arguments.extend(numbers.iter().map(String::as_str));
        Ok(self.call(&arguments).await.map(drop)?)
    }
}

impl Power for Program {
    async fn restart(&self) -> Result<(), Failure> {
        Ok(self.call(&["restart-server"]).await.map(drop)?)
    }

    async fn power_on(&self, target: ServerId) -> Result<(), Failure> {
        self.done("power-on", target).await
    }

    async fn fence(&self, target: ServerId) -> Result<(), Failure> {
        self.done("fence", target).await
    }
}

impl VirtualServers for Program {
    async fn serving(&self) -> Result<Members, Failure> {
        let answer = self.call(&["serving"]).await?;
        let mut serving = Members::NONE;
        for word in answer.split_whitespace() {
            let is_it = |host: &HostName| host.as_str().eq_ignore_ascii_case(word);
            let place = self.hosts.iter().position(is_it).and_then(ServerId::new);
            let refuse = || self.refuse("serving", "hosts of the group", word);
            serving = serving.with(place.ok_or_else(refuse)?);
        }
        Ok(serving)
    }

    async fn resume(&self, function: ServerId) -> Result<(), Failure> {
        self.done("resume", function).await
    }

    async fn cold_start(&self, function: ServerId) -> Result<(), Failure> {
        self.done("cold-start", function).await
    }

    async fn undo_start(&self, function: ServerId) -> Result<(), Failure> {
        self.done("undo-start", function).await
    }

    async fn assign(&self, function: ServerId) -> Result<(), Failure> {
        self.done("assign", function).await
    }

    async fn release(&self, function: ServerId) -> Result<(), Failure> {
        self.done("release", function).await
    }

    async fn announce(&self, function: ServerId) -> Result<(), Failure> {
        self.done("announce", function).await
    }

    async fn suspend(&self, function: ServerId) -> Result<(), Failure> {
        self.done("suspend", function).await
    }
}

impl OwnAddress for Program {
    async fn holds(&self) -> Result<bool, Failure> {
        let answer = self.call(&["holds-own"]).await?;
        match answer.trim() {
            "yes" => Ok(true),
            "no" => Ok(false),
            found => Err(self.refuse("holds-own", "yes or no", found).into()),
        }
    }

    async fn assign(&self) -> Result<(), Failure> {
        Ok(self.call(&["assign-own"]).await.map(drop)?)
    }

    async fn release(&self) -> Result<(), Failure> {
        Ok(self.call(&["release-own"]).await.map(drop)?)
    }

    async fn announce(&self) -> Result<(), Failure> {
        Ok(self.call(&["announce-own"]).await.map(drop)?)
    }
}

/// Writes a program. A shell does it: while this process had the file open for writing, a child that
/// another test starts would have it too, and the kernel runs no program that is being written.
#[cfg(test)]
pub(crate) fn write_program(path: &std::path::Path, text: &str) {
    let written = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .arg(text)
        .status();
    assert!(written.is_ok_and(|status| status.success()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that does what `script` says.
    fn program(script: &str) -> (tempfile::TempDir, Program) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parts");
        write_program(&path, &format!("#!/bin/sh\n{script}\n"));
        let hosts = ["server1", "server2"].map(|host| host.parse().unwrap());
        let data = folder.path().to_owned();
        let program = Program::new(path, data, hosts.to_vec());
        (folder, program)
    }

    #[tokio::test]
    async fn the_program_is_told_what_to_do_and_believed() {
        let script = r#"echo "$@" >>"$TETRARCH_DATA/calls"
            case "$1" in
                examine-services) echo 1 3 ;;
                serving) echo SERVER2 ;;
                holds-own) echo yes ;;
                resume) exit 3 ;;
            esac"#;
        let (folder, program) = program(script);
        let two = ServerId::new(1).unwrap();
        assert!(program.network(two).await);
        let failing = Examine::services(&program, two).await.unwrap();
        assert_eq!(failing, ServiceSet::from_bits(0b101));
        Services::restart(&program, failing).await.unwrap();
        let serving = program.serving().await.unwrap();
        assert_eq!(serving, Members::NONE.with(two));
        assert!(program.holds().await.unwrap());
        let refused = program.resume(two).await.unwrap_err().to_string();
        assert!(
            refused.contains("resume server2: exit status: 3"),
            "{refused}"
        );
        let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
        let expected = "examine-network server2\nexamine-services server2\nrestart-services 1 3\n\
                        serving\nholds-own\nresume server2\n";
        assert_eq!(calls, expected);
    }

    #[tokio::test]
    async fn an_answer_that_makes_no_sense_is_refused() {
        let (_folder, program) = program("echo 9 nobody");
        let two = ServerId::new(1).unwrap();
        assert!(Examine::services(&program, two).await.is_err());
        assert!(program.serving().await.is_err());
        assert!(program.holds().await.is_err());
    }
}
