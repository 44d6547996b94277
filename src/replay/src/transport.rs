//! The way to a registry: the attempts of a permission, and the certificate authorities that verify it (rules T1, C1).

use std::borrow::Cow;

use pullgate::{Allow, Attempt, Scheme};
use serde::{Serialize, Serializer};

/// The way to a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// The attempts, in order.
    #[serde(serialize_with = "serialize_attempts")]
    pub attempts: Vec<Attempt<'static>>,
    /// The certificate authorities of the policy, by SHA-256 fingerprint; of a record perhaps only the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<String>,
    /// The number of certificate authorities.
    #[serde(skip)]
    pub authority_count: u64,
}

/// A connection attempt, with the members of canonical JSON.
#[derive(Serialize)]
struct AttemptMembers<'a> {
    scheme: Scheme,
    port: u16,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
}

fn serialize_attempts<S: Serializer>(attempts: &[Attempt<'static>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(attempts.iter().map(|attempt| AttemptMembers {
        scheme: attempt.scheme,
        port: attempt.port,
        verified: attempt.verified,
        host: attempt.host.as_deref(),
    }))
}

/// The safety of one way compared with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportChange {
    Same,
    LessSafe,
    /// Safer, or neither.
    Other,
}

impl Transport {
    /// Parses the members of a record; `None` if they are not known here, as those of a newer version may be.
    pub fn parse(attempts: &str, authorities: &str, authority_count: Option<u64>) -> Option<Self> {
        // The lifetime of a borrowed text would be that of the line.
        let attempts: Vec<Attempt<'_>> = serde_json::from_str(attempts).ok()?;
        let own = |attempt: Attempt<'_>| Attempt {
            host: attempt.host.map(|host| Cow::Owned(host.into_owned())),
            ..Attempt { host: None, scheme: attempt.scheme, port: attempt.port, verified: attempt.verified }
        };
        let authorities: Vec<String> = match authorities {
            "" => Vec::new(),
            authorities => serde_json::from_str(authorities).ok()?,
        };
        let authority_count = authority_count.unwrap_or(crate::input::count_of(authorities.len()));
        Some(Self { attempts: attempts.into_iter().map(own).collect(), authorities, authority_count })
    }

    /// Returns the way that a permission has.
    pub fn from_allow(allowed: &Allow<'static>) -> Self {
        let authorities: Vec<String> = allowed.authorities.iter().map(|authority| authority.to_string()).collect();
        let authority_count = crate::input::count_of(authorities.len());
        Self { attempts: allowed.attempts.clone(), authorities, authority_count }
    }

    /// Compares a recorded way with a new one. Of the authorities of a record that has the first only, these and their
    /// number are compared.
    pub fn compare(&self, new: &Self) -> TransportChange {
        let is_known = |authority: &String| self.authorities.contains(authority);
        let has_more_authorities = new.authority_count > self.authority_count
            || !new.authorities.iter().take(self.authorities.len()).all(is_known);
        if new.is_unverified() && !self.is_unverified()
            || new.has_plain_http() && !self.has_plain_http()
            // Without verification no authority counts.
            || !new.is_unverified() && !self.is_unverified() && has_more_authorities
        {
            return TransportChange::LessSafe;
        }
        let is_same_attempts = self.attempts == new.attempts;
        let is_same_authorities = self.authority_count == new.authority_count && !has_more_authorities;
        if is_same_attempts && is_same_authorities { TransportChange::Same } else { TransportChange::Other }
    }

    fn is_unverified(&self) -> bool {
        self.attempts.iter().any(|attempt| !attempt.verified)
    }

    fn has_plain_http(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.scheme == Scheme::Http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIED: &str = r#"[{"scheme":"https","port":443,"verified":true}]"#;
    const UNVERIFIED: &str = r#"[{"scheme":"https","port":443,"verified":false}]"#;
    const PLAIN: &str =
        r#"[{"scheme":"https","port":443,"verified":false},{"scheme":"http","port":80,"verified":false}]"#;
    const HUB: &str = r#"[{"scheme":"https","port":443,"verified":true,"host":"registry-1.docker.io"}]"#;

    fn compare(old: (&str, &str), new: (&str, &str)) -> TransportChange {
        let parse = |(attempts, authorities)| Transport::parse(attempts, authorities, None).unwrap();
        parse(old).compare(&parse(new))
    }

    #[test]
    fn way_is_less_safe_unverified_over_plain_http_or_under_more_authorities() {
        for (old, new, change) in [
            ((VERIFIED, ""), (VERIFIED, ""), TransportChange::Same),
            ((HUB, ""), (HUB, ""), TransportChange::Same),
            ((VERIFIED, ""), (HUB, ""), TransportChange::Other),
            ((VERIFIED, ""), (UNVERIFIED, ""), TransportChange::LessSafe),
            ((UNVERIFIED, ""), (VERIFIED, ""), TransportChange::Other),
            ((UNVERIFIED, ""), (VERIFIED, r#"["a"]"#), TransportChange::Other),
            ((UNVERIFIED, ""), (PLAIN, ""), TransportChange::LessSafe),
            ((PLAIN, ""), (UNVERIFIED, ""), TransportChange::Other),
            ((VERIFIED, r#"["a"]"#), (VERIFIED, r#"["a"]"#), TransportChange::Same),
            ((VERIFIED, ""), (VERIFIED, r#"["a"]"#), TransportChange::LessSafe),
            ((VERIFIED, r#"["a"]"#), (VERIFIED, r#"["b"]"#), TransportChange::LessSafe),
            ((VERIFIED, r#"["a","b"]"#), (VERIFIED, r#"["a"]"#), TransportChange::Other),
        ] {
            assert_eq!(compare(old, new), change, "{old:?} {new:?}");
        }
    }

    #[test]
    fn record_with_the_first_authorities_is_compared_by_these_and_their_number() {
        let old = Transport::parse(VERIFIED, r#"["a","b"]"#, Some(3)).unwrap();
        let new = |authorities| Transport::parse(VERIFIED, authorities, None).unwrap();
        assert_eq!(old.compare(&new(r#"["a","b","c"]"#)), TransportChange::Same);
        assert_eq!(old.compare(&new(r#"["a","b"]"#)), TransportChange::Other);
        assert_eq!(old.compare(&new(r#"["a","b","c","d"]"#)), TransportChange::LessSafe);
    }

    #[test]
    fn way_of_another_version_is_not_known() {
        for attempts in ["", "{}", r#"[{"scheme":"quic","port":443,"verified":true}]"#, r#"["https:443"]"#] {
            assert_eq!(Transport::parse(attempts, "", None), None, "{attempts}");
        }
    }
}
