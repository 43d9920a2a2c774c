//! QEMU's monitor (QMP).
//!
//! Each use opens a connection of its own: QEMU serves one at a time, and a future that is dropped in
//! the middle of a command leaves nothing behind that the next command could stumble over.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::fs::{self, File};
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

use super::json::{JsonLines, TalkError};

/// Time between two looks at something that QEMU does in its own time.
const POLL: Duration = Duration::from_millis(10);

/// How long the file may take to hold all of a state that QEMU has handed over.
const WRITTEN_MAX: Duration = Duration::from_secs(20);

/// Why QEMU did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The talk broke off.
    #[error("QEMU's monitor: {0}")]
    Talk(#[from] TalkError),
    /// It refused.
    #[error("QEMU refused {command}: {said}")]
    Refused {
        /// What it was asked.
        command: &'static str,
        /// What it said.
        said: String,
    },
    /// A state was not written completely.
    #[error("QEMU did not save the state: {0}")]
    NotSaved(String),
    /// A file is no state of a machine.
    #[error("QEMU cannot load the state: {0}")]
    NotLoaded(&'static str),
}

/// What a virtual machine is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It runs.
    Running,
    /// It is complete and does not run.
    Paused,
    /// It is waiting for its state, or reading it.
    Incoming,
    /// Anything else, such as a crash or an I/O error, in QEMU's words.
    Other(String),
}

/// A talk with the monitor of one virtual machine.
#[derive(Debug)]
pub struct Qmp {
    lines: JsonLines,
    serial: u64,
}

impl Qmp {
    /// Connects to the monitor at the Unix socket `path`. It waits as long as another talk goes on there.
    ///
    /// # Errors
    ///
    /// When nobody listens there, or something that is no monitor.
    pub async fn connect(path: &Path) -> Result<Self, QmpError> {
        let mut lines = JsonLines::connect(path).await?;
        let greeting = lines.hear().await?;
        if greeting.get("QMP").is_none() {
            return Err(TalkError::unexpected("QEMU's greeting", &greeting).into());
        }
        let mut qmp = Self { lines, serial: 0 };
        qmp.execute("qmp_capabilities", json!({})).await?;
        Ok(qmp)
    }

    /// Executes one command and returns what it returns. Events that come in between are passed over:
    /// whatever they tell is looked at when it matters.
    ///
    /// # Errors
    ///
    /// When QEMU refuses, or ends.
    pub async fn execute(
        &mut self,
        command: &'static str,
        arguments: Value,
    ) -> Result<Value, QmpError> {
        self.serial += 1;
        let id = json!(self.serial);
        let request = json!({ "execute": command, "arguments": arguments, "id": id });
        self.lines.say(&request).await?;
        loop {
            let mut answer = self.lines.hear().await?;
            if answer.get("id") != Some(&id) {
                // An event, or an error without a number, which QEMU sends for what is not JSON.
                if answer.get("event").is_some() {
                    continue;
                }
                return Err(TalkError::unexpected("an answer", &answer).into());
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            let said = answer["error"]["desc"].as_str().unwrap_or("no reason");
            return Err(QmpError::Refused {
                command,
                said: said.chars().take(500).collect(),
            });
        }
    }

    /// What the machine is doing.
    ///
    /// # Errors
    ///
    /// When QEMU does not say.
    pub async fn state(&mut self) -> Result<RunState, QmpError> {
        let answer = self.execute("query-status", json!({})).await?;
        match answer["status"].as_str() {
            Some("running") => Ok(RunState::Running),
            Some("paused" | "prelaunch" | "postmigrate" | "suspended") => Ok(RunState::Paused),
            Some("inmigrate") => Ok(RunState::Incoming),
            Some(other) => Ok(RunState::Other(other.to_owned())),
            None => Err(TalkError::unexpected("a status", &answer).into()),
        }
    }

    /// Lets the machine run.
    ///
    /// # Errors
    ///
    /// When it does not run afterwards.
    pub async fn cont(&mut self) -> Result<(), QmpError> {
        self.execute("cont", json!({})).await?;
        match self.state().await? {
            RunState::Running => Ok(()),
            state => Err(QmpError::Refused {
                command: "cont",
                said: format!("the machine is {state:?}"),
            }),
        }
    }

    /// Stops the machine where it is; it stays in memory.
    ///
    /// # Errors
    ///
    /// When QEMU refuses.
    pub async fn stop(&mut self) -> Result<(), QmpError> {
        self.execute("stop", json!({})).await.map(|_| ())
    }

    /// Reads the state of a machine that was started with `-incoming defer`, from the file `path`. Ends
    /// when it is complete. A state that is broken makes QEMU end, and the talk with it.
    ///
    /// # Errors
    ///
    /// When the state is broken or does not fit the machine.
    pub async fn load(&mut self, path: &Path) -> Result<(), QmpError> {
        // QEMU waits for ever for the first byte of an empty stream.
        if !begins_as_state(path).await {
            return Err(QmpError::NotLoaded(
                "the file does not begin as a state does",
            ));
        }
        let uri = format!("exec:exec cat < {}", quoted(path));
        self.execute("migrate-incoming", json!({ "uri": uri }))
            .await?;
        while self.state().await? == RunState::Incoming {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Writes the state of a stopped machine into the file `path`, and ends when all of it is written.
    ///
    /// # Errors
    ///
    /// When it is not, for example because the disk is full. The machine is still there then.
    pub async fn save(&mut self, path: &Path) -> Result<(), QmpError> {
        // The default limit is that of a slow network, and would hold up the file too.
        let limits = json!({ "max-bandwidth": i64::MAX, "downtime-limit": 2_000_000 });
        self.execute("migrate-set-parameters", limits).await?;
        // QEMU calls a state saved when the pipe has taken it. Whether the file has, `cat` knows.
        let verdict = path.with_extension("written");
        let uri = format!(
            "exec:cat > {}; echo $? > {}",
            quoted(path),
            quoted(&verdict)
        );
        self.execute("migrate", json!({ "uri": uri })).await?;
        loop {
            let answer = self.execute("query-migrate", json!({})).await?;
            match answer["status"].as_str() {
                Some("completed") => return written(&verdict).await,
                Some(status @ ("failed" | "cancelled")) => {
                    let why = answer["error-desc"].as_str().unwrap_or(status);
                    return Err(QmpError::NotSaved(why.chars().take(500).collect()));
                }
                _ => sleep(POLL).await,
            }
        }
    }

    /// Ends QEMU, and with it the machine.
    ///
    /// # Errors
    ///
    /// When QEMU refuses; its hanging up is no error.
    pub async fn quit(&mut self) -> Result<(), QmpError> {
        match self.execute("quit", json!({})).await {
            Ok(_) | Err(QmpError::Talk(TalkError::Ended | TalkError::Broke(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether `path` begins with the four bytes that QEMU puts before every state.
async fn begins_as_state(path: &Path) -> bool {
    let Ok(mut file) = File::open(path).await else {
        return false;
    };
    let mut magic = [0; 4];
    file.read_exact(&mut magic).await.is_ok() && magic == *b"QEVM"
}

/// Waits for the exit code that the shell writes into the file `verdict`, and removes the file.
async fn written(verdict: &Path) -> Result<(), QmpError> {
    let code = async {
        loop {
            match fs::read_to_string(verdict).await {
                Ok(text) if text.ends_with('\n') => return text,
                _ => sleep(POLL).await,
            }
        }
    };
    let code = timeout(WRITTEN_MAX, code).await;
    let _ = fs::remove_file(verdict).await;
    match code.as_deref().map(str::trim) {
        Ok("0") => Ok(()),
        Ok(code) => Err(QmpError::NotSaved(format!(
            "cat ended with exit code {code}"
        ))),
        Err(_) => Err(QmpError::NotSaved(
            "the file was not written to its end".to_owned(),
        )),
    }
}

/// QEMU gives the command to a shell, so the path is quoted for one.
fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;

    /// A monitor that says `words` and reads whatever comes.
    async fn monitor(words: &'static [u8]) -> (tempfile::TempDir, Result<Qmp, QmpError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(words).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let qmp = Qmp::connect(&path).await;
        (folder, qmp)
    }

    #[tokio::test]
    async fn events_are_passed_over() {
        let (_folder, qmp) = monitor(
            b"{\"QMP\":{}}\n{\"event\":\"STOP\"}\n{\"return\":{},\"id\":1}\n{\"event\":\"RESUME\"}\n\
              {\"return\":{\"status\":\"running\"},\"id\":2}\n",
        )
        .await;
        assert_eq!(qmp.unwrap().state().await.unwrap(), RunState::Running);
    }

    #[tokio::test]
    async fn whatever_is_no_monitor_is_refused() {
        for (words, reason) in [
            ("".as_bytes(), "hung up"),
            (b"{\"QMP\":{}}", "hung up"),
            (b"hello\n", "expected a line of JSON"),
            (b"{}\n", "QEMU's greeting"),
            (
                b"{\"QMP\":{}}\n{\"return\":{},\"id\":7}\n",
                "expected an answer",
            ),
            (
                b"{\"QMP\":{}}\n{\"error\":{\"desc\":\"no\"},\"id\":1}\n",
                "refused qmp_capabilities: no",
            ),
            (&[b'x'; 300 * 1024], "longer than"),
        ] {
            let (_folder, qmp) = monitor(words).await;
            let error = qmp.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(
            quoted(Path::new("/vm/it's a.state")),
            "'/vm/it'\\''s a.state'"
        );
    }
}
