//! Domains under which anybody can have a name (rule E16), and the top-level domains of the public DNS (rule P4).
//!
//! Both are those of the public suffix list (publicsuffix.org), private section included, in the state of crate
//! `public-suffix`. build.rs makes tables of hashes of them, in half the size of the text: one in 10,000 other domains
//! is taken for a suffix, and one in 700 other labels for a top-level domain. Left out are suffixes of three and more
//! labels in the section of country registries, such as the towns of Japan.

use std::sync::OnceLock;

use crate::host::domain_hash::domain_hash;

#[cfg(test)]
#[path = "../../build/suffix_list.rs"]
mod suffix_list;

include!(concat!(env!("OUT_DIR"), "/public_suffixes.rs"));

/// A sorted set of hashes, as differences from one to the next. The low bytes of all differences stand before their
/// high bytes, which gzip codes in fewer bits.
struct HashTable {
    /// The width of a hash.
    bits: u32,
    low: &'static [u8],
    /// The higher bytes. A byte of 255 is added to the one after it.
    high: &'static [u8],
    decoded: OnceLock<Box<[u32]>>,
}

impl HashTable {
    const fn new(bits: u32, low: &'static [u8], high: &'static [u8]) -> Self {
        HashTable { bits, low, high, decoded: OnceLock::new() }
    }

    fn contains(&self, domain: &str) -> bool {
        self.decoded.get_or_init(|| self.decode()).binary_search(&domain_hash(domain, self.bits)).is_ok()
    }

    fn decode(&self) -> Box<[u32]> {
        let mut high = self.high.iter();
        let mut hash: u32 = 0;
        let mut hashes = Vec::with_capacity(self.low.len());
        for low in self.low {
            let mut step: u32 = 0;
            for byte in high.by_ref() {
                step = step.wrapping_add(u32::from(*byte));
                if *byte != u8::MAX {
                    break;
                }
            }
            hash = hash.wrapping_add(step << 8 | u32::from(*low));
            hashes.push(hash);
        }
        hashes.into_boxed_slice()
    }
}

/// Returns whether a label is a top-level domain of the public DNS.
pub(crate) fn is_top_level_domain(label: &str) -> bool {
    TOP_LEVEL_DOMAINS.contains(label)
}

/// Returns whether a domain of two or more labels is a public suffix, or stands above one: names of different owners
/// are below it.
pub(crate) fn is_shared_domain(domain: &str) -> bool {
    let parent = domain.split_once('.').filter(|_| !EXCEPTIONS.contains(&domain));
    parent.is_some_and(|(_, parent)| SUFFIXES.contains(domain) || WILDCARDS.contains(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e16_tables_have_the_public_suffix_list() {
        let nodes = suffix_list::suffix_nodes();
        assert!(nodes.len() > 10_000, "{} nodes", nodes.len());
        for node in &nodes {
            let labels = node.domain.split('.').count();
            if labels == 1 {
                assert!(is_top_level_domain(&node.domain), "{}", node.domain);
            } else if labels == 2 || !node.is_icann || node.is_parent {
                assert_eq!(is_shared_domain(&node.domain), !node.is_exception, "{}", node.domain);
            }
            if node.has_wildcard {
                assert!(is_shared_domain(&format!("nordwind.{}", node.domain)), "{}", node.domain);
            }
        }
        let exceptions = nodes.iter().filter(|node| node.is_exception).count();
        assert_eq!(exceptions, EXCEPTIONS.len());
    }

    #[test]
    fn e16_domains_of_one_owner_are_rarely_taken_for_suffixes() {
        const DOMAIN_COUNT: usize = 200_000;
        let tops = ["com", "net", "org", "io", "de", "co.uk", "example", "corp"];
        let mut taken = 0;
        for (number, top) in (0..DOMAIN_COUNT).zip(tops.iter().cycle()) {
            taken += usize::from(is_shared_domain(&format!("nordwind-{number}.{top}")));
        }
        assert!(taken * 10_000 < DOMAIN_COUNT * 2, "{taken} of {DOMAIN_COUNT}");
    }

    #[test]
    fn e16_examples() {
        for domain in [
            "co.uk",
            "github.io",
            "amazonaws.com",
            "eu-west-1.amazonaws.com",
            "s3.ap-future-9.amazonaws.com",
            "eu-west-1.compute.amazonaws.com",
            "windows.net",
            "nordwind.ck",
        ] {
            assert!(is_shared_domain(domain), "{domain}");
        }
        for domain in [
            "com",
            "example.com",
            "nordwind.co.uk",
            "nordwind.github.io",
            "nordwind.example",
            "corp.local",
            "www.ck",
            "google.com",
            "docker.io",
            "quay.io",
            "redhat.com",
            "a.b.google.com",
        ] {
            assert!(!is_shared_domain(domain), "{domain}");
        }
    }

    #[test]
    fn p4_last_labels_of_private_networks_are_no_top_level_domains() {
        for label in ["com", "de", "io", "dev", "xn--p1ai", "arpa"] {
            assert!(is_top_level_domain(label), "{label}");
        }
        for label in [
            "svc",
            "consul",
            "local",
            "localdomain",
            "lan",
            "internal",
            "intranet",
            "corp",
            "home",
            "private",
            "example",
            "invalid",
            "localhost",
            "test",
            "cluster",
            "lab",
            "priv",
            "domain",
            "site1",
            "dc1",
            "k8s",
            "nomad",
            "vault",
            "docker",
            "intra",
            "node",
            "service",
            "harbor",
            "registry",
            "infra",
            "staging",
            "mgmt",
        ] {
            assert_eq!(is_top_level_domain(label), label == "{label}");
        }
    }
}
