//! Patterns of host names (rules E15 and M7): stars inside labels, and a fixed number of labels.

use std::fmt;

use crate::finding::RawFinding;
use crate::finding::code::Code;
use crate::host::dns_name::{self, MAX_LABEL_BYTES, MAX_NAME_BYTES};

/// A pattern of host names in canonical form: A-labels in lower case, and stars. `*` is any one label; a star inside a
/// longer label is any characters of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NamePattern(Box<str>);

/// The number of labels at the end of a pattern that have no star.
const LITERAL_LABELS: usize = 2;

impl NamePattern {
    /// Parses a host with a star elsewhere than in one leading `*.`; `None` comes with an error. Offsets of findings are
    /// into `whole`, of which `text` must be a slice. The caller has checked [`is_pattern_like`].
    pub fn parse(whole: &str, text: &str, findings: &mut Vec<RawFinding>) -> Option<Self> {
        let relative = text.strip_suffix('.').unwrap_or(text);
        let mut canonical = String::with_capacity(relative.len());
        let mut minimal: usize = 0;
        for label in relative.split('.') {
            if !canonical.is_empty() {
                canonical.push('.');
                minimal = minimal.saturating_add(1);
            }
            if label.contains('*') {
                let lower = label.to_ascii_lowercase();
                if let Some(finding) = star_label_finding(whole, label, &lower) {
                    findings.push(finding);
                    return None;
                }
                minimal = minimal.saturating_add(literal_count(&lower).max(1));
                canonical.push_str(&lower);
            } else {
                let label = dns_name::to_ascii_name(whole, label, findings)?;
                minimal = minimal.saturating_add(label.len());
                canonical.push_str(&label);
            }
        }
        if minimal > MAX_NAME_BYTES {
            let message = format_args!("a host name has at most {MAX_NAME_BYTES} octets, so that `{text}` covers none");
            findings.push(RawFinding::at_slice(Code::NameTooLong, whole, text, message));
            return None;
        }
        Some(NamePattern(canonical.into()))
    }

    /// Returns a pattern from canonical text with a star.
    pub fn from_canonical(text: String) -> Self {
        NamePattern(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a name matches (rule M7). Of another pattern: whether all of its names match, since a star
    /// matches nothing but a star.
    pub fn matches(&self, name: &str) -> bool {
        let (mut globs, mut labels) = (self.0.split('.'), name.split('.'));
        loop {
            match (globs.next(), labels.next()) {
                (Some(glob), Some(label)) if glob_matches(glob, label) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns whether a name matches both patterns.
    pub fn overlaps(&self, other: &NamePattern) -> bool {
        let (mut one, mut two) = (self.0.rsplit('.'), other.0.rsplit('.'));
        loop {
            match (one.next(), two.next()) {
                (Some(one), Some(two)) if globs_overlap(one.as_bytes(), two.as_bytes()) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Returns the names of the pattern below a domain: a pattern, or one name without stars. `None` if there are none.
    pub fn below(&self, domain: &str) -> Option<String> {
        let mut globs = self.0.rsplit('.');
        for label in domain.rsplit('.') {
            if !glob_matches(globs.next()?, label) {
                return None;
            }
        }
        let mut labels: Vec<&str> = globs.collect();
        labels.reverse();
        let front = labels.join(".");
        (!front.is_empty()).then(|| crate::util::strings::concat(&[&front, ".", domain]))
    }

    /// Returns the number of characters that are neither stars nor dots (rule T4).
    pub fn literals(&self) -> usize {
        literal_count(&self.0)
    }

    /// Returns the last two labels, which have no star.
    pub fn domain(&self) -> &str {
        domain_of(&self.0).unwrap_or(&self.0)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Returns the last two labels of a name of three or more.
pub(crate) fn domain_of(name: &str) -> Option<&str> {
    let mut dots = name.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'.').map(|(position, _)| position);
    let (_, before) = (dots.next()?, dots.next()?);
    name.get(before.saturating_add(1)..)
}

/// Returns whether a host with stars is meant as a pattern (rule E15): the last two labels have no star, and a further
/// one has a literal character.
pub(crate) fn is_pattern_like(host: &str) -> bool {
    let relative = host.strip_suffix('.').unwrap_or(host);
    let mut labels = relative.rsplit('.');
    let has_domain =
        labels.by_ref().take(LITERAL_LABELS).filter(|label| !label.contains('*')).count() == LITERAL_LABELS;
    has_domain && labels.any(|label| literal_count(label) > 0)
}

/// Returns the error of a label with a star, if it has one.
fn star_label_finding(whole: &str, label: &str, lower: &str) -> Option<RawFinding> {
    let finding = |message: fmt::Arguments<'_>| RawFinding::at_slice(Code::PatternInvalid, whole, label, message);
    let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'*');
    if lower.contains("**") {
        let mut single = String::new();
        for character in lower.chars() {
            if character != '*' || !single.ends_with('*') {
                single.push(character);
            }
        }
        let message = format_args!("two stars in a row mean no more than one: write `{single}`");
        return Some(finding(message).with_fix(single));
    }
    if !lower.is_ascii() || lower.starts_with("xn--") {
        let message = format_args!(
            "a label with a star is ASCII, since a star stands for no part of an A-label: write the \
                                    names, or `*` for the whole label"
        );
        return Some(finding(message));
    }
    if !lower.bytes().all(is_valid) {
        return Some(finding(format_args!("`{label}` has a character that host names do not have")));
    }
    if lower.starts_with('-') || lower.ends_with('-') || literal_count(lower) > MAX_LABEL_BYTES {
        let message = format_args!(
            "no label is as `{label}` has it: it has no hyphen at either end, and at most \
                                    {MAX_LABEL_BYTES} octets"
        );
        return Some(finding(message));
    }
    None
}

fn literal_count(text: &str) -> usize {
    text.bytes().filter(|byte| !matches!(byte, b'*' | b'.')).count()
}

/// Returns whether a label matches a glob. A star matches any characters, and nothing but a star matches a star.
pub(crate) fn glob_matches(glob: &str, label: &str) -> bool {
    let (glob, label) = (glob.as_bytes(), label.as_bytes());
    let (mut position, mut at): (usize, usize) = (0, 0);
    // The last star, and the end of what it has matched so far.
    let mut last: Option<(usize, usize)> = None;
    loop {
        match (glob.get(position), label.get(at)) {
            (Some(b'*'), _) => {
                last = Some((position, at));
                position = position.saturating_add(1);
            }
            (Some(wanted), Some(found)) if wanted == found => {
                (position, at) = (position.saturating_add(1), at.saturating_add(1));
            }
            (None, None) => return true,
            _ => match last {
                Some((star, end)) if end < label.len() => {
                    last = Some((star, end.saturating_add(1)));
                    (position, at) = (star.saturating_add(1), end.saturating_add(1));
                }
                _ => return false,
            },
        }
    }
}

/// Returns whether a label matches both globs, in a number of steps that is the product of their lengths.
pub(crate) fn globs_overlap(one: &[u8], other: &[u8]) -> bool {
    let differ = |(a, b): (&u8, &u8)| a != b;
    let is_literal = |(a, b): &(&u8, &u8)| **a != b'*' && **b != b'*';
    if one.iter().zip(other).take_while(is_literal).any(differ)
        || one.iter().rev().zip(other.iter().rev()).take_while(is_literal).any(differ)
    {
        return false;
    }
    // For each position in `other`, whether some text takes the globs to there and to the position in `one`.
    let mut reached = vec![false; other.len().saturating_add(1)];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    advance_positions(None, other, &mut reached);
    for byte in one {
        advance_positions(Some(*byte), other, &mut reached);
    }
    reached.last().is_some_and(|end| *end)
}

/// Moves the positions in a glob that are reached over a byte of another glob, or over none. A star of either takes what
/// the other has.
fn advance_positions(byte: Option<u8>, glob: &[u8], reached: &mut [bool]) {
    // The byte in front of the position, and whether that position was and is reached.
    let mut before = None;
    for (is_reached, here) in reached.iter_mut().zip(glob.iter().map(|here| Some(*here)).chain([None])) {
        let was_reached = *is_reached;
        *is_reached = match byte {
            None | Some(b'*') => was_reached,
            Some(_) => was_reached && here == Some(b'*'),
        };
        if let Some((passed, was_before, is_before)) = before {
            let by_own_star = is_before && (passed == Some(b'*') || byte == Some(b'*'));
            *is_reached |= by_own_star || was_before && passed == byte;
        }
        before = Some((here, was_reached, *is_reached));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        let mut findings = Vec::new();
        assert!(is_pattern_like(text), "{text}");
        NamePattern::parse(text, text, &mut findings).unwrap_or_else(|| panic!("{text}: {findings:?}"))
    }

    #[test]
    fn m7_labels_match_one_by_one() {
        let cases: [(&str, &[&str], &[&str]); 5] = [
            (
                "12.dkr.ecr.*.amazonaws.com",
                &["12.dkr.ecr.eu-west-1.amazonaws.com"],
                &["12.dkr.ecr.amazonaws.com", "12.dkr.ecr.eu.west.amazonaws.com", "13.dkr.ecr.eu.amazonaws.com"],
            ),
            (
                "*-docker.pkg.dev",
                &["europe-docker.pkg.dev", "a-docker.pkg.dev"],
                &["docker.pkg.dev", "a.b-docker.pkg.dev"],
            ),
            ("a*b.corp.test", &["ab.corp.test", "axb.corp.test", "abab.corp.test"], &["a.corp.test", "abc.corp.test"]),
            ("a*b*c.corp.test", &["abc.corp.test", "a1b2c.corp.test", "abcbc.corp.test"], &["acb.corp.test"]),
            ("*.x.corp.test", &["a.x.corp.test"], &["x.corp.test", "a.b.x.corp.test"]),
        ];
        for (text, names, others) in cases {
            names.iter().for_each(|name| assert!(pattern(text).matches(name), "{text} {name}"));
            others.iter().for_each(|name| assert!(!pattern(text).matches(name), "{text} {name}"));
        }
    }

    #[test]
    fn e15_canonical_text() {
        assert_eq!(pattern("A*.Büro.Example.COM.").as_str(), "a*.xn--bro-hoa.example.com");
        assert_eq!(pattern("x*.a.b").literals(), 3);
        assert_eq!(pattern("x*.a.b.c").domain(), "b.c");
        for text in ["harbor.*", "h*r.x", "*.*.x", "*.*.example.com", "a.*.com", "h*", "*.a*.b"] {
            assert!(!is_pattern_like(text), "{text}");
        }
        for text in
            ["a**.x.corp.test", "ü*.corp.test", "xn--*.corp.test", "-*.corp.test", "a_*.corp.test", "a*-.corp.test"]
        {
            let mut findings = Vec::new();
            assert_eq!(NamePattern::parse(text, text, &mut findings), None, "{text}");
            assert_eq!(findings.pop().unwrap().code, Code::PatternInvalid, "{text}");
        }
    }

    /// All words of up to four letters say what the functions say.
    #[test]
    fn e15_overlap_and_containment_are_those_of_the_words() {
        let mut words = vec![String::new()];
        for length in 0..4 {
            let longer: Vec<String> = words.iter().filter(|word| word.len() == length).cloned().collect();
            words.extend(longer.iter().flat_map(|word| ["a", "b", "z"].map(|letter| format!("{word}{letter}"))));
        }
        let globs = ["*", "a*", "*a", "a*a", "ab", "a", "*b*", "a*b", "*ab*", "b*a*b", "a*b*", "ba*"];
        for one in globs {
            for other in globs {
                let both = words.iter().any(|word| glob_matches(one, word) && glob_matches(other, word));
                // Two globs of three letters each may first share a word of five.
                let found = globs_overlap(one.as_bytes(), other.as_bytes());
                assert!(found || !both, "{one} {other}");
                assert!(!found || both || one.len() + other.len() > 6, "{one} {other}");
                let contained = words.iter().all(|word| !glob_matches(one, word) || glob_matches(other, word));
                assert_eq!(glob_matches(other, one), contained, "{one} in {other}");
            }
        }
    }

    #[test]
    fn a3_names_of_a_pattern_below_a_domain() {
        assert_eq!(pattern("x.*.corp.test").below("b.corp.test").as_deref(), Some("x.b.corp.test"));
        assert_eq!(pattern("x*.*.corp.test").below("b.corp.test").as_deref(), Some("x*.b.corp.test"));
        assert_eq!(pattern("x*.a.corp.test").below("corp.test").as_deref(), Some("x*.a.corp.test"));
        assert_eq!(pattern("x*.a.corp.test").below("b.corp.test"), None);
        assert_eq!(pattern("x*.a.corp.test").below("x.a.corp.test"), None);
    }
}
