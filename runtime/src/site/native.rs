//! The settings of what touches real servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use tetrarch_core::data::{HostName, Mac};
use tetrarch_core::{ServerId, Span};
use toml::Spanned;

use super::sync::{self, SyncFile};
use super::{Misplaced, place_of};
use crate::parts::examine::ServiceCheck;
use crate::parts::power::FenceAgent;
use crate::parts::qemu::{Keep, Machine};
use crate::parts::sync::SyncSettings;
use crate::parts::systemd::UnitName;

/// One of the things that a server's agent does to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Examines the networks and services of servers.
    Examine,
    /// Restarts this server's services.
    Services,
    /// Restarts this server, and powers others on.
    Power,
    /// Starts, suspends and addresses virtual servers.
    VirtualServers,
    /// Puts this server's own virtual IP address on it.
    OwnAddress,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Examine,
        Self::Services,
        Self::Power,
        Self::VirtualServers,
        Self::OwnAddress,
    ];
}

/// What carries out what the management decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartsSettings {
    /// A program of the site's own, and what it does.
    pub program: Option<(PathBuf, BTreeSet<Part>)>,
    /// Where addresses are.
    pub network: Option<NetworkSettings>,
    /// Each server's services by their names in its management data, in ring order.
    pub services: Vec<BTreeMap<String, ServiceSettings>>,
    /// How each server is powered on if not by Wake-on-LAN, in ring order.
    pub power: Vec<Option<FenceAgent>>,
    /// Each function's virtual server, in ring order.
    pub virtual_servers: Vec<Option<VirtualSettings>>,
}

impl PartsSettings {
    /// The program that does `part`; none when this agent does it itself.
    #[must_use]
    pub fn program_for(&self, part: Part) -> Option<&PathBuf> {
        let (program, parts) = self.program.as_ref()?;
        parts.contains(&part).then_some(program)
    }
}

/// Where addresses are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSettings {
    /// The interface, or bridge.
    pub interface: String,
    /// The length of the virtual IP addresses' prefix in bits; none for that of one address alone.
    pub prefix: Option<u8>,
}

/// One service of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// How it is examined.
    pub examine: ServiceCheck,
    /// The unit of systemd that is restarted; none for the one that is called as the service.
    pub unit: Option<UnitName>,
}

/// The virtual server of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualSettings {
    /// Its folder on the shared area.
    pub image: PathBuf,
    /// What it is kept in while it is suspended.
    pub keep: Keep,
    /// Its machine.
    pub machine: Machine,
    /// The tap device by which it hangs on the bridge.
    pub tap: String,
    /// The MAC address of its network card.
    pub mac: Mac,
    /// The interface in the guest that gets the virtual IP address.
    pub guest_interface: String,
    /// Who brings its data to the real server before that gets the address; nobody without it.
    pub sync: Option<SyncSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkFile {
    interface: String,
    prefix: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VirtualFile {
    image: PathBuf,
    #[serde(default)]
    keep: Keep,
    mac: Spanned<String>,
    memory_mb: u32,
    #[serde(default = "qemu")]
    qemu: PathBuf,
    arguments: Option<Vec<String>>,
    #[serde(default = "guest_interface")]
    guest_interface: String,
    sync: Option<Spanned<SyncFile>>,
}

fn qemu() -> PathBuf {
    "/usr/bin/qemu-system-x86_64".into()
}

fn guest_interface() -> String {
    "eth0".to_owned()
}

/// A table for each of some servers.
type ByHost<T> = BTreeMap<Spanned<String>, T>;
pub(super) type Services = ByHost<BTreeMap<String, ServiceSettings>>;
pub(super) type Powers = ByHost<FenceAgent>;
pub(super) type Virtuals = ByHost<Spanned<VirtualFile>>;

/// The machine that a virtual server has unless its arguments are written out: with KVM where there is
/// some, one disk, one network card, and the channel of the guest agent.
const MACHINE: [&str; 19] = [
    "-machine",
    "q35,accel=kvm:tcg",
    "-cpu",
    "max",
    "-m",
    "{memory_mb}",
    "-nodefaults",
    "-drive",
    "file={disk},if=none,id=disk,format=qcow2",
    "-device",
    "virtio-blk-pci,drive=disk",
    "-netdev",
    "tap,id=net,ifname={tap},script=no,downscript=no",
    "-device",
    "virtio-net-pci,netdev=net,mac={mac}",
    "-device",
    "virtio-serial",
    "-device",
    "virtserialport,chardev=tetrarch-agent,name=org.qemu.guest_agent.0",
];

/// What is written about parts.
pub(super) struct Written {
    pub(super) program: Option<PathBuf>,
    pub(super) by_program: Option<Spanned<Vec<Part>>>,
    pub(super) network: Option<Spanned<NetworkFile>>,
    pub(super) services: Services,
    pub(super) power: Powers,
    pub(super) virtual_server: Virtuals,
}

/// Something that is missing has no place; the message says what it is.
fn missing(what: String) -> Misplaced {
    (0..0, what)
}

fn in_ring_order<T>(ring: &[HostName], tables: ByHost<T>) -> Result<Vec<Option<T>>, Misplaced> {
    let mut found: Vec<Option<T>> = ring.iter().map(|_| None).collect();
    for (host, table) in tables {
        found[place_of(ring, &host)?.index()] = Some(table);
    }
    Ok(found)
}

impl Written {
    pub(super) fn checked(
        self,
        ring: &[HostName],
        me: ServerId,
        job_max: Span,
    ) -> Result<PartsSettings, Misplaced> {
        let program = match (self.program, self.by_program) {
            (Some(program), None) => Some((program, Part::ALL.into())),
            (Some(program), Some(parts)) => {
                Some((program, parts.into_inner().into_iter().collect()))
            }
            (None, Some(parts)) => {
                return Err((
                    parts.span(),
                    "expected program, which is to do this".to_owned(),
                ));
            }
            (None, None) => None,
        };
        let services = in_ring_order(ring, self.services)?;
        let services = services
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let mut virtual_servers = Vec::new();
        for (place, file) in in_ring_order(ring, self.virtual_server)?
            .into_iter()
            .enumerate()
        {
            virtual_servers.push(
                file.map(|file| file_checked(file, place, job_max))
                    .transpose()?,
            );
        }
        let network = self.network.map(Spanned::into_inner);
        let settings = PartsSettings {
            program,
            network: network.map(|file| NetworkSettings {
                interface: file.interface,
                prefix: file.prefix,
            }),
            services,
            power: in_ring_order(ring, self.power)?,
            virtual_servers,
        };
        settings.complete(ring, me)?;
        Ok(settings)
    }
}

impl PartsSettings {
    /// Refuses settings in which something is missing that a part needs which no program does.
    fn complete(&self, ring: &[HostName], me: ServerId) -> Result<(), Misplaced> {
        let is_native = |part| self.program_for(part).is_none();
        let with_network = [Part::Power, Part::VirtualServers, Part::OwnAddress];
        if with_network.into_iter().any(is_native) && self.network.is_none() {
            let why = "expected a table [network] with the interface of the addresses, or a program \
                       for all parts";
            return Err(missing(why.to_owned()));
        }
        for (place, host) in ring.iter().enumerate() {
            if is_native(Part::Examine) && self.services[place].is_empty() {
                let why = format!("expected a table [services.{host}] with its examinations");
                return Err(missing(why));
            }
            let is_synchronised = |settings: &VirtualSettings| settings.sync.is_some();
            if !is_native(Part::VirtualServers)
                && self.virtual_servers[place]
                    .as_ref()
                    .is_some_and(is_synchronised)
            {
                let why = format!(
                    "expected no table [virtual_server.{host}.sync], as the program that does virtual-servers \
                     brings the data home itself"
                );
                return Err(missing(why));
            }
            let is_other = place != me.index();
            if is_other && is_native(Part::VirtualServers) && self.virtual_servers[place].is_none()
            {
                let why = format!("expected a table [virtual_server.{host}]");
                return Err(missing(why));
            }
        }
        Ok(())
    }
}

fn file_checked(
    file: Spanned<VirtualFile>,
    place: usize,
    job_max: Span,
) -> Result<VirtualSettings, Misplaced> {
    let span = file.span();
    let file = file.into_inner();
    let mac: Mac = file
        .mac
        .get_ref()
        .parse()
        .map_err(|error| (file.mac.span(), format!("{error}")))?;
    // One name on every host, short enough for an interface's.
    let tap = format!("tetrarch{place}");
    let written = file
        .arguments
        .unwrap_or_else(|| MACHINE.map(str::to_owned).to_vec());
    let filled = written.iter().map(|argument| {
        argument
            .replace("{memory_mb}", &file.memory_mb.to_string())
            .replace("{tap}", &tap)
            .replace("{mac}", &mac.to_string())
    });
    let machine = Machine::new(file.qemu, filled.collect())
        .map_err(|error| (span.clone(), error.to_string()))?;
    if !file.image.is_absolute() {
        let why = format!(
            "expected the absolute path of the image, found {}",
            file.image.display()
        );
        return Err((span, why));
    }
    Ok(VirtualSettings {
        image: file.image,
        keep: file.keep,
        machine,
        tap,
        mac,
        guest_interface: file.guest_interface,
        sync: file
            .sync
            .map(|file| sync::checked(file, job_max))
            .transpose()?,
    })
}
