//! Negotiation of the content coding (RFC 9110, section 12.5.3).

use axum::http::HeaderValue;

/// A content coding of a file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCoding {
    Brotli,
    Gzip,
    Identity,
}

impl ContentCoding {
    /// The codings with files of their own, the smallest first.
    pub const COMPRESSED: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Returns the name in `Content-Encoding`; `None` for what is sent as it is.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Returns what the build appends to the name of a file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// Returns the accepted codings in descending order of preference: the client's, then the smaller one.
    pub fn by_preference<'h>(accepted: impl Iterator<Item = &'h HeaderValue>) -> Vec<Self> {
        let listed: Vec<(String, u16)> = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(parse_element)
            .collect();
        let weight_of = |name: &str| {
            let exact = listed.iter().find(|(listed, _)| listed == name || listed.strip_prefix("x-") == Some(name));
            let any = || listed.iter().find(|(listed, _)| listed == "*");
            exact.or_else(any).map_or(0, |(_, weight)| *weight)
        };
        let weighed = Self::COMPRESSED.map(|coding| (coding, coding.name().map_or(0, weight_of)));
        let mut codings: Vec<_> = weighed.into_iter().filter(|(_, weight)| *weight > 0).collect();
        // Stable, so that the smaller one stays before the other.
        codings.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        codings.into_iter().map(|(coding, _)| coding).chain([Self::Identity]).collect()
    }
}

/// Parses `NAME[;q=WEIGHT]`. The weight is in thousandths. `None` if it is none.
fn parse_element(element: &str) -> Option<(String, u16)> {
    let (name, parameter) = match element.split_once(';') {
        Some((name, parameter)) => (name, Some(parameter.trim())),
        None => (element, None),
    };
    let weight = match parameter {
        None => 1_000,
        Some(parameter) => {
            let (name, value) = parameter.split_once('=')?;
            let value: f32 = value.trim().parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
            if !name.trim().eq_ignore_ascii_case("q") {
                return None;
            }
            (value * 1_000.0) as u16
        }
    };
    Some((name.trim().to_ascii_lowercase(), weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preference_is_the_clients_then_the_smaller_coding() {
        use ContentCoding::{Brotli, Gzip, Identity};
        for (accepted, codings) in [
            (&["gzip, deflate, br, zstd"][..], &[Brotli, Gzip, Identity][..]),
            (&["gzip", "br"], &[Brotli, Gzip, Identity]),
            (&["br;q=0.5, gzip;q=1.0"], &[Gzip, Brotli, Identity]),
            (&["br;q=0, gzip"], &[Gzip, Identity]),
            (&["BR ; Q=0.001"], &[Brotli, Identity]),
            (&["x-gzip"], &[Gzip, Identity]),
            (&["*"], &[Brotli, Gzip, Identity]),
            (&["*;q=0.1, br;q=0"], &[Gzip, Identity]),
            (&["*;q=0"], &[Identity]),
            (&["identity"], &[Identity]),
            (&["br;q=2, gzip;q=x, zstd"], &[Identity]),
            (&["", ",;,"], &[Identity]),
            (&[], &[Identity]),
        ] {
            let values: Vec<HeaderValue> = accepted.iter().map(|value| HeaderValue::from_static(value)).collect();
            assert_eq!(ContentCoding::by_preference(values.iter()), codings, "{accepted:?}");
        }
    }
}
