//! Networks and addresses on real interfaces, in network namespaces.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "real/lan.rs"]
mod lan;
mod real;

use std::net::IpAddr;
use std::time::Duration;

use lan::Lan;
use tetrarch_runtime::parts::address::{
    Addresses, Interface, Link, Probe, Rival, Rivals, VirtualAddress, announce, probe,
};
use tetrarch_runtime::parts::examine::{Network, NetworkMethod};
use tokio::time::timeout;

const VIPS: [&str; 2] = ["10.77.0.201", "fd77::201"];
/// A kernel that got no answer to its question for a hardware address asks again after a second.
const LIMIT: Duration = Duration::from_secs(4);

fn here() -> bool {
    real::available(true, &["ip"])
}

fn eth0() -> Interface {
    Interface::find("eth0").unwrap()
}

async fn claim(vip: &str) {
    let address: VirtualAddress = vip.parse().unwrap();
    Addresses::open()
        .unwrap()
        .add(&eth0(), address, None)
        .await
        .unwrap();
    // The kernel listens to questions for a new IPv6 address a moment later, in a worker of its own.
    let listens = || match vip.parse().unwrap() {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => {
            let [.., a, b, c] = address.octets();
            let group = format!("ff0200000000000000000001ff{a:02x}{b:02x}{c:02x}");
            let groups = std::fs::read_to_string("/proc/thread-self/net/igmp6").unwrap();
            groups.contains(&group)
        }
    };
    while !listens() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn an_address_is_put_on_and_taken_off() {
    if !here() {
        return;
    }
    let lan = Lan::new(1);
    lan.on(0, || async {
        let table = Addresses::open().unwrap();
        for vip in VIPS {
            let vip: VirtualAddress = vip.parse().unwrap();
            let address = vip.address();
            assert!(!table.holds(address).await.unwrap());
            assert!(!table.remove(address).await.unwrap());
            table.add(&eth0(), vip, None).await.unwrap();
            table.add(&eth0(), vip, None).await.unwrap();
            assert!(table.holds(address).await.unwrap());
            assert!(table.remove(address).await.unwrap());
            assert!(!table.holds(address).await.unwrap());
        }
        // With another prefix, as another program may have put it there.
        let wide: VirtualAddress = "10.77.0.201/24".parse().unwrap();
        table.add(&eth0(), wide, None).await.unwrap();
        assert!(table.remove(wide.address()).await.unwrap());
        assert!(table.holds("10.77.0.1".parse().unwrap()).await.unwrap());
    });
    lan.ip(0, "link add gone0 type veth peer name gone1");
    lan.on(0, || async {
        assert!(Interface::find("nosuch").is_err());
        let lo = Interface::find("lo").unwrap_err().to_string();
        assert!(lo.contains("no MAC address"), "{lo}");
        let gone = Interface::find("gone0").unwrap();
        real::run("ip link del gone0");
        let table = Addresses::open().unwrap();
        let error = table
            .add(&gone, "10.77.0.9".parse().unwrap(), None)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("10.77.0.9/32 on gone0"),
            "{error}"
        );
        assert!(Link::open(&gone, "10.77.0.9".parse().unwrap()).is_err());
    });
}

#[test]
fn a_probe_finds_whoever_has_the_address() {
    if !here() {
        return;
    }
    let lan = Lan::new(2);
    for vip in VIPS {
        let address: IpAddr = vip.parse().unwrap();
        let ask = || async move {
            let link = Link::open(&eth0(), address).unwrap();
            probe(&link, address, Probe::default(), &[]).await.unwrap()
        };
        assert_eq!(lan.on(0, ask), None, "{vip}");
        lan.on(1, || claim(vip));
        let holder = lan.on(0, ask).map(|mac| mac.to_string());
        assert_eq!(holder, Some(Lan::mac(1)), "{vip}");
        // Whoever has it himself is not his own rival.
        assert_eq!(lan.on(1, ask), None, "{vip}");
    }
}

#[test]
fn an_announcement_moves_a_client_at_once() {
    if !here() {
        return;
    }
    let lan = Lan::new(3);
    for vip in VIPS {
        let address: IpAddr = vip.parse().unwrap();
        let ask = || async move {
            let network = Network::open().unwrap();
            network
                .examine(address, &NetworkMethod::Echo, LIMIT)
                .await
                .unwrap()
        };
        lan.on(0, || claim(vip));
        assert!(lan.on(2, ask), "{vip}");
        assert_eq!(lan.neighbour(2, vip), Some(Lan::mac(0)));

        lan.on(0, || async move {
            assert!(Addresses::open().unwrap().remove(address).await.unwrap());
        });
        lan.on(1, || claim(vip));
        assert_eq!(
            lan.neighbour(2, vip),
            Some(Lan::mac(0)),
            "the client cannot know yet"
        );
        lan.on(1, || async move {
            let link = Link::open(&eth0(), address).unwrap();
            let owner = link.interface().mac();
            drop(announce(link, address, owner).await.unwrap());
        });
        assert_eq!(lan.neighbour(2, vip), Some(Lan::mac(1)));
        assert!(lan.on(2, ask), "{vip}");
    }
}

#[test]
fn a_rival_is_heard_of_and_friends_are_not() {
    if !here() {
        return;
    }
    let lan = Lan::new(3);
    for vip in VIPS {
        let address: IpAddr = vip.parse().unwrap();
        lan.on(0, || async {
            let friend = Lan::mac(2).parse().unwrap();
            // Of each family one that is not the one that is spoken of.
            let others = ["10.77.0.202", "fd77::202"].map(|other| other.parse().unwrap());
            let listened = [others[0], others[1], address];
            let rivals = Rivals::listen(&eth0(), &[friend], &listened).unwrap();
            let say = |i| {
                lan.on(i, || async move {
                    let link = Link::open(&eth0(), address).unwrap();
                    let owner = link.interface().mac();
                    drop(announce(link, address, owner).await.unwrap());
                });
            };
            say(2);
            // An address that is not held is nobody's business.
            let other = timeout(LIMIT / 4, rivals.next(|_| false)).await;
            assert!(other.is_err(), "{other:?}");
            say(2);
            say(1);
            let rival = timeout(LIMIT, rivals.next(|held| held == address)).await;
            let rival = rival.unwrap().unwrap();
            let mac = Lan::mac(1).parse().unwrap();
            assert_eq!(rival, Rival { address, mac });
            // Nobody speaks of the others, and what is said of this one is not listened for.
            let deaf = Rivals::listen(&eth0(), &[], &others).unwrap();
            say(1);
            let heard = timeout(LIMIT / 4, deaf.next(|_| true)).await;
            assert!(heard.is_err(), "{heard:?}");
        });
        // A rival that says nothing by itself answers a question.
        lan.on(1, || claim(vip));
        lan.on(0, || async {
            let rivals = Rivals::listen(&eth0(), &[], &[address]).unwrap();
            rivals.ask(address).await.unwrap();
            let rival = timeout(LIMIT, rivals.next(|_| true)).await.unwrap();
            let mac = Lan::mac(1).parse().unwrap();
            assert_eq!(rival.unwrap(), Rival { address, mac });
        });
    }
}

#[test]
fn an_own_address_is_announced_once_more_while_it_is_here() {
    use tetrarch_runtime::parts::OwnAddress;
    use tetrarch_runtime::parts::address::OwnVirtualAddress;

    if !here() {
        return;
    }
    let lan = Lan::new(3);
    for vip in VIPS {
        let address: VirtualAddress = vip.parse().unwrap();
        lan.on(1, || claim(vip));
        // The client knows the other server, and the own address is on this one without its doing.
        assert!(lan.on(2, || async move {
            let network = Network::open().unwrap();
            let asked = network.examine(address.address(), &NetworkMethod::Echo, LIMIT);
            asked.await.unwrap()
        }));
        lan.on(0, || async {
            let table = Addresses::open().unwrap();
            let own = OwnVirtualAddress::new("eth0".to_owned(), address, Probe::default(), table);
            own.announce().await.unwrap();
        });
        assert_eq!(lan.neighbour(2, vip), Some(Lan::mac(1)), "nothing is here");
        lan.on(0, || async {
            claim(vip).await;
            let table = Addresses::open().unwrap();
            let own = OwnVirtualAddress::new("eth0".to_owned(), address, Probe::default(), table);
            assert!(own.holds().await.unwrap());
            own.announce().await.unwrap();
        });
        assert_eq!(lan.neighbour(2, vip), Some(Lan::mac(0)));
    }
}

#[test]
fn a_network_is_examined_by_echo_and_by_neighbours() {
    if !here() {
        return;
    }
    let lan = Lan::new(2);
    let examine = |target: &'static str, method: fn(Interface) -> NetworkMethod, limit| {
        lan.on(0, || async move {
            let network = Network::open().unwrap();
            let target = target.parse().unwrap();
            network.examine(target, &method(eth0()), limit).await
        })
    };
    let methods: [fn(Interface) -> NetworkMethod; 3] = [
        |_| NetworkMethod::Echo,
        NetworkMethod::Neighbour,
        NetworkMethod::Either,
    ];
    for target in ["10.77.0.2", "fd77::2"] {
        for method in methods {
            assert!(examine(target, method, LIMIT).unwrap(), "{target}");
        }
    }
    // A packet filter, or what looks like one, leaves the neighbours.
    real::run(&format!(
        "ip netns exec {} sysctl -q net.ipv4.icmp_echo_ignore_all=1 net.ipv6.icmp.echo_ignore_all=1",
        lan.host(1)
    ));
    for target in ["10.77.0.2", "fd77::2"] {
        let answers = methods.map(|method| examine(target, method, LIMIT / 4).unwrap());
        assert_eq!(answers, [false, true, true], "{target}");
    }
    // Powered off, as far as the others can tell.
    lan.ip(1, "link set eth0 down");
    for target in ["10.77.0.2", "fd77::2"] {
        let answers = methods.map(|method| examine(target, method, LIMIT / 4).unwrap());
        assert_eq!(answers, [false; 3], "{target}");
    }
    // This host's own trouble is told apart from the server's.
    lan.ip(0, "link set eth0 down");
    let own = examine("10.77.0.2", methods[0], LIMIT / 4);
    assert!(own.is_err(), "{own:?}");
}

/// A host says of itself that a server cannot be reached, some seconds after its first question for the hardware
/// address. That is no answer of the server's.
#[test]
fn word_that_a_server_cannot_be_reached_is_no_answer() {
    if !here() {
        return;
    }
    let lan = Lan::new(2);
    for target in ["10.77.0.9", "fd77::9"] {
        let answers = lan.on(0, || async move {
            let network = Network::open().unwrap();
            let mut answers = Vec::new();
            for _ in 0..8 {
                let target = target.parse().unwrap();
                let examined = network
                    .examine(target, &NetworkMethod::Echo, LIMIT / 4)
                    .await;
                answers.push(examined.unwrap());
            }
            answers
        });
        assert_eq!(answers, [false; 8], "{target}");
    }
}

#[test]
fn an_own_address_is_claimed_only_when_it_is_free() {
    use tetrarch_runtime::parts::OwnAddress;
    use tetrarch_runtime::parts::address::OwnVirtualAddress;

    if !here() {
        return;
    }
    let lan = Lan::new(2);
    for vip in VIPS {
        let address: VirtualAddress = vip.parse().unwrap();
        let own =
            |table| OwnVirtualAddress::new("eth0".to_owned(), address, Probe::default(), table);
        lan.on(1, || claim(vip));
        lan.on(0, || async {
            let own = own(Addresses::open().unwrap());
            let error = own.assign().await.unwrap_err().to_string();
            assert!(
                error.ends_with(&format!("is in use by {}", Lan::mac(1))),
                "{error}"
            );
            assert!(!own.holds().await.unwrap());
        });
        lan.on(1, || async {
            let own = own(Addresses::open().unwrap());
            own.release().await.unwrap();
            own.release().await.unwrap();
        });
        lan.on(0, || async {
            let own = own(Addresses::open().unwrap());
            own.assign().await.unwrap();
            own.assign().await.unwrap();
            assert!(own.holds().await.unwrap());
        });
    }
}

#[test]
fn a_magic_packet_reaches_the_network() {
    use tetrarch_runtime::parts::power::wake;

    if !here() {
        return;
    }
    let lan = Lan::new(2);
    let packet = lan.on(1, || async {
        let socket = tokio::net::UdpSocket::bind("0.0.0.0:9").await.unwrap();
        lan.on(0, || async {
            wake("eth0", Lan::mac(1).parse().unwrap()).await.unwrap();
        });
        let mut packet = [0; 200];
        let length = socket.recv(&mut packet).await.unwrap();
        packet[..length].to_vec()
    });
    assert_eq!(packet.len(), 102);
    assert_eq!(
        packet[..12],
        [255, 255, 255, 255, 255, 255, 0x52, 0x54, 0, 0x77, 0, 2]
    );
}

#[test]
fn a_group_is_examined() {
    use tetrarch_core::{ServerId, ServiceSet};
    use tetrarch_runtime::parts::Examine;
    use tetrarch_runtime::parts::examine::{Group, Limits, Target};

    if !here() {
        return;
    }
    let lan = Lan::new(2);
    lan.on(1, || async {
        let listener = tokio::net::TcpListener::bind("10.77.0.2:8080")
            .await
            .unwrap();
        lan.on(0, || async {
            let target = |address: &str, checks: &[&str]| Target {
                address: address.parse().unwrap(),
                checks: checks.iter().map(|line| line.parse().unwrap()).collect(),
            };
            let targets = vec![
                target(
                    "10.77.0.2",
                    &["tcp://:8080", "tcp://:8081", "exec:/nonexistent"],
                ),
                target("10.77.0.9", &[]),
            ];
            let limits = Limits {
                network: LIMIT / 4,
                service: LIMIT,
            };
            let method = NetworkMethod::Echo;
            let group = Group::new(Network::open().unwrap(), method, limits, targets);
            let server = |at| ServerId::new(at).unwrap();
            assert!(group.network(server(0)).await);
            assert!(!group.network(server(1)).await);
            assert!(!group.network(server(2)).await);
            let failing = group.services(server(0)).await.unwrap();
            assert_eq!(failing, ServiceSet::from_bits(0b010));
            assert!(group.services(server(2)).await.is_err());
        });
        drop(listener);
    });
}

#[test]
fn a_virtual_server_is_plugged_in_and_out() {
    use tetrarch_runtime::parts::qemu::Plug;

    if !here() {
        return;
    }
    let lan = Lan::new(1);
    lan.ip(0, "link add br7 type bridge");
    lan.ip(0, "link add tap7 type veth peer name tap9");
    lan.on(0, || async {
        let plug = |tap: &str| Plug {
            tap: tap.to_owned(),
            bridge: "br7".to_owned(),
        };
        let cable = plug("tap7");
        assert!(!cable.is_plugged().await.unwrap());
        for _ in 0..2 {
            cable.plug().await.unwrap();
            assert!(cable.is_plugged().await.unwrap());
        }
        for _ in 0..2 {
            cable.unplug().await.unwrap();
            assert!(!cable.is_plugged().await.unwrap());
        }
        // Without a machine there is no cable, and nobody is reached by it.
        let none = plug("tap8");
        none.unplug().await.unwrap();
        assert!(!none.is_plugged().await.unwrap());
        let error = none.plug().await.unwrap_err().to_string();
        assert!(error.contains("tap8"), "{error}");
    });
}
