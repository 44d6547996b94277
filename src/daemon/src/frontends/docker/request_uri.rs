//! The target of a request line: path and query, decoded as dockerd decodes them.

use percent_encoding::percent_decode_str;

/// Routes of dockerd that end with a slash: for old clients, and for profiles of a dockerd with `--debug`.
const TRAILING_SLASH_ROUTES: [&str; 2] = ["/networks/", "/debug/pprof/"];

/// A parsed request target.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestUri<'u> {
    /// The decoded path.
    pub path: String,
    query: &'u str,
}

impl<'u> RequestUri<'u> {
    /// Parses a request target: `/path?query`, or the absolute form. The error is human-readable.
    pub fn parse(uri: &'u str) -> Result<Self, &'static str> {
        if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the path or the query has characters that must be percent-encoded");
        }
        let (before, query) = uri.split_once('?').unwrap_or((uri, ""));
        let path = percent_decode(without_authority(before)?, false).ok_or("the path is not well encoded")?;
        if path.chars().any(char::is_control) {
            return Err("the path has control characters");
        }
        // dockerd redirects to the cleaned path; other servers resolve it in place.
        let mut segments = path.split('/').skip(1);
        let has_own_slash = TRAILING_SLASH_ROUTES.contains(&without_version(&path));
        if !has_own_slash && segments.any(|segment| matches!(segment, "" | "." | "..")) {
            return Err("the path has an empty component, `.` or `..`, and could be read in two ways");
        }
        Ok(Self { path, query })
    }

    /// Parses the query. The error is human-readable.
    pub fn query(&self) -> Result<QueryParams, &'static str> {
        QueryParams::parse(self.query)
    }
}

/// Strips the version of a path: dockerd accepts every path with and without `/vN.N`.
pub fn without_version(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/v") else { return path };
    match rest.find('/').map(|slash| rest.split_at(slash)) {
        Some((version, rest))
            if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            rest
        }
        _ => path,
    }
}

/// The decoded members of a query, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct QueryParams(Vec<(String, String)>);

impl QueryParams {
    fn parse(text: &str) -> Result<Self, &'static str> {
        // Go took `;` for `&` up to 1.16 and rejects it since.
        if text.contains(';') {
            return Err("the query has `;`, which could be read in two ways");
        }
        let members = text.split('&').filter(|member| !member.is_empty()).map(|member| {
            let (key, value) = member.split_once('=').unwrap_or((member, ""));
            Some((percent_decode(key, true)?, percent_decode(value, true)?))
        });
        members.collect::<Option<_>>().map(Self).ok_or("the query is not well encoded")
    }

    /// Returns the first value, which is the one that dockerd takes.
    pub fn first(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns the first value, or an empty text.
    pub fn first_or_empty(&self, key: &str) -> &str {
        self.first(key).unwrap_or_default()
    }
}

/// Returns the path of a target in origin or absolute form (`http://host/path`).
fn without_authority(target: &str) -> Result<&str, &'static str> {
    const OTHER: &str = "the target of the request is neither a path nor a URL";
    if target.starts_with('/') {
        return Ok(target);
    }
    let (scheme, rest) = target.split_once(':').ok_or(OTHER)?;
    let begins = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
        return Err(OTHER);
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)),
        None => Some(rest),
    };
    path.filter(|path| path.starts_with('/')).ok_or(OTHER)
}

/// Decodes `%XX`, and in a form `+`. `None` for a broken escape or invalid UTF-8.
fn percent_decode(text: &str, form: bool) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let escape = after.get(..2)?;
        if !escape.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        rest = after;
    }
    let spaced = if form { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&spaced).decode_utf8().ok().map(|decoded| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(uri: &str) -> String {
        RequestUri::parse(uri).unwrap_or_else(|why| panic!("{uri}: {why}")).path
    }

    #[test]
    fn paths_are_decoded_once() {
        assert_eq!(path("/v1.41/images/create?fromImage=x"), "/v1.41/images/create");
        assert_eq!(path("/v1.41/images/%63reate"), "/v1.41/images/create");
        assert_eq!(path("/images/h%3A5000%2Fx/push"), "/images/h:5000/x/push");
        assert_eq!(path("/images/%2563reate"), "/images/%63reate");
        assert_eq!(path("/a+b"), "/a+b");
        assert_eq!(path("/x#/y"), "/x#/y");
        for own in ["/networks/", "/v1.51/networks/", "/debug/pprof/"] {
            assert_eq!(path(own), own);
        }
    }

    #[test]
    fn the_absolute_form_is_a_path_with_a_host() {
        assert_eq!(path("http://x/v1.41/images/create?a"), "/v1.41/images/create");
        assert_eq!(path("x+y:/images/create"), "/images/create");
        assert_eq!(path("HTTP:///images/create"), "/images/create");
        for uri in ["*", "x", "http:x", "http://x", "http://x?/images/create", ":/x", "1a:/x", "a_b://x/y", "?x"] {
            assert!(RequestUri::parse(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn ambiguous_uris_are_refused() {
        for uri in [
            "/images//create",
            "//images/create",
            "/images/./create",
            "/x/../images/create",
            "/x/%2e%2E/images/create",
            "/images/create/",
            "/images%2F%2Fcreate",
            "/images/create%",
            "/images/%zz",
            "/images/%e",
            "/images/%ff",
            "/images/x%00/push",
            "/images/x%0a/push",
            "/v1.51/networks//",
            "//networks/",
            "/x/networks/",
            "/v1.51/volumes/",
            "/v../networks/../images/",
            "/imäges",
            "/a b",
            "http://x//y",
        ] {
            assert!(RequestUri::parse(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn queries_are_forms_and_the_first_value_counts() {
        let target = RequestUri::parse("/x?a=1&a=2&&b=x%2Fy+z&%63=%26&d&e==").unwrap();
        let query = target.query().unwrap();
        assert_eq!(query.first("a"), Some("1"));
        assert_eq!(query.first("b"), Some("x/y z"));
        assert_eq!(query.first("c"), Some("&"));
        assert_eq!(query.first("d"), Some(""));
        assert_eq!(query.first("e"), Some("="));
        assert_eq!(query.first("A"), None);
        for uri in ["/x?a=1;b=2", "/x?a=%", "/x?a=%f", "/x?%ff=1", "/x?a=%c3"] {
            assert!(RequestUri::parse(uri).unwrap().query().is_err(), "{uri}");
        }
    }
}
