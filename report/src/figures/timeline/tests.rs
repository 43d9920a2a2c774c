use proptest::prelude::*;

use super::*;
use crate::check::compare_text;
use crate::figures::scene::Shape;
use crate::figures::tests::{clash, text_boxes};

fn bar(start_s: f64, end_s: f64, kind: BarKind, label: &str) -> Bar {
    Bar {
        start_s,
        end_s,
        kind,
        label: label.to_owned(),
    }
}

fn mark(at_s: f64, label: &str) -> Mark {
    Mark {
        at_s,
        label: label.to_owned(),
    }
}

fn lane(label: &str, bars: Vec<Bar>, marks: Vec<Mark>) -> Lane {
    Lane {
        label: label.to_owned(),
        bars,
        marks,
    }
}

/// A short recovery, with very short bars, overlapping bars, and marks close together.
fn chart() -> Chart {
    let manager = vec![
        bar(0.0, 1.0, BarKind::Examining, "examine"),
        bar(1.0, 6.0, BarKind::Waiting, ""),
        bar(6.0, 8.0, BarKind::Examining, ""),
        bar(8.0, 8.2, BarKind::Command, "confirm"),
        bar(8.2, 150.0, BarKind::Waiting, "waits for the start"),
    ];
    let marks = vec![
        mark(8.0, "network trouble on server2"),
        mark(8.2, "confirmed, the recovery begins"),
        mark(160.0, "U.file to server3"),
    ];
    let target = vec![
        bar(0.0, 5.0, BarKind::Serving, ""),
        bar(5.0, 160.0, BarKind::Down, "down"),
        bar(20.0, 30.0, BarKind::Restarting, "start"),
    ];
    Chart {
        title: "N2t on server2".to_owned(),
        subtitle: "seed 7".to_owned(),
        end_s: 160.0,
        lanes: vec![
            lane("server1", manager, marks),
            lane("server2", target, vec![mark(5.0, "shut down")]),
        ],
    }
}

#[test]
fn the_picture_is_the_committed_one() {
    // Any platform and any build must give these bytes; `TETRARCH_BLESS=1` replaces them after a wanted change.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/timeline.svg");
    let now = String::from_utf8(chart().render(Image::Svg).unwrap()).unwrap();
    let before = std::fs::read_to_string(path).unwrap_or_default();
    if let Some(diff) = compare_text("timeline.svg", &before, &now) {
        if std::env::var_os("TETRARCH_BLESS").is_some() {
            crate::file::write_atomic(path.as_ref(), now.as_bytes()).unwrap();
        }
        panic!(
            "{path} differs from line {}:\n{}",
            diff.first_line, diff.unified
        );
    }
}

#[test]
fn the_text_shows_short_bars_overlaps_and_marks() {
    // 80 columns of 2 s each.
    let text = chart().render_text(90).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (dots, downs, gap) = (".".repeat(70), "x".repeat(77), " ".repeat(74));
    assert_eq!(lines[..2], ["N2t on server2", "seed 7"]);
    assert_eq!(lines[2], format!("server1 |?..?!{dots}     |"));
    assert_eq!(lines[3], format!("        |    ^{gap}^|"));
    assert_eq!(lines[4], format!("server2 |==={downs}|"));
    assert_eq!(
        lines[5].trim_end_matches([' ', '|']),
        "        |          ~~~~~"
    );
    assert!(text.contains("? examining   . waiting   ! command"));
    assert!(
        text.ends_with("^   160.000 s  server1: U.file to server3\n"),
        "{text}"
    );
}

#[test]
fn every_mark_is_labelled_and_nothing_overlaps() {
    let scene = picture::scene(&chart()).unwrap();
    assert_eq!(clash(&scene), None);
    let shown: Vec<String> = text_boxes(&scene).into_iter().map(|text| text.4).collect();
    for label in [
        "network trouble on server2",
        "confirmed, the recovery begins",
        "U.file to server3",
        "shut down",
    ] {
        assert!(
            shown.iter().any(|text| text == label),
            "{label} is not in {shown:?}"
        );
    }
    for kind in ["examining", "down", "restarting"] {
        assert!(shown.iter().any(|text| text == kind));
    }
    assert!(
        !shown.iter().any(|text| text == "outage"),
        "the legend has only what occurs"
    );
}

#[test]
fn the_shortest_bar_can_be_seen() {
    let mut chart = chart();
    chart.lanes.truncate(1);
    let instant = |at_s| bar(at_s, at_s, BarKind::Command, "");
    chart.lanes[0].bars = vec![instant(0.0), instant(80.0), instant(160.0)];
    let (colour, _) = BarKind::Command.look();
    let scene = picture::scene(&chart).unwrap();
    let widths = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Fill {
            area, colour: fill, ..
        } if *fill == colour => Some(area.right - area.left),
        _ => None,
    });
    assert!(widths.fold(f64::INFINITY, f64::min) >= layout::BAR_WIDTH_MIN);
}

#[test]
fn bars_that_touch_share_a_row_and_bars_that_overlap_do_not() {
    let command = |start_s, end_s| bar(start_s, end_s, BarKind::Command, "");
    let bars = [
        command(0.0, 0.1 + 0.2),
        command(0.3, 1.0),
        command(0.5, 0.6),
        command(0.6, 2.0),
    ];
    assert_eq!(layout::rows(&bars), (vec![0, 0, 1, 1], 2));
    assert_eq!(layout::rows(&[]), (vec![], 1));
}

#[test]
fn bad_charts_are_errors_in_every_form() {
    let refuses = |change: fn(&mut Chart), expected: fn(&FigureError) -> bool| {
        let mut chart = chart();
        change(&mut chart);
        let error = chart.render(Image::Svg).unwrap_err();
        assert!(expected(&error), "{error}");
        assert!(expected(&chart.render_text(100).unwrap_err()));
    };
    refuses(
        |chart| chart.lanes.clear(),
        |error| matches!(error, FigureError::Empty(_)),
    );
    refuses(
        |chart| chart.end_s = 0.0,
        |error| matches!(error, FigureError::End(_)),
    );
    refuses(
        |chart| chart.end_s = f64::NAN,
        |error| matches!(error, FigureError::End(_)),
    );
    refuses(
        |chart| chart.end_s = f64::INFINITY,
        |error| matches!(error, FigureError::End(_)),
    );
    refuses(
        |chart| chart.end_s = 10.0,
        |error| matches!(error, FigureError::Bar { .. }),
    );
    refuses(
        |chart| chart.lanes[0].bars[1].end_s = 0.5,
        |error| matches!(error, FigureError::Bar { .. }),
    );
    refuses(
        |chart| chart.lanes[0].bars[0].start_s = f64::NAN,
        |error| matches!(error, FigureError::Bar { .. }),
    );
    refuses(
        |chart| chart.lanes[0].marks[0].at_s = -1.0,
        |error| matches!(error, FigureError::Mark { .. }),
    );
    assert!(matches!(
        chart().render_text(29),
        Err(FigureError::Narrow {
            width: 29,
            needed: 30
        })
    ));
    assert!(chart().render_text(30).is_ok());
    let mut tall = chart();
    tall.lanes = vec![tall.lanes[0].clone(); 300];
    assert!(matches!(
        tall.render(Image::Png),
        Err(FigureError::Large { .. })
    ));
}

#[test]
fn control_characters_neither_break_lines_nor_steer_the_terminal() {
    let mut chart = chart();
    chart.title = "a\u{1b}[2J\nb".to_owned();
    chart.lanes[0].label = "x\ty\r".to_owned();
    let text = chart.render_text(60).unwrap();
    assert!(text.starts_with("a [2J b\n"));
    assert!(!text.contains(['\u{1b}', '\r', '\t']));
}

prop_compose! {
    fn any_bar()(start in 0.0_f64..160.0, length in prop_oneof![Just(0.0), 0.0..1.0_f64, 0.0..100.0_f64],
                 kind in 0..BarKind::ALL.len(), label in "[a-z ]{0,20}") -> Bar {
        bar(start, (start + length).min(160.0), BarKind::ALL[kind], &label)
    }
}

prop_compose! {
    fn any_mark()(at_s in prop_oneof![0.0..160.0_f64, 155.0..160.0_f64, Just(160.0), Just(0.0)],
                  label in prop_oneof!["[a-z]{1,40}", "[A-Z ]{100,300}"]) -> Mark {
        mark(at_s, &label)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn labels_never_overlap(
        bars in prop::collection::vec(any_bar(), 0..12),
        marks in prop::collection::vec(any_mark(), 0..10),
        label in ".{0,60}",
    ) {
        let labelled = marks.iter().filter(|mark| !mark.label.trim().is_empty()).count();
        let inner = lane(&label, bars, marks);
        let one = Chart { title: label.clone(), lanes: vec![inner], ..chart() };
        let scene = picture::scene(&one).unwrap();
        prop_assert_eq!(clash(&scene), None);
        let triangles = scene.shapes.iter().filter(|shape| matches!(shape, Shape::Triangle { .. })).count();
        prop_assert!(triangles >= labelled);
        let widest = one.render_text(80).unwrap();
        let plots = widest.lines().filter(|line| line.ends_with('|'));
        for line in plots {
            prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{}", line);
        }
    }
}
