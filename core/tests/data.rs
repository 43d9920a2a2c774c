//! Management data: the seven lines, what is refused and with which words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tetrarch_core::data::{
    BYTES_MAX, DataError, Definition, Field, HostName, Mac, ManagementData, PartError, Parts,
    Place, ServiceName, Services, TextParts, file_name,
};

const SERVER1: &str = "172.21.14.201\nserver1\n172.21.14.1\n52:54:00:12:34:56\n\
                       postfix dovecot\nserver1b\n/vm/server1b.xml\n";

/// The seven lines with line `line` (from 1) replaced.
fn with_line(line: usize, text: &str) -> String {
    let mut lines: Vec<&str> = SERVER1.lines().collect();
    lines[line - 1] = text;
    lines.join("\n")
}

fn error(text: &str) -> String {
    ManagementData::parse(text).unwrap_err().to_string()
}

#[test]
fn reads_the_seven_lines() {
    let data = ManagementData::parse(SERVER1).unwrap();
    assert_eq!(data.vip(), IpAddr::from([172, 21, 14, 201]));
    assert_eq!(data.host().as_str(), "server1");
    assert_eq!(data.address(), IpAddr::from([172, 21, 14, 1]));
    assert_eq!(data.mac().octets(), [0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    let names: Vec<_> = data.services().names().iter().map(|s| s.as_str()).collect();
    assert_eq!(names, ["postfix", "dovecot"]);
    assert_eq!(data.virtual_name().as_str(), "server1b");
    assert_eq!(data.virtual_place().to_string(), "/vm/server1b.xml");
    assert_eq!(data.file_name(), "server1.dat");
    assert_eq!(file_name(data.host()), "server1.dat");
    assert_eq!(data.to_string(), SERVER1);
}

#[test]
fn harmless_differences_read_alike() {
    let data = ManagementData::parse(SERVER1).unwrap();
    for text in [
        SERVER1.trim_end().to_owned(),
        SERVER1.replace('\n', "\r\n"),
        SERVER1.trim_end().replace('\n', "\r\n"),
        format!("{SERVER1}\n \t\n\r\n"),
        SERVER1.replace('\n', " \t\n"),
        with_line(5, "\tpostfix \t  dovecot "),
        with_line(4, "52-54-00-12-34-56"),
    ] {
        assert_eq!(ManagementData::parse(&text).as_ref(), Ok(&data), "{text:?}");
    }
    assert_eq!(
        ManagementData::parse(&with_line(4, "52:54:00:AB:CD:EF"))
            .unwrap()
            .mac()
            .to_string(),
        "52:54:00:ab:cd:ef"
    );
}

#[test]
fn line_7_may_be_an_address() {
    let data = ManagementData::parse(&with_line(7, "172.21.14.11")).unwrap();
    let address = IpAddr::from([172, 21, 14, 11]);
    assert_eq!(data.virtual_place(), &Place::Address(address));
}

#[test]
fn wrong_numbers_of_lines_are_told_by_line() {
    assert_eq!(
        error(""),
        "line 1: expected the virtual IP address, found the end of the data"
    );
    let lines: Vec<&str> = SERVER1.lines().collect();
    for (n, field) in Field::ALL.into_iter().enumerate() {
        for end in ["", "\n", "\n\n"] {
            let text = lines[..n].join("\n") + end;
            assert_eq!(
                ManagementData::parse(&text),
                Err(DataError::Missing { field })
            );
        }
    }
    assert_eq!(
        error(&format!("{SERVER1}\nmore\n")),
        "line 9: expected the end of the data after seven lines, found \"more\""
    );
    assert_eq!(
        error(&SERVER1.replace("server1\n", "server1\n \n")),
        "line 3: expected the address of the target, found a blank line"
    );
    assert!(error(&format!("\n{SERVER1}")).starts_with("line 1: expected the virtual"));
}

#[test]
fn too_long_a_text_is_not_looked_at() {
    let fits = format!("{SERVER1}{}", " ".repeat(BYTES_MAX - SERVER1.len()));
    assert!(ManagementData::parse(&fits).is_ok());
    assert_eq!(
        error(&format!("{fits} ")),
        "expected at most 4096 bytes, found 4097"
    );
}

/// Each bad line is refused with its number, the field's name, and words that say why.
#[test]
fn bad_lines_are_refused_with_their_number() {
    let long = "a".repeat(64);
    let path = "p".repeat(Definition::BYTES_MAX + 1);
    let cases: &[(usize, &str, &str)] = &[
        (1, "172.21.14", "found \"172.21.14\""),
        (1, "172.21.14.201/24", "expected an IPv4 or IPv6 address"),
        (1, "\u{feff}172.21.14.201", "\\u{feff}"),
        (1, "0.0.0.0", "unspecified address 0.0.0.0"),
        (1, "127.0.0.1", "loopback"),
        (1, "::1", "loopback"),
        (1, "224.0.0.1", "multicast"),
        (1, "255.255.255.255", "broadcast"),
        (1, "::ffff:127.0.0.1", "IPv4-mapped"),
        (2, "server_1", "other than letters"),
        (2, "../server1", "other than letters"),
        (2, "server1.", "dot at an end"),
        (2, "a..b", "two dots"),
        (2, "-server", "hyphen"),
        (2, "server-.example", "hyphen"),
        (2, &long, "63 characters"),
        (2, "172.21.14.1", "ends in a number"),
        (3, "server1", "expected an IPv4"),
        (3, "ff02::1", "multicast"),
        (
            3,
            "172.21.14.201",
            "\"virtual IP address\", found 172.21.14.201 in both",
        ),
        (4, "52:54:00:12:34", "six two-digit"),
        (4, "52:54:00:12:34:56:78", "six two-digit"),
        (4, "52:54:00:12:34:5", "six two-digit"),
        (4, "52:54:00:12:34:+6", "six two-digit"),
        (4, "52:54-00:12:34:56", "six two-digit"),
        (4, "00:00:00:00:00:00", "all-zero"),
        (4, "ff:ff:ff:ff:ff:ff", "multicast"),
        (4, "01:00:5e:00:00:01", "multicast"),
        (5, "postfix;reboot", "other than letters"),
        (5, "--now postfix", "starts with a hyphen"),
        (5, "postfix dovecot postfix", "found \"postfix\" again"),
        (5, "postfix postfix.service", "\"postfix.service\" again"),
        (6, "server 1b", "other than letters"),
        (6, "SERVER1", "\"host name of the target\""),
        (7, "a\u{7}b", "cannot be printed"),
        (7, "a\rb", "cannot be printed"),
        (7, "/vm/\u{202e}lmx", "cannot be printed"),
        (7, "\u{a0}/vm", "blanks"),
        (7, &path, "1024 bytes"),
        (7, "172.21.14.1", "\"address of the target\""),
        (7, "172.21.14.201", "\"virtual IP address\""),
        (7, "127.0.0.1", "loopback"),
    ];
    for (line, text, words) in cases {
        let message = error(&with_line(*line, text));
        let field = Field::ALL[line - 1];
        let start = format!("line {line}: {field}: expected ");
        assert!(message.starts_with(&start), "{text:?}: {message}");
        assert!(message.contains(words), "{text:?}: {message}");
        assert!(message.len() < 300, "{text:?}: {message}");
    }
}

#[test]
fn parts_are_checked_without_a_file_too() {
    let text = TextParts {
        vip: "172.21.14.201",
        host: "server1",
        address: "172.21.14.1",
        mac: "52:54:00:12:34:56",
        services: "postfix dovecot",
        virtual_name: "server1b",
        virtual_place: "/vm/server1b.xml",
    };
    let data = ManagementData::from_text(text).unwrap();
    assert_eq!(data, ManagementData::parse(SERVER1).unwrap());

    let services = TextParts {
        services: " ",
        ..text
    };
    let refused = ManagementData::from_text(services).unwrap_err();
    assert_eq!(refused.field, Field::Services);
    assert_eq!(refused.why, PartError::NoService);
    let padded = TextParts { host: " a", ..text };
    let refused = ManagementData::from_text(padded).unwrap_err();
    assert_eq!(refused.field, Field::Host);

    // Values that no text can give: an enum's public variant holds any address.
    let parts = Parts {
        vip: data.vip(),
        host: data.host().clone(),
        address: data.address(),
        mac: data.mac(),
        services: data.services().clone(),
        virtual_name: data.virtual_name().clone(),
        virtual_place: Place::Address(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let refused = ManagementData::new(parts).unwrap_err();
    assert_eq!(refused.field, Field::VirtualPlace);
}

#[test]
fn a_list_of_services_has_a_longest_length() {
    let name = |i: usize| -> ServiceName { format!("s{i:06}").parse().unwrap() };
    // 256 names of 7 bytes with 255 spaces are 2047 bytes.
    let full: Vec<_> = (0..256).map(name).collect();
    assert!(Services::new(full.clone()).is_ok());
    let over = full.into_iter().chain([name(256)]).collect();
    assert_eq!(
        Services::new(over),
        Err(PartError::ServicesTooLong { found: 2055 })
    );
    assert!("a".repeat(255).parse::<ServiceName>().is_ok());
    assert!("a".repeat(256).parse::<ServiceName>().is_err());
}

#[test]
fn the_longest_host_name_gives_a_valid_file_name() {
    let label = "a".repeat(62);
    let longest = [label.as_str(); 4].join(".");
    assert_eq!(longest.len(), HostName::BYTES_MAX);
    let host: HostName = longest.parse().unwrap();
    assert_eq!(file_name(&host).len(), 255);
    assert!(format!("a{longest}").parse::<HostName>().is_err());
}

fn host_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (1_u8..=126, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d).into()),
        any::<u128>().prop_map(|bits| Ipv6Addr::from_bits((bits >> 8) | (0x20 << 120)).into()),
    ]
}

prop_compose! {
    fn good_parts()(
        vip in host_address(),
        address in host_address(),
        host in "[a-z0-9]([a-zA-Z0-9-]{0,20}[a-z0-9])?\\.[a-z][a-z0-9]{0,8}",
        mac in any::<[u8; 6]>(),
        services in prop::collection::btree_set("[a-zA-Z0-9:_@][a-zA-Z0-9:_@-]{0,30}", 1..6),
        virtual_name in "[a-z]{1,12}",
        virtual_place in prop_oneof![
            host_address().prop_map(Place::Address),
            "[!-~\u{a1}-\u{ff}]([ -~\u{3041}-\u{3096}]{0,300}[!-~])?"
                .prop_map(|text| text.parse::<Place>())
                .prop_filter_map("an unusable address", Result::ok),
        ],
    ) -> Parts {
        let [first, rest @ ..] = mac;
        let [a, b, c, d, e] = rest;
        Parts {
            vip,
            host: host.parse().unwrap(),
            address,
            mac: Mac::new([(first & 0xfc) | 2, a, b, c, d, e]).unwrap(),
            services: Services::new(services.iter().map(|s| s.parse().unwrap()).collect()).unwrap(),
            virtual_name: virtual_name.parse().unwrap(),
            virtual_place,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(parts in good_parts()) {
        let data = ManagementData::new(parts);
        prop_assume!(data.is_ok());
        let data = data.unwrap();
        let text = data.to_string();
        prop_assert_eq!(text.lines().count(), 7);
        prop_assert_eq!(ManagementData::parse(&text).unwrap(), data.clone());
        prop_assert_eq!(ManagementData::parse(&text.replace('\n', "\r\n")).unwrap(), data);
    }

    /// Text of any lines is refused, in a message of one short line.
    #[test]
    fn any_text_is_refused_in_one_line(
        lines in prop::collection::vec(prop_oneof![any::<String>(), ".{0,400}"], 0..9),
    ) {
        let refused = ManagementData::parse(&lines.join("\n"));
        prop_assert!(refused.is_err());
        let message = refused.unwrap_err().to_string();
        prop_assert!(!message.contains(char::is_control), "{:?}", message);
        prop_assert!(message.chars().count() < 1000, "{:?}", message);
    }

    /// A few bytes of good data are replaced, so that the deeper checks are met.
    #[test]
    fn damaged_data_is_refused_or_sound(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..4),
    ) {
        let mut chars: Vec<char> = SERVER1.chars().collect();
        for (at, with) in &damage {
            let at = at.index(chars.len());
            chars[at] = *with;
        }
        let text: String = chars.into_iter().collect();
        if let Ok(data) = ManagementData::parse(&text) {
            let written = data.to_string();
            prop_assert_eq!(ManagementData::parse(&written), Ok(data.clone()));
            prop_assert_ne!(data.vip(), data.address());
        }
    }

    #[test]
    fn mac_addresses_read_as_written(octets in any::<[u8; 6]>()) {
        match Mac::new(octets) {
            Ok(mac) => prop_assert_eq!(mac.to_string().parse::<Mac>(), Ok(mac)),
            Err(_) => prop_assert!(octets == [0; 6] || octets[0] % 2 == 1),
        }
    }

    #[test]
    fn host_names_hold_nothing_that_leaves_a_folder(text in "[a-z0-9./\\\\-]{0,12}") {
        if let Ok(host) = text.parse::<HostName>() {
            let file = file_name(&host);
            prop_assert!(!file.contains(['/', '\\']) && !file.contains(".."));
            prop_assert!(!file.starts_with(['.', '-']));
        }
    }
}

#[test]
fn an_error_knows_its_line() {
    let line = |text: &str| ManagementData::parse(text).unwrap_err().line();
    assert_eq!(line(&"x".repeat(BYTES_MAX + 1)), 1);
    let three = SERVER1.lines().take(3).collect::<Vec<_>>().join("\n");
    assert_eq!(line(&three), 4);
    assert_eq!(line(&with_line(6, "")), 6);
    assert_eq!(line(&format!("{SERVER1}\n\nmore\n")), 10);
    assert_eq!(line(&with_line(5, "-")), 5);
}

#[test]
fn the_longest_that_fits_is_taken() {
    let label = "a".repeat(63);
    let path = "p".repeat(Definition::BYTES_MAX);
    for (line, text) in [(1, "2001:db8::1"), (2, label.as_str()), (7, path.as_str())] {
        let text = with_line(line, text);
        assert_eq!(ManagementData::parse(&text).map(|_| ()), Ok(()));
    }
}
