//! Files of a disk, or of a server, that may never answer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Puts `bytes` in the place of what is in the file at `path`, for its owner alone, so that a crash leaves one of the
/// two. It is on the disk when this returns.
///
/// # Errors
///
/// When the disk refuses; the file has what it had then, or `bytes`.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Forces what was made, renamed or removed beside `path` to the disk.
///
/// # Errors
///
/// When the folder cannot be opened, or the disk refuses.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Calls that may hang, on threads of their own: no more than a few at once, and nobody waits for one
/// longer than he says.
#[derive(Clone, Debug)]
pub struct Disk {
    threads: Arc<Semaphore>,
}

impl Disk {
    /// A disk, or a mount, for which no more than `threads_max` calls may be outstanding at once.
    #[must_use]
    pub fn new(threads_max: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(threads_max)),
        }
    }

    /// What `call` gives; none when it takes longer than `limit`, or when as many as may be are still
    /// outstanding. A call that takes too long goes on without anybody waiting.
    pub async fn call<T, F>(&self, limit: Duration, call: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let thread = Arc::clone(&self.threads).try_acquire_owned().ok()?;
        let task = tokio::task::spawn_blocking(move || {
            let result = call();
            drop(thread);
            result
        });
        timeout(limit, task).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_mount_that_hangs_takes_its_threads_and_no_more() {
        let disk = Disk::new(2);
        let short = Duration::from_millis(1);
        let (mut ends, mut hung) = (Vec::new(), 0);
        for _ in 0..5 {
            let (end, wait) = mpsc::channel::<()>();
            ends.push(end);
            hung += usize::from(disk.call(short, move || wait.recv()).await.is_none());
        }
        assert_eq!(hung, 5);
        assert_eq!(disk.threads.available_permits(), 0);
        // It answers again.
        drop(ends);
        let patience = Duration::from_secs(20);
        while disk.threads.available_permits() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(disk.call(patience, || 7).await, Some(7));
    }
}
