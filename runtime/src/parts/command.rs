//! Programs that are run to their end, within bounds: of time, and of what they may print.
//!
//! Examination plugins, fence agents and `qemu-img` are run here. A program that does not end in
//! time is killed together with everything that it started, so that programs that hang cannot pile
//! up while they are started again and again.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of what a program prints is kept, in bytes for each of its two outputs. The rest is read
/// and thrown away, so that the program is not held up by a full pipe.
const KEPT_MAX: usize = 16 * 1024;

/// How long outputs are read on after the program's end. Something that it left running may hold them
/// open for ever.
const LEFTOVERS_MAX: Duration = Duration::from_millis(200);

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// The beginning of what it printed, with anything that is not UTF-8 replaced.
    pub(crate) stdout: String,
    /// The beginning of its complaints, likewise.
    pub(crate) stderr: String,
}

impl Finished {
    /// The first line of its output that says something, or else of its complaints; empty when it
    /// said nothing.
    pub(crate) fn first_line(&self) -> &str {
        self.stdout
            .lines()
            .chain(self.stderr.lines())
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
    }
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// It could not be started.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long, and was killed.
    #[error("{} did not end within {:.1} s and was killed", program.display(), limit.as_secs_f64())]
    TooLong {
        /// The program.
        program: PathBuf,
        /// The time that it had.
        limit: Duration,
    },
    /// Its end could not be observed.
    #[error("lost track of {}: {source}", program.display())]
    Lost {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Kills a group of processes when dropped, unless it has been disarmed.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        )
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails only when nothing is left to kill.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Runs `program` with `arguments`, hands it `input`, and waits for its end for at most `limit`.
///
/// The program gets a process group of its own, no terminal, and no environment variable beyond the
/// caller's. When the returned future is dropped, the program is killed like one that takes too long.
///
/// # Errors
///
/// When it cannot be started, or does not end in time. Its exit code is no error here.
pub(crate) async fn run<S: AsRef<OsStr>>(
    program: &Path,
    arguments: &[S],
    input: &[u8],
    limit: Duration,
) -> Result<Finished, CommandError> {
    let none: &[(&str, &str)] = &[];
    run_with(program, arguments, none, Source::Bytes(input), limit).await
}

/// What a program reads.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// These bytes, over a pipe.
    Bytes(&'a [u8]),
    /// A file, which it holds open, locks included, as long as it or anything that it started runs.
    File(std::fs::File),
}

/// The same with environment variables of the program's own, and with any source.
///
/// # Errors
///
/// Those of [`run`].
pub(crate) async fn run_with<S: AsRef<OsStr>, V: AsRef<OsStr>>(
    program: &Path,
    arguments: &[S],
    environment: &[(&str, V)],
    source: Source<'_>,
    limit: Duration,
) -> Result<Finished, CommandError> {
    let (stdin, input) = match source {
        Source::Bytes(bytes) => (Stdio::piped(), bytes),
        Source::File(file) => (Stdio::from(file), &[][..]),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| CommandError::Start {
            program: program.to_owned(),
            source,
        })?;
    let mut group = Group::of(&child);
    match timeout(limit, finish(&mut child, input)).await {
        Ok(Ok(finished)) => {
            group.0 = None;
            Ok(finished)
        }
        Ok(Err(source)) => Err(CommandError::Lost {
            program: program.to_owned(),
            source,
        }),
        Err(_) => Err(CommandError::TooLong {
            program: program.to_owned(),
            limit,
        }),
    }
}

async fn finish(child: &mut Child, input: &[u8]) -> io::Result<Finished> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let status = {
        let talk = async {
            tokio::join!(
                hand_over(stdin, input),
                keep(stdout, &mut said),
                keep(stderr, &mut complained)
            )
        };
        tokio::pin!(talk);
        tokio::select! {
            status = child.wait() => {
                let status = status?;
                // What is left in the pipes is there already; an end that does not come is no error.
                let _ = timeout(LEFTOVERS_MAX, &mut talk).await;
                status
            }
            _ = &mut talk => child.wait().await?,
        }
    };
    Ok(Finished {
        status,
        stdout: String::from_utf8_lossy(&said).into_owned(),
        stderr: String::from_utf8_lossy(&complained).into_owned(),
    })
}

/// Writes `input` and closes the pipe. A program that does not read its input is within its rights.
async fn hand_over<W: AsyncWrite + Unpin>(stdin: Option<W>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    }
}

/// Reads to the end and keeps the beginning. A read error ends it like the end of the output.
async fn keep<R: AsyncRead + Unpin>(output: Option<R>, kept: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = output.read(&mut buffer).await {
        let room = KEPT_MAX - kept.len();
        kept.extend_from_slice(&buffer[..n.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn shell(script: &str, input: &[u8], limit: Duration) -> Result<Finished, CommandError> {
        run(Path::new("/bin/sh"), &["-c", script], input, limit).await
    }

    #[tokio::test]
    async fn a_program_gets_its_input_and_its_words_are_kept() {
        let done = shell("cat; echo two >&2; exit 3", b"one", LONG)
            .await
            .unwrap();
        assert_eq!(done.status.code(), Some(3));
        assert_eq!(
            (done.stdout.as_str(), done.stderr.as_str()),
            ("one", "two\n")
        );
    }

    #[tokio::test]
    async fn endless_output_is_cut_and_ends_with_the_time() {
        let error = shell("yes", b"", Duration::from_millis(300))
            .await
            .unwrap_err();
        assert!(matches!(error, CommandError::TooLong { .. }), "{error}");
        let done = shell("yes | head -c 1000000", b"", LONG).await.unwrap();
        assert_eq!(done.stdout.len(), KEPT_MAX);
    }

    #[tokio::test]
    async fn what_a_late_program_started_dies_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let waiting =
            tokio::spawn(async move { shell(&script, b"", Duration::from_secs(2)).await });
        assert!(matches!(
            waiting.await.unwrap(),
            Err(CommandError::TooLong { .. })
        ));
        let pid: i32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        // The kill takes effect in its own time, and init may reap it later: a zombie has no command
        // line. The `sleep` would be there for far longer than anybody waits for this test.
        while !std::fs::read(format!("/proc/{pid}/cmdline"))
            .unwrap_or_default()
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn an_output_held_open_by_a_leftover_does_not_hold_up_the_result() {
        let done = shell("sleep 3 & echo done", b"", LONG).await.unwrap();
        assert_eq!(done.first_line(), "done");
    }

    #[tokio::test]
    async fn input_that_nobody_reads_is_no_error() {
        let done = shell("exit 0", &[b'x'; 1 << 20], LONG).await.unwrap();
        assert!(done.status.success());
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run(Path::new("/nonexistent/x"), &[] as &[&str], b"", LONG)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/x"), "{error}");
    }
}
