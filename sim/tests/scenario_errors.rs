//! Every way to get a scenario file wrong is answered by one line that helps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tetrarch_sim::scenario::{FILE_BYTES_MAX, FaultAction, Scenario};
use tetrarch_sim::units::Ratio;

const GOOD: &str = r#"name = "n"
purpose = "p"
group = ["mail", "web", "ftp"]
duration = "300s"
"#;

fn parse(text: &str) -> Result<Scenario, String> {
    let result = Scenario::parse(text, "s.toml", Path::new("nowhere"));
    result.map_err(|error| error.to_string())
}

/// The error of the good scenario with `addition` at its end, which starts in line 5.
fn refusal(addition: &str) -> String {
    parse(&format!("{GOOD}{addition}")).expect_err(addition)
}

#[test]
fn the_good_scenario_is_good_and_has_the_defaults() {
    let scenario = parse(GOOD).unwrap();
    assert_eq!(scenario.seed, 1);
    assert_eq!(scenario.safety.name(), "paper");
    assert_eq!(scenario.parameters.changes().count(), 0);
    assert_eq!(scenario.services, [["mail"], ["web"], ["ftp"]]);
    assert!(scenario.faults.is_empty() && scenario.expects.is_empty());
}

fn assert_refusals(cases: &[(&str, &str)]) {
    for (addition, expected) in cases {
        assert_eq!(refusal(addition), format!("s.toml:{expected}"));
    }
}

#[test]
fn settings_are_refused_with_place_finding_and_expectation() {
    assert_refusals(&[
        (
            "sede = 2",
            "5:1: unknown field `sede`, expected one of `name`, `purpose`, `group`, `services`, \
             `timing`, `versions`, `sightings`, `fences`, `safety`, `failback`, `damping`, `seed`, \
             `duration`, `fault`, `expect`",
        ),
        (
            "seed = -1",
            "5:8: seed is -1; expected a whole number from 0 to 18446744073709551615",
        ),
        (
            "seed = 1979-05-27",
            "5:8: seed is the date 1979-05-27; \
             expected a whole number from 0 to 18446744073709551615",
        ),
        (
            "safety = \"none\"",
            "5:10: safety is \"none\"; expected one of \"paper\", \"guarded\"",
        ),
        (
            "[services]\nmail = [\"postfix\", \"postfix\"]",
            "6:20: mail is \"postfix\"; expected 1 to 8 different service names",
        ),
        (
            "services = { mail = [] }",
            "5:21: mail is an empty list; expected 1 to 8 different service names",
        ),
        (
            "[services]\ndns = [\"bind\"]",
            "6:1: unknown key \"dns\" in services; expected one of mail, web, ftp",
        ),
    ]);
}

#[test]
fn faults_are_refused_with_place_finding_and_expectation() {
    assert_refusals(&[
        (
            "[[fault]]\nat = \"1s\"\ntrouble = \"S3t\"\nserver = \"web\"",
            "7:11: trouble is \"S3t\"; expected one of \"S1t\", \"S2t\", \"N1t\", \"N2t\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"crash\"\nserver = \"dns\"",
            "8:10: server is \"dns\"; expected a server of the group: \"mail\", \"web\", \"ftp\"",
        ),
        (
            "[[fault]]\nat = \"301s\"\nfault = \"heal\"",
            "6:6: at is \"301s\"; expected a time up to the end at \"300s\"",
        ),
        (
            "[[fault]]\nat = \"12\"\nfault = \"heal\"",
            "6:6: at is \"12\"; expected a duration with its unit, such as \"44.3s\" or \
             \"1m30s\", but it has no unit",
        ),
        (
            "[[fault]]\nat = 12\nfault = \"heal\"",
            "6:6: at is 12; expected a duration with its unit, such as \"44.3s\" or \"1m30s\"",
        ),
        (
            "[[fault]]\nfault = \"heal\"",
            "5:1: [[fault]] lacks the key \"at\"; \
             expected a duration with its unit, such as \"44.3s\" or \"1m30s\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"heal\"\nserver = \"web\"",
            "8:1: unknown key \"server\" in [[fault]]; expected one of at, fault",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"heal\"\ntrouble = \"S1t\"",
            "7:9: fault is \"heal\"; expected only one of the keys \"trouble\" and \"fault\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"loss\"\npercent = 100.5",
            "8:11: percent is 100.5; expected a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"cut\"\nfrom = \"web\"\nto = \"web\"",
            "9:6: to is \"web\"; expected another server than \"from\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"partition\"\nsides = [[\"web\"], [\"ftp\"]]",
            "8:9: sides is a list of 2; \
             expected at least two lists of servers, with every server in exactly one",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"file-server-slow\"\nfactor = 0",
            "8:10: factor is 0; expected a whole number from 1 to 1000",
        ),
        ("fault = [3]", "5:10: fault is 3; expected a table"),
        (
            "fault = {at = \"1s\"}",
            "5:9: fault is a table; expected tables headed [[fault]]",
        ),
    ]);
}

#[test]
fn faults_of_time_and_of_single_links_are_refused_in_the_same_way() {
    assert_refusals(&[
        (
            "[[fault]]\nat = \"1s\"\nfault = \"clock-drift\"\nserver = \"web\"\nppm = 500001",
            "9:7: ppm is 500001; expected a whole number from -500000 to 500000",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"flap\"\nfrom = \"web\"\nto = \"ftp\"\ndown = \"0s\"\n\
             up = \"1s\"",
            "10:8: down is \"0s\"; expected a duration from \"1ms\" to \"1d\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"link-delay\"\nfrom = \"web\"\nto = \"web\"\nby = \"1s\"",
            "9:6: to is \"web\"; expected another server than \"from\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"link-loss\"\nfrom = \"web\"\nto = \"ftp\"\npercent = 101",
            "10:11: percent is 101; expected a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"late\"\npercent = 5\nby = \"2d\"",
            "9:6: by is \"2d\"; expected a duration from \"0s\" to \"1d\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"doubled\"\npercent = -1",
            "8:11: percent is -1; expected a percentage from 0 to 100 with at most four decimals",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"pause\"\nserver = \"webb\"",
            "8:10: server is \"webb\"; expected a server of the group: \"mail\", \"web\", \"ftp\"",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"agent-pause\"",
            "5:1: [[fault]] lacks the key \"server\"; expected a server of the group",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"resume-fails\"\nserver = \"web\"\nto = \"ftp\"",
            "9:1: unknown key \"to\" in [[fault]]; expected one of at, fault, server",
        ),
        (
            "[[fault]]\nat = \"1s\"\nfault = \"file-server-cut\"\nserver = 2",
            "8:10: server is 2; expected a server of the group: \"mail\", \"web\", \"ftp\"",
        ),
    ]);
}

#[test]
fn expectations_are_refused_with_place_finding_and_expectation() {
    assert_refusals(&[
        (
            "[[expect]]\nserver = \"web\"\nmetric = \"target\"",
            "5:1: [[expect]] lacks the key \"at_most\"; \
             expected \"at_least\", \"at_most\" or \"absent = true\"",
        ),
        (
            "[[expect]]\nserver = \"web\"\nmetric = \"target\"\nat_least = \"2s\"\nat_most = \"1s\"",
            "9:11: at_most is \"1s\"; expected no less than \"at_least\"",
        ),
        (
            "[[expect]]\nserver = \"web\"\nmetric = \"target\"\nabsent = false",
            "8:10: absent is false; expected true, or no such key",
        ),
        (
            "[[expect]]\nserver = \"web\"\nmetric = \"target\"\nabsent = true\nat_most = \"1s\"",
            "9:11: at_most is \"1s\"; expected no bound beside \"absent\"",
        ),
        (
            "[[expect]]\nserved = \"web\"\nby = \"webb\"",
            "7:6: by is \"webb\"; expected one of \"mail\", \"web\", \"ftp\", \"nobody\"",
        ),
        (
            "[[expect]]\nmembers = [\"web\", \"web\"]",
            "6:19: members is \"web\"; expected each server only once",
        ),
        (
            "[[expect]]\nserver = \"web\"",
            "5:1: [[expect]] lacks the key \"metric\"; \
             expected one of \"metric\", \"served\", \"outage\", \"members\" and \"violation\"",
        ),
        (
            "expect = 3",
            "5:10: expect is 3; expected tables headed [[expect]]",
        ),
    ]);
}

#[test]
fn a_misspelt_key_is_answered_with_those_of_every_kind_once() {
    assert_refusals(&[
        (
            "[[fault]]\nwhen = \"1s\"",
            "6:1: unknown key \"when\" in [[fault]]; expected one of at, trouble, fault, server, \
             ppm, version, from, to, sides, down, up, percent, by, factor",
        ),
        (
            "[[expect]]\nwhose = \"web\"",
            "6:1: unknown key \"whose\" in [[expect]]; expected one of server, metric, at_least, \
             at_most, absent, served, by, at, outage, members, violation",
        ),
    ]);
}

#[test]
fn names_that_no_group_can_have_are_refused() {
    let group = |names: &str| {
        let text = GOOD.replace(r#"["mail", "web", "ftp"]"#, names);
        parse(&text).expect_err(names)
    };
    let size = "expected 2 to 8 different server names in ring order";
    assert_eq!(
        group("[]"),
        format!("s.toml:3:9: group is an empty list; {size}")
    );
    assert_eq!(
        group("[\"a\"]"),
        format!("s.toml:3:9: group is a list of 1; {size}")
    );
    let nine = r#"["a","c","d","e","f","g","h","i","j"]"#;
    assert_eq!(
        group(nine),
        format!("s.toml:3:9: group is a list of 9; {size}")
    );
    assert_eq!(
        group("\"a\""),
        format!("s.toml:3:9: invalid type: string \"a\", {size}")
    );
    assert_eq!(
        group("[\"web\", 3]"),
        "s.toml:3:17: group is 3; expected a host name: 1 to 63 letters, digits and hyphens, with \
         no hyphen at either end"
    );
    for name in ["", "-a", "a-", "a b", "a_b", "ä", &"a".repeat(64)] {
        let error = group(&format!("[\"web\", \"{name}\"]"));
        assert!(
            error.contains("s.toml:3:17: ") && error.contains("host name"),
            "{error}"
        );
    }
    assert!(group(r#"["web", "mail", "WEB"]"#).contains(":3:25: group is \"WEB\"; "));
    assert!(group(r#"["web", "webb"]"#).contains("names of virtual servers"));
    assert!(group(r#"["webb", "web"]"#).contains("names of virtual servers"));
    assert!(group(r#"["web", "nobody"]"#).contains("stands for no server"));
}

#[test]
fn what_every_scenario_needs_is_asked_for() {
    for (line, key) in GOOD.lines().zip(["name", "purpose", "group", "duration"]) {
        let error = parse(&GOOD.replace(line, "")).unwrap_err();
        let expected = format!("s.toml:1:1: a scenario lacks the key {key:?}; expected ");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = parse("").unwrap_err();
    assert!(
        error.starts_with("s.toml:1:1: a scenario lacks the key \"name\""),
        "{error}"
    );
    for duration in ["0s", "367d"] {
        let error = parse(&GOOD.replace("300s", duration)).unwrap_err();
        assert!(
            error.ends_with("expected more than \"0s\" and at most \"366d\""),
            "{error}"
        );
    }
    assert!(parse(&GOOD.replace("\"n\"", "\"a\\nb\"")).is_err());
    assert!(parse(&GOOD.replace("\"n\"", "\" \"")).is_err());
}

#[test]
fn columns_count_characters_and_long_or_odd_texts_stay_one_line() {
    let error = refusal("safety = [\"äöü\", 3]  # ä");
    assert_eq!(
        error,
        "s.toml:5:10: safety is a list of 2; expected one of \"paper\", \"guarded\""
    );
    let error = refusal("\"ä\\n\" = { x = \"y\" }");
    assert!(
        error.starts_with("s.toml:5:1: unknown field `ä\\n`, expected one of "),
        "{error}"
    );
    let error = refusal("fault = [ { at = \"ä\", fault = \"hael\" } ]");
    assert!(
        error.starts_with("s.toml:5:31: fault is \"hael\"; expected one of \"crash\", "),
        "{error}"
    );
    let error = refusal(&format!("safety = \"{}\"", "x".repeat(5000)));
    assert!(error.len() < 200, "{error}");
    let error = refusal(&format!("{} = 1", "x".repeat(5000)));
    assert!(
        error.starts_with("s.toml:5:1: unknown field `xxx"),
        "{error}"
    );
    assert!(error.len() < 400, "{error}");
    assert!(error.ends_with("`duration`, `fault`, `expect`"), "{error}");
    let error = parse(&GOOD.replace(
        r#"["mail", "web", "ftp"]"#,
        &format!("{:?}", "ä\n".repeat(5000)),
    ));
    let error = error.unwrap_err();
    assert!(
        error.starts_with("s.toml:3:9: invalid type: string \"ä"),
        "{error}"
    );
    assert!(
        error.ends_with("expected 2 to 8 different server names in ring order"),
        "{error}"
    );
    assert!(error.chars().count() < 500, "{error}");
    assert!(!error.contains(char::is_control), "{error}");
    let error = Scenario::parse("", "odd\nname", Path::new("")).unwrap_err();
    assert!(error.to_string().starts_with("odd\\nname:1:1: "), "{error}");
}

#[test]
fn of_several_errors_the_first_in_the_file_is_reported() {
    for (addition, place) in [
        ("zeal = 1\nalso = 2", "s.toml:5:1: unknown field `zeal`"),
        ("seed = -1\nalso = 2", "s.toml:5:8: seed is -1; "),
        ("also = 2\nseed = -1", "s.toml:5:1: unknown field `also`"),
        ("seed = -1\nsafety = \"none\"", "s.toml:5:8: seed is -1; "),
        (
            "[[fault]]\nzeal = 1\nalso = 2",
            "s.toml:6:1: unknown key \"zeal\" in [[fault]]; ",
        ),
    ] {
        let error = refusal(addition);
        assert!(error.starts_with(place), "{error}");
    }
}

#[test]
fn numbers_of_every_size_and_spelling_are_read_or_refused_as_numbers() {
    let seed = |text: &str| parse(&format!("{GOOD}seed = {text}")).map(|scenario| scenario.seed);
    assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(seed("0xffff_ffff_ffff_ffff"), Ok(u64::MAX));
    assert_eq!(seed("1_000"), Ok(1000));
    let wanted = "expected a whole number from 0 to 18446744073709551615";
    assert_eq!(
        seed("18446744073709551616"),
        Err(format!(
            "s.toml:5:8: seed is 18446744073709551616; {wanted}"
        ))
    );
    assert_eq!(
        seed("1.0"),
        Err(format!("s.toml:5:8: seed is 1.0; {wanted}"))
    );
    let (beyond_i128, beyond_u128) = (format!("2{}", "0".repeat(38)), "9".repeat(100));
    for (number, shown) in [
        (&*beyond_i128, &*beyond_i128),
        (&beyond_u128, &format!("{}...", "9".repeat(40))),
        ("-1e999", "-1e999"),
    ] {
        for (before, after, place) in [
            ("seed = ", "", "5:8"),
            ("services = { web = [\"a\", ", "] }", "5:26"),
            (
                "[[fault]]\nat = \"1s\"\nfault = \"loss\"\npercent = ",
                "",
                "8:11",
            ),
        ] {
            let error = refusal(&format!("{before}{number}{after}"));
            let wanted = format!("s.toml:{place}: {shown} is too large (");
            assert!(error.starts_with(&wanted), "{error}");
            assert!(error.contains("number overflowed); expected a "), "{error}");
        }
    }
}

#[test]
fn shares_are_read_as_they_are_written() {
    let loss = |number: &str| {
        let fault = format!("[[fault]]\nat = \"1s\"\nfault = \"loss\"\npercent = {number}");
        parse(&format!("{GOOD}{fault}")).map(|mut scenario| scenario.faults.remove(0).action)
    };
    for (number, ppm) in [
        ("0.0003", 3),
        ("33.3333", 333_333),
        ("100.000000000000000000000", 1_000_000),
        ("1_0.1_0 # of 100", 101_000),
    ] {
        let share = FaultAction::Loss(Ratio::from_ppm(ppm));
        assert_eq!(loss(number), Ok(share), "{number}");
    }
    // The last of them is nearer to 100 than any other number of 64 bits.
    for number in ["0x10", "1e1", "nan", "inf", "100.000000000000000001"] {
        let error = loss(number).unwrap_err();
        assert!(error.starts_with("s.toml:8:11: percent is "), "{error}");
    }
}

#[test]
fn dates_are_refused_as_dates() {
    for (addition, expected) in [
        (
            "duration = 07:32:00",
            "4:12: duration is the date 07:32:00; expected a duration with its unit, ",
        ),
        (
            "services = { web = [1979-05-27T07:32:00Z] }",
            "5:21: web is the date 1979-05-27T07:32:00Z; expected a service name: ",
        ),
        (
            "timing = { server_start = 1979-05-27 }",
            "5:27: server_start is the date 1979-05-27; expected a duration",
        ),
        (
            "fault = [1979-05-27]",
            "5:10: fault is the date 1979-05-27; expected a table",
        ),
    ] {
        let good = GOOD
            .lines()
            .filter(|line| !addition.starts_with(&line[..5]));
        let lines: Vec<&str> = good.chain([addition]).collect();
        let error = parse(&lines.join("\n")).unwrap_err();
        assert!(error.starts_with(&format!("s.toml:{expected}")), "{error}");
    }
    // The name that a date has on its way through serde is a key like any other.
    let error = refusal("[[fault]]\n\"$__toml_private_datetime\" = \"1979-05-27\"");
    assert!(
        error.starts_with("s.toml:6:1: unknown key \"$__toml_private_datetime\" in [[fault]]; "),
        "{error}"
    );
}

#[test]
fn what_is_not_toml_is_located() {
    for (addition, place) in [
        ("seed 3", "s.toml:5:"),
        ("seed = ", "s.toml:5:"),
        ("name = \"twice\"", "s.toml:5:1: not TOML at \"name = "),
        ("\n\n\"unclosed", "s.toml:7:"),
        ("\u{0}\u{1}", "s.toml:5:"),
    ] {
        let error = refusal(addition);
        assert!(
            error.starts_with(place) && error.contains("not TOML"),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
    let deep = format!("timing = {}", "[".repeat(100_000));
    assert!(refusal(&deep).contains("not TOML"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str| {
        let path = folder.path().join(name);
        let error = Scenario::load(&path).unwrap_err().to_string();
        let (shown, rest) = error.split_at(path.display().to_string().len());
        assert_eq!(Path::new(shown), path);
        rest.to_owned()
    };
    assert!(load("none.toml").starts_with(": cannot be read (No such file"));
    fs::create_dir(folder.path().join("folder.toml")).unwrap();
    assert_eq!(
        load("folder.toml"),
        ": is a directory; expected a TOML file"
    );

    fs::write(folder.path().join("bad.toml"), b"name = \"\xff\"").unwrap();
    assert!(load("bad.toml").starts_with(":1:9: found bytes that are not UTF-8; expected "));
    fs::write(folder.path().join("bad.toml"), b"\n\xc3\xa4\xff").unwrap();
    assert!(load("bad.toml").starts_with(":2:2: found bytes"));
    fs::write(folder.path().join("bad.toml"), b"\x7fELF\x02\x01\x01\x00").unwrap();
    assert!(load("bad.toml").starts_with(":1:9: not TOML at the end of the file: "));

    let size = usize::try_from(FILE_BYTES_MAX).unwrap() - GOOD.len();
    let mut large = format!("{GOOD}{}", "#".repeat(size));
    let path = folder.path().join("large.toml");
    fs::write(&path, &large).unwrap();
    assert!(Scenario::load(&path).is_ok());
    large.push('#');
    fs::write(&path, &large).unwrap();
    assert_eq!(
        load("large.toml"),
        ": is too large; expected at most 1048576 bytes"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_or_answer_in_two_lines(
        noise in any::<String>(),
        cut in 0usize..2000,
        at in 0usize..2000,
    ) {
        let good = include_str!("../../scenarios/paper/pair-n1t-n2t.toml");
        let start = at.min(good.len());
        let end = (start + cut % 20).min(good.len());
        let (before, after) = (&good.as_bytes()[..start], &good.as_bytes()[end..]);
        let bytes = [before, noise.as_bytes(), after].concat();
        for text in [noise.clone(), String::from_utf8_lossy(&bytes).into_owned()] {
            if let Err(error) = parse(&text) {
                prop_assert!(!error.contains(char::is_control), "{:?}", error);
                prop_assert!(error.starts_with("s.toml:"));
            }
        }
    }
}
