//! The agent in the guest (`qemu-guest-agent`): what has to be done inside a virtual server.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::json::{JsonLines, TalkError};

/// Time between two looks at a program that runs in the guest.
const POLL: Duration = Duration::from_millis(5);

/// Why something in the guest was not done.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The talk broke off, or the agent does not run.
    #[error("the guest agent: {0}")]
    Talk(#[from] TalkError),
    /// The agent refused.
    #[error("the guest agent refused {command}: {said}")]
    Refused {
        /// What it was asked.
        command: &'static str,
        /// What it said.
        said: String,
    },
    /// A program in the guest failed.
    #[error("{program} in the guest ended with {status}")]
    Program {
        /// The program.
        program: String,
        /// Its exit code or signal.
        status: String,
    },
    /// The guest's clock was not set: this host's own is before 1970.
    #[error("this host's clock is not set")]
    Clock,
}

/// A talk with the agent in one guest. Its end of the channel buffers, so an agent that does not run is
/// noticed only by its silence: whoever calls sets a time limit.
#[derive(Debug)]
pub struct Guest {
    lines: JsonLines,
}

impl Guest {
    /// Connects to the agent behind the Unix socket `path`, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    #[expect(
        clippy::disallowed_methods,
        reason = "it only has to be another number each time"
    )]
    pub async fn connect(path: &Path) -> Result<Self, GuestError> {
        let mut lines = JsonLines::connect(path).await?;
        // Answers to earlier talks, and halves of them, may still be in the channel. Nothing is taken
        // seriously before the answer to this number.
        let id = u64::from(std::process::id()) << 20
            | u64::from(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_or(0, |now| now.subsec_micros()),
            );
        lines.say_sentinel().await?;
        let sync = json!({ "execute": "guest-sync-delimited", "arguments": { "id": id } });
        lines.say(&sync).await?;
        loop {
            match lines.hear().await {
                Ok(answer) if answer["return"] == json!(id) => return Ok(Self { lines }),
                Ok(_) | Err(TalkError::NotJson { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn execute(
        &mut self,
        command: &'static str,
        arguments: Value,
    ) -> Result<Value, GuestError> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.lines.say(&request).await?;
        let mut answer = self.lines.hear().await?;
        if let Some(value) = answer.get_mut("return") {
            return Ok(value.take());
        }
        let said = answer["error"]["desc"].as_str();
        let said = said.ok_or_else(|| TalkError::unexpected("an answer", &answer))?;
        Err(GuestError::Refused {
            command,
            said: said.chars().take(500).collect(),
        })
    }

    /// Runs `program` in the guest to its end, with `input` on its standard input.
    ///
    /// # Errors
    ///
    /// When it cannot be run, or does not end with exit code 0.
    pub async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<(), GuestError> {
        let input = BASE64_STANDARD.encode(input);
        let request = json!({ "path": program, "arg": arguments, "input-data": input });
        let answer = self.execute("guest-exec", request).await?;
        let pid = json!({ "pid": answer["pid"] });
        loop {
            let status = self.execute("guest-exec-status", pid.clone()).await?;
            if status["exited"] == json!(true) {
                if status["exitcode"] == json!(0) {
                    return Ok(());
                }
                let status = match status["exitcode"].as_i64() {
                    Some(code) => format!("exit code {code}"),
                    None => format!("signal {}", status["signal"]),
                };
                let program = program.to_owned();
                return Err(GuestError::Program { program, status });
            }
            sleep(POLL).await;
        }
    }

    /// Sets the guest's clock by this host's: a guest that was suspended has lost the time since.
    ///
    /// # Errors
    ///
    /// When the guest refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "the guest gets the calendar of its host"
    )]
    pub async fn set_time(&mut self) -> Result<(), GuestError> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_err(|_| GuestError::Clock)?;
        let ns = u64::try_from(now.as_nanos()).map_err(|_| GuestError::Clock)?;
        self.execute("guest-set-time", json!({ "time": ns }))
            .await
            .map(|_| ())
    }

    /// Whether the guest has `address` on one of its interfaces.
    ///
    /// # Errors
    ///
    /// When the guest does not say.
    pub async fn holds(&mut self, address: IpAddr) -> Result<bool, GuestError> {
        let answer = self
            .execute("guest-network-get-interfaces", json!({}))
            .await?;
        let interfaces = answer
            .as_array()
            .ok_or_else(|| TalkError::unexpected("a list of interfaces", &answer))?;
        let mut addresses = interfaces
            .iter()
            .filter_map(|interface| interface["ip-addresses"].as_array())
            .flatten()
            .filter_map(|entry| entry["ip-address"].as_str()?.parse::<IpAddr>().ok());
        Ok(addresses.any(|found| found == address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixListener;

    /// An agent that first sends leftovers of an earlier talk, and then `answers` in their order.
    async fn agent(answers: &'static [&'static str]) -> (tempfile::TempDir, Guest) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ga");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).await.unwrap();
            assert_eq!(line[0], 0xff);
            let request: Value = serde_json::from_slice(&line[1..]).unwrap();
            let id = &request["arguments"]["id"];
            let mut words = b"rn\":1}\n{\"return\":7}\nhalf a li\xff".to_vec();
            words.extend(format!("{{\"return\":{id}}}\n").bytes());
            stream.write_all(&words).await.unwrap();
            for answer in answers {
                stream.read_until(b'\n', &mut Vec::new()).await.unwrap();
                stream
                    .write_all(format!("{answer}\n").as_bytes())
                    .await
                    .unwrap();
            }
        });
        let guest = Guest::connect(&path).await.unwrap();
        (folder, guest)
    }

    #[tokio::test]
    async fn a_program_is_waited_for() {
        let (_folder, mut guest) = agent(&[
            r#"{"return":{"pid":5}}"#,
            r#"{"return":{"exited":false}}"#,
            r#"{"return":{"exited":true,"exitcode":0}}"#,
            r#"{"return":{"pid":6}}"#,
            r#"{"return":{"exited":true,"exitcode":2}}"#,
            r#"{"return":{"pid":7}}"#,
            r#"{"return":{"exited":true,"signal":9}}"#,
            r#"{"error":{"class":"GenericError","desc":"no such file"}}"#,
            r#"7"#,
        ])
        .await;
        guest
            .run("/sbin/ip", &["-batch", "-"], "addr")
            .await
            .unwrap();
        for expected in [
            "exit code 2",
            "signal 9",
            "no such file",
            "expected an answer",
        ] {
            let error = guest.run("/x", &[], "").await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        // The agent has gone: it is noticed when writing or when reading.
        assert!(guest.run("/x", &[], "").await.is_err());
    }

    #[tokio::test]
    async fn addresses_are_found_and_the_clock_is_set() {
        let interfaces = r#"{"return":[{"name":"lo"},{"name":"eth0","ip-addresses":[
            {"ip-address":"bad"},{"ip-address-type":"ipv4"},{"ip-address":"10.0.0.201"}]}]}"#;
        let interfaces: &'static str = interfaces.replace('\n', " ").leak();
        let answers = [
            interfaces,
            interfaces,
            r#"{"return":{}}"#,
            r#"{"return":{}}"#,
        ];
        let (_folder, mut guest) = agent(answers.to_vec().leak()).await;
        assert!(guest.holds("10.0.0.201".parse().unwrap()).await.unwrap());
        assert!(!guest.holds("10.0.0.202".parse().unwrap()).await.unwrap());
        assert!(guest.holds("10.0.0.201".parse().unwrap()).await.is_err());
        guest.set_time().await.unwrap();
    }
}
