//! The values of members that no policy has, in JSON and TOML: anything may stand there, a password among it.

use std::ops::Range;

/// The members of policies, of their projects, of entries and of certificate authorities.
const POLICY_MEMBERS: &[&str] = &[
    "whitelist",
    "insecure",
    "built_in",
    "blocked",
    "certificate_authorities",
    "match_resolved_addresses",
    "projects",
    "unlisted_projects",
    "image_fetch_proxy",
    "entry",
    "enabled",
    "comment",
    "pem",
    "registries",
];

/// Returns whether a policy has a member of that name, which may be in quotes, in any of its objects.
pub fn is_policy_member(name: &str) -> bool {
    POLICY_MEMBERS.contains(&name.trim_matches(['"', '\'']))
}

/// Returns the value of the member whose name ends at `name_end`. `None` for the header of a table.
pub fn member_value(text: &str, name_end: usize) -> Option<Range<usize>> {
    let sign = name_end + text.get(name_end..)?.find([':', '=', ']'])?;
    if text[sign..].starts_with(']') {
        return None;
    }
    let Range { start, end } = value_behind(text, sign + 1);
    let value = &text[start..end];
    // The quotes show what the stars are.
    let is_quoted = value.len() >= 2 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']);
    Some(start + usize::from(is_quoted)..end - usize::from(is_quoted))
}

/// Returns what follows the names that no policy has, in a text that is no document: up to the end of the line, since
/// nobody knows where a value ends that is not written as it should be. Objects are searched for names in their turn.
pub fn suspected_member_values(text: &str) -> Vec<Range<usize>> {
    let (mut values, mut from) = (Vec::new(), 0);
    while let Some(found) = text[from..].find([':', '=']) {
        let sign = from + found;
        from = sign + 1;
        if name_before(text, sign).is_none_or(is_policy_member) {
            continue;
        }
        let value = value_behind(text, from);
        let shown = &text[value.start..];
        if shown.is_empty() || shown.starts_with('{') {
            continue;
        }
        let start = value.start + usize::from(shown.starts_with(['"', '\'']));
        let end = line_end(text.as_bytes(), value.end).max(start);
        values.push(start..end);
        from = end;
    }
    values
}

/// Returns the name in front of a `:` or `=`, if it looks like one: in quotes, or without them and not as in `host:5000`
/// and `https://`.
fn name_before(text: &str, sign: usize) -> Option<&str> {
    let before = text[..sign].trim_end();
    if let Some(quote @ ('"' | '\'')) = before.chars().next_back() {
        return before[..before.len() - 1].rsplit(quote).next();
    }
    let behind = &text[sign..];
    let is_sign = behind.starts_with('=') || behind[1..].starts_with(char::is_whitespace);
    let is_in_name = |character: char| character.is_alphanumeric() || "_-".contains(character);
    let name = &before[before.trim_end_matches(is_in_name).len()..];
    (is_sign && !name.is_empty()).then_some(name)
}

/// Returns the value that stands behind a `:` or `=`, with its quotes, and with what else is there before the next
/// member.
fn value_behind(text: &str, sign_end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = text.len() - text[sign_end..].trim_start().len();
    let (mut at, mut depth) = (start, 0_u32);
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' | b'\'' => string_end(bytes, at),
            b'#' => line_end(bytes, at),
            b',' | b'\n' | b']' | b'}' if depth == 0 => break,
            b'[' | b'{' => {
                depth += 1;
                at + 1
            }
            b']' | b'}' => {
                depth -= 1;
                at + 1
            }
            _ => at + 1,
        };
    }
    start..start + text[start..at].trim_end().len()
}

/// Returns the end of the string whose opening quote is at `at`. One that nothing closes ends with its line, and one in
/// three quotes with the text.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    let quote = bytes[at];
    let closing = if bytes[at..].starts_with(&[quote; 3]) { 3 } else { 1 };
    at += closing;
    while at < bytes.len() {
        if bytes[at..].starts_with(&[quote; 3][..closing]) {
            // Up to two quotes may stand in front of the three that close (TOML).
            let quotes = bytes[at..].iter().take(closing + 2).take_while(|byte| **byte == quote).count();
            return at + if closing == 3 { quotes } else { 1 };
        }
        match bytes[at] {
            b'\n' if closing == 1 => return at,
            b'\\' if quote == b'"' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::redact::redact;

    #[test]
    fn members_are_those_of_the_schema() {
        fn collect(schema: &Value, names: &mut BTreeSet<String>) {
            if let Some(properties) = schema["properties"].as_object() {
                names.extend(properties.keys().cloned());
            }
            match schema {
                Value::Object(members) => members.values().for_each(|member| collect(member, names)),
                Value::Array(elements) => elements.iter().for_each(|element| collect(element, names)),
                _ => {}
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pkg/policy.schema.json");
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut names = BTreeSet::new();
        collect(&schema, &mut names);
        assert_eq!(names, POLICY_MEMBERS.iter().map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn value_of_a_member_is_found_in_both_notations() {
        let shown = |text: &str| {
            let name_end = text.find("name").unwrap() + 4;
            let secrets: Vec<_> = member_value(text, name_end).into_iter().collect();
            redact(text, 0..text.len(), &secrets)
        };
        for (text, expected) in [
            (r#"{"name": "se,}\"t", "a": 1}"#, r#"{"name": "*******", "a": 1}"#),
            (r#"{"name":["s",{"t":"]"}],"a":1}"#, r#"{"name":***************,"a":1}"#),
            ("{\"name\":\n  12}", "{\"name\":\n  **}"),
            ("{\"name\"\n  : \"s\"}", "{\"name\"\n  : \"*\"}"),
            ("name = 's\"' # x\na = 1", "name = ********\na = 1"),
            ("name.deep = \"\"\"s\nt\"\"\"\na = 1", "name.deep = \"*******\"\na = 1"),
            ("name = \"\"\"a\"b, s\\\"\"\"\"\na = 1", "name = \"************\"\na = 1"),
            ("name = '''it's, s'''\na = 1", "name = '***********'\na = 1"),
            ("name = ''''s'''''\na = 1", "name = '********'\na = 1"),
            ("name = [ # it's ]\n's' ]\na = 1", "name = ****************\na = 1"),
            ("name = ''\na = 1", "name = ''\na = 1"),
            ("x = { name = 1, a = 2 }", "x = { name = *, a = 2 }"),
            ("[name]\na = 1", "[name]\na = 1"),
            ("[name.deep]\na = 1", "[name.deep]\na = 1"),
            ("{\"name\": \"s\nt", "{\"name\": **\nt"),
            ("{\"name\":", "{\"name\":"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn values_of_a_text_that_does_not_parse_are_found_behind_foreign_names() {
        for (text, expected) in [
            ("password = \"a\"\npassword = \"s\" # x\n", "password = \"**\npassword = \"******\n"),
            (r#"{"password": "s" "insecure": []}"#, r#"{"password": "******************"#),
            (r#"{"auth": {"token" : 's'}}"#, r#"{"auth": {"token" : '****"#),
            ("{\"tokens\": [\n\"s\"\n]\n \"x\"}", "{\"tokens\": *******\n \"x\"}"),
            ("whitelist = ['h:5000' 'https://i']\nkey: s", "whitelist = ['h:5000' 'https://i']\nkey: *"),
            (r#"{"whitelist": ["h:5000" "i@sha256:00"]}"#, r#"{"whitelist": ["h:5000" "i@sha256:00"]}"#),
            (r#"{"projects": {"p": {"insecure": ["h" "i"]}}}"#, r#"{"projects": {"p": {"insecure": ["h" "i"]}}}"#),
            ("[auth]\na.'pass word' = 'it's s'\n", "[auth]\na.'pass word' = '*******\n"),
            ("pässwort = \"\"\"s\nt\"\"\" x\ny", "pässwort = \"**********\ny"),
            ("password =", "password ="),
            ("password = \"", "password = \""),
            (":= : \"\" =", ":= : \"\" ="),
        ] {
            let secrets = suspected_member_values(text);
            assert_eq!(redact(text, 0..text.len(), &secrets), expected, "{text}");
        }
    }
}
