//! How a service is examined, written as one line.
//!
//! | written | examined |
//! |---|---|
//! | `tcp://:3128` | port 3128 takes a connection |
//! | `smtp://` | port 25 greets as SMTP does; `ftp`, `imap`, `pop3` and `ssh` likewise |
//! | `http://:8080/health` | a GET is answered with a status from 200 to 399 |
//! | `http:///private#401` | a GET of `/private` is answered with status 401 |
//! | `smtp://172.21.14.201:2525` | another address than that of the examined server |
//! | `exec:/usr/lib/nagios/plugins/check_ntp_peer -H {address}` | a plugin, without a shell |
//!
//! Where no host is written, the examined server's address is meant, so one line serves every server
//! and its virtual server. In a plugin's arguments `{address}` stands for it.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How one service is examined. Parsed from the line described above; no other value exists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum ServiceCheck {
    /// Over the network.
    Network {
        /// What is spoken.
        protocol: Protocol,
        /// Where.
        host: Host,
        /// The TCP port.
        port: u16,
    },
    /// By a program.
    Plugin(Plugin),
}

/// What is spoken to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Only the connection is made.
    Tcp,
    /// HTTP/1.1 without TLS.
    Http {
        /// What is asked for; it begins with a slash.
        path: String,
        /// The only status that is well; without one 200 to 399 are.
        expect: Option<u16>,
    },
    /// The greeting of a mail server.
    Smtp,
    /// The greeting of a file server.
    Ftp,
    /// The greeting of a mailbox server.
    Imap,
    /// The greeting of a mailbox server.
    Pop3,
    /// The identification of a login server.
    Ssh,
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// On the examined server.
    Target,
    /// At this address.
    Address(IpAddr),
    /// At whatever address this name has when it is examined.
    Name(String),
}

/// A program that follows the guidelines of the Monitoring Plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    program: PathBuf,
    arguments: Vec<String>,
}

/// A line that is no examination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line:?}: {why}")]
pub struct CheckError {
    line: String,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error("expected an examination such as smtp:// or exec:/path, found no \"://\"")]
    Form,
    #[error("expected tcp, http, smtp, ftp, imap, pop3, ssh or exec, found {0:?}")]
    Protocol(String),
    #[error(
        "expected http, found https: TLS is examined by a plugin, such as exec:/usr/lib/nagios/plugins/check_http -S"
    )]
    Https,
    #[error("expected a port from 1 to 65535, found {0:?}")]
    Port(String),
    #[error("expected a port, as in tcp://:3128")]
    NoPort,
    #[error("expected a host name or address, found {0:?}")]
    Host(String),
    #[error("expected nothing after the port, found {0:?}")]
    Surplus(String),
    #[error("expected a path of printable ASCII without blanks, found {0:?}")]
    Path(String),
    #[error("expected a status from 100 to 599 after \"#\", found {0:?}")]
    Status(String),
    #[error("expected the absolute path of a program, found {0:?}")]
    Program(String),
    #[error("expected arguments as a shell would take them: {0}")]
    Arguments(String),
}

impl FromStr for ServiceCheck {
    type Err = CheckError;

    fn from_str(line: &str) -> Result<Self, CheckError> {
        parse(line.trim()).map_err(|why| CheckError {
            line: line.chars().take(200).collect(),
            why,
        })
    }
}

impl TryFrom<String> for ServiceCheck {
    type Error = CheckError;

    fn try_from(line: String) -> Result<Self, CheckError> {
        line.parse()
    }
}

impl From<ServiceCheck> for String {
    fn from(check: ServiceCheck) -> Self {
        check.to_string()
    }
}

fn parse(line: &str) -> Result<ServiceCheck, Why> {
    if let Some(command) = line.strip_prefix("exec:") {
        return Plugin::parse(command).map(ServiceCheck::Plugin);
    }
    let (scheme, rest) = line.split_once("://").ok_or(Why::Form)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (place, path) = rest.split_at(at);
    let (protocol, default_port) = match scheme {
        "tcp" => (Protocol::Tcp, None),
        "http" => (parse_http(path)?, Some(80)),
        "smtp" => (Protocol::Smtp, Some(25)),
        "ftp" => (Protocol::Ftp, Some(21)),
        "imap" => (Protocol::Imap, Some(143)),
        "pop3" => (Protocol::Pop3, Some(110)),
        "ssh" => (Protocol::Ssh, Some(22)),
        "https" => return Err(Why::Https),
        other => return Err(Why::Protocol(other.to_owned())),
    };
    if !matches!(protocol, Protocol::Http { .. }) && !path.is_empty() {
        return Err(Why::Surplus(path.to_owned()));
    }
    let (host, port) = parse_place(place)?;
    Ok(ServiceCheck::Network {
        protocol,
        host,
        port: port.or(default_port).ok_or(Why::NoPort)?,
    })
}

fn parse_http(text: &str) -> Result<Protocol, Why> {
    let (path, status) = match text.split_once('#') {
        Some((path, status)) => (path, Some(status)),
        None => (text, None),
    };
    // Whatever could end the request line early is refused here.
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Why::Path(path.to_owned()));
    }
    let expect = status
        .map(|text| match text.parse() {
            Ok(status @ 100..=599) if is_number(text) => Ok(status),
            _ => Err(Why::Status(text.to_owned())),
        })
        .transpose()?;
    Ok(Protocol::Http {
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        expect,
    })
}

/// A host and a port, each of which may be missing.
fn parse_place(place: &str) -> Result<(Host, Option<u16>), Why> {
    let bad = || Why::Host(place.to_owned());
    let (host, rest) = if let Some(rest) = place.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(bad)?;
        let address = address.parse().map_err(|_| bad())?;
        (Host::Address(IpAddr::V6(address)), rest)
    } else {
        let at = place.find(':').unwrap_or(place.len());
        let (host, rest) = place.split_at(at);
        (parse_host(host).ok_or_else(bad)?, rest)
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return Err(bad()),
        Some(text) => match text.parse() {
            Ok(port @ 1..) if is_number(text) => Some(port),
            _ => return Err(Why::Port(text.to_owned())),
        },
    };
    Ok((host, port))
}

fn parse_host(text: &str) -> Option<Host> {
    if text.is_empty() {
        return Some(Host::Target);
    }
    if let Ok(address) = text.parse() {
        return Some(Host::Address(address));
    }
    let fits = text.len() <= 253
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    // A name of digits and dots alone is an address with a mistake.
    let number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (fits && !number).then(|| Host::Name(text.to_owned()))
}

/// Whether a number is written with digits alone; `parse` would take a plus sign as well.
fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

impl Plugin {
    fn parse(command: &str) -> Result<Self, Why> {
        let words = shell_words::split(command).map_err(|e| Why::Arguments(e.to_string()))?;
        if words.iter().any(|word| word.contains('\0')) {
            return Err(Why::Arguments("found a zero byte".to_owned()));
        }
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default();
        if !program.starts_with('/') {
            return Err(Why::Program(program));
        }
        Ok(Self {
            program: program.into(),
            arguments: words.collect(),
        })
    }

    /// The absolute path of the program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its arguments for the server at `target`.
    #[must_use]
    pub fn arguments_for(&self, target: IpAddr) -> Vec<String> {
        let target = target.to_string();
        self.arguments
            .iter()
            .map(|argument| argument.replace("{address}", &target))
            .collect()
    }
}

impl Host {
    /// What the `Host` header of HTTP says for it.
    pub(super) fn in_header(&self, port: u16, target: IpAddr) -> String {
        let host = match self {
            Self::Target => bracketed(target),
            Self::Address(address) => bracketed(*address),
            Self::Name(name) => name.clone(),
        };
        match port {
            80 => host,
            _ => format!("{host}:{port}"),
        }
    }
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => Ok(()),
            Self::Address(address) => f.write_str(&bracketed(*address)),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for ServiceCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, host, port) = match self {
            Self::Plugin(plugin) => {
                let words = plugin.arguments.iter().map(String::as_str);
                let program = plugin.program.to_string_lossy();
                let line = shell_words::join(std::iter::once(&*program).chain(words));
                return write!(f, "exec:{line}");
            }
            Self::Network {
                protocol,
                host,
                port,
            } => (protocol, host, port),
        };
        let scheme = match protocol {
            Protocol::Tcp => "tcp",
            Protocol::Http { .. } => "http",
            Protocol::Smtp => "smtp",
            Protocol::Ftp => "ftp",
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Ssh => "ssh",
        };
        write!(f, "{scheme}://{host}:{port}")?;
        if let Protocol::Http { path, expect } = protocol {
            f.write_str(path)?;
            if let Some(status) = expect {
                write!(f, "#{status}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(line: &str) -> Result<String, String> {
        line.parse::<ServiceCheck>()
            .map(|check| check.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            ("smtp://", "smtp://:25"),
            ("smtp://mail:25", "smtp://mail:25"),
            ("imap://172.21.14.1", "imap://172.21.14.1:143"),
            ("ftp://[fd00::1]:2121", "ftp://[fd00::1]:2121"),
            ("http://", "http://:80/"),
            ("http://web:8080/a?b=c", "http://web:8080/a?b=c"),
            ("http:///private#401", "http://:80/private#401"),
            (" tcp://:3128 ", "tcp://:3128"),
            ("pop3://", "pop3://:110"),
            ("ssh://", "ssh://:22"),
            (
                "exec:/bin/check -H {address} 'a b'",
                "exec:/bin/check -H {address} 'a b'",
            ),
        ] {
            assert_eq!(canonical(line).as_deref(), Ok(expected), "{line}");
            assert_eq!(
                canonical(expected).as_deref(),
                Ok(expected),
                "{expected} again"
            );
        }
    }

    #[test]
    fn bad_lines_are_refused_with_the_reason() {
        for (line, reason) in [
            ("", "expected an examination"),
            ("smtp", "expected an examination"),
            ("gopher://x", "expected tcp, http"),
            ("https://web", "TLS is examined by a plugin"),
            ("tcp://mail", "expected a port, as in"),
            ("tcp://mail:0", "from 1 to 65535"),
            ("tcp://mail:65536", "from 1 to 65535"),
            ("tcp://mail:+25", "from 1 to 65535"),
            ("smtp://mail:", "from 1 to 65535"),
            ("smtp://mail/x", "nothing after the port"),
            ("smtp://fd00::1", "from 1 to 65535"),
            ("smtp://[fd00::1", "host name or address"),
            ("smtp://[fd00::1]x", "host name or address"),
            ("smtp://300.1.1.1", "host name or address"),
            ("smtp://a b", "host name or address"),
            ("http:///a b", "printable ASCII"),
            ("http:///a\r\nX: y", "printable ASCII"),
            ("http:///#99", "from 100 to 599"),
            ("http:///#+200", "from 100 to 599"),
            ("exec:", "absolute path"),
            ("exec:check_x", "absolute path"),
            ("exec:/bin/x 'a", "as a shell would"),
            ("exec:/bin/x a\0b", "zero byte"),
        ] {
            let error = canonical(line).unwrap_err();
            assert!(error.contains(reason), "{line:?}: {error}");
        }
    }

    #[test]
    fn a_plugin_is_told_the_address() {
        let check: ServiceCheck = "exec:/bin/x -H {address} -u http://{address}/"
            .parse()
            .unwrap();
        let ServiceCheck::Plugin(plugin) = check else {
            panic!()
        };
        assert_eq!(
            plugin.arguments_for("10.0.0.1".parse().unwrap()),
            ["-H", "10.0.0.1", "-u", "http://10.0.0.1/"]
        );
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_written_and_read_again(line in ".{0,60}") {
            if let Ok(check) = line.parse::<ServiceCheck>() {
                prop_assert_eq!(check.to_string().parse::<ServiceCheck>(), Ok(check));
            }
        }

        #[test]
        fn likely_lines_too(
            scheme in "tcp|http|smtp|ftp|imap|exec",
            host in "[a-z0-9.\\[\\]:]{0,12}",
            port in "(:[0-9+]{0,6})?",
            path in "(/[ -~]{0,12})?",
        ) {
            let line = format!("{scheme}://{host}{port}{path}");
            if let Ok(check) = line.parse::<ServiceCheck>() {
                prop_assert_eq!(check.to_string().parse::<ServiceCheck>(), Ok(check));
            }
        }
    }
}
