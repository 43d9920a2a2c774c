//! Examinations of real daemons, each started for the test with a configuration of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod real;

use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use real::{available, block_on, find};
use tetrarch_runtime::parts::examine::{ServiceCheck, Verdict};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A daemon in the foreground; it is stopped with the value.
struct Daemon {
    child: Child,
    /// What stops it, where a signal to what was started does not.
    stop: Option<String>,
}

impl Daemon {
    fn start(program: &str, arguments: &[&str], port: u16) -> Self {
        let child = Command::new(find(program).unwrap())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut daemon = Self { child, stop: None };
        while TcpStream::connect((LOOPBACK, port)).is_err() {
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "{program}: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// Stops it as an init would.
    fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            real::run(&stop);
        } else if let Ok(pid) = i32::try_from(self.child.id()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn examine(line: &str) -> Verdict {
    let check: ServiceCheck = line.parse().unwrap();
    block_on(check.examine(LOOPBACK, Duration::from_secs(30)))
}

fn well(line: &str) {
    let verdict = examine(line);
    assert!(matches!(verdict, Verdict::Well), "{line}: {verdict}");
}

fn fails(line: &str) {
    let verdict = examine(line);
    assert!(verdict.fails(), "{line}: {verdict}");
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn nginx() {
    if !available(true, &["nginx"]) {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let at = folder.path().display();
    let settings = format!(
        "daemon off; error_log {at}/error.log; pid {at}/pid; events {{}}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{port};\n\
         location / {{ return 200 'fine'; }}\n\
         location /moved {{ return 302 /; }}\n\
         location /private {{ return 401; }}\n\
         location /broken {{ return 503; }} }} }}"
    );
    let file = write(folder.path(), "nginx.conf", &settings);
    let daemon = Daemon::start("nginx", &["-c", &file], port);
    well(&format!("tcp://:{port}"));
    well(&format!("http://:{port}"));
    well(&format!("http://:{port}/moved"));
    well(&format!("http://localhost:{port}/private#401"));
    fails(&format!("http://:{port}/broken"));
    let plugin = "/usr/lib/nagios/plugins/check_http";
    if available(false, &[plugin]) {
        well(&format!("exec:{plugin} -I {{address}} -p {port}"));
        fails(&format!(
            "exec:{plugin} -I {{address}} -p {port} -u /broken"
        ));
        let warned = examine(&format!(
            "exec:{plugin} -I {{address}} -p {port} -u /private"
        ));
        assert!(matches!(warned, Verdict::Warning(_)), "{warned}");
        let misused = examine(&format!("exec:{plugin} --nosuch"));
        assert!(matches!(misused, Verdict::Unknown(_)), "{misused}");
    }
    daemon.stop();
    fails(&format!("http://:{port}"));
}

#[test]
fn vsftpd() {
    if !available(true, &["vsftpd"]) {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let settings = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
         anonymous_enable=YES\nsecure_chroot_dir={}\nseccomp_sandbox=NO\n",
        empty.display()
    );
    let file = write(folder.path(), "vsftpd.conf", &settings);
    let daemon = Daemon::start("vsftpd", &[&file], port);
    well(&format!("ftp://:{port}"));
    fails(&format!("imap://:{port}"));
    daemon.stop();
    fails(&format!("ftp://:{port}"));
}

#[test]
fn dovecot() {
    if !available(true, &["dovecot"]) {
        return;
    }
    let (folder, imap, pop3) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let at = folder.path().display();
    let settings = format!(
        "base_dir = {at}/run\nlog_path = {at}/log\nprotocols = imap pop3\nssl = no\n\
         listen = 127.0.0.1\ndisable_plaintext_auth = no\n\
         service imap-login {{\n inet_listener imap {{\n port = {imap}\n }}\n\
         inet_listener imaps {{\n port = 0\n }}\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {pop3}\n }}\n\
         inet_listener pop3s {{\n port = 0\n }}\n}}\n\
         passdb {{\n driver = static\n args = nopassword=y\n}}\n\
         userdb {{\n driver = static\n args = uid=65534 gid=65534 home={at}\n}}\n"
    );
    let file = write(folder.path(), "dovecot.conf", &settings);
    let daemon = Daemon::start("dovecot", &["-F", "-c", &file], imap);
    well(&format!("imap://:{imap}"));
    well(&format!("pop3://:{pop3}"));
    fails(&format!("pop3://:{imap}"));
    daemon.stop();
    fails(&format!("imap://:{imap}"));
}

#[test]
fn postfix() {
    if !available(true, &["postfix", "/usr/lib/postfix/sbin/master"]) {
        return;
    }
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let at = folder.path().display();
    for part in ["queue", "data"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
    }
    real::run(&format!("chown postfix {at}/data"));
    real::run(&format!("chmod 755 {at}"));
    write(
        folder.path(),
        "main.cf",
        &format!(
            "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
             inet_interfaces = loopback-only\ninet_protocols = ipv4\nmyhostname = mail.test\n\
             mydestination =\nmulti_instance_name = postfix-test\nmaillog_file = {at}/queue/log\n\
             maillog_file_prefixes = {at}\n"
        ),
    );
    write(
        folder.path(),
        "master.cf",
        &format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n\
             postlog unix-dgram n - n - 1 postlogd\n\
             rewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\n\
             anvil unix - - n - 1 anvil\ncleanup unix n - n - 0 cleanup\n"
        ),
    );
    let config = at.to_string();
    let mut daemon = Daemon::start("postfix", &["-c", &config, "start-fg"], port);
    daemon.stop = Some(format!("postfix -c {config} stop"));
    well(&format!("smtp://:{port}"));
    fails(&format!("http://:{port}"));
    daemon.stop();
    fails(&format!("smtp://:{port}"));
}

#[test]
fn a_fence_agent() {
    use std::collections::BTreeMap;
    use tetrarch_runtime::parts::power::{FenceAction, FenceAgent, Power};

    if !available(false, &["/usr/sbin/fence_dummy"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("status").to_str().unwrap().to_owned();
    let options = BTreeMap::from([
        ("type".to_owned(), "file".to_owned()),
        ("status_file".to_owned(), file),
    ]);
    let agent = FenceAgent::new("/usr/sbin/fence_dummy".into(), options).unwrap();
    let limit = Duration::from_secs(60);
    block_on(async {
        for (action, power) in [
            (FenceAction::Off, Power::Off),
            (FenceAction::On, Power::On),
            (FenceAction::Reboot, Power::On),
        ] {
            agent.act(action, limit).await.unwrap();
            assert_eq!(agent.power(limit).await.unwrap(), power);
        }
    });
}
