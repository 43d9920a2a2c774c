//! What `status --watch` shows, drawn from plain values.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table};
use tetrarch_runtime::overview::{Overview, Seen, Served, State};

use super::words;

/// Everything that is on the screen.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    /// What was last answered, outdated if it is too old; none before the first answer.
    pub(super) overview: Option<Overview>,
    /// The age of that in seconds.
    pub(super) age_s: u32,
    /// Why the last question failed, if it did.
    pub(super) failure: Option<String>,
    /// The events, the oldest first.
    pub(super) events: Vec<String>,
    /// How many events at the end are scrolled out of sight.
    pub(super) scrolled: usize,
    /// Whether colours are wanted. They only stress what words say.
    pub(super) has_colour: bool,
}

const COLUMNS: usize = 7;
const LAST: usize = COLUMNS - 1;
const HEADS: [&str; COLUMNS] = [
    "server",
    "state",
    "in ring",
    "P1",
    "P2",
    "served by",
    "last event",
];

/// How much somebody should care.
#[derive(Clone, Copy)]
enum Care {
    Well,
    Busy,
    Bad,
}

impl Screen {
    fn style(&self, care: Care) -> Style {
        let colour = match care {
            Care::Well => Color::Green,
            Care::Busy => Color::Yellow,
            Care::Bad => Color::Red,
        };
        let style = match care {
            Care::Well => Style::new(),
            Care::Busy | Care::Bad => Style::new().add_modifier(Modifier::BOLD),
        };
        if self.has_colour {
            style.fg(colour)
        } else {
            style
        }
    }

    /// Draws everything.
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let rows = self.overview.as_ref().map_or(1, |one| one.servers.len()) as u16;
        let remarks = self.remarks();
        let areas = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(rows + 3),
            Constraint::Length((remarks.len() as u16).min(4)),
            Constraint::Min(3),
            Constraint::Length(1),
        ]);
        let [head, ring, notes, events, keys] = areas.areas(frame.area());
        let (text, care) = self.headline();
        frame.render_widget(Line::styled(text, self.style(care)), head);
        self.draw_ring(frame, ring);
        let notes_text: Vec<Line<'_>> = remarks.into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(Text::from(notes_text)), notes);
        self.draw_events(frame, events);
        let help = "q quit   r ask now   up/down, page up/down: events   end: newest";
        frame.render_widget(Line::from(help), keys);
    }

    fn headline(&self) -> (String, Care) {
        let Some(overview) = &self.overview else {
            let why = self
                .failure
                .as_deref()
                .unwrap_or("the agent is being asked");
            return (format!("Tetrarch: {why}"), Care::Busy);
        };
        let (verdict, care) = if overview.is_all_well() {
            ("all is well", Care::Well)
        } else if overview.servers.iter().any(is_bad) {
            ("NOT WELL", Care::Bad)
        } else {
            ("NOT ALL WELL", Care::Busy)
        };
        let (site, asked, age) = (&overview.site, &overview.asked_from, words::age(self.age_s));
        let text = format!("Tetrarch: {site}, asked from {asked} {age} ago: {verdict}");
        (text, care)
    }

    fn remarks(&self) -> Vec<String> {
        let mut remarks = self.overview.as_ref().map_or_else(Vec::new, words::remarks);
        if let (Some(why), Some(_)) = (&self.failure, &self.overview) {
            remarks.insert(0, format!("the last question failed: {why}"));
        }
        remarks
    }

    fn draw_ring(&self, frame: &mut Frame<'_>, area: Rect) {
        let cells: Vec<(Care, [String; COLUMNS])> = match &self.overview {
            Some(overview) => {
                let row = |seen| (care(seen), cells(overview, seen));
                overview.servers.iter().map(row).collect()
            }
            None => Vec::new(),
        };
        // Every column is as wide as what is in it, and the last one, which can be cut, takes the rest.
        let width = |column: usize| {
            let texts = cells.iter().map(|(_, row)| row[column].chars().count());
            texts.chain([HEADS[column].len()]).max().unwrap_or(0) as u16
        };
        let widths = (0..COLUMNS).map(|column| match column {
            LAST => Constraint::Fill(1),
            _ => Constraint::Length(width(column)),
        });
        let rows = cells.iter().map(|(care, row)| {
            let row = Row::new(row.iter().map(String::as_str));
            row.style(self.style(*care))
        });
        let head = Row::new(HEADS).style(Style::new().add_modifier(Modifier::BOLD));
        let table = Table::new(rows, widths)
            .header(head)
            .block(Block::new().borders(Borders::TOP).title(" ring "));
        frame.render_widget(table, area);
    }

    fn draw_events(&self, frame: &mut Frame<'_>, area: Rect) {
        let room = usize::from(area.height.saturating_sub(1));
        let end = self.events.len().saturating_sub(self.scrolled);
        let begin = end.saturating_sub(room);
        let shown = self.events[begin..end].iter();
        let lines: Vec<Line<'_>> = shown.map(|event| Line::from(event.as_str())).collect();
        let title = if self.scrolled == 0 {
            " events of this server, UTC ".to_owned()
        } else {
            format!(
                " events of this server, UTC; {} newer below ",
                self.scrolled
            )
        };
        let block = Block::new().borders(Borders::TOP).title(title);
        frame.render_widget(Paragraph::new(Text::from(lines)).block(block), area);
    }
}

fn cells(overview: &Overview, seen: &Seen) -> [String; COLUMNS] {
    [
        seen.server.clone(),
        words::state(seen.state).to_owned(),
        words::in_ring(seen.in_ring).to_owned(),
        words::manager(overview, seen.p1.as_deref()).to_owned(),
        words::manager(overview, seen.p2.as_deref()).to_owned(),
        words::served(&seen.function),
        words::last_event(seen),
    ]
}

fn care(seen: &Seen) -> Care {
    if is_bad(seen) {
        Care::Bad
    } else if seen.function == Served::Itself && seen.state == State::Managing {
        Care::Well
    } else {
        Care::Busy
    }
}

/// Whether clients are cut off, or may be.
fn is_bad(seen: &Seen) -> bool {
    matches!(
        seen.function,
        Served::Nobody | Served::Several { .. } | Served::Unknown { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use tetrarch_runtime::happened::Kind;
    use tetrarch_runtime::overview::LastEvent;

    fn overview() -> Overview {
        let seen = |server: &str, p1: &str, p2: &str| Seen {
            server: server.to_owned(),
            state: State::Managing,
            unasked: None,
            in_ring: Some(true),
            maintenance: Some(false),
            away: Some(false),
            p1: Some(p1.to_owned()),
            p2: Some(p2.to_owned()),
            recovered_by: None,
            function: Served::Itself,
            last_event: None,
            heard_age_s: Some(3.0),
        };
        let mut web = seen("web", "mail", "ftp");
        web.state = State::Unknown;
        web.unasked = Some("it cannot be reached".to_owned());
        web.recovered_by = Some("mail".to_owned());
        web.function = Served::VirtualServer {
            host: "mail".to_owned(),
        };
        web.last_event = Some(LastEvent {
            kind: Kind::VirtualServerStarted,
            age_s: 12,
            noted_by: "mail".to_owned(),
        });
        Overview {
            site: "office".to_owned(),
            asked_from: "mail".to_owned(),
            frozen: Some(false),
            servers: vec![
                seen("mail", "proxy", "web"),
                web,
                seen("ftp", "web", "proxy"),
                seen("proxy", "ftp", "mail"),
            ],
            disagreeing: Vec::new(),
        }
    }

    fn screen() -> Screen {
        Screen {
            overview: Some(overview()),
            age_s: 1,
            failure: None,
            events: (0..40).map(|n| format!("event {n}")).collect(),
            scrolled: 0,
            has_colour: false,
        }
    }

    /// The lines of a screen of that size.
    fn drawn(screen: &Screen, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y: u16| {
            let cells = (0..width).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..height).map(line).collect()
    }

    #[test]
    fn eighty_columns_hold_everything_that_matters() {
        let lines = drawn(&screen(), 80, 24);
        let text = lines.join("\n");
        for expected in [
            "Tetrarch: office, asked from mail 1 s ago: NOT ALL WELL",
            "virtual, on mail",
            "12 s virtual-server-started",
            "web could not be asked: it cannot be reached; last heard 3 s ago",
            "mail is recovering web",
            "event 39",
            "q quit",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(lines[4].contains("unknown"), "{text}");
        // A small screen shows less, and breaks nothing.
        drawn(&screen(), 20, 4);
    }

    #[test]
    fn the_newest_events_are_shown_unless_older_ones_are_asked_for() {
        let mut screen = screen();
        screen.scrolled = 30;
        let text = drawn(&screen, 80, 24).join("\n");
        assert!(
            text.contains("event 9") && !text.contains("event 39"),
            "{text}"
        );
        assert!(text.contains("30 newer below"), "{text}");
    }

    #[test]
    fn an_outdated_answer_is_unknown_and_no_row_is_well() {
        let mut screen = screen();
        screen.overview = screen.overview.map(Overview::outdated);
        screen.age_s = 7;
        let text = drawn(&screen, 80, 24).join("\n");
        assert!(text.contains("unknown, last proxy"), "{text}");
        assert!(
            text.contains("NOT WELL") && !text.contains("managing"),
            "{text}"
        );
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let coloured = |terminal: &Terminal<TestBackend>| {
            let cells = &terminal.backend().buffer().content;
            cells.iter().any(|cell| cell.fg != Color::Reset)
        };
        let mut screen = screen();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        assert!(!coloured(&terminal));
        screen.has_colour = true;
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        assert!(coloured(&terminal));
    }
}
