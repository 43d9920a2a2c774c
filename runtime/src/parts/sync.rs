//! The program of the site's that brings what a virtual server has accepted to its real server.
//!
//! It is run twice for each hand-back, in this order, on the host of the virtual server:
//!
//! | `TETRARCH_PHASE` | the virtual server | is to bring |
//! |---|---|---|
//! | `serving` | has the virtual IP address, and serves | all that is there; nobody is cut off meanwhile |
//! | `last` | has only its own address, and accepts nothing | what has come since |
//!
//! It ends with 0 if the real server has it. The real server gets the address however it ends: an address
//! that nobody has is an outage for sure, and the data are still in the image of the virtual server.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tracing::{info, warn};

use super::Failure;
use super::command::{self, CommandError, Source};

/// Most that is passed on of the program's complaints, in characters.
const SAID_MAX: usize = 500;

/// Which of the two runs it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The virtual server serves.
    Serving,
    /// It accepts nothing any more.
    Last,
}

impl Phase {
    /// Its name in the program's environment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Last => "last",
        }
    }
}

/// What is run, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncSettings {
    /// The program.
    pub program: PathBuf,
    /// How long it may run while the virtual server serves.
    pub limit: Duration,
    /// How long it may run while nobody serves.
    pub last_limit: Duration,
}

/// Whose data are brought where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Between {
    /// What the site is called.
    pub site: String,
    /// The host that runs the program.
    pub host: String,
    /// The function, by its real server's name.
    pub function: String,
    /// The function's virtual IP address.
    pub vip: IpAddr,
    /// The virtual server's own address, if the management data have one.
    pub virtual_address: Option<IpAddr>,
    /// The real server's own address.
    pub real_address: IpAddr,
    /// The folder in which this host keeps what outlives a restart.
    pub state: PathBuf,
}

/// Why a run brought less than all.
#[derive(Debug, Error)]
pub enum SyncError {
    /// It did not run to its end.
    #[error(transparent)]
    Command(Failure),
    /// The virtual server may have gone on accepting.
    #[error("its address could not be taken off in the guest: {0}")]
    Open(Failure),
    /// It says that it failed.
    #[error("{} ended with {status}: {said}", program.display())]
    Refused {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it complained of, the beginning.
        said: String,
    },
}

impl From<CommandError> for SyncError {
    fn from(error: CommandError) -> Self {
        Self::Command(error.into())
    }
}

/// The program of one function on this host.
#[derive(Clone, Debug)]
pub struct Sync {
    settings: SyncSettings,
    environment: Vec<(&'static str, String)>,
}

impl Sync {
    /// The program by `settings`, for the data `between` two servers.
    #[must_use]
    pub fn new(settings: SyncSettings, between: &Between) -> Self {
        let virtual_address = between.virtual_address.map(|address| address.to_string());
        Self {
            settings,
            environment: vec![
                ("TETRARCH_SITE", between.site.clone()),
                ("TETRARCH_HOST", between.host.clone()),
                ("TETRARCH_FUNCTION", between.function.clone()),
                ("TETRARCH_VIP", between.vip.to_string()),
                (
                    "TETRARCH_VIRTUAL_ADDRESS",
                    virtual_address.unwrap_or_default(),
                ),
                ("TETRARCH_REAL_ADDRESS", between.real_address.to_string()),
                (
                    "TETRARCH_STATE",
                    between.state.to_string_lossy().into_owned(),
                ),
            ],
        }
    }

    /// Runs it for `phase`, within that one's limit. A future that is dropped kills it.
    ///
    /// # Errors
    ///
    /// When it cannot be run, is not done in time, or says that it failed.
    pub async fn run(&self, phase: Phase) -> Result<(), SyncError> {
        let limit = match phase {
            Phase::Serving => self.settings.limit,
            Phase::Last => self.settings.last_limit,
        };
        let mut environment = self.environment.clone();
        environment.push(("TETRARCH_PHASE", phase.name().to_owned()));
        let program = &self.settings.program;
        let none: &[&str] = &[];
        let source = Source::Bytes(b"");
        let ended = command::run_with(program, none, &environment, source, limit).await?;
        if ended.status.success() {
            return Ok(());
        }
        let lines = ended.stderr.lines().map(str::trim);
        let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        Err(SyncError::Refused {
            program: program.clone(),
            status: ended.status,
            said: said.join("; ").chars().take(SAID_MAX).collect(),
        })
    }

    /// Brings all of it home: runs it while the virtual server serves, has `close` see that nothing more is
    /// accepted, and runs it for the rest. Whatever fails, what comes after it is still tried.
    ///
    /// # Errors
    ///
    /// When something may be missing at the real server. That is not so when the first run alone failed: the
    /// last one brought what that had left.
    pub async fn bring_home(
        &self,
        close: impl Future<Output = Result<(), Failure>> + Send,
    ) -> Result<(), SyncError> {
        self.bulk().await;
        let closed = close.await;
        let last = self.run(Phase::Last).await;
        // What the program says comes first: it names what is missing.
        last?;
        closed.map_err(SyncError::Open)?;
        info!(program = %self.settings.program.display(), "the real server has the virtual server's data");
        Ok(())
    }

    async fn bulk(&self) {
        if let Err(why) = self.run(Phase::Serving).await {
            warn!(%why, "the data are left to the run without service, which will take longer");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::program::write_program;
    use std::sync::Mutex;

    /// A program that does what `script` says, in a folder of its own, which it finds as its state.
    fn sync(script: &str, limits_ms: [u64; 2]) -> (tempfile::TempDir, Sync) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("sync");
        write_program(&program, &format!("#!/bin/sh\n{script}\n"));
        let [limit, last_limit] = limits_ms.map(Duration::from_millis);
        let settings = SyncSettings {
            program,
            limit,
            last_limit,
        };
        let between = Between {
            site: "office".to_owned(),
            host: "web".to_owned(),
            function: "mail".to_owned(),
            vip: [10, 0, 0, 101].into(),
            virtual_address: Some([10, 0, 0, 21].into()),
            real_address: [10, 0, 0, 11].into(),
            state: folder.path().to_owned(),
        };
        (folder, Sync::new(settings, &between))
    }

    const LONG_MS: [u64; 2] = [60_000; 2];
    const WRITE: &str = r#"echo "$TETRARCH_PHASE" >>"$TETRARCH_STATE/calls""#;

    fn calls(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("calls")).unwrap_or_default()
    }

    /// Brings it home, with `close` written among the calls.
    async fn home(
        folder: &tempfile::TempDir,
        sync: &Sync,
        closed: Result<(), Failure>,
    ) -> Result<(), SyncError> {
        let path = folder.path().join("calls");
        let closed = Mutex::new(Some(closed));
        sync.bring_home(async {
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            std::fs::write(&path, before + "close\n")?;
            closed.lock().unwrap().take().unwrap_or(Ok(()))
        })
        .await
    }

    #[tokio::test]
    async fn the_bulk_goes_first_then_nothing_more_is_accepted_then_the_rest_goes() {
        let (folder, sync) = sync(WRITE, LONG_MS);
        home(&folder, &sync, Ok(())).await.unwrap();
        assert_eq!(calls(&folder), "serving\nclose\nlast\n");
    }

    #[tokio::test]
    async fn it_is_told_whose_data_go_where() {
        let script = r#"echo "$TETRARCH_SITE $TETRARCH_HOST $TETRARCH_FUNCTION $TETRARCH_VIP \
            $TETRARCH_VIRTUAL_ADDRESS $TETRARCH_REAL_ADDRESS" >>"$TETRARCH_STATE/calls""#;
        let (folder, sync) = sync(script, LONG_MS);
        sync.run(Phase::Last).await.unwrap();
        let told = calls(&folder);
        let told: Vec<&str> = told.split_whitespace().collect();
        let expected = [
            "office",
            "web",
            "mail",
            "10.0.0.101",
            "10.0.0.21",
            "10.0.0.11",
        ];
        assert_eq!(told, expected);
    }

    #[tokio::test]
    async fn the_last_run_makes_good_what_the_first_left() {
        let script = format!("{WRITE}; test \"$TETRARCH_PHASE\" = last");
        let (folder, sync) = sync(&script, LONG_MS);
        home(&folder, &sync, Ok(())).await.unwrap();
        assert_eq!(calls(&folder), "serving\nclose\nlast\n");
    }

    #[tokio::test]
    async fn a_last_run_that_fails_is_told_with_its_complaints() {
        let script = format!("{WRITE}; echo sending; echo first >&2; echo no room >&2; exit 23");
        let (folder, sync) = sync(&script, LONG_MS);
        let why = home(&folder, &sync, Ok(())).await.unwrap_err().to_string();
        assert!(why.contains("exit status: 23: first; no room"), "{why}");
        assert_eq!(calls(&folder), "serving\nclose\nlast\n");
    }

    #[tokio::test]
    async fn a_run_that_does_not_end_is_cut_off_and_the_next_step_comes() {
        let script = format!("{WRITE}; test \"$TETRARCH_PHASE\" = last || sleep 1000");
        let (folder, sync) = self::sync(&script, [2_000, 60_000]);
        home(&folder, &sync, Ok(())).await.unwrap();
        assert_eq!(calls(&folder), "serving\nclose\nlast\n");
        let script = format!("{WRITE}; test \"$TETRARCH_PHASE\" = serving || sleep 1000");
        let (folder, sync) = self::sync(&script, [60_000, 2_000]);
        let why = home(&folder, &sync, Ok(())).await.unwrap_err().to_string();
        assert!(why.contains("did not end within 2.0 s"), "{why}");
    }

    #[tokio::test]
    async fn a_virtual_server_that_may_go_on_accepting_is_told_of() {
        let (folder, sync) = sync(WRITE, LONG_MS);
        let closed = Err("the guest does not answer".into());
        let why = home(&folder, &sync, closed).await.unwrap_err().to_string();
        assert!(why.contains("the guest does not answer"), "{why}");
        assert_eq!(calls(&folder), "serving\nclose\nlast\n");
    }
}
