use proptest::prelude::*;

use super::*;

fn cell(published_s: Option<f64>, simulated_s: Option<f64>) -> Cell {
    Cell {
        figure: Figure::Fig6,
        trouble: "S2t".to_owned(),
        server: "web".to_owned(),
        metric: Metric::Function,
        published_s,
        simulated_s,
    }
}

fn with_line(line: &str) -> Result<Vec<Cell>, ReadError> {
    from_csv(&format!(
        "{CSV_HEADER}\nfig6,N1t,web,target,53.6,53.700,0.100\n{line}\n"
    ))
}

#[test]
fn prints_each_column_with_its_own_decimals() {
    let mut cells = vec![
        cell(Some(9.3), Some(9.2004)),
        cell(None, Some(3.0)),
        cell(Some(154.8), None),
    ];
    cells[1].trouble = "a,\"b\"".to_owned();
    cells[2].server = "mail".to_owned();
    let expected = format!(
        "{CSV_HEADER}\nfig6,S2t,web,function,9.3,9.200,-0.100\nfig6,\"a,\"\"b\"\"\",web,function,,3.000,\n\
         fig6,S2t,mail,function,154.8,,\n"
    );
    assert_eq!(to_csv(&cells), Ok(expected));
}

#[test]
fn a_tiny_negative_error_is_not_printed_as_negative_zero() {
    let text = to_csv(&[cell(Some(9.3), Some(9.2998))]).unwrap();
    assert!(text.ends_with("9.3,9.300,0.000\n"), "{text}");
}

#[test]
fn the_error_agrees_with_the_printed_columns() {
    assert_eq!(cell(Some(9.3), Some(9.2994)).error_s(), Some(-0.001));
    assert_eq!(cell(None, Some(9.2)).error_s(), None);
    assert_eq!(cell(Some(9.3), None).error_s(), None);
}

#[test]
fn refuses_to_write_what_it_could_not_read() {
    for bad in [f64::NAN, f64::INFINITY, -0.1, 1e9] {
        assert!(
            matches!(
                to_csv(&[cell(None, Some(bad))]),
                Err(WriteError::Value { .. })
            ),
            "{bad}"
        );
        assert!(
            matches!(
                to_csv(&[cell(Some(bad), None)]),
                Err(WriteError::Value { .. })
            ),
            "{bad}"
        );
    }
    assert!(matches!(
        to_csv(&[cell(Some(9.35), None)]),
        Err(WriteError::Published { .. })
    ));
    assert!(matches!(
        to_csv(&[cell(None, None), cell(None, Some(1.0))]),
        Err(WriteError::Twice { .. })
    ));
    let nameless = Cell {
        server: String::new(),
        ..cell(None, None)
    };
    assert!(matches!(
        to_csv(&[nameless]),
        Err(WriteError::Empty {
            column: "server",
            ..
        })
    ));
}

const FIG9_SAYS: &str = "line 3: column `figure`: expected fig6, fig7, prediction (adjacent) or prediction (opposite), \
                         found `fig9`";

#[test]
fn errors_name_line_and_column() {
    for (line, says) in [
        ("fig9,S2t,web,function,9.3,9.2,-0.100", FIG9_SAYS),
        (
            "fig6,,web,function,9.3,9.2,-0.100",
            "line 3: column `trouble`: expected a name, found ``",
        ),
        (
            "fig6,S2t,,function,9.3,9.2,-0.100",
            "line 3: column `server`",
        ),
        (
            "fig6,S2t,web,speed,9.3,9.2,-0.100",
            "line 3: column `metric`",
        ),
        (
            "fig6,S2t,web,function,-9.3,9.2,0.1",
            "line 3: column `published_s`",
        ),
        (
            "fig6,S2t,web,function,9.31,9.2,0.1",
            "line 3: column `published_s`",
        ),
        (
            "fig6,S2t,web,function,9.3,NaN,0.1",
            "line 3: column `simulated_s`",
        ),
        (
            "fig6,S2t,web,function,9.3,1e3,0.1",
            "line 3: column `simulated_s`",
        ),
        (
            "fig6,S2t,web,function,9.3,9.,0.1",
            "line 3: column `simulated_s`",
        ),
        (
            "fig6,S2t,web,function,9.3,9999999999,0.1",
            "line 3: column `simulated_s`",
        ),
        (
            "fig6,S2t,web,function,9.3,9.2,0.100",
            "line 3: column `error_s`: the other columns give `-0.100`",
        ),
        ("fig6,S2t,web,function,9.3,9.2,", "line 3: column `error_s`"),
        (
            "fig6,S2t,web,function,9.3,9.2",
            "line 3: expected 7 fields, found 6",
        ),
        (
            "fig6,S2t,web,function,9.3,9.2,-0.100,",
            "line 3: expected 7 fields, found 8",
        ),
        (
            "fig6,N1t,web,target,,,",
            "line 3: fig6 N1t web target is already in line 2",
        ),
    ] {
        let error = with_line(line).unwrap_err().to_string();
        assert!(error.starts_with(says), "{line}: {error}");
    }
}

#[test]
fn refuses_a_wrong_header_and_accepts_a_bare_one() {
    assert!(matches!(from_csv(""), Err(ReadError::Header { .. })));
    assert!(matches!(
        from_csv("figure,trouble\n"),
        Err(ReadError::Header { .. })
    ));
    assert_eq!(from_csv(&format!("{CSV_HEADER}\n")), Ok(vec![]));
    assert_eq!(from_csv(&format!("\u{feff}{CSV_HEADER}\r\n")), Ok(vec![]));
}

#[test]
fn names_read_back_as_they_were_written() {
    for figure in Figure::ALL {
        assert_eq!(Figure::from_name(&figure.to_string()), Some(figure));
    }
    for metric in Metric::ALL {
        assert_eq!(Metric::from_name(&metric.to_string()), Some(metric));
    }
}

prop_compose! {
    fn any_cell()(
        figure in prop::sample::select(Figure::ALL.to_vec()),
        trouble in "[^\\x00]{1,8}",
        server in "[a-z,\"\r\n ]{1,6}",
        metric in prop::sample::select(Metric::ALL.to_vec()),
        tenths in prop::option::of(0_i64..9_999_999_999),
        ms in prop::option::of(0_i64..999_999_999_999),
    ) -> Cell {
        let published_s = tenths.map(|tenths| tenths as f64 / 10.0);
        Cell { figure, trouble, server, metric, published_s, simulated_s: ms.map(seconds) }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(cells in prop::collection::vec(any_cell(), 0..8)) {
        let keys: std::collections::BTreeSet<Key> = cells.iter().map(Cell::key).collect();
        prop_assume!(keys.len() == cells.len());
        let text = to_csv(&cells).unwrap();
        prop_assert_eq!(from_csv(&text), Ok(cells));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}", tail in "[a-z0-9,.\"\n]{0,120}") {
        let _ = from_csv(&text);
        if let Ok(cells) = from_csv(&format!("{CSV_HEADER}\n{tail}")) {
            prop_assert_eq!(from_csv(&to_csv(&cells).unwrap()), Ok(cells));
        }
    }
}
