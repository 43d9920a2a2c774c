//! What drills gave: a line for each run, and the medians.

use std::fmt;

use crate::csv;
use crate::group::Function;
use crate::outage::median;

/// The columns of the CSV file; `Row` says what they mean.
pub(crate) const HEADER: &str = "manager,drill,server,function,run,outage_s,served_by,further_outages,further_s,\
    two_holders_s,home_s,accesses,failed,late_s_max";

/// What one run of one drill was for one function. Times are in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) manager: String,
    pub(crate) drill: String,
    /// The server that was struck, by its own function.
    pub(crate) server: Function,
    /// The function whose clients were watched.
    pub(crate) function: Function,
    pub(crate) run: u32,
    /// The first outage after the fault; 0 when there was none.
    pub(crate) outage_s: f64,
    /// Who ended it; empty when nobody did or there was none.
    pub(crate) served_by: String,
    /// The outages after the first, at the failback or otherwise, and their sum.
    pub(crate) further_outages: usize,
    pub(crate) further_s: f64,
    /// How long more than one station answered for the function's address.
    pub(crate) two_holders_s: f64,
    /// From the mending until the own server answered; nothing when it did not.
    pub(crate) home_s: Option<f64>,
    pub(crate) accesses: usize,
    pub(crate) failed: usize,
    /// The most that an access began late: this machine's own slowness.
    pub(crate) late_s_max: f64,
}

impl Row {
    /// Whether the function came back to its own server, and its address never had two holders.
    pub(crate) fn is_well(&self) -> bool {
        self.home_s.is_some() && self.two_holders_s == 0.0
    }

    fn is_struck(&self) -> bool {
        self.server == self.function
    }

    pub(crate) fn csv(&self) -> String {
        let home = self.home_s.map_or(String::new(), |s| format!("{s:.3}"));
        format!(
            "{},{},{},{},{},{:.3},{},{},{:.3},{:.3},{home},{},{},{:.3}",
            csv::field(&self.manager),
            csv::field(&self.drill),
            self.server,
            self.function,
            self.run,
            self.outage_s,
            csv::field(&self.served_by),
            self.further_outages,
            self.further_s,
            self.two_holders_s,
            self.accesses,
            self.failed,
            self.late_s_max,
        )
    }
}

impl Row {
    /// Reads a line that `csv` has written; nothing when it is another kind of line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let [
            manager,
            drill,
            server,
            function,
            run,
            outage,
            served_by,
            further,
            further_s,
            two,
            home,
            all,
            failed,
            late,
        ] = fields[..]
        else {
            return None;
        };
        let home_s = match home {
            "" => None,
            home => Some(home.parse().ok()?),
        };
        Some(Self {
            manager: manager.to_owned(),
            drill: drill.to_owned(),
            server: server.parse().ok()?,
            function: function.parse().ok()?,
            run: run.parse().ok()?,
            outage_s: outage.parse().ok()?,
            served_by: served_by.to_owned(),
            further_outages: further.parse().ok()?,
            further_s: further_s.parse().ok()?,
            two_holders_s: two.parse().ok()?,
            home_s,
            accesses: all.parse().ok()?,
            failed: failed.parse().ok()?,
            late_s_max: late.parse().ok()?,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:26} {:6} run {:2}: {:6} away {:7.3} s, then {:7.3} s; two holders {:7.3} s{}",
            self.drill,
            self.server.to_string(),
            self.run,
            self.function.to_string(),
            self.outage_s,
            self.further_s,
            self.two_holders_s,
            if self.home_s.is_some() {
                ""
            } else {
                "; NOT HOME"
            }
        )
    }
}

/// The median and the largest of what `value` says of each row, in seconds: "0.280 (0.321)".
pub(crate) fn cell(rows: &[&Row], value: fn(&Row) -> f64) -> String {
    let values: Vec<f64> = rows.iter().map(|row| value(row)).collect();
    let largest = values.iter().copied().fold(0.0, f64::max);
    median(&values).map_or(String::new(), |median| {
        format!("{median:.2} ({largest:.2})")
    })
}

/// The names of the drills in the order in which they first come.
pub(crate) fn drills(rows: &[Row]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.drill.as_str()) {
            names.push(&row.drill);
        }
    }
    names
}

/// Prints the median of each drill for the functions of the servers that it struck, and beside them the outages of
/// the others where they were watched.
pub(crate) fn print(rows: &[Row]) {
    println!("\nMedians in seconds (and the largest):");
    println!(
        "{:26} {:>4} {:>15} {:>15} {:>15} {:>15}",
        "drill", "runs", "outage", "further", "others' outage", "two holders"
    );
    for name in drills(rows) {
        let all: Vec<&Row> = rows.iter().filter(|row| row.drill == name).collect();
        let (own, others): (Vec<&Row>, Vec<&Row>) = all.iter().partition(|row| row.is_struck());
        println!(
            "{name:26} {:4} {:>15} {:>15} {:>15} {:>15}",
            own.len(),
            cell(&own, |row| row.outage_s),
            cell(&own, |row| row.further_s),
            cell(&others, |row| row.outage_s),
            cell(&all, |row| row.two_holders_s),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_field_for_each_column() {
        let row = Row {
            manager: "k2".to_owned(),
            drill: "power cut".to_owned(),
            server: Function::Web,
            function: Function::Web,
            run: 1,
            outage_s: 0.28,
            served_by: "mail".to_owned(),
            further_outages: 0,
            further_s: 0.0,
            two_holders_s: 0.0,
            home_s: None,
            accesses: 10,
            failed: 2,
            late_s_max: 0.001,
        };
        assert_eq!(
            row.csv(),
            "k2,power cut,web,web,1,0.280,mail,0,0.000,0.000,,10,2,0.001"
        );
        assert_eq!(row.csv().split(',').count(), HEADER.split(',').count());
        assert_eq!(Row::parse(&row.csv()).map(|row| row.csv()), Some(row.csv()));
    }

    #[test]
    fn other_lines_are_no_runs() {
        let lines = [
            "",
            HEADER,
            "k2,power cut,web,web,1,0.280,mail,0,0.000,0.000,,10,2",
            "k2,power cut,web,www,1,0.280,mail,0,0.000,0.000,,10,2,0.001",
        ];
        for line in lines {
            assert!(Row::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_run_is_well_that_ends_at_home_without_a_second_holder() {
        let run = |home, two| {
            let line =
                format!("agent,power cut,web,mail,1,0.280,mail,0,0.000,{two},{home},10,2,0.001");
            Row::parse(&line).unwrap()
        };
        assert!(run("0.100", "0.000").is_well());
        assert!(!run("", "0.000").is_well());
        assert!(!run("0.100", "0.020").is_well());
    }
}
