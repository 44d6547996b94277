//! Differences between host names that are nearly equal (rule W3).

/// A difference between two host names that are near each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameDifference<'n> {
    /// One slip of the keyboard: a letter too many, too few, another one, or two that are swapped.
    Slip,
    /// One label in the middle: that of the first name, and that of the second.
    Label(&'n str, &'n str),
}

/// The shortest label in which a letter too many, too few, or another one is a slip. Shorter ones are mostly other names.
const MIN_SLIP_LABEL_BYTES: usize = 3;

/// Returns the difference of two canonical names that are near each other. Names that differ in digits are not: hosts
/// are numbered.
pub(crate) fn name_difference<'n>(one: &'n str, other: &'n str) -> Option<NameDifference<'n>> {
    let same = |(a, b): &(u8, u8)| a == b;
    let prefix = one.bytes().zip(other.bytes()).take_while(same).count();
    let (one_rest, other_rest) = (one.get(prefix..)?, other.get(prefix..)?);
    let suffix = one_rest.bytes().rev().zip(other_rest.bytes().rev()).take_while(same).count();
    let spans = [one, other].map(|name| DifferingSpan { name, start: prefix, suffix });
    if is_slip(&spans) {
        return Some(NameDifference::Slip);
    }
    let [one, other] = spans.map(DifferingSpan::middle_label);
    Some(NameDifference::Label(one?, other?))
}

/// The part of a name in which it differs from another one.
#[derive(Clone, Copy)]
struct DifferingSpan<'n> {
    name: &'n str,
    start: usize,
    /// The length of what follows.
    suffix: usize,
}

impl<'n> DifferingSpan<'n> {
    fn parts(self) -> Option<(&'n str, &'n str, &'n str)> {
        let (before, rest) = self.name.split_at_checked(self.start)?;
        let (inside, after) = rest.split_at_checked(rest.len().checked_sub(self.suffix)?)?;
        Some((before, inside, after))
    }

    fn inside(self) -> &'n [u8] {
        self.parts().map_or(&[], |(_, inside, _)| inside.as_bytes())
    }

    /// Returns the labels that the span touches.
    fn labels(self) -> Option<(&'n str, &'n str, &'n str)> {
        let (before, _, after) = self.parts()?;
        let start = before.rfind('.').map_or(0, |dot| dot.saturating_add(1));
        let after_start = self.name.len().checked_sub(after.len())?;
        let end = after.find('.').map_or(self.name.len(), |dot| after_start.saturating_add(dot));
        Some((self.name.get(..start)?, self.name.get(start..end)?, self.name.get(end..)?))
    }

    /// Returns the one label in which the name differs, if labels are equal in front of it, and two or more after it. Of
    /// fewer the last two are a domain that belongs to somebody else.
    fn middle_label(self) -> Option<&'n str> {
        let (before, label, after) = self.labels()?;
        let is_middle = !before.is_empty() && !label.contains('.') && after.matches('.').nth(1).is_some();
        is_middle.then_some(label)
    }
}

fn is_slip(spans: &[DifferingSpan<'_>; 2]) -> bool {
    let (min_label, differing) = match spans.map(DifferingSpan::inside) {
        [[a], [b]] => (MIN_SLIP_LABEL_BYTES, [*a, *b]),
        [[a], []] | [[], [a]] => (MIN_SLIP_LABEL_BYTES, [*a, *a]),
        [[a, b], [c, d]] if a == d && b == c => (0, [*a, *b]),
        _ => return false,
    };
    let is_long = |span: &DifferingSpan<'_>| span.labels().is_some_and(|(_, labels, _)| labels.len() >= min_label);
    !differing.iter().any(u8::is_ascii_digit) && spans.iter().all(is_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w3_one_slip_is_near() {
        for (one, other) in [
            ("quay.io", "quya.io"),
            ("quay.io", "qay.io"),
            ("quay.io", "quayy.io"),
            ("quay.io", "quai.io"),
            ("quay.io", "quay.oi"),
            ("quay.io", "quayio"),
            ("ghcr.io", "gcr.io"),
            ("harbor.corp.example", "harbour.corp.example"),
            ("harbor.corp.example", "harbor.crop.example"),
            ("harbor", "habror"),
        ] {
            assert_eq!(name_difference(one, other), Some(NameDifference::Slip), "{one} {other}");
            assert_eq!(name_difference(other, one), Some(NameDifference::Slip), "{other} {one}");
        }
    }

    #[test]
    fn w3_another_label_in_the_middle_is_near() {
        assert_eq!(
            name_difference("12.dkr.ecr.eu-west-1.amazonaws.com", "12.dkr.ecr.us-east-1.amazonaws.com"),
            Some(NameDifference::Label("eu-west-1", "us-east-1"))
        );
        assert_eq!(
            name_difference("12.dkr.ecr.eu-west-1.amazonaws.com", "12.dkr.ecr.eu-west-2.amazonaws.com"),
            Some(NameDifference::Label("eu-west-1", "eu-west-2"))
        );
        assert_eq!(name_difference("r.a.corp.example", "r.bc.corp.example"), Some(NameDifference::Label("a", "bc")));
    }

    #[test]
    fn w3_other_names_are_not_near() {
        for (one, other) in [
            ("a.example", "b.example"),
            ("ab.example", "a.example"),
            ("quay.io", "quay.i"),
            ("node1.example", "node2.example"),
            ("node1.example", "node.example"),
            ("node12.example", "node21.example"),
            ("quay.io", "uqya.io"),
            ("quay.io", "quay.evil.io"),
            // Another owner.
            ("registry.nordwind.example", "registry.suedwind.example"),
            ("12.dkr.ecr.eu-west-1.amazonaws.com", "13.dkr.ecr.eu-west-1.amazonaws.com"),
            ("12.dkr.ecr.eu-west-1.amazonaws.com", "12.dkr.ecr.eu-west-1.evil.com"),
            ("12.dkr.ecr.eu-west-1.amazonaws.com", "12.dkr.s3.us-east-1.amazonaws.com"),
            ("r.a.corp.example", "r.a.b.corp.example"),
            ("", "a"),
            ("abc", ""),
        ] {
            assert_eq!(name_difference(one, other), None, "{one} {other}");
            assert_eq!(name_difference(other, one), None, "{other} {one}");
        }
    }
}
