use super::*;
use proptest::prelude::*;
use tetrarch_core::Span;

const GOOD: &str = r#"name = "office"
server = "server2"
ring = ["server1", "server2", "server3"]
guests_max = 3
program = "/usr/lib/tetrarch/parts"

[timing]
inter_monitoring = "5s"
"#;

fn refused(text: &str) -> String {
    Site::parse(text, "site.toml").unwrap_err().to_string()
}

#[test]
fn what_is_not_said_is_the_papers() {
    let site = Site::parse(GOOD, "site.toml").unwrap();
    assert_eq!((site.me.index(), site.host()), (1, "server2"));
    assert_eq!(site.flag(), Path::new("/var/lib/tetrarch/managed"));
    let paper = tetrarch_sim::parameters::Parameters::paper().timing();
    let inter_monitoring = Span::from_secs(5);
    assert_eq!(
        site.timing,
        Timing {
            inter_monitoring,
            ..paper
        }
    );
    let config = site.config().unwrap();
    assert_eq!((config.me(), config.safety()), (site.me, Safety::Guarded));
    let own = Path::new("/usr/lib/tetrarch/parts").to_owned();
    assert_eq!(site.parts.program_for(Part::Power), Some(&own));
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    let cases = [
        ("guests_max = 3", "guests_max = 300", "site.toml:4:14: "),
        (
            "guests_max = 3",
            "guests_min = 3",
            "site.toml:4:1: unknown field `guests_min`",
        ),
        (
            "server = \"server2\"",
            "server = \"server9\"",
            "site.toml:2:10: expected a server of the ring, found \"server9\"",
        ),
        (
            "\"server3\"]",
            "\"SERVER1\"]",
            "site.toml:3:31: expected each server once in the ring, found SERVER1 twice",
        ),
        (
            "[timing]",
            "[examination]\nservice_max = \"1s\"\nnetwork_max = \"11s\"\n[timing]",
            "site.toml:7:1: expected network_max to be longer than nothing and no longer than examination_max, 10s",
        ),
        (
            "[timing]",
            "[listen]\nserver7 = \"10.0.0.7:7\"\n[timing]",
            "site.toml:8:1: expected a server of the ring, found \"server7\"",
        ),
        (
            "[\"server1\", \"server2\", \"server3\"]",
            "[\"server2\"]",
            "site.toml:3:8: expected 2 to 8 servers, found 1",
        ),
        (
            "\"5s\"",
            "\"5\"",
            "site.toml:8:20: expected a length of time such as \"10s\" or \"200ms\", found \"5\"",
        ),
        (
            "\"5s\"",
            "\"0s\"",
            "inter_monitoring must be longer than zero",
        ),
        (
            "guests_max = 3",
            "guests_max = 3\nsightings = [\"rivals\", \"ghosts\"]",
            "site.toml:5:24: unknown variant `ghosts`, expected `rivals` or `services`",
        ),
        ("name = \"office\"", "name = \"office", "site.toml:1:"),
    ];
    for (from, to, expected) in cases {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let message = refused(&text);
        assert!(message.contains(expected), "{message}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in ".{0,200}") {
        let _ = Site::parse(&text, "site.toml");
    }

    #[test]
    fn places_are_inside_the_text(text in "[a\n\u{e4}]{0,40}", at in 0_usize..100) {
        let (line, column) = line_and_column(&text, at);
        prop_assert!(line <= 1 + text.matches('\n').count());
        prop_assert!(column <= 1 + text.chars().count());
    }
}

#[test]
fn metrics_are_for_this_machine_and_hooks_are_programs() {
    let said = |tables: &str| Site::parse(&format!("{GOOD}{tables}"), "site.toml");
    let site =
        said("[metrics]\nlisten = \"[::1]:9470\"\n[notify]\nprogram = \"/hook\"\nlimit = \"5s\"\n");
    let telling = site.unwrap().telling;
    assert_eq!(telling.metrics, Some("[::1]:9470".parse().unwrap()));
    let hook = telling.hook.unwrap();
    assert_eq!(hook.limit, std::time::Duration::from_secs(5));
    for (tables, expected) in [
        (
            "[metrics]\nlisten = \"10.0.0.1:9470\"\n",
            "site.toml:10:10: expected a loopback address",
        ),
        (
            "[notify]\nprogram = \"hook\"\n",
            "site.toml:10:11: expected an absolute path",
        ),
        (
            "[notify]\nprogram = \"/hook\"\nlimit = \"0s\"\n",
            "site.toml:11:9: expected at least 1s",
        ),
    ] {
        let why = said(tables).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn who_gets_his_function_back_when_is_a_setting() {
    let said = |keys: &str| {
        let text = GOOD.replacen("guests_max = 3", &format!("guests_max = 3\n{keys}"), 1);
        Site::parse(&text, "site.toml")
    };
    let config = |keys: &str| said(keys).unwrap().config().unwrap();
    let usual = config("");
    assert_eq!(
        (usual.failback(), usual.damping()),
        (Failback::Automatic, None)
    );
    assert_eq!(config("failback = \"manual\"").failback(), Failback::Manual);
    let delay = Span::from_secs(300);
    assert_eq!(
        config("failback = \"5m\"").failback(),
        Failback::Delayed(delay)
    );
    let expected = "site.toml:5:12: expected \"automatic\", \"manual\" or for how long a server must have been \
                    healthy, such as \"5m\", found ";
    for wrong in ["later", "0s", ""] {
        let why = said(&format!("failback = {wrong:?}"))
            .unwrap_err()
            .to_string();
        assert_eq!(why, format!("{expected}{wrong:?}"));
    }
}

#[test]
fn servers_that_flap_are_held_off_as_the_settings_say() {
    const DAMPING: &str =
        "[damping]\nrecoveries_max = 2\nwindow = \"10m\"\nhold = \"5m\"\nhold_max = \"1h\"\n";
    let site = Site::parse(&format!("{GOOD}{DAMPING}"), "site.toml").unwrap();
    let expected = Damping {
        recoveries_max: 2,
        window: Span::from_secs(600),
        hold: Span::from_secs(300),
        hold_max: Span::from_secs(3600),
    };
    assert_eq!(site.config().unwrap().damping(), Some(expected));
    for (from, to, expected) in [
        (
            "\"10m\"",
            "\"0s\"",
            "site.toml:11:10: expected window to be longer than nothing",
        ),
        (
            "\"5m\"",
            "\"0s\"",
            "site.toml:12:8: expected hold to be longer than nothing",
        ),
        (
            "\"1h\"",
            "\"4m\"",
            "site.toml:13:12: expected hold_max to be no shorter than hold, ",
        ),
        ("hold = \"5m\"\n", "", "missing field `hold`"),
        ("= 2", "= 256", "site.toml:10:18: "),
    ] {
        let text = format!("{GOOD}{}", DAMPING.replacen(from, to, 1));
        let why = refused(&text);
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn a_hook_that_a_release_has_no_time_for_is_refused() {
    const NATIVE: &str = r#"
by_program = ["examine"]
[network]
interface = "br0"
[virtual_server.server1]
image = "/srv/tetrarch/images/server1b"
mac = "02:00:00:00:00:01"
memory_mb = 256
[virtual_server.server3]
image = "/srv/tetrarch/images/server3b"
mac = "02:00:00:00:00:03"
memory_mb = 256
[virtual_server.server1.sync]
program = "/hook"
"#;
    let said = |more: &str| {
        let timing = "\n[timing]\ninter_monitoring = \"5s\"\n";
        let text = GOOD.replacen(timing, NATIVE, 1);
        assert_ne!(text, GOOD);
        Site::parse(&format!("{text}{more}"), "site.toml")
    };
    let site = said("limit = \"5s\"\n").unwrap();
    let sync = |place: usize| site.parts.virtual_servers[place].clone().unwrap().sync;
    let settings = sync(0).unwrap();
    assert_eq!(settings.limit, std::time::Duration::from_secs(5));
    assert_eq!(settings.last_limit, std::time::Duration::from_secs(20));
    assert_eq!(sync(2), None);
    // 10 s are left of the 120 s that the job may take.
    assert!(said("limit = \"90s\"\n").is_ok());
    for (more, expected) in [
        (
            "limit = \"90001ms\"\n",
            "site.toml:18:1: expected limit and last_limit, 110.001s together, to leave 10s of job_max, 120s",
        ),
        ("last_limit = \"51s\"\n", "111s together"),
        ("[timing]\njob_max = \"60s\"\n", "of job_max, 60s"),
        ("limit = \"0s\"\n", "site.toml:20:9: expected at least 1s"),
        ("limits = \"5s\"\n", "unknown field `limits`"),
    ] {
        let why = said(more).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    }
    let text = format!("{GOOD}{}", &NATIVE[NATIVE.find("[network]").unwrap_or(0)..]);
    assert!(refused(&text).contains("expected no table [virtual_server.server1.sync]"));
}
