use proptest::prelude::*;

use super::scene::{Anchor, Scene, Shape, tick_step, tick_text};
use super::*;
use crate::cells::Metric;
use crate::published;

/// Text boxes of a scene: left, top, right, bottom, and the text.
pub(super) fn text_boxes(scene: &Scene) -> Vec<(f64, f64, f64, f64, String)> {
    let text_box = |shape: &Shape| {
        let Shape::Text {
            x,
            baseline,
            anchor,
            font,
            text,
        } = shape
        else {
            return None;
        };
        let width = font.width(text).unwrap();
        let left = match anchor {
            Anchor::Start => *x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        // The font's capitals are 0.71 em high, its descenders 0.24 em deep.
        let (top, bottom) = (baseline - 0.8 * font.size, baseline + 0.24 * font.size);
        Some((left, top, left + width, bottom, text.clone()))
    };
    scene.shapes.iter().filter_map(text_box).collect()
}

/// Two texts of a scene that overlap, or one that leaves it.
pub(super) fn clash(scene: &Scene) -> Option<String> {
    let boxes = text_boxes(scene);
    for (index, a) in boxes.iter().enumerate() {
        if a.0 < 0.0 || a.1 < 0.0 || a.2 > scene.width || a.3 > scene.height {
            return Some(format!("outside: {a:?}"));
        }
        for b in &boxes[..index] {
            if a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3 {
                return Some(format!("{a:?} and {b:?}"));
            }
        }
    }
    None
}

/// The published cells, with numbers as a run might give them.
fn cells() -> Vec<Cell> {
    let mut cells = published::cells();
    for (index, cell) in cells.iter_mut().enumerate() {
        let error_s = [0.05, -0.12, 0.2, -0.03, 0.31][index % 5];
        cell.simulated_s = cell.published_s.map(|published_s| published_s + error_s);
    }
    cells.push(Cell::with_published(
        Figure::Fig6,
        "S1t",
        "web",
        Metric::Function,
        None,
    ));
    cells
}

fn texts(figure: Figure, cells: &[Cell]) -> Vec<String> {
    text_boxes(&bars::scene(figure, cells).unwrap())
        .into_iter()
        .map(|text| text.4)
        .collect()
}

#[test]
fn the_same_cells_give_the_same_bytes_in_any_thread() {
    let cells = cells();
    for image in [Image::Svg, Image::Png] {
        let first = bar_chart(Figure::Fig6, &cells, image).unwrap();
        let other = std::thread::scope(|scope| {
            scope
                .spawn(|| bar_chart(Figure::Fig6, &cells, image).unwrap())
                .join()
                .unwrap()
        });
        assert_eq!(first, other);
    }
}

#[test]
fn every_number_and_every_error_is_in_the_figure() {
    let shown = texts(Figure::Fig6, &cells());
    for text in [
        "154.8",
        "63.3",
        "9.2",
        "+0.050 s",
        "\u{2212}0.120 s",
        "not published",
        "time (s)",
    ] {
        assert!(
            shown.iter().any(|shown| shown == text),
            "{text} is not in {shown:?}"
        );
    }
    assert!(
        shown
            .iter()
            .any(|text| text == "Fig. 6: trouble on one server (web)")
    );
    let shown = texts(Figure::Fig7, &cells());
    assert_eq!(shown.iter().filter(|text| *text == "ftp").count(), 6);
}

#[test]
fn what_is_outside_its_tolerance_or_missing_says_so() {
    let cell = |trouble, simulated_s| {
        Cell::with_published(Figure::Fig6, trouble, "web", Metric::Function, simulated_s)
    };
    let shown = texts(Figure::Fig6, &[cell("S2t", Some(12.0)), cell("N1t", None)]);
    assert!(
        shown.contains(&"outside".to_owned()) && shown.contains(&"not simulated".to_owned()),
        "{shown:?}"
    );
}

#[test]
fn no_texts_of_a_bar_chart_overlap() {
    for figure in [Figure::Fig6, Figure::Fig7] {
        assert_eq!(clash(&bars::scene(figure, &cells()).unwrap()), None);
    }
    let mut pairs = Vec::new();
    for first in ["S2t", "N1t", "N2t"] {
        for second in ["S2t", "N1t", "N2t"] {
            let trouble = format!("{first}+{second}");
            pairs.push(Cell::with_published(
                Figure::Opposite,
                &trouble,
                "mail",
                Metric::Target,
                Some(154.123),
            ));
        }
    }
    pairs[0].trouble = "a trouble with a very long name indeed".to_owned();
    assert_eq!(clash(&bars::scene(Figure::Opposite, &pairs).unwrap()), None);
}

#[test]
fn the_png_has_two_pixels_for_each_unit_and_is_not_blank() {
    let scene = bars::scene(Figure::Fig6, &cells()).unwrap();
    let bytes = bar_chart(Figure::Fig6, &cells(), Image::Png).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(scene.size().unwrap(), (info.width / 2, info.height / 2));
    let has = |colour: palette::Rgb| {
        pixels
            .chunks(3)
            .any(|pixel| pixel == [colour.0, colour.1, colour.2])
    };
    assert!(has(palette::BLUE) && has(palette::ORANGE) && has(palette::WHITE));
}

#[test]
fn the_svg_is_text_that_escapes_what_it_must() {
    let mut cells = cells();
    cells[0].trouble = "<&\u{1}\"".to_owned();
    let svg = String::from_utf8(bar_chart(Figure::Fig6, &cells, Image::Svg).unwrap()).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("&lt;&amp; &quot;"));
}

#[test]
fn bad_input_is_an_error() {
    assert!(matches!(
        bar_chart(Figure::Fig6, &[], Image::Svg),
        Err(FigureError::Empty(_))
    ));
    let only_7: Vec<Cell> = cells()
        .into_iter()
        .filter(|cell| cell.figure == Figure::Fig7)
        .collect();
    assert!(matches!(
        bar_chart(Figure::Fig6, &only_7, Image::Svg),
        Err(FigureError::Empty(_))
    ));
    let mut bad = cells();
    bad[0].simulated_s = Some(f64::INFINITY);
    assert!(matches!(
        bar_chart(Figure::Fig6, &bad, Image::Png),
        Err(FigureError::Cells(_))
    ));
    let mut many = Vec::new();
    for index in 0..500 {
        many.push(Cell::with_published(
            Figure::Opposite,
            &format!("t{index}"),
            "web",
            Metric::Target,
            Some(1.0),
        ));
    }
    assert!(matches!(
        bar_chart(Figure::Opposite, &many, Image::Png),
        Err(FigureError::Large { .. })
    ));
}

#[test]
fn zero_seconds_can_be_drawn() {
    let cell = Cell::with_published(Figure::Opposite, "t", "web", Metric::Target, Some(0.0));
    assert_eq!(
        clash(&bars::scene(Figure::Opposite, &[cell]).unwrap()),
        None
    );
}

proptest! {
    #[test]
    fn no_texts_overlap_whatever_the_numbers(
        values in prop::collection::vec(
            (prop::option::of(0_i64..9_999_999_999), prop::option::of(prop_oneof![0.0..1.0_f64, 0.0..200.0, 0.0..1e9])),
            1..5,
        ),
        server in "[a-z]{1,30}",
    ) {
        let cell = |(index, (tenths, simulated_s)): (usize, (Option<i64>, Option<f64>))| Cell {
            figure: Figure::Fig7,
            trouble: format!("t{index}"),
            server: server.clone(),
            metric: Metric::Function,
            published_s: tenths.map(|tenths: i64| tenths as f64 / 10.0),
            simulated_s,
        };
        let cells: Vec<Cell> = values.into_iter().enumerate().map(cell).collect();
        prop_assert_eq!(clash(&bars::scene(Figure::Fig7, &cells).unwrap()), None);
    }

    #[test]
    fn ticks_are_few_and_reach_the_end(end in 1e-3_f64..1e9, most in 2_u32..20) {
        let step = tick_step(end, f64::from(most));
        prop_assert!(step * f64::from(most) >= end * 0.999);
        prop_assert!(step * f64::from(most) <= end * 2.6, "{} for {}", step, end);
        prop_assert!(tick_text(step, step).parse::<f64>().unwrap() > 0.0);
    }
}
