//! String functions for short texts. Every decision needs them, and those of the standard library are optimized for
//! long texts.

/// Concatenates the parts. `format!` takes several times as long, and every denial builds texts.
pub(crate) fn concat(parts: &[&str]) -> String {
    let mut text = String::with_capacity(parts.iter().fold(0, |length, part| part.len().saturating_add(length)));
    parts.iter().for_each(|part| text.push_str(part));
    text
}

/// Splits like `str::split_once`, at an ASCII character.
pub(crate) fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let (before, after) = split_at_byte(text, at);
    Some((before, after?))
}

/// Splits like `str::split_once`, at a text that is not empty.
pub(crate) fn split_once_str<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let position = text.as_bytes().windows(mark.len()).position(|window| window == mark.as_bytes())?;
    let (before, after) = text.split_at_checked(position)?;
    Some((before, after.get(mark.len()..)?))
}

/// Returns the text before the first `at`, an ASCII character, and the text after it.
pub(crate) fn split_at_byte(text: &str, at: u8) -> (&str, Option<&str>) {
    match find_byte(text.as_bytes(), at).and_then(|position| text.split_at_checked(position)) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

/// Returns the index of the first `wanted`. Eight bytes at a time, because wasmtime checks the epoch at every iteration
/// of a loop.
fn find_byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let pattern = u64::from_le_bytes([wanted; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut start: usize = 0;
    for word in words {
        // The lowest byte that is zero now becomes the lowest one with its high bit set.
        let word = u64::from_le_bytes(*word) ^ pattern;
        let found = word.wrapping_sub(LOW) & !word & HIGH;
        if found != 0 {
            return start.checked_add(usize::try_from(found.trailing_zeros() / 8).ok()?);
        }
        start = start.wrapping_add(8);
    }
    for byte in rest {
        if *byte == wanted {
            return Some(start);
        }
        start = start.wrapping_add(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_separator_counts() {
        for text in ["", ":", "a", "a:b", "a:b:c", ":ä", "ä:", "ä", ";:", "\u{ba}::", "\u{1}:"] {
            for front in 0..20 {
                let text = "x;9".repeat(7)[..front].to_owned() + text;
                assert_eq!(split_once(&text, b':'), text.split_once(':'), "{text}");
                assert_eq!(split_once_str(&text, "::"), text.split_once("::"), "{text}");
            }
        }
    }
}
