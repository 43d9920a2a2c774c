//! The management data of one group in one TOML file, a `[[server]]` for each member in the order of the ring.

use core::ops::Range;
use std::path::Path;

use serde::Deserialize;
use tetrarch_core::data::{
    Field, FieldError, GroupData, GroupError, ManagementData, PartError, TextParts,
};
use tetrarch_sim::scenario::Place;
use toml::Spanned;

use crate::error::CliError;
use crate::files::read_text;

/// The most bytes that a group file may have: far more than eight servers need.
const BYTES_MAX: usize = 1 << 16;

/// What a group file looks like, for help texts.
pub(crate) const EXAMPLE: &str = r#"  [[server]]                                # one for each member, in ring order
  host = "server1"
  vip = "172.21.14.201"                     # the address that clients use
  address = "172.21.14.1"
  mac = "52:54:00:12:34:56"                 # to power the server on
  services = ["postfix", "dovecot"]
  virtual_name = "server1b"
  virtual_server = "/vm/server1b.xml"       # its definition, or its address"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    server: Vec<Spanned<ServerTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerTable {
    host: Spanned<String>,
    vip: Spanned<String>,
    address: Spanned<String>,
    mac: Spanned<String>,
    services: Spanned<Vec<Spanned<String>>>,
    virtual_name: Spanned<String>,
    virtual_server: Spanned<String>,
}

/// Reads the group in the TOML file at `path`.
pub(crate) fn read(path: &Path) -> Result<GroupData, CliError> {
    let text = read_text(path, BYTES_MAX, "a group file in TOML")?;
    parse(&text, &path.display().to_string())
}

/// Reads a group from TOML; errors name `file`, line and column.
fn parse(text: &str, file: &str) -> Result<GroupData, CliError> {
    let refuse = |span: Range<usize>, why: &str| {
        let place = Place::of(file, text, span.start);
        let why: Vec<&str> = why.lines().map(str::trim).collect();
        CliError::Usage(format!("{place}: {}", why.join(", ")))
    };
    let read: GroupFile = toml::from_str(text)
        .map_err(|error| refuse(error.span().unwrap_or(0..0), error.message()))?;
    let mut members = Vec::new();
    for server in &read.server {
        let table = server.get_ref();
        let data =
            member(table).map_err(|error| refuse(field_span(table, &error), &error.to_string()))?;
        members.push(data);
    }
    GroupData::new(members).map_err(|error| {
        let span = match &error {
            GroupError::Size { .. } => 0..0,
            GroupError::Shared { field, member, .. } => read
                .server
                .get(member - 1)
                .map_or(0..0, |server| span_of(server.get_ref(), *field)),
        };
        refuse(span, &error.to_string())
    })
}

fn member(table: &ServerTable) -> Result<ManagementData, FieldError> {
    // A service's name with a blank in it would be two services in the seven-line file.
    let blank = table.services.get_ref().iter().find(|service| {
        service.get_ref().is_empty() || service.get_ref().contains(char::is_whitespace)
    });
    if let Some(service) = blank {
        return Err(FieldError {
            field: Field::Services,
            why: PartError::Service {
                why: "is empty or has a blank in it",
                found: service.get_ref().clone(),
            },
        });
    }
    let services: Vec<&str> = table
        .services
        .get_ref()
        .iter()
        .map(|service| service.get_ref().as_str())
        .collect();
    ManagementData::from_text(TextParts {
        vip: table.vip.get_ref(),
        host: table.host.get_ref(),
        address: table.address.get_ref(),
        mac: table.mac.get_ref(),
        services: &services.join(" "),
        virtual_name: table.virtual_name.get_ref(),
        virtual_place: table.virtual_server.get_ref(),
    })
}

fn field_span(table: &ServerTable, error: &FieldError) -> Range<usize> {
    span_of(table, error.field)
}

fn span_of(table: &ServerTable, field: Field) -> Range<usize> {
    match field {
        Field::Vip => table.vip.span(),
        Field::Host => table.host.span(),
        Field::Address => table.address.span(),
        Field::Mac => table.mac.span(),
        Field::Services => table.services.span(),
        Field::VirtualName => table.virtual_name.span(),
        Field::VirtualPlace => table.virtual_server.span(),
    }
}

/// The TOML of a group; reading it gives the same group.
pub(crate) fn write(group: &GroupData) -> String {
    let mut text = String::new();
    for data in group.members() {
        let quoted =
            |value: &dyn core::fmt::Display| toml::Value::String(value.to_string()).to_string();
        let services: Vec<String> = data
            .services()
            .to_string()
            .split(' ')
            .map(|service| quoted(&service))
            .collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!(
            "[[server]]\nhost = {}\nvip = {}\naddress = {}\nmac = {}\nservices = [{}]\nvirtual_name = {}\n\
             virtual_server = {}\n",
            quoted(data.host()),
            quoted(&data.vip()),
            quoted(&data.address()),
            quoted(&data.mac()),
            services.join(", "),
            quoted(data.virtual_name()),
            quoted(data.virtual_place()),
        ));
    }
    text
}
