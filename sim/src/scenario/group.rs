//! The members of a management group, their order in the ring, and their services.

use core::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use tetrarch_core::ServerId;
use toml::Spanned;

use super::error::{Problem, ScenarioError, Source};
use super::reader::Item;
use super::value::{Value, deserialize_key, list_of, quoted};

/// A server of the scenario's group, by its place in the ring, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerIndex(pub u8);

impl ServerIndex {
    /// The place as an index into [`Scenario::group`](super::Scenario::group).
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The server at that place; none when no group has it.
    #[must_use]
    pub const fn id(self) -> Option<ServerId> {
        ServerId::new(self.index())
    }
}

/// The word for a function that no host serves; no server may have this name.
pub(super) const NOBODY: &str = "nobody";

const SERVER_NAME_EXPECTED: &str =
    "a host name: 1 to 63 letters, digits and hyphens, with no hyphen at either end";
const SERVICES_EXPECTED: &str = "1 to 8 different service names";
const SERVICE_NAME_EXPECTED: &str =
    "a service name: 1 to 64 letters, digits, hyphens, underscores, points and @";

/// The value of `group`: 2 to 8 names, each with its place.
#[derive(Debug)]
pub(super) struct Group(Vec<Spanned<ServerName>>);

/// A host name that a server may have by itself.
#[derive(Debug)]
struct ServerName(String);

impl<'de> Deserialize<'de> for ServerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_key(deserializer, "group", |value| {
            let name = value.text(SERVER_NAME_EXPECTED)?;
            if !is_host_name(name) {
                return Err(SERVER_NAME_EXPECTED.to_owned());
            }
            if name.eq_ignore_ascii_case(NOBODY) {
                return Err("another name, because this word stands for no server".to_owned());
            }
            Ok(Self(name.to_owned()))
        })
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(GroupVisitor)
    }
}

struct GroupVisitor;

impl<'de> Visitor<'de> for GroupVisitor {
    type Value = Group;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Group::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Group, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element()? {
            names.push(name);
        }
        match names.len() {
            2..=8 => Ok(Group(names)),
            other => Err(A::Error::custom(Problem::BadValue {
                name: "group".to_owned(),
                found: list_of(other),
                expected: Group::EXPECTED.to_owned(),
            })),
        }
    }
}

impl Group {
    pub(super) const EXPECTED: &str = "2 to 8 different server names in ring order";

    /// The names, all different from one another and from those of the virtual servers.
    pub(super) fn names(self, source: Source<'_>) -> Result<Vec<String>, ScenarioError> {
        let mut group: Vec<String> = Vec::with_capacity(self.0.len());
        for spanned in self.0 {
            let (span, ServerName(name)) = (spanned.span(), spanned.into_inner());
            if let Some(other) = group.iter().find(|other| clash(other, &name)) {
                let expected = format!(
                    "a name that differs from {other:?} and from the names of virtual servers, \
                     which are their servers' names with a \"b\" at the end"
                );
                let problem = Value::Text(name).refuse("group", expected);
                return Err(source.error(&span, problem));
            }
            group.push(name);
        }
        Ok(group)
    }
}

/// Whether two servers, or one and the virtual server of the other, have the same host name.
fn clash(a: &str, b: &str) -> bool {
    let virtual_of = |server: &str, name: &str| name.eq_ignore_ascii_case(&format!("{server}b"));
    a.eq_ignore_ascii_case(b) || virtual_of(a, b) || virtual_of(b, a)
}

fn is_host_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_service_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// The services of a server that the file does not list any for: one, of the server's name.
pub(super) fn default_services(server: &str) -> Vec<String> {
    vec![server.to_owned()]
}

/// Reads the table `services`; the result has one list for each member of `group`.
pub(super) fn read_services(
    item: Option<Item<'_>>,
    group: &[String],
) -> Result<Vec<Vec<String>>, ScenarioError> {
    let mut services: Vec<Vec<String>> = group.iter().map(|name| default_services(name)).collect();
    let Some(item) = item else {
        return Ok(services);
    };
    let section = item.section("services", "a table from server names to service names")?;
    let names: Vec<&str> = group.iter().map(String::as_str).collect();
    section.refuse_unknown(&names)?;
    for (server, list) in group.iter().zip(&mut services) {
        if let Some(item) = section.get(server) {
            *list = read_service_list(item)?;
        }
    }
    Ok(services)
}

fn read_service_list(item: Item<'_>) -> Result<Vec<String>, ScenarioError> {
    let items = item.list(SERVICES_EXPECTED)?;
    if !(1..=8).contains(&items.len()) {
        return Err(item.refuse(SERVICES_EXPECTED));
    }
    let mut list: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let name = item.text(SERVICE_NAME_EXPECTED)?;
        if !is_service_name(name) {
            return Err(item.refuse(SERVICE_NAME_EXPECTED));
        }
        if list.iter().any(|other| other == name) {
            return Err(item.refuse(SERVICES_EXPECTED));
        }
        list.push(name.to_owned());
    }
    Ok(list)
}

/// Reads the name of a member of `group`.
pub(super) fn read_server(item: Item<'_>, group: &[String]) -> Result<ServerIndex, ScenarioError> {
    let expected = || {
        let names = quoted(group.iter().map(String::as_str));
        format!("a server of the group: {names}")
    };
    let name = item.text(&expected())?;
    let at = group.iter().position(|member| member == name);
    at.and_then(|at| u8::try_from(at).ok())
        .map(ServerIndex)
        .ok_or_else(|| item.refuse(expected()))
}

/// Reads a list of different members of `group`, which may be empty.
pub(super) fn read_servers(
    item: Item<'_>,
    group: &[String],
) -> Result<Vec<ServerIndex>, ScenarioError> {
    let mut servers = Vec::new();
    for item in item.list("a list of servers")? {
        let server = read_server(item, group)?;
        if servers.contains(&server) {
            return Err(item.refuse("each server only once"));
        }
        servers.push(server);
    }
    Ok(servers)
}
