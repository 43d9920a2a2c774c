//! How each published time moves when one parameter moves and all others stay.

use tetrarch_core::Span;

use crate::parameters::{Parameter, ParameterError, Parameters, TABLE, Value};
use crate::reproduce::{ReproduceError, Simulated, Table, simulate};
use crate::scenario::{Metric, Trouble};
use crate::units::{BitsPerSecond, Bytes, Megabytes, Ratio};

/// A time that the paper publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its table: Fig. 6 or Fig. 7.
    pub table: Table,
    /// The trouble; in Fig. 7 both servers have the same.
    pub trouble: Trouble,
    /// The server that the time is about.
    pub server: String,
    /// Which time.
    pub metric: Metric,
}

/// What one change of one parameter does to one published time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The time becomes longer by this many nanoseconds, or shorter when the number is negative.
    Moved(i64),
    /// What the time measures no longer happens.
    Gone,
    /// No system can have the changed value, so nothing was simulated.
    Refused(ParameterError),
}

/// One parameter and one published time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The parameter's key.
    pub parameter: &'static str,
    /// The published time.
    pub cell: Cell,
    /// The simulated time with the parameters of the paper's system.
    pub nominal: Span,
    /// What happens when the parameter is smaller.
    pub down: Change,
    /// What happens when the parameter is larger.
    pub up: Change,
}

/// Moves each parameter of [`TABLE`] down and up by `percent` of its value in the paper's system,
/// one at a time, and tells what becomes of each published time: 11 of Fig. 6 and 12 of Fig. 7.
///
/// The rows come in the order of the parameters and, for each, of the times. A value stays a whole
/// number of its smallest unit, rounded down; one that would be negative is zero.
///
/// # Errors
///
/// When the experiments cannot be run at all.
pub fn sensitivity(percent: u32) -> Result<Vec<Row>, ReproduceError> {
    let paper = Parameters::paper();
    let cells = published(&paper)?;
    let mut rows = Vec::with_capacity(TABLE.len() * cells.len());
    for parameter in TABLE {
        let less = 100_u32.saturating_sub(percent);
        let more = 100_u32.saturating_add(percent);
        let downs = changes(parameter, less, &cells)?;
        let ups = changes(parameter, more, &cells)?;
        for (((cell, nominal), down), up) in cells.iter().zip(downs).zip(ups) {
            rows.push(Row {
                parameter: parameter.key,
                cell: cell.clone(),
                nominal: *nominal,
                down,
                up,
            });
        }
    }
    Ok(rows)
}

/// The changes of all `cells`, in their order, with `parameter` at `percent` of the paper's value.
fn changes(
    parameter: &Parameter,
    percent: u32,
    cells: &[(Cell, Span)],
) -> Result<Vec<Change>, ReproduceError> {
    let mut parameters = Parameters::paper();
    let value = scaled(parameter.paper(), percent);
    let set = parameter.set(&mut parameters, value);
    if let Err(refused) = set.and_then(|()| parameters.validate()) {
        return Ok(vec![Change::Refused(refused); cells.len()]);
    }
    let moved = published(&parameters)?;
    let change = |(cell, nominal): &(Cell, Span)| {
        let found = moved.iter().find(|(other, _)| other == cell);
        found.map_or(Change::Gone, |(_, span)| {
            Change::Moved(signed(*span) - signed(*nominal))
        })
    };
    Ok(cells.iter().map(change).collect())
}

/// Times are far below the 292 years that this can hold; a run lasts a year and a day at most.
fn signed(span: Span) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// The times that the paper publishes: all that Fig. 6 has, and of Fig. 7 the function and target
/// times of the pairs of one trouble.
fn published(parameters: &Parameters) -> Result<Vec<(Cell, Span)>, ReproduceError> {
    let mut cells = Vec::new();
    for table in [Table::Fig6, Table::Fig7] {
        let simulated = simulate(table, parameters)?;
        cells.extend(simulated.into_iter().filter_map(published_cell));
    }
    Ok(cells)
}

fn published_cell(simulated: Simulated) -> Option<(Cell, Span)> {
    let span = simulated.span?;
    let trouble = match (simulated.table, simulated.troubles.as_slice()) {
        (Table::Fig6, [(_, trouble)]) => *trouble,
        (Table::Fig7, [(_, first), (_, second)])
            if first == second && simulated.metric != Metric::Disconnection =>
        {
            *first
        }
        _ => return None,
    };
    let cell = Cell {
        table: simulated.table,
        trouble,
        server: simulated.server,
        metric: simulated.metric,
    };
    Some((cell, span))
}

/// `percent` of `value`. What is too large for its unit becomes the largest value, which no
/// parameter may have.
fn scaled(value: Value, percent: u32) -> Value {
    let amount = u128::from(value.amount()) * u128::from(percent) / 100;
    let amount = u64::try_from(amount).unwrap_or(u64::MAX);
    match value {
        Value::Duration(_) => Value::Duration(Span::from_nanos(amount)),
        Value::Memory(_) => Value::Memory(Megabytes(amount)),
        Value::Rate(_) => Value::Rate(BitsPerSecond(amount)),
        Value::Data(_) => Value::Data(Bytes(amount)),
        Value::Ratio(_) => Value::Ratio(Ratio::from_ppm(u32::try_from(amount).unwrap_or(u32::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(rows: &'a [Row], parameter: &str, trouble: Trouble, metric: Metric) -> &'a Row {
        rows.iter()
            .find(|row| {
                let cell = &row.cell;
                let wanted = (cell.table, cell.trouble, cell.metric);
                row.parameter == parameter && wanted == (Table::Fig6, trouble, metric)
            })
            .unwrap()
    }

    #[test]
    fn every_parameter_is_paired_with_the_23_published_times() {
        let rows = sensitivity(10).unwrap();
        assert_eq!(rows.len(), TABLE.len() * 23);
        for (parameter, rows) in TABLE.iter().zip(rows.chunks(23)) {
            let in_table = |table| rows.iter().filter(|row| row.cell.table == table).count();
            assert!(rows.iter().all(|row| row.parameter == parameter.key));
            assert_eq!((in_table(Table::Fig6), in_table(Table::Fig7)), (11, 12));
        }
        // The judgement time is 105 s; only the server that is shut down is waited for that long.
        let judged = find(&rows, "judgement_max", Trouble::N2t, Metric::Target);
        assert_eq!(judged.down, Change::Moved(-10_500_000_000));
        assert_eq!(judged.up, Change::Moved(10_500_000_000));
        let restarted = find(&rows, "judgement_max", Trouble::N1t, Metric::Target);
        assert_eq!(restarted.up, Change::Moved(0));
        assert_eq!(sensitivity(10).unwrap(), rows);
    }

    #[test]
    fn impossible_values_are_named_and_times_that_vanish_are_told() {
        let rows = sensitivity(60).unwrap();
        // 0.8 s would be less than the normal examination's 1.0 s.
        let row = find(
            &rows,
            "network_examination_abnormal",
            Trouble::N1t,
            Metric::Function,
        );
        assert!(
            matches!(&row.down, Change::Refused(error) if error.keys().any(|key| key == row.parameter))
        );
        assert_eq!(row.up, Change::Moved(1_200_000_000));
        // 3276 MB less the 2048 MB of the host itself: no virtual server has room any more.
        let row = find(&rows, "host_memory", Trouble::N1t, Metric::Function);
        assert_eq!(row.down, Change::Gone);
    }

    #[test]
    fn a_change_by_everything_refuses_what_may_not_be_zero() {
        let zero = scaled(Value::Ratio(Ratio::WHOLE), 0);
        assert_eq!(zero, Value::Ratio(Ratio::NONE));
        let huge = scaled(Value::Memory(Megabytes(u64::MAX)), u32::MAX);
        assert_eq!(huge, Value::Memory(Megabytes(u64::MAX)));
        let cells = published(&Parameters::paper()).unwrap();
        for key in ["inter_monitoring", "sync_grace", "join_wait", "client_rate"] {
            let found = changes(Parameter::find(key).unwrap(), 0, &cells).unwrap();
            assert!(
                found
                    .iter()
                    .all(|change| matches!(change, Change::Refused(_))),
                "{key}"
            );
        }
    }
}
