//! The promises about speed and memory, held against the results of the benchmarks, for `SPECIFICATION.md`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bench::GroupResult;
use crate::markdown;

/// A promise about one group of measurements.
struct Promise {
    text: &'static str,
    group: &'static str,
    limit: Limit,
    /// Returns the measured value that keeps the promise least.
    measured: fn(&GroupResult) -> Option<f64>,
}

/// The limit of a measured value.
#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn is_kept(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most}"),
            Self::AtLeast(least) => format!("at least {least}"),
        }
    }
}

const PROMISES: [Promise; 16] = [
    Promise {
        text: "a native decision with the most entries, in times of one with 4",
        group: "decisions",
        limit: Limit::AtMost(1.3),
        measured: |result| most(result, "native, of 4 entries", |_| true),
    },
    Promise {
        text: "an allowed decision through wasmtime, in times of a native one, at 4 entries",
        group: "decisions",
        limit: Limit::AtMost(7.2),
        measured: |result| most(result, "wasmtime of native", |row| is_case(row, "allow-", 4)),
    },
    Promise {
        text: "a denied one",
        group: "decisions",
        limit: Limit::AtMost(8.8),
        measured: |result| most(result, "wasmtime of native", |row| is_case(row, "deny-", 4)),
    },
    Promise {
        text: "an allowed one of `decide-many`",
        group: "decisions",
        limit: Limit::AtMost(4.6),
        measured: |result| most(result, "`decide-many` of native", |row| is_case(row, "allow-", 4)),
    },
    Promise {
        text: "Cedar's time in times of pullgate's through wasmtime, at 4 entries",
        group: "engines",
        limit: Limit::AtLeast(3.6),
        measured: |result| least(result, OF_WASMTIME, |row| is_case(row, "cedar-policy", 4)),
    },
    Promise {
        text: "the same at 1,000 entries, with a policy an entry",
        group: "engines",
        limit: Limit::AtLeast(700.0),
        measured: |result| least(result, OF_WASMTIME, |row| is_case(row, "cedar-policy, a policy", 1_000)),
    },
    Promise {
        text: "Cedar's time in times of pullgate's natively, at 4 entries",
        group: "engines",
        limit: Limit::AtLeast(25.0),
        measured: |result| {
            let cedar = least(result, OF_WASMTIME, |row| is_case(row, "cedar-policy", 4))?;
            Some(cedar / least(result, OF_WASMTIME, |row| is_case(row, "pullgate, native", 4))?)
        },
    },
    Promise {
        text: "regorus' time in times of pullgate's through wasmtime, at 4 entries",
        group: "engines",
        limit: Limit::AtLeast(4.7),
        measured: |result| least(result, OF_WASMTIME, |row| is_case(row, "regorus", 4)),
    },
    Promise {
        text: "loading in the module, in times of native loading, from 1,000 entries on",
        group: "loading",
        limit: Limit::AtMost(2.2),
        measured: |result| most(result, "of native", |row| row[0].as_u64() >= Some(1_000)),
    },
    Promise {
        text: "memory of an instance in the module, with the text for further ones, in bytes an entry",
        group: "loading",
        limit: Limit::AtMost(250.0),
        measured: |result| most(result, "bytes an entry and instance", |_| true),
    },
    Promise {
        text: "a decision by the command line with 999,000 entries, in seconds",
        group: "command-line",
        limit: Limit::AtMost(3.0),
        measured: |result| most(result, "s", |row| row[1] == json!(999_000)),
    },
    Promise {
        text: "its memory in bytes an entry, from JSON",
        group: "command-line",
        limit: Limit::AtMost(250.0),
        measured: |result| most(result, "bytes an entry", |row| row[0] == "JSON"),
    },
    Promise {
        text: "start of the daemon with 4 entries until it is ready, in ms",
        group: "start",
        limit: Limit::AtMost(10.0),
        measured: |result| most(result, "ready after, ms", |row| row[0] == json!(4)),
    },
    Promise {
        text: "one entry checked in Node.js, in times of `validator`, for the kind that takes most",
        group: "entries",
        limit: Limit::AtMost(2.0),
        measured: |result| most(result, "pullgate of validator", |_| true),
    },
    Promise {
        text: "`@peculiar/x509`'s time for Mozilla's bundle, in times of pullgate's",
        group: "certificates",
        limit: Limit::AtLeast(8.0),
        measured: |result| least(result, "of pullgate", |row| row[0] == "@peculiar/x509"),
    },
    Promise {
        text: "pkijs' time for it",
        group: "certificates",
        limit: Limit::AtLeast(8.0),
        measured: |result| least(result, "of pullgate", |row| row[0] == "pkijs"),
    },
];

const OF_WASMTIME: &str = "of wasmtime, geometric mean";

/// Returns the table of the promises, with what was measured last.
///
/// # Errors
///
/// If the results of a group lack what a promise is about.
pub fn table(results: &BTreeMap<String, GroupResult>) -> Result<String> {
    let columns = ["promise", "limit", "measured", "kept", "on", "group"].map(str::to_owned);
    let rows = PROMISES.iter().map(|promise| row(promise, results.get(promise.group))).collect::<Result<Vec<_>>>()?;
    Ok(markdown::table(&columns, &rows))
}

fn row(promise: &Promise, result: Option<&GroupResult>) -> Result<Vec<Value>> {
    let Promise { text, group, limit, measured } = promise;
    let (value, kept, date) = match result {
        Some(result) => {
            let value = measured(result).with_context(|| format!("the group `{group}` says nothing about: {text}"))?;
            let kept = if limit.is_kept(value) { "yes" } else { "**no**" };
            (Some(value), kept, result.machine.date.as_str())
        }
        None => (None, "not measured", ""),
    };
    Ok(vec![json!(text), json!(limit.text()), json!(value), json!(kept), json!(date), json!(format!("`{group}`"))])
}

/// Returns whether a row is about a case whose name begins so, with this number of entries.
fn is_case(row: &[Value], name: &str, entries: u64) -> bool {
    row[0].as_str().is_some_and(|text| text.starts_with(name)) && row[1] == json!(entries)
}

fn most(result: &GroupResult, column: &str, wanted: fn(&[Value]) -> bool) -> Option<f64> {
    values(result, column, wanted)?.into_iter().reduce(f64::max)
}

fn least(result: &GroupResult, column: &str, wanted: fn(&[Value]) -> bool) -> Option<f64> {
    values(result, column, wanted)?.into_iter().reduce(f64::min)
}

fn values(result: &GroupResult, column: &str, wanted: fn(&[Value]) -> bool) -> Option<Vec<f64>> {
    let index = result.columns.iter().position(|name| name == column)?;
    let rows = result.rows.iter().filter(|row| wanted(row));
    Some(rows.filter_map(|row| row.get(index)?.as_f64()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    fn result(columns: &[&str], rows: Value) -> GroupResult {
        GroupResult {
            machine: Machine::read().unwrap(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: serde_json::from_value(rows).unwrap(),
        }
    }

    #[test]
    fn value_that_keeps_a_promise_least_counts() {
        let columns = ["engine", "entries", OF_WASMTIME];
        let rows = json!([
            ["pullgate, native", 4, 0.2],
            ["cedar-policy, a policy an entry", 4, 4.0],
            ["cedar-policy, hosts in a group", 4, 3.0],
            ["cedar-policy, a policy an entry", 1_000, 800.0],
            ["regorus", 4, 4.7]
        ]);
        let results = BTreeMap::from([("engines".to_owned(), result(&columns, rows))]);
        let table = table(&results).unwrap();
        let line = |text: &str| table.lines().find(|line| line.starts_with(&format!("| {text}"))).unwrap().to_owned();
        assert!(
            line("Cedar's time in times of pullgate's through").contains("| at least 3.6 | 3.00 | **no** |"),
            "{table}"
        );
        assert!(line("the same at 1,000 entries").contains("| 800 | yes |"), "{table}");
        assert!(line("Cedar's time in times of pullgate's natively").contains("| 15.0 | **no** |"), "{table}");
        assert!(line("regorus").contains("| at least 4.7 | 4.70 | yes |"), "{table}");
        assert!(line("pkijs").contains("| at least 8 | | not measured |"), "{table}");
    }

    #[test]
    fn result_without_the_promised_is_an_error() {
        let results =
            BTreeMap::from([("start".to_owned(), result(&["entries", "ready after, ms"], json!([[5, 5.0]])))]);
        let error = table(&results).unwrap_err().to_string();
        assert!(error.starts_with("the group `start` says nothing about: start of the daemon"), "{error}");
    }
}
