//! The published numbers, once.

use crate::cells::{Cell, Figure, Metric};

/// Where the numbers come from.
pub const SOURCE: &str = "Kitamura, Udagawa, Nakagome, Shimizu, \"Development of a Low-cost Server Management System \
Incorporating a Peer-to-Peer Method for Constructing a High-availability Server System\", CST 2017, \
ISBN 978-1-60595-461-5";

/// One row of a figure: a trouble, a server, and its numbers in seconds in the order of [`Metric::ALL`].
struct Row(Figure, &'static str, &'static str, [Option<f64>; 3]);

/// Fig. 6 (one server in trouble, the web server), and the three combinations of Fig. 7 (the mail and the FTP
/// server in trouble at once) whose numbers the paper's text gives. Fig. 7 has no disconnection times, and a
/// service that a restart repairs (S1t) needs no virtual server, hence no function time.
const ROWS: [Row; 10] = [
    Row(Figure::Fig6, "S1t", "web", [None, Some(3.2), Some(9.2)]),
    Row(
        Figure::Fig6,
        "S2t",
        "web",
        [Some(9.3), Some(63.3), Some(15.8)],
    ),
    Row(
        Figure::Fig6,
        "N1t",
        "web",
        [Some(8.4), Some(53.6), Some(15.5)],
    ),
    Row(
        Figure::Fig6,
        "N2t",
        "web",
        [Some(8.3), Some(154.8), Some(15.4)],
    ),
    Row(
        Figure::Fig7,
        "S2t+S2t",
        "mail",
        [Some(11.0), Some(63.5), None],
    ),
    Row(
        Figure::Fig7,
        "S2t+S2t",
        "ftp",
        [Some(11.3), Some(65.0), None],
    ),
    Row(
        Figure::Fig7,
        "N1t+N1t",
        "mail",
        [Some(9.7), Some(53.2), None],
    ),
    Row(
        Figure::Fig7,
        "N1t+N1t",
        "ftp",
        [Some(8.7), Some(53.8), None],
    ),
    Row(
        Figure::Fig7,
        "N2t+N2t",
        "mail",
        [Some(9.5), Some(154.9), None],
    ),
    Row(
        Figure::Fig7,
        "N2t+N2t",
        "ftp",
        [Some(9.4), Some(155.3), None],
    ),
];

/// The published number in seconds, if the paper gives one.
///
/// The pairs of opposite servers hold the combinations of Fig. 7 too: for them it is the number of Fig. 7.
#[must_use]
pub fn find(figure: Figure, trouble: &str, server: &str, metric: Metric) -> Option<f64> {
    let (figure, trouble) = match figure {
        Figure::Fig6 | Figure::Fig7 => (figure, trouble.to_owned()),
        Figure::Adjacent => return None,
        Figure::Opposite => (Figure::Fig7, of_fig7(trouble)?),
    };
    let Row(.., numbers) = ROWS
        .iter()
        .find(|row| row.0 == figure && row.1 == trouble.as_str() && row.2 == server)?;
    let index = Metric::ALL.iter().position(|&known| known == metric)?;
    numbers[index]
}

/// The trouble of a pair as Fig. 7 names it, if the pair is that of Fig. 7: `S2t@mail+N1t@ftp` is `S2t+N1t`.
fn of_fig7(pair: &str) -> Option<String> {
    let (mail, ftp) = pair.split_once('+')?;
    let (mail, ftp) = (mail.strip_suffix("@mail")?, ftp.strip_suffix("@ftp")?);
    Some(format!("{mail}+{ftp}"))
}

/// Every published number as a cell without a simulated one, in the paper's order.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let cells = ROWS.iter().flat_map(|Row(figure, trouble, server, _)| {
        Metric::ALL.map(|metric| Cell::with_published(*figure, trouble, server, metric, None))
    });
    cells.filter(|cell| cell.published_s.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_the_paper_gives_and_nothing_else() {
        assert_eq!(
            find(Figure::Fig6, "N2t", "web", Metric::Target),
            Some(154.8)
        );
        assert_eq!(find(Figure::Fig6, "S1t", "web", Metric::Function), None);
        assert_eq!(
            find(Figure::Fig7, "S2t+S2t", "ftp", Metric::Function),
            Some(11.3)
        );
        assert_eq!(
            find(
                Figure::Opposite,
                "S2t@mail+S2t@ftp",
                "ftp",
                Metric::Function
            ),
            Some(11.3)
        );
        for other in ["S2t@mail+N1t@ftp", "S2t@web+S2t@proxy", "S2t+S2t", ""] {
            assert_eq!(find(Figure::Opposite, other, "ftp", Metric::Function), None);
        }
        let adjacent = find(
            Figure::Adjacent,
            "S2t@mail+S2t@ftp",
            "ftp",
            Metric::Function,
        );
        assert_eq!(adjacent, None);
        assert_eq!(
            find(Figure::Fig7, "S2t+S2t", "ftp", Metric::Disconnection),
            None
        );
    }

    #[test]
    fn there_are_eleven_numbers_in_fig_6_and_twelve_in_fig_7() {
        let count = |figure| cells().iter().filter(|cell| cell.figure == figure).count();
        assert_eq!((count(Figure::Fig6), count(Figure::Fig7)), (11, 12));
    }
}
