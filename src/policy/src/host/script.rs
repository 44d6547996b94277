//! Scripts of letters, for the warning of rule E5. The table is made by build.rs.

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// Scripts that are written together: Latin with those of Chinese, Japanese or Korean.
const TOGETHER: [&[&str]; 3] =
    [&["Latin", "Han", "Hiragana", "Katakana"], &["Latin", "Han", "Bopomofo"], &["Latin", "Han", "Hangul"]];

/// Whether a label falls short of the restriction level "Highly Restrictive" of UTS #39, section 5.2: one script, or
/// some that are written together. Characters of no script in particular go with all.
pub(crate) fn mixed(label: &str) -> bool {
    let scripts = names(label);
    scripts.len() > 1 && !TOGETHER.iter().any(|together| scripts.iter().all(|script| together.contains(script)))
}

/// The names of the scripts in a label, each once, in the order of the label.
pub(crate) fn names(label: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in label.chars().filter_map(name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn name(character: char) -> Option<&'static str> {
    let point = u32::from(character);
    let after = BOUNDARIES.partition_point(|boundary| boundary >> 8 <= point);
    let script = BOUNDARIES.get(after.checked_sub(1)?)? & 0xff;
    NAMES.get(usize::try_from(script).ok()?).copied().filter(|_| script != 0)
}

#[cfg(test)]
mod tests {
    use unicode_script::{Script, UnicodeScript};

    use super::*;

    #[test]
    fn the_table_says_what_unicode_says() {
        for character in '\0'..=char::MAX {
            let expected = match character.script() {
                Script::Unknown => continue,
                Script::Common | Script::Inherited => None,
                script => Some(script.full_name()),
            };
            assert_eq!(name(character), expected, "{character:?}");
        }
    }

    #[test]
    fn mixed_scripts() {
        assert!(mixed("p\u{430}ypal"));
        assert!(mixed("\u{3b1}\u{430}"));
        assert!(!mixed("日本ひらがなカタカナabc-1"));
        assert!(!mixed("почта"));
        assert!(!mixed("abc-1"));
    }
}
