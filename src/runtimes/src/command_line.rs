//! Command lines in files: words with quotes, and the values of options.

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    /// The line that it begins on, from 1.
    pub line: usize,
}

/// Splits a text into words as a shell does, without expansions. A line that begins with `#` is a comment.
pub(crate) fn split_words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let (mut quote, mut line, mut is_line_start) = (None, 1, true);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let start = is_line_start;
        is_line_start = character == '\n' || start && character.is_whitespace();
        line += usize::from(character == '\n');
        let mut push = |text: &str| {
            word.get_or_insert_with(|| Word { text: String::new(), line }).text.push_str(text);
        };
        match (quote, character) {
            (None, '#') if start => while characters.next_if(|character| *character != '\n').is_some() {},
            (None, '\'' | '"') => {
                quote = Some(character);
                push("");
            }
            (Some(open), _) if open == character => quote = None,
            (None | Some('"'), '\\') => match characters.next() {
                Some('\n') => line += 1,
                Some(next) => push(next.encode_utf8(&mut [0; 4])),
                None => {}
            },
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => push(character.encode_utf8(&mut [0; 4])),
        }
    }
    words.extend(word);
    words
}

/// Splits a text of settings of a service into words, in which quotes hold several options together, as in
/// `DOCKER_OPTS="--a b --c d"`.
pub(crate) fn split_service_words(text: &str) -> Vec<Word> {
    split_words(&text.replace(['"', '\''], " "))
}

/// Returns the values of options with any of these names, each with its name: `--name VALUE` and `--name=VALUE`.
pub(crate) fn option_values<'w>(words: &'w [Word], names: &[&str]) -> Vec<(&'w str, &'w str, usize)> {
    let mut values = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.text.as_str(), None),
        };
        if !names.contains(&name) {
            continue;
        }
        match value {
            Some(value) => values.push((name, value, word.line)),
            None => values.extend(rest.next().map(|word| (name, word.text.as_str(), word.line))),
        }
    }
    values
}

/// Quotes a word for a POSIX shell, if it needs that.
pub(crate) fn quote(word: &str) -> String {
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'/' | b'-' | b'_' | b'=' | b',' | b'@')
    };
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split_words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(texts("a  'b c' \"d \\\" e\" f\\ g ''"), ["a", "b c", "d \" e", "f g", ""]);
        assert_eq!(texts("# no\na \\\n  --b=x#y\n  # no\nc"), ["a", "--b=x#y", "c"]);
        assert_eq!(texts("[2001:db8::1]:5000 *.x"), ["[2001:db8::1]:5000", "*.x"]);
        assert_eq!(split_words("a\n\\\nb")[1].line, 3);
        for word in ["a b", "*.example.com", "it's", "", "h:5000", "$x"] {
            assert_eq!(texts(&quote(word)), [word]);
        }
    }

    #[test]
    fn options_have_their_values_in_both_notations() {
        let words = split_words("dockerd --insecure-registry a\n--insecure-registry=b:1 -x --other c");
        assert_eq!(
            option_values(&words, &["--insecure-registry"]),
            [("--insecure-registry", "a", 1), ("--insecure-registry", "b:1", 2)]
        );
    }
}
