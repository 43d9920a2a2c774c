//! What accesses and samples say: when nobody served a function, and when two held its address.

use crate::group::Function;

/// One access as it went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Access {
    /// When it began, in seconds since 1970.
    pub(crate) at_s: f64,
    pub(crate) function: Function,
    /// How long it took, in seconds.
    pub(crate) took_s: f64,
    /// Who answered, or why nobody did.
    pub(crate) outcome: Result<String, String>,
}

/// A time in which every access to a function failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outage {
    pub(crate) function: Function,
    /// When the first failed access began, in seconds since 1970.
    pub(crate) begin_s: f64,
    /// From there to the beginning of the first access that succeeded again, or to the last access
    /// when none did.
    pub(crate) length_s: f64,
    /// Who had answered before, and who answered after; empty when nobody did.
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The outages of one function, in order. `accesses` may come in any order; those of other
/// functions are passed over.
pub(crate) fn outages(function: Function, accesses: &[Access]) -> Vec<Outage> {
    let mut own: Vec<&Access> = accesses.iter().filter(|a| a.function == function).collect();
    own.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let mut found = Vec::new();
    let mut before = "";
    let mut begin_s = None;
    for access in &own {
        match (&access.outcome, begin_s) {
            (Ok(who), None) => before = who,
            (Ok(who), Some(begin)) => {
                found.push(Outage {
                    function,
                    begin_s: begin,
                    length_s: access.at_s - begin,
                    before: before.to_owned(),
                    after: who.clone(),
                });
                before = who;
                begin_s = None;
            }
            (Err(_), None) => begin_s = Some(access.at_s),
            (Err(_), Some(_)) => {}
        }
    }
    if let (Some(begin), Some(last)) = (begin_s, own.last()) {
        found.push(Outage {
            function,
            begin_s: begin,
            length_s: last.at_s - begin,
            before: before.to_owned(),
            after: String::new(),
        });
    }
    found
}

/// From `at_s` on until the next sample of the function, these stations answered for its address.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// When it was asked, in seconds since 1970.
    pub(crate) at_s: f64,
    pub(crate) function: Function,
    /// The names of all who answered this one question, in order, each once.
    pub(crate) holders: Vec<String>,
}

/// A time in which more than one station answered for a function's address.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conflict {
    pub(crate) function: Function,
    pub(crate) begin_s: f64,
    /// From the first question that two answered to the first that at most one did.
    pub(crate) length_s: f64,
    pub(crate) holders: Vec<String>,
}

/// The times with two holders. `samples` are in order and end with the last question, so that a
/// conflict that lasted to the end has a length.
pub(crate) fn conflicts(function: Function, samples: &[Sample]) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = Vec::new();
    let mut open = false;
    for sample in samples.iter().filter(|s| s.function == function) {
        if open && let Some(last) = found.last_mut() {
            last.length_s = sample.at_s - last.begin_s;
        }
        let two = sample.holders.len() > 1;
        if two && !open {
            found.push(Conflict {
                function,
                begin_s: sample.at_s,
                length_s: 0.0,
                holders: sample.holders.clone(),
            });
        }
        open = two;
    }
    found
}

/// The middle value, or the mean of the two in the middle; nothing of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(*upper);
    }
    Some(f64::midpoint(*sorted.get(half - 1)?, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn access(at_s: f64, who: Option<&str>) -> Access {
        Access {
            at_s,
            function: Function::Web,
            took_s: 0.001,
            outcome: who.map(str::to_owned).ok_or("refused".to_owned()),
        }
    }

    #[test]
    fn an_outage_reaches_from_the_first_failure_to_the_next_success() {
        let accesses = [
            access(1.0, Some("web")),
            // Accesses end in another order than they began.
            access(4.0, Some("webb")),
            access(2.0, None),
            access(3.0, None),
        ];
        let expected = Outage {
            function: Function::Web,
            begin_s: 2.0,
            length_s: 2.0,
            before: "web".to_owned(),
            after: "webb".to_owned(),
        };
        assert_eq!(outages(Function::Web, &accesses), [expected]);
        assert_eq!(outages(Function::Ftp, &accesses), []);
    }

    #[test]
    fn an_outage_may_last_to_the_end() {
        let found = outages(Function::Web, &[access(1.0, None), access(5.0, None)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].begin_s, found[0].length_s), (1.0, 4.0));
        assert_eq!(
            (found[0].before.as_str(), found[0].after.as_str()),
            ("", "")
        );
    }

    fn sample(at_s: f64, holders: &[&str]) -> Sample {
        Sample {
            at_s,
            function: Function::Web,
            holders: holders.iter().map(|&h| h.to_owned()).collect(),
        }
    }

    #[test]
    fn two_holders_are_a_conflict_until_one_is_left() {
        let samples = [
            sample(1.0, &["web"]),
            sample(2.0, &["mail", "web"]),
            sample(2.5, &["ftp", "mail", "web"]),
            sample(3.0, &["mail"]),
            sample(4.0, &["mail", "web"]),
            sample(6.0, &["mail", "web"]),
        ];
        let found = conflicts(Function::Web, &samples);
        let times: Vec<_> = found.iter().map(|c| (c.begin_s, c.length_s)).collect();
        assert_eq!(times, [(2.0, 1.0), (4.0, 2.0)]);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    proptest! {
        #[test]
        fn outages_are_as_long_as_the_failures_say(oks in prop::collection::vec(any::<bool>(), 0..40)) {
            let accesses: Vec<_> = (0u8..).zip(&oks)
                .map(|(at, &ok)| access(f64::from(at), ok.then_some("web")))
                .collect();
            let total: f64 = outages(Function::Web, &accesses).iter().map(|o| o.length_s).sum();
            // Each failed access a second apart stands for a second, but for one at the end.
            let failed = oks.iter().filter(|&&ok| !ok).count();
            let open = usize::from(oks.last() == Some(&false));
            prop_assert!((total - (failed - open) as f64).abs() < 1e-9);
        }
    }
}
