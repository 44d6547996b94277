//! Human-readable rendering of replays.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use pullgate::{Attempt, DenialReason, LookupKind, ReferenceKind, Scheme};
use pullgate_replay::{
    ChangedRegistry, ExampleRequest, Outcome, ReplayChange, ReplayReport, ReplayVerdict, SkipReason,
};

use crate::error::CliError;
use crate::output::{
    BAD_STYLE, GOOD_STYLE, INFO_STYLE, OutputWriter, WARNING_STYLE, eprint_styled, escape_for_terminal, styled,
};

/// Maximum number of registries that are shown for one kind of difference.
const MAX_ROWS: usize = 40;

/// Maximum number of users that are shown in a row.
const MAX_USERS: usize = 3;

/// Prints a report: a table for each kind of difference, what was not replayed, and the verdict.
pub fn print_report(report: &ReplayReport, output: &mut OutputWriter) -> Result<(), CliError> {
    for changes in report.changes.chunk_by(|one, other| one.change == other.change) {
        let Some(first) = changes.first() else { continue };
        let (records, registries) = (changes.iter().map(|row| row.records).sum(), changes.len());
        let registries = format!("{registries} {}", if registries == 1 { "registry" } else { "registries" });
        output.line(format!("{}: {} of {registries}", change_title(first.change), records_of(records)))?;
        output.line(table(changes))?;
        if changes.len() > MAX_ROWS {
            output.line(format!("and {} more registries: `--json` has all", changes.len() - MAX_ROWS))?;
        }
        output.line("")?;
    }
    let period = match (&report.first, &report.last) {
        (Some(first), Some(last)) => format!(" from {} to {} UTC", minute(first), minute(last)),
        _ => String::new(),
    };
    output.line(format!(
        "{} of {} distinct requests{period}; {} decided as before",
        records_of(report.records),
        with_separators(report.requests),
        with_separators(report.unchanged),
    ))?;
    for note in notes(report) {
        output.line(note)?;
    }
    output.line(match report.verdict {
        ReplayVerdict::Same => {
            format!("{}: every request on record is decided as before", styled(GOOD_STYLE, "same decisions"))
        }
        ReplayVerdict::NotWider => {
            format!("{}: nothing is newly allowed, and nothing is reached less safely", styled(GOOD_STYLE, "not wider"))
        }
        ReplayVerdict::Wider => format!(
            "{}: look at what is newly allowed, less safe or undecided before you apply it",
            styled(BAD_STYLE, "wider")
        ),
    })
}

/// Prints the lines that are no records to standard error.
pub fn warn_skipped_lines(report: &ReplayReport) {
    for skipped in &report.skipped {
        let number = with_separators(skipped.lines);
        let what = match (skipped.reason, skipped.lines) {
            (SkipReason::NoRecord, 1) => "line is no record",
            (SkipReason::NoRecord, _) => "lines are no records",
            (SkipReason::CutOff, 1) => "input is cut off",
            (SkipReason::CutOff, _) => "inputs are cut off",
            (SkipReason::LongLine, 1) => "line is too long for a record",
            (SkipReason::LongLine, _) => "lines are too long for records",
        };
        let first = if skipped.lines == 1 { "it is" } else { "the first is" };
        eprint_styled(format!(
            "{}: {number} {what}: {first} line {} of `{}`",
            styled(WARNING_STYLE, "warning"),
            with_separators(skipped.line),
            escape_for_terminal(&skipped.input),
        ));
    }
}

/// Formats a number with a comma before each three digits.
pub fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn records_of(number: u64) -> String {
    format!("{} {}", with_separators(number), if number == 1 { "record" } else { "records" })
}

fn notes(report: &ReplayReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.without_transport > 0 {
        notes.push(format!(
            "{} of these do not say how the registry was reached, so that this is not compared",
            with_separators(report.without_transport)
        ));
    }
    if !report.overrides.is_empty() {
        let total = report.overrides.iter().map(|setting| setting.records).sum();
        let each = report.overrides.iter().map(|setting| {
            let reason = if setting.reason.is_empty() { "no reason" } else { &setting.reason };
            format!("{} {}", escape_for_terminal(reason), with_separators(setting.records))
        });
        let each = each.collect::<Vec<_>>().join(", ");
        notes.push(format!("{} of decisions without a policy are not replayed: {each}", records_of(total)));
    }
    if report.excluded > 0 {
        notes.push(format!("{} of questions that admit nothing are left out", records_of(report.excluded)));
    }
    if report.omitted > 0 {
        notes.push(format!("{} questions over the API are not on record", with_separators(report.omitted)));
    }
    notes
}

fn change_title(change: ReplayChange) -> String {
    match change {
        ReplayChange::NewlyDenied => styled(INFO_STYLE, "now denied, and allowed on record"),
        ReplayChange::NewlyAllowed => styled(BAD_STYLE, "now allowed, and denied on record"),
        ReplayChange::ReachedOtherwise => styled(WARNING_STYLE, "reached otherwise"),
        ReplayChange::Undecided => {
            styled(WARNING_STYLE, "undecided, since it depends on DNS and the answers are not on record")
        }
    }
}

fn table(changes: &[ChangedRegistry]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["RECORDS", "REGISTRY", "FIRST", "LAST", "ASKED BY", "SUCH AS", "ON RECORD", "NOW"]);
    if let Some(records) = table.column_mut(0) {
        records.set_cell_alignment(CellAlignment::Right);
    }
    for row in changes.iter().take(MAX_ROWS) {
        let example = row.examples.first();
        let outcome = |of: fn(&ExampleRequest) -> &Outcome| {
            example.map(|example| outcome_text(row.change, of(example))).unwrap_or_default()
        };
        let mut now = outcome(|example| &example.after);
        if row.less_safe {
            now.push_str(", less safe");
        }
        table.add_row([
            with_separators(row.records),
            row.registry.as_deref().map_or_else(|| "none".to_owned(), escape_for_terminal),
            minute(&row.first),
            minute(&row.last),
            askers(row),
            example.map(|example| example_text(example, row.references)).unwrap_or_default(),
            outcome(|example| &example.before),
            now,
        ]);
    }
    // A terminal that does not report its width reports 0.
    if table.width() == Some(0) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.trim_fmt()
}

/// Formats the users and projects of a row: `alice, bob and more (project team)`.
fn askers(row: &ChangedRegistry) -> String {
    let list = |names: &[String], has_more: bool| {
        let shown: Vec<String> = names.iter().take(MAX_USERS).map(|name| escape_for_terminal(name)).collect();
        let more = if has_more || names.len() > MAX_USERS { " and more" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    let users = list(&row.users, row.more_users);
    match row.projects.len() {
        0 => users,
        1 => format!("{users} (project {})", list(&row.projects, row.more_projects)),
        _ => format!("{users} (projects {})", list(&row.projects, row.more_projects)),
    }
}

fn example_text(example: &ExampleRequest, references: u64) -> String {
    let reference = escape_for_terminal(&example.reference);
    let shown = match example.kind {
        ReferenceKind::Image => reference,
        ReferenceKind::Registry => format!("a login to {reference}"),
    };
    match references {
        0 | 1 => shown,
        references => format!("{shown} and {} more", with_separators(references - 1)),
    }
}

/// Formats an outcome: the reason with its entry; if both outcomes are permissions, the way to the registry.
fn outcome_text(change: ReplayChange, outcome: &Outcome) -> String {
    let entry = outcome.entry.as_deref().map(escape_for_terminal);
    match (outcome.decision, &outcome.transport) {
        ("allow", Some(transport)) if change == ReplayChange::ReachedOtherwise => {
            let attempts: Vec<String> = transport.attempts.iter().map(attempt_text).collect();
            let authorities = match transport.authority_count {
                0 => String::new(),
                1 => ", 1 authority".to_owned(),
                count => format!(", {count} authorities"),
            };
            format!("{}{authorities}", attempts.join(", then "))
        }
        ("allow", _) => entry.map_or_else(|| "allowed by no entry".to_owned(), |entry| format!("allowed by `{entry}`")),
        ("lookup", _) => {
            let queries = outcome.queries.iter().map(|query| match query.kind {
                LookupKind::Reverse => format!("the names of {}", escape_for_terminal(&query.subject)),
                LookupKind::Forward => format!("the addresses of {}", escape_for_terminal(&query.subject)),
            });
            format!("needs {}", queries.collect::<Vec<_>>().join(", "))
        }
        _ if outcome.reason == DenialReason::Blocked.as_str() => match entry {
            Some(entry) => format!("blocked by `{entry}`"),
            None => outcome.reason.clone(),
        },
        _ => {
            let nearest = entry.map(|entry| format!(", nearest `{entry}`")).unwrap_or_default();
            format!("{}{nearest}", escape_for_terminal(&outcome.reason))
        }
    }
}

fn attempt_text(attempt: &Attempt<'_>) -> String {
    let port = attempt.port;
    match attempt.scheme {
        Scheme::Https if attempt.verified => format!("verified HTTPS on {port}"),
        Scheme::Https => format!("unverified HTTPS on {port}"),
        Scheme::Http => format!("plain HTTP on {port}"),
    }
}

/// Shortens a time of RFC 3339 to its minute: `2026-10-01 08:30`.
fn minute(time: &str) -> String {
    let minute = time.split_at_checked("2026-10-01T08:30".len()).map_or(time, |(minute, _)| minute);
    escape_for_terminal(&minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_has_a_comma_before_each_three_digits() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(with_separators(number), text);
        }
    }
}
