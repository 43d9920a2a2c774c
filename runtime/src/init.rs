//! A whole new site from its group: settings, management data and keys.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tetrarch_core::data::GroupData;
use thiserror::Error;

use crate::authority::{Authority, AuthorityError};

/// Why a site cannot be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// Keys or certificates cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
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
    /// The program that carries out what the management decides.
    pub program: PathBuf,
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
            public(folder.join("site.toml"), settings(site, group, host)),
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

fn settings(site: &NewSite, group: &GroupData, host: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let ring = group.members().iter();
    let ring: Vec<String> = ring.map(|data| quoted(data.host().as_str())).collect();
    format!(
        "# This server's settings; every other one is as the documentation says.\n\
         name = {}\n\
         server = {}\n\
         ring = [{}]\n\
         guests_max = {}\n\
         program = {}\n",
        quoted(&site.name),
        quoted(host),
        ring.join(", "),
        site.guests_max,
        quoted(&site.program.to_string_lossy()),
    )
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
        let site = NewSite {
            name: "the \"office\"".to_owned(),
            guests_max: 3,
            program: "/usr/lib/tetrarch/parts".into(),
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
