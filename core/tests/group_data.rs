//! The management data of a whole group: what its members must not share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use tetrarch_core::data::{Field, GroupData, GroupError, ManagementData};

fn lines(n: usize) -> [String; 7] {
    [
        format!("172.21.14.{}", 200 + n),
        format!("server{n}"),
        format!("172.21.14.{n}"),
        format!("52:54:00:00:00:0{n}"),
        "httpd".to_owned(),
        format!("server{n}b"),
        format!("/vm/server{n}b.xml"),
    ]
}

fn member(lines: &[String; 7]) -> ManagementData {
    ManagementData::parse(&lines.join("\n")).unwrap()
}

fn members(n: usize) -> Vec<ManagementData> {
    (1..=n).map(|i| member(&lines(i))).collect()
}

#[test]
fn four_members_give_four_files() {
    let group = GroupData::new(members(4)).unwrap();
    let files: Vec<_> = group.files().collect();
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["server1.dat", "server2.dat", "server3.dat", "server4.dat"]
    );
    for ((_, text), data) in files.iter().zip(group.members()) {
        assert_eq!(&ManagementData::parse(text).unwrap(), data);
    }
    let host = "SERVER3".parse().unwrap();
    assert_eq!(group.member(&host), Some(&group.members()[2]));
    assert_eq!(group.member(&"server9".parse().unwrap()), None);
}

#[test]
fn a_group_has_two_to_eight_members() {
    for n in 0..=9 {
        let group = GroupData::new(members(n));
        if (2..=8).contains(&n) {
            assert_eq!(group.unwrap().members().len(), n);
        } else {
            let refused = group.unwrap_err();
            assert_eq!(refused, GroupError::Size { found: n });
            assert_eq!(
                refused.to_string(),
                format!("expected 2 to 8 members, found {n}")
            );
        }
    }
}

/// Line `line` of server2 says what line `of` of server4 says.
#[test]
fn shared_values_are_refused_with_both_files() {
    let clashes = [(1, 1), (2, 2), (3, 3), (4, 4), (6, 6), (7, 7)];
    let crossed = [(1, 3), (3, 1), (7, 1), (7, 3), (6, 2), (2, 6)];
    for (line, of) in clashes.into_iter().chain(crossed) {
        let mut second = lines(2);
        second[line - 1] = lines(4)[of - 1].clone();
        if matches!(of, 2 | 4 | 6) {
            // Upper and lower case mean the same in names and in MAC addresses.
            second[line - 1].make_ascii_uppercase();
        }
        let mut all = members(4);
        all[1] = member(&second);
        let refused = GroupData::new(all).unwrap_err();
        let GroupError::Shared {
            field,
            member,
            file,
            other_field,
            other_member,
            other_file,
            ..
        } = &refused
        else {
            panic!("{refused}");
        };
        assert_eq!((*other_member, *member), (2, 4), "{refused}");
        assert_eq!(other_field.line(), line, "{refused}");
        assert_eq!(field.line(), of, "{refused}");
        assert_eq!(file, "server4.dat");
        assert_eq!(other_file, &format!("{}.dat", second[1]));
    }
}

#[test]
fn the_message_names_both_fields_files_and_the_value() {
    let mut third = lines(3);
    third[0] = "172.21.14.1".to_owned();
    let mut all = members(3);
    all[2] = member(&third);
    let refused = GroupData::new(all).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "expected a value of its own as the virtual IP address of member 3 (server3.dat), found \
         172.21.14.1, which is the address of the target of member 1 (server1.dat)"
    );
    assert!(matches!(
        refused,
        GroupError::Shared {
            field: Field::Vip,
            ..
        }
    ));
}

#[test]
fn services_may_be_offered_by_several_members() {
    // All members of `members` offer httpd.
    assert!(GroupData::new(members(8)).is_ok());
}
