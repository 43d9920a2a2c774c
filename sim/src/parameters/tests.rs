use super::*;
use crate::units::{Bytes, Flaw, Megabytes, Ratio};
use proptest::prelude::*;
use tetrarch_core::Span;

fn text(key: &str) -> String {
    Parameter::find(key).unwrap().paper().to_string()
}

fn refusal(changes: &[(&str, &str)]) -> String {
    let mut parameters = Parameters::paper();
    for (key, text) in changes {
        parameters.set_text(key, text).unwrap();
    }
    parameters.validate().unwrap_err().to_string()
}

#[test]
fn the_papers_system_is_valid_and_has_the_published_values() {
    assert_eq!(Parameters::paper().validate(), Ok(()));
    for (key, expected) in [
        ("server_start", "44.3s"),
        ("server_restart", "56.4s"),
        ("virtual_server_start", "27.4s"),
        ("virtual_server_resume", "5.2s"),
        ("inter_monitoring", "10s"),
        ("network_examination_normal", "1s"),
        ("network_examination_abnormal", "2s"),
        ("reexamination_wait", "2s"),
        ("judgement_max", "105s"),
        ("host_memory", "8192 MB"),
        ("virtual_memory", "2048 MB"),
        ("client_interval", "1s"),
        ("link_rate", "1 Gbit/s"),
        ("file_server_rate", "1 Gbit/s"),
        ("client_rate", "100 Mbit/s"),
    ] {
        assert_eq!(text(key), expected, "{key}");
        assert_eq!(Parameter::find(key).unwrap().source, Source::Table1);
    }
}

#[test]
fn exactly_five_parameters_are_inferred_and_each_names_its_evidence() {
    let inferred: Vec<(&str, String)> = TABLE
        .iter()
        .filter(|row| row.source == Source::Inferred)
        .map(|row| (row.key, row.paper().to_string()))
        .collect();
    let expected = [
        ("remote_command", "0.65s"),
        ("hand_off", "0.2s"),
        ("service_ready", "1.8s"),
        ("resume_shared", "0.25"),
        ("start_shared", "0.4s"),
    ];
    assert_eq!(inferred, expected.map(|(key, text)| (key, text.to_owned())));
    for row in TABLE {
        assert!(
            row.meaning.ends_with('.') && row.evidence.ends_with('.'),
            "{}",
            row.key
        );
    }
}

#[test]
fn keys_are_unique() {
    let mut keys: Vec<&str> = TABLE.iter().map(|row| row.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), TABLE.len());
}

#[test]
fn a_change_is_set_and_listed_under_its_own_key_only() {
    for row in TABLE {
        let other = match row.unit {
            UnitKind::Duration => Value::Duration(Span::from_nanos(1)),
            UnitKind::Memory => Value::Memory(Megabytes(1)),
            UnitKind::Rate => Value::Rate(crate::units::BitsPerSecond(1)),
            UnitKind::Data => Value::Data(Bytes(1)),
            UnitKind::Ratio => Value::Ratio(Ratio::from_ppm(1)),
        };
        let mut parameters = Parameters::paper();
        row.set(&mut parameters, other).unwrap();
        assert_eq!(row.get(&parameters), other);
        let changed: Vec<&str> = parameters.changes().map(|row| row.key).collect();
        assert_eq!(changed, [row.key]);
    }
    assert_eq!(Parameters::paper().changes().count(), 0);
}

#[test]
fn the_protocols_timing_is_taken_from_the_table() {
    let mut parameters = Parameters::paper();
    assert_eq!(parameters.timing().hand_off, Span::from_millis(200));
    assert_eq!(parameters.timing().judgement_max, Span::from_secs(105));
    parameters.set_text("sync_grace", "7s").unwrap();
    assert_eq!(parameters.timing().sync_grace, Span::from_secs(7));
}

#[test]
fn unknown_keys_and_wrong_units_are_refused() {
    let mut parameters = Parameters::paper();
    let error = parameters.set_text("server_strat", "1s").unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with(r#"unknown parameter "server_strat"; expected one of server_start, "#)
    );
    assert!(error.ends_with("host_reserved, client_access"));
    let error = parameters.set_text("server_start", "8 MB").unwrap_err();
    let ParameterError::Unreadable { key, source } = error else {
        panic!("{error}");
    };
    assert_eq!((key, source.flaw), ("server_start", Flaw::UnknownUnit));
    let row = Parameter::find("host_memory").unwrap();
    let error = row.set(&mut parameters, Value::Duration(Span::from_secs(1)));
    assert_eq!(
        error.unwrap_err().to_string(),
        r#"host_memory is 1s; expected an amount of memory such as "8192 MB""#
    );
    assert_eq!(parameters, Parameters::paper());
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for key in [
        "inter_monitoring",
        "client_interval",
        "judgement_max",
        "examination_max",
        "job_max",
        "poll_pause",
    ] {
        assert_eq!(
            refusal(&[(key, "0s")]),
            format!("{key} is 0s; expected more than 0s and at most 86400s")
        );
    }
    for key in ["link_rate", "file_server_rate", "client_rate"] {
        assert!(refusal(&[(key, "0 bit/s")]).starts_with(&format!("{key} is 0 bit/s; ")));
    }
    assert_eq!(
        refusal(&[("virtual_memory", "0 MB")]),
        "virtual_memory is 0 MB; expected more than 0 MB and at most 1073741824 MB"
    );
    assert_eq!(
        refusal(&[("resume_shared", "1.01")]),
        "resume_shared is 1.01; expected at least 0 and at most 1"
    );
    for row in TABLE.iter().filter(|row| row.unit == UnitKind::Duration) {
        let changes = [(row.key, "86400.000000001s")];
        assert!(refusal(&changes).contains("at most 86400s"), "{}", row.key);
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_by_both_names() {
    assert_eq!(
        refusal(&[("server_restart", "44.2s")]),
        "server_restart is 44.2s; expected at least server_start, which is 44.3s \
         (the difference is the shutdown)"
    );
    assert!(
        refusal(&[("network_examination_normal", "2.1s")])
            .starts_with("network_examination_abnormal is 2s; expected at least")
    );
    assert!(refusal(&[("start_shared", "45s")]).contains("server_start is 44.3s"));
    assert!(refusal(&[("host_reserved", "8193 MB")]).contains("host_memory is 8192 MB"));
    let mut parameters = Parameters::paper();
    parameters.set_text("server_restart", "44.3s").unwrap();
    assert_eq!(parameters.validate(), Ok(()));
    parameters.set_text("server_restart", "1s").unwrap();
    let error = parameters.validate().unwrap_err();
    assert!(error.keys().eq(["server_restart", "server_start"]));
}

proptest! {
    #[test]
    fn every_value_reads_back_through_its_own_row(index in 0..TABLE.len(), amount in any::<u32>()) {
        let row = &TABLE[index];
        let value = match row.unit {
            UnitKind::Duration => Value::Duration(Span::from_nanos(u64::from(amount) * 1_000)),
            UnitKind::Memory => Value::Memory(Megabytes(u64::from(amount))),
            UnitKind::Rate => Value::Rate(crate::units::BitsPerSecond(u64::from(amount))),
            UnitKind::Data => Value::Data(Bytes(u64::from(amount))),
            UnitKind::Ratio => Value::Ratio(Ratio::from_ppm(amount)),
        };
        let mut parameters = Parameters::paper();
        parameters.set_text(row.key, &value.to_string()).unwrap();
        prop_assert_eq!(row.get(&parameters), value);
    }
}
