//! The end of a virtual server that nobody is asked about.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;

/// The name of the file with the number of QEMU's process, beside its sockets.
pub(super) const PID_FILE: &str = "pid";

/// Kills the virtual server whose sockets are in the folder `run`, without asking it: its monitor may be in
/// use, or may not answer. Returns whether there was one.
///
/// # Errors
///
/// When it may still run.
pub fn kill(run: &Path) -> io::Result<bool> {
    let text = match fs::read_to_string(run.join(PID_FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        result => result?,
    };
    let Ok(pid) = text.trim().parse::<i32>() else {
        return Err(io::Error::other("its file holds no process number"));
    };
    // The number may be another program's by now; QEMU is known by the folder of its sockets.
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let socket = run.join("qmp").to_string_lossy().replace(',', ",,");
    if !String::from_utf8_lossy(&line).contains(&*socket) {
        return Ok(false);
    }
    match signal(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_the_one_that_uses_the_folder_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!kill(folder.path()).unwrap());
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid_file = folder.path().join(PID_FILE);
        fs::write(&pid_file, child.id().to_string()).unwrap();
        assert!(
            !kill(folder.path()).unwrap(),
            "another program has its number"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let socket = folder.path().join("qmp");
        fs::write(&socket, "").unwrap();
        let mut child = Command::new("tail").arg("-f").arg(&socket).spawn().unwrap();
        fs::write(&pid_file, child.id().to_string()).unwrap();
        assert!(kill(folder.path()).unwrap());
        assert!(!child.wait().unwrap().success());
        assert!(!kill(folder.path()).unwrap());
        fs::write(&pid_file, "x").unwrap();
        assert!(kill(folder.path()).is_err());
    }
}
