//! A whole new site from its group: settings, management data and keys.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tetrarch_core::data::{GroupData, Mac, ManagementData, ServiceName};
use thiserror::Error;

use crate::authority::{Authority, AuthorityError};
use crate::parts::examine::ServiceCheck;

/// Why a site cannot be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// Keys or certificates cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Nobody can guess how a service is examined.
    #[error(
        "how is the service {0:?} examined? Say so with --examine {0}=CHECK, for example --examine {0}=tcp://:PORT"
    )]
    Unknown(String),
    /// A file or folder cannot be made. What is there already is never overwritten.
    #[error("{}: {source}", path.display())]
    Path {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What a site needs to know beside its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSite {
    /// What it is called.
    pub name: String,
    /// How many virtual servers each host's memory has room for.
    pub guests_max: u8,
    /// What carries out what the management decides.
    pub parts: NewParts,
}

/// What carries out what the management decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewParts {
    /// A program of the site's own does everything.
    Program(PathBuf),
    /// The agent does everything itself.
    Native {
        /// The bridge with the addresses of every server.
        interface: String,
        /// How services are examined whose names do not tell.
        checks: BTreeMap<String, ServiceCheck>,
        /// The memory of each virtual server, in MB.
        memory_mb: u32,
    },
}

/// A file of a new site.
#[derive(Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it belongs, under the folder of the site.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    /// Whether nobody but its owner may read it.
    pub is_secret: bool,
}

impl core::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("NewFile").field(&self.path).finish()
    }
}

/// The files of a new site: `authority/` for a safe place, `shared/` for the file server, and a folder
/// for each server's `/etc/tetrarch`.
///
/// # Errors
///
/// When the system gives no randomness, or a host name cannot stand in a certificate.
pub fn files(site: &NewSite, group: &GroupData) -> Result<Vec<NewFile>, InitError> {
    let authority = Authority::new(&site.name)?;
    let of_authority = authority.pem();
    let mut files = vec![
        public("authority/authority.pem", of_authority.certificate.clone()),
        secret("authority/authority.key", of_authority.key.clone()),
    ];
    for (name, text) in group.files() {
        files.push(public(Path::new("shared").join(name), text));
    }
    for data in group.members() {
        let host = data.host().as_str();
        let made = authority.server(host)?;
        let folder = Path::new(host);
        let tls = folder.join("tls");
        files.extend([
            public(folder.join("site.toml"), settings(site, group, host)?),
            public(
                tls.join("authorities.pem"),
                of_authority.certificate.clone(),
            ),
            public(tls.join("server.pem"), made.certificate),
            secret(tls.join("server.key"), made.key),
        ]);
    }
    Ok(files)
}

fn public(path: impl Into<PathBuf>, text: String) -> NewFile {
    NewFile {
        path: path.into(),
        text,
        is_secret: false,
    }
}

fn secret(path: impl Into<PathBuf>, text: String) -> NewFile {
    NewFile {
        is_secret: true,
        ..public(path, text)
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn settings(site: &NewSite, group: &GroupData, host: &str) -> Result<String, InitError> {
    let ring = group.members().iter();
    let ring: Vec<String> = ring.map(|data| quoted(data.host().as_str())).collect();
    let parts = match &site.parts {
        NewParts::Program(program) => format!("program = {}\n", quoted(&program.to_string_lossy())),
        NewParts::Native {
            interface,
            checks,
            memory_mb,
        } => {
            let mut text = format!("\n[network]\ninterface = {}\n", quoted(interface));
            for data in group.members() {
                services(&mut text, data, checks)?;
            }
            for data in group.members() {
                virtual_server(&mut text, data, *memory_mb);
            }
            text
        }
    };
    Ok(format!(
        "# This server's settings; every other one is as the documentation says.\n\
         name = {}\n\
         server = {}\n\
         ring = [{}]\n\
         guests_max = {}\n\
         safety = \"guarded\"\n\
         {parts}",
        quoted(&site.name),
        quoted(host),
        ring.join(", "),
        site.guests_max,
    ))
}

/// The table of a server's services.
fn services(
    text: &mut String,
    data: &ManagementData,
    checks: &BTreeMap<String, ServiceCheck>,
) -> Result<(), InitError> {
    let names = data.services().names().iter().map(ServiceName::as_str);
    let _ = writeln!(text, "\n[services.{}]", quoted(data.host().as_str()));
    for name in names {
        let given = checks.get(name).map(ToString::to_string);
        let check = given.or_else(|| usual_check(name).map(str::to_owned));
        let check = check.ok_or_else(|| InitError::Unknown(name.to_owned()))?;
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{} = {{ examine = {} }}",
            quoted(name),
            quoted(&check)
        );
    }
    Ok(())
}

/// How a service with a well-known name is examined.
fn usual_check(name: &str) -> Option<&'static str> {
    let stem = name.split(['@', '.']).next().unwrap_or(name);
    match stem {
        "postfix" | "exim4" | "sendmail" => Some("smtp://"),
        "dovecot" => Some("imap://"),
        "nginx" | "apache2" | "httpd" | "lighttpd" | "caddy" => Some("http://"),
        "vsftpd" | "proftpd" => Some("ftp://"),
        "squid" => Some("tcp://:3128"),
        "ssh" | "sshd" => Some("ssh://"),
        "named" | "bind9" => Some("tcp://:53"),
        "mysql" | "mariadb" => Some("tcp://:3306"),
        "postgresql" => Some("tcp://:5432"),
        _ => None,
    }
}

/// The table of a function's virtual server.
fn virtual_server(text: &mut String, data: &ManagementData, memory_mb: u32) {
    let (host, name) = (data.host().as_str(), data.virtual_name().as_str());
    let mac = virtual_mac(data.mac()).map_or_else(|| data.mac().to_string(), |mac| mac.to_string());
    let image = format!("/srv/tetrarch/images/{name}");
    let _ = write!(
        text,
        "\n[virtual_server.{}]\nimage = {}\nmac = {}\nmemory_mb = {memory_mb}\n",
        quoted(host),
        quoted(&image),
        quoted(&mac),
    );
}

/// A locally administered MAC address that follows from a server's own.
fn virtual_mac(own: Mac) -> Option<Mac> {
    let mut octets = own.octets();
    octets[0] = 0x02;
    octets[5] ^= 0x80;
    Mac::new(octets).ok()
}

/// Writes `files` under `folder`, which only its owner may enter.
///
/// # Errors
///
/// Names the file that cannot be made; one that is there already is not overwritten.
pub fn write(folder: &Path, files: &[NewFile]) -> Result<(), InitError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Path { path, source }
    };
    let mut folders = fs::DirBuilder::new();
    folders.recursive(true).mode(0o700);
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            folders.create(parent).map_err(at(parent))?;
        }
        let mode = if file.is_secret { 0o600 } else { 0o644 };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let mut opened = options.open(&path).map_err(at(&path))?;
        opened
            .write_all(file.text.as_bytes())
            .and_then(|()| opened.sync_all())
            .map_err(at(&path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::tls::{Credentials, TlsFiles};
    use crate::site::Site;
    use crate::store;
    use std::os::unix::fs::PermissionsExt;
    use tetrarch_core::data::ManagementData;

    fn group() -> GroupData {
        let member = |n: u8| {
            let text = format!(
                "10.0.0.20{n}\nserver{n}\n10.0.0.{n}\n52:54:00:00:00:0{n}\nnginx\nserver{n}b\n/vm/{n}.xml\n"
            );
            ManagementData::parse(&text).unwrap()
        };
        GroupData::new((1..=4).map(member).collect()).unwrap()
    }

    #[test]
    fn a_new_site_can_be_used_as_it_is() {
        let native = NewParts::Native {
            interface: "br0".to_owned(),
            checks: BTreeMap::new(),
            memory_mb: 2048,
        };
        can_be_used(native);
        can_be_used(NewParts::Program("/usr/lib/tetrarch/parts".into()));
    }

    #[test]
    fn a_service_that_nobody_knows_must_be_explained() {
        let text = "10.0.0.1\na\n10.0.0.2\n52:54:00:00:00:01\nodd\nab\n/vm/a.xml\n";
        let data = ManagementData::parse(text).unwrap();
        let mut checks = BTreeMap::new();
        let refused = services(&mut String::new(), &data, &checks);
        assert!(matches!(refused, Err(InitError::Unknown(name)) if name == "odd"));
        checks.insert("odd".to_owned(), "tcp://:7".parse().unwrap());
        let mut text = String::new();
        services(&mut text, &data, &checks).unwrap();
        assert!(
            text.contains("\"odd\" = { examine = \"tcp://:7\" }"),
            "{text}"
        );
    }

    fn can_be_used(parts: NewParts) {
        let site = NewSite {
            name: "the \"office\"".to_owned(),
            guests_max: 3,
            parts,
        };
        let (folder, group) = (tempfile::tempdir().unwrap(), group());
        let path = folder.path();
        let files = files(&site, &group).unwrap();
        write(path, &files).unwrap();
        for data in group.members() {
            let own = path.join(data.host().as_str());
            let read = Site::load(&own.join("site.toml")).unwrap();
            assert_eq!(
                (read.name.as_str(), read.host()),
                ("the \"office\"", data.host().as_str())
            );
            assert_eq!(
                store::read(&path.join("shared"), &read.ring).unwrap(),
                group
            );
            let tls = TlsFiles {
                authorities: own.join("tls/authorities.pem"),
                certificate: own.join("tls/server.pem"),
                key: own.join("tls/server.key"),
            };
            Credentials::load(&tls, &group).unwrap();
        }
        let secrets = files.iter().filter(|file| file.is_secret);
        assert_eq!(secrets.clone().count(), 5);
        for file in secrets {
            let mode = fs::metadata(path.join(&file.path))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file:?}");
        }
        // Keys are never overwritten.
        let again = write(path, &files).unwrap_err();
        assert!(
            matches!(again, InitError::Path { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
        );
    }
}
