//! Hearing of changes beside the flag file, so that it need not be looked at all the time.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tracing::{debug, warn};

use crate::ready;

/// Whatever makes the flag file come or go.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What says that the folder is not the one any more, or that changes may have been missed.
const ENDS: ReadFlags = ReadFlags::IGNORED
    .union(ReadFlags::QUEUE_OVERFLOW)
    .union(ReadFlags::UNMOUNT)
    .union(ReadFlags::DELETE_SELF)
    .union(ReadFlags::MOVE_SELF);

/// A watch on the folder of the flag file.
#[derive(Debug, Default)]
pub(super) struct FlagWatch {
    watched: Option<AsyncFd<OwnedFd>>,
    /// Whether something has changed since the last look.
    is_stirred: bool,
}

/// Begins to watch the folder of `flag`. The call may hang as long as its disk does.
pub(super) fn watch(flag: &Path) -> io::Result<OwnedFd> {
    let folder = flag.parent().unwrap_or(Path::new("."));
    let watched = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watched, folder, CHANGES)?;
    Ok(watched)
}

impl FlagWatch {
    /// Whether a watch has to be begun, before the next look so that no change falls between the two.
    pub(super) const fn is_missing(&self) -> bool {
        self.watched.is_none()
    }

    /// A look begins, with the watch that was begun for it, if one was missing.
    pub(super) fn looked(&mut self, begun: Option<io::Result<OwnedFd>>) {
        self.is_stirred = false;
        match begun.map(|begun| begun.and_then(ready::on)) {
            None => {}
            Some(Ok(watched)) => self.watched = Some(watched),
            // It is looked for at the usual pace then.
            Some(Err(why)) => debug!(%why, "the flag file cannot be watched"),
        }
    }

    /// Whether the flag file is as it was at the last look.
    pub(super) const fn is_quiet(&self) -> bool {
        self.watched.is_some() && !self.is_stirred
    }

    /// Ends when something has changed; never without a watch.
    pub(super) async fn stirred(&mut self) {
        let Some(watched) = &self.watched else {
            return core::future::pending().await;
        };
        match watched.readable().await {
            Ok(mut ready) => ready.clear_ready(),
            Err(why) => warn!(%why, "the flag file is watched no more"),
        }
        self.is_stirred = true;
        if !has_read_all(watched) {
            self.watched = None;
        }
    }
}

/// Reads what has changed; false when the watch is worth nothing any more.
fn has_read_all(watched: &AsyncFd<OwnedFd>) -> bool {
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut reader = Reader::new(watched.get_ref(), &mut buffer);
    loop {
        match reader.next() {
            Ok(change) if change.events().intersects(ENDS) => return false,
            Ok(_) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn is_heard(watch_of: &mut FlagWatch) -> bool {
        timeout(PATIENCE, watch_of.stirred()).await.is_ok()
    }

    #[tokio::test]
    async fn each_change_is_heard_of() {
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("managed");
        let mut watch_of = FlagWatch::default();
        assert!(watch_of.is_missing() && !watch_of.is_quiet());
        watch_of.looked(Some(watch(&flag)));
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(&flag, "").unwrap(),
            &|| fs::rename(&flag, flag.with_extension("old")).unwrap(),
            &|| fs::rename(flag.with_extension("old"), &flag).unwrap(),
            &|| fs::remove_file(&flag).unwrap(),
        ];
        for change in changes {
            assert!(watch_of.is_quiet());
            change();
            assert!(is_heard(&mut watch_of).await);
            assert!(!watch_of.is_quiet() && !watch_of.is_missing());
            watch_of.looked(None);
        }
    }

    #[tokio::test]
    async fn a_folder_that_goes_away_is_not_relied_on() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("state");
        for go in [
            |own: &Path| fs::remove_dir(own),
            |own: &Path| fs::rename(own, own.with_extension("old")),
        ] {
            fs::create_dir(&own).unwrap();
            let mut watch_of = FlagWatch::default();
            watch_of.looked(Some(watch(&own.join("managed"))));
            assert!(watch_of.is_quiet());
            go(&own).unwrap();
            assert!(is_heard(&mut watch_of).await);
            assert!(!watch_of.is_quiet() && watch_of.is_missing());
        }
        let mut watch_of = FlagWatch::default();
        watch_of.looked(Some(watch(&own.join("managed"))));
        assert!(watch_of.is_missing() && !watch_of.is_quiet());
    }
}
