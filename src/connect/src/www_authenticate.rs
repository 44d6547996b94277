//! Authentication challenges: `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110, sections 11.6.1 and 11.7.1).

use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The maximum number of challenges read from one response.
const MAX_CHALLENGES: usize = 16;

/// An authentication challenge.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthChallenge {
    /// The authentication scheme in lower case: `basic`, `bearer`.
    pub scheme: String,
    /// The parameters with names in lower case.
    parameters: Vec<(String, String)>,
}

impl AuthChallenge {
    /// Parses all challenges of a response, in order. `name` is `WWW-Authenticate` or `Proxy-Authenticate`.
    pub fn parse_all(headers: &HeaderMap, name: &HeaderName) -> Vec<Self> {
        let mut found = Vec::new();
        for value in headers.get_all(name) {
            parse_header(&String::from_utf8_lossy(value.as_bytes()), &mut found);
        }
        found
    }

    /// Returns the first parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Parses one header value. A token followed by `=` is a parameter of the preceding challenge; any other token begins a
/// challenge. Parsing continues after mistakes, since a probe reports what servers really send; crate `http-auth` ends at
/// the first one, and at the token of `Negotiate`.
fn parse_header(mut text: &str, found: &mut Vec<AuthChallenge>) {
    while found.len() < MAX_CHALLENGES {
        text = text.trim_start_matches([' ', '\t', ',']);
        let (word, rest) = split_word(text);
        if word.is_empty() {
            return;
        }
        let name = word.to_ascii_lowercase();
        text = match (rest.trim_start().strip_prefix('='), found.last_mut()) {
            (Some(rest), Some(challenge)) => {
                let (value, rest) = split_value(rest.trim_start());
                challenge.parameters.push((name, value));
                rest
            }
            (Some(_), None) => return,
            (None, _) => {
                found.push(AuthChallenge { scheme: name, parameters: Vec::new() });
                rest
            }
        };
    }
}

fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            character => value.push(character),
        }
    }
    (value, characters.as_str())
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t', ',', '=', '"']).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::WWW_AUTHENTICATE;

    fn all(values: &[&str]) -> Vec<AuthChallenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        AuthChallenge::parse_all(&headers, &WWW_AUTHENTICATE)
    }

    #[test]
    fn challenges_are_read_however_they_are_written() {
        let found =
            all(&[r#"Bearer realm="https://a.example/token?x=1,2",service="a \"b\"" , scope=x"#, "BASIC realm=x"]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].scheme, "bearer");
        assert_eq!(found[0].parameter("realm"), Some("https://a.example/token?x=1,2"));
        assert_eq!(found[0].parameter("service"), Some("a \"b\""));
        assert_eq!(found[0].parameter("scope"), Some("x"));
        assert_eq!((found[1].scheme.as_str(), found[1].parameter("realm")), ("basic", Some("x")));
        let found = all(&[r#"Basic realm="a", Bearer Realm = "b""#]);
        assert_eq!(found[1].parameter("realm"), Some("b"));
    }

    #[test]
    fn malformed_challenges_end() {
        for text in ["", "=", "\"", "a=\"", "Bearer realm=\"x", ",,,,", "a b c \"", "Bearer =", "Negotiate abc=="] {
            let _ = all(&[text]);
        }
        assert_eq!(all(&[&"a ".repeat(10_000)]).len(), MAX_CHALLENGES);
    }
}
