//! Findings for people: the line, a caret under the place, and the fix.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use pullgate::display::{is_control, reorders};
use pullgate::{Finding, Severity};

use crate::input::Source;
use crate::lines::{Lines, Position};
use crate::policy_source::Located;
use crate::redact;

/// The longest line that is shown whole, and how much of a longer one is shown before and after the beginning of the
/// place; all in bytes. The renderer has room for it, so that it cuts nothing itself.
const WHOLE: usize = 120;
const BEFORE: usize = 40;
const AFTER: usize = 70;
const CUT: &str = "...";

/// Renders findings: a block for each, with an empty line after it.
pub fn render(sources: &[Source], findings: &[Located]) -> Vec<String> {
    let views: Vec<View<'_>> =
        sources.iter().enumerate().map(|(index, source)| View::new(source, index, findings)).collect();
    let renderer = Renderer::styled();
    let block = |located: &Located| {
        let place = located.place.as_ref().map(|place| (&views[place.source], &place.bytes));
        [block(&renderer, &located.finding, place), String::new()]
    };
    findings.iter().flat_map(block).collect()
}

/// How many findings of each weight: `2 errors, 1 warning`. Empty if there are none.
pub fn count(findings: impl Iterator<Item = Severity> + Clone) -> String {
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

/// A source, ready to show lines of.
struct View<'s> {
    source: &'s Source,
    lines: Lines<'s>,
    /// What must not be seen: in order, and none overlaps another.
    secrets: Vec<Range<usize>>,
}

impl<'s> View<'s> {
    fn new(source: &'s Source, index: usize, findings: &[Located]) -> Self {
        let text = &source.text;
        let mut secrets = if source.is_file { redact::suspects(text) } else { redact::suspect(text) };
        secrets.extend(findings.iter().filter_map(|located| match &located.place {
            Some(place) if place.source == index => redact::secret(&located.finding, text, &place.bytes),
            _ => None,
        }));
        Self { source, lines: Lines::new(&source.text), secrets: disjoint(secrets) }
    }

    /// The part of a line to show for a place.
    fn excerpt(&self, place: &Range<usize>) -> Excerpt {
        let text = &self.source.text;
        let line = self.lines.line_at(place.start);
        let (start, end) = if line.len() <= WHOLE {
            (line.start, line.end)
        } else {
            let start = text.floor_char_boundary(place.start.saturating_sub(BEFORE)).clamp(line.start, line.end);
            (start, text.ceil_char_boundary(place.start.saturating_add(AFTER).min(text.len())).clamp(start, line.end))
        };
        let first = self.secrets.partition_point(|secret| secret.end <= start);
        let last = self.secrets.partition_point(|secret| secret.start < end).max(first);
        let before = if start > line.start { CUT } else { "" };
        let after = if end < line.end { CUT } else { "" };
        let masked = redact::masked(text, start..end, &self.secrets[first..last]);
        let shown = without_controls(&masked);
        let inside = |at: usize| {
            let until = masked.floor_char_boundary(at.clamp(start, end) - start);
            before.len() + without_controls(&masked[..until]).len()
        };
        Excerpt {
            text: format!("{before}{shown}{after}"),
            place: inside(place.start)..inside(place.end),
            is_cut: start > line.start,
        }
    }
}

struct Excerpt {
    text: String,
    /// The place, in the text of the excerpt.
    place: Range<usize>,
    /// Whether the line begins before the excerpt does.
    is_cut: bool,
}

/// The renderer replaces most characters that do something to a terminal, in one column each; the others here.
fn without_controls(text: &str) -> String {
    let is_left = |character: char| matches!(character, '\u{80}'..='\u{9f}') || reorders(character);
    text.replace(is_left, "\u{fffd}")
}

/// The ranges in order, overlapping ones as one.
fn disjoint(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
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

fn block(renderer: &Renderer, finding: &Finding, place: Option<(&View<'_>, &Range<usize>)>) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut groups = Vec::new();
    let mut group = Group::with_title(level.clone().primary_title(finding.message.as_str()).id(finding.code.as_str()));
    match place {
        Some((view, place)) => {
            let Position { line, column } = view.lines.position(place.start);
            let name = visible(&view.source.name);
            let Excerpt { text, place, is_cut } = view.excerpt(place);
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
                group = group.element(Level::NOTE.message(format!("at {}", visible(path))));
            }
        }
    }
    if let Some(fix) = &finding.fix {
        let help = match fix.split(", ").collect::<Vec<_>>()[..] {
            [""] => "leave it out".to_owned(),
            [one] => format!("write `{one}` in its place"),
            ref many => format!("write these in its place, each by itself: `{}`", many.join("`, `")),
        };
        group = group.element(Level::HELP.message(help));
    }
    groups.push(group);
    renderer.render(&groups)
}

/// A text from elsewhere for a person's terminal: control characters and those that reorder text are written out.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
