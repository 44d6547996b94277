//! Human-readable findings: the source line, a caret under the span, and the fix.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use pullgate::display::{escape_for_terminal, is_unsafe_for_display};
use pullgate::{Code, Finding, Severity};

use crate::input::InputText;
use crate::lines::{LineColumn, LineIndex};
use crate::member_values::suspected_member_values;
use crate::policy_source::LocatedFinding;
use crate::redact;

/// The longest line printed whole, and the excerpt of a longer line before and after the start of the span, in bytes.
/// All fit the renderer, which therefore cuts nothing.
const MAX_WHOLE_LINE_BYTES: usize = 120;
const BYTES_BEFORE_SPAN: usize = 40;
const BYTES_AFTER_SPAN: usize = 70;
const ELLIPSIS: &str = "...";

/// Renders findings, one block each, with an empty line after it.
pub fn render(sources: &[InputText], findings: &[LocatedFinding]) -> Vec<String> {
    let views: Vec<SourceView<'_>> =
        sources.iter().enumerate().map(|(index, source)| SourceView::new(source, index, findings)).collect();
    let renderer = Renderer::styled();
    let block = |located: &LocatedFinding| {
        let place = located.span.as_ref().map(|place| (&views[place.source], &place.bytes));
        [render_finding(&renderer, &located.finding, place), String::new()]
    };
    findings.iter().flat_map(block).collect()
}

/// Counts findings by severity: `2 errors, 1 warning`. Empty if there are none.
pub fn severity_counts(findings: impl Iterator<Item = Severity> + Clone) -> String {
    let of = |weight| findings.clone().filter(|severity| *severity == weight).count();
    let number = |count: usize, one: &str, many: &str| {
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let parts = [
        number(of(Severity::Error), "error", "errors"),
        number(of(Severity::Warning), "warning", "warnings"),
        number(of(Severity::Info), "info", "info"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A source prepared for excerpts.
struct SourceView<'s> {
    source: &'s InputText,
    lines: LineIndex<'s>,
    /// The ranges to redact, ordered and disjoint.
    secrets: Vec<Range<usize>>,
}

impl<'s> SourceView<'s> {
    fn new(source: &'s InputText, index: usize, findings: &[LocatedFinding]) -> Self {
        let text = &source.text;
        let mut secrets =
            if source.is_file { redact::suspected_secrets(text) } else { redact::suspected_secrets_in_entry(text) };
        secrets.extend(findings.iter().filter_map(|located| match &located.span {
            Some(place) if place.source == index => redact::secret_range(&located.finding, text, &place.bytes),
            _ => None,
        }));
        if findings.iter().any(|located| is_about_no_policy(located, index)) {
            secrets.extend(suspected_member_values(text));
        }
        Self { source, lines: LineIndex::new(&source.text), secrets: merge_overlapping(secrets) }
    }

    /// Returns the excerpt of the line that contains a span.
    fn excerpt(&self, place: &Range<usize>) -> LineExcerpt {
        let text = &self.source.text;
        let line = self.lines.line_at(place.start);
        let (start, end) = if line.len() <= MAX_WHOLE_LINE_BYTES {
            (line.start, line.end)
        } else {
            let start =
                text.floor_char_boundary(place.start.saturating_sub(BYTES_BEFORE_SPAN)).clamp(line.start, line.end);
            (
                start,
                text.ceil_char_boundary(place.start.saturating_add(BYTES_AFTER_SPAN).min(text.len()))
                    .clamp(start, line.end),
            )
        };
        let first = self.secrets.partition_point(|secret| secret.end <= start);
        let last = self.secrets.partition_point(|secret| secret.start < end).max(first);
        let before = if start > line.start { ELLIPSIS } else { "" };
        let after = if end < line.end { ELLIPSIS } else { "" };
        let masked = redact::redact(text, start..end, &self.secrets[first..last]);
        let shown = replace_controls(&masked);
        let inside = |at: usize| {
            let until = masked.floor_char_boundary(at.clamp(start, end) - start);
            before.len() + replace_controls(&masked[..until]).len()
        };
        LineExcerpt {
            text: format!("{before}{shown}{after}"),
            span: inside(place.start)..inside(place.end),
            is_cut: start > line.start,
        }
    }
}

/// Returns whether a finding says that a source is no document of ours, so that none is about its members.
fn is_about_no_policy(located: &LocatedFinding, source: usize) -> bool {
    matches!(located.finding.code, Code::JsonSyntax | Code::TomlSyntax | Code::DocumentForeign)
        && located.span.as_ref().is_some_and(|span| span.source == source)
}

struct LineExcerpt {
    text: String,
    /// The span in the text of the excerpt.
    span: Range<usize>,
    /// True if the excerpt omits the start of the line.
    is_cut: bool,
}

/// Replaces the characters that are unsafe for display and that the renderer leaves; it replaces the others by one column
/// each.
fn replace_controls(text: &str) -> String {
    let is_left = |character: char| !character.is_ascii() && is_unsafe_for_display(character);
    text.replace(is_left, "\u{fffd}")
}

/// Returns the ranges in order, with overlapping ones merged.
fn merge_overlapping(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

fn render_finding(renderer: &Renderer, finding: &Finding, place: Option<(&SourceView<'_>, &Range<usize>)>) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut groups = Vec::new();
    let message = escape_for_terminal(&finding.message);
    let mut group = Group::with_title(level.clone().primary_title(message).id(finding.code.as_str()));
    match place {
        Some((view, place)) => {
            let LineColumn { line, column } = view.lines.position(place.start);
            let name = escape_for_terminal(&view.source.name);
            let LineExcerpt { text, span: place, is_cut } = view.excerpt(place);
            let mut snippet = Snippet::source(text).line_start(line).line_numbering(view.source.is_file);
            if is_cut {
                // The renderer would count columns in the excerpt.
                groups.push(group.element(Origin::path(name).line(line).char_column(column)));
                group = Group::with_level(level);
            } else {
                snippet = snippet.path(name);
            }
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(place)));
        }
        None => {
            if let Some(path) = finding.path.as_deref().filter(|path| !path.is_empty()) {
                group = group.element(Level::NOTE.message(format!("at {}", escape_for_terminal(path))));
            }
        }
    }
    // A PEM has several lines, which the renderer would indent.
    let lines = finding.fix.as_deref().filter(|fix| fix.contains('\n'));
    if lines.is_some() {
        group = group.element(Level::HELP.message("write this in its place:"));
    } else if let Some(fix) = &finding.fix {
        let help = match fix.split(", ").collect::<Vec<_>>()[..] {
            [""] => "leave it out".to_owned(),
            [one] => format!("write `{one}` in its place"),
            ref many => format!("write these in its place, each by itself: `{}`", many.join("`, `")),
        };
        group = group.element(Level::HELP.message(help));
    }
    groups.push(group);
    let rendered = renderer.render(&groups);
    match lines {
        Some(lines) => format!("{rendered}\n{}", lines.trim()),
        None => rendered,
    }
}
