//! Whether the letters that were accepted and those that are read are the same.

use std::collections::BTreeMap;
use std::fmt;

/// One letter, and what became of its delivery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) number: u32,
    /// When its delivery began, in seconds since 1970.
    pub(crate) at_s: f64,
    /// Who has accepted it, or why nobody has.
    pub(crate) outcome: Result<String, String>,
}

/// How the letters add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    sent: usize,
    /// How many each server has accepted.
    accepted: BTreeMap<String, usize>,
    /// How many different ones are in the mailbox.
    read: usize,
    /// Those that were accepted and are not in it.
    pub(crate) missing: Vec<u32>,
    /// Those that are in it more than once.
    twice: Vec<u32>,
    /// Those that are in it although their sender was not told that they were accepted: he would send them again.
    unconfirmed: Vec<u32>,
}

impl Verdict {
    /// What follows of all `letters`, and of the numbers in the mailbox.
    pub(crate) fn of(letters: &[Letter], read: &[u32]) -> Self {
        let mut times: BTreeMap<u32, usize> = BTreeMap::new();
        for number in read {
            *times.entry(*number).or_default() += 1;
        }
        let mut verdict = Self {
            sent: letters.len(),
            read: times.len(),
            ..Self::default()
        };
        for letter in letters {
            let is_there = times.contains_key(&letter.number);
            match &letter.outcome {
                Ok(by) => {
                    *verdict.accepted.entry(by.clone()).or_default() += 1;
                    if !is_there {
                        verdict.missing.push(letter.number);
                    }
                }
                Err(_) if is_there => verdict.unconfirmed.push(letter.number),
                Err(_) => {}
            }
        }
        let more_than_once = times.iter().filter(|(_, times)| **times > 1);
        verdict.twice = more_than_once.map(|(number, _)| *number).collect();
        verdict
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<String> = self
            .accepted
            .iter()
            .map(|(who, count)| format!("{count} by {who}"))
            .collect();
        let accepted: usize = self.accepted.values().sum();
        writeln!(f, "sent         {}", self.sent)?;
        writeln!(f, "accepted     {accepted} ({})", by.join(", "))?;
        writeln!(f, "read         {}", self.read)?;
        for (what, numbers) in [
            ("missing", &self.missing),
            ("twice", &self.twice),
            ("unconfirmed", &self.unconfirmed),
        ] {
            let list: Vec<String> = numbers.iter().map(u32::to_string).collect();
            let list = list.join(" ");
            writeln!(
                f,
                "{}",
                format!("{what:12} {} {list}", numbers.len()).trim_end()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(number: u32, by: Result<&str, &str>) -> Letter {
        Letter {
            number,
            at_s: 0.0,
            outcome: by.map(str::to_owned).map_err(str::to_owned),
        }
    }

    #[test]
    fn every_accepted_letter_is_looked_for() {
        let letters = [
            letter(1, Ok("mail")),
            letter(2, Err("no connection in time")),
            letter(3, Ok("mailb")),
            letter(4, Ok("mailb")),
            letter(5, Err("no answer in time")),
        ];
        let verdict = Verdict::of(&letters, &[1, 4, 1, 5]);
        assert_eq!(verdict.missing, [3]);
        assert_eq!(
            (verdict.twice.clone(), verdict.unconfirmed.clone()),
            (vec![1], vec![5])
        );
        let text = verdict.to_string();
        assert!(
            text.contains("accepted     3 (1 by mail, 2 by mailb)\n"),
            "{text}"
        );
        assert!(text.contains("missing      1 3\n"), "{text}");
        assert!(Verdict::of(&letters, &[1, 3, 4]).missing.is_empty());
    }
}
