//! The rules as expressions of CEL: references are split and normalized in steps, each a variable of the policy (rules
//! H1 to H4), and every image has to be covered by an entry (rules M1 to M3, M7, W3, W6).
//!
//! The functions are those of Kubernetes 1.30. What cannot be read is denied, and so is every error of an expression.

use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::docker_hub;
use crate::policy_view::{EntryHosts, PolicyEntry, PolicyView, covers_docker_hub};

/// The grammar of a registry (distribution/reference).
const DOMAIN: &str = "^(?:(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:[.](?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*|\
                      \\[[a-f0-9:]+\\])(?::0*[1-9][0-9]{0,4})?$";

/// The grammar of a repository with tag and digest.
const REMAINDER: &str = "^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\
                         (?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?\
                         (?:@(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$";

/// Four decimal octets without leading zeros.
const IPV4: &str = "^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:[.]|$)){4}$";

/// A name that looks like an address, by its last label (rule E3).
const NUMERIC: &str = "^(?:.*[.])?(?:[0-9]+|0x[0-9a-f]*)$";

/// The variables, in the order in which they use each other. `images` has the images of an object.
pub(super) fn variables(view: &PolicyView) -> Vec<(&'static str, String)> {
    let hub_names: Vec<_> = docker_hub::NAMES.iter().map(|name| string(name)).collect();
    vec![
        (
            // Registry, remainder, whole reference. The registry is empty where none is named.
            "split",
            format!(
                "variables.images.map(i, i.contains('/') && i.split('/')[0].matches({}) \
                 ? [i.split('/')[0].lowerAscii(), i.substring(i.indexOf('/') + 1), i] : ['', i, i])",
                string("^localhost$|[.:A-Z]")
            ),
        ),
        (
            "readable",
            format!(
                "variables.split.filter(s, s[2].size() <= 1024 && s[1].matches({}) && !s[2].matches({}) \
                 && (s[0] == '' || s[0].matches({})))",
                string(REMAINDER),
                string("^[a-f0-9]{64}$"),
                string(DOMAIN),
            ),
        ),
        (
            // Host, port, repository, whole reference. Leading zeros of the port are dropped.
            "parsed",
            format!(
                "variables.readable.map(s, [s[0] == '' ? 'docker.io' : s[0].matches({port}) \
                 ? s[0].substring(0, s[0].lastIndexOf(':')) : s[0], s[0].matches({port}) \
                 ? string(int(s[0].substring(s[0].lastIndexOf(':') + 1))) : '', \
                 (s[0] == '' || s[0] in ['docker.io', 'index.docker.io']) && !s[1].contains('/') \
                 ? 'library/' + s[1].split('@')[0].split(':')[0] : s[1].split('@')[0].split(':')[0], s[2]])",
                port = string(":[0-9]+$"),
            ),
        ),
        (
            // Hosts that are neither names nor addresses are left out, and Docker Hub has one name.
            "named",
            format!(
                "variables.parsed.filter(p, p[0].size() <= 253 && p[2].size() <= 255 && !p[0].matches({}) \
                 && (!p[0].matches({}) || p[0].matches({})) && (p[1] == '' || int(p[1]) <= 65535)) \
                 .map(p, p[0] in [{}] && p[1] in ['', '443'] ? ['docker.io', '', p[2], p[3]] : p)",
                string("[^.]{64}"),
                string(NUMERIC),
                string(IPV4),
                hub_names.join(", "),
            ),
        ),
        ("allowed", format!("variables.named.filter(n, {}).map(n, n[3])", condition(view))),
        ("denied", "variables.images.filter(i, !(i in variables.allowed))".to_owned()),
    ]
}

/// Returns the condition on `n`, which is host, port and repository, for an image to be allowed.
fn condition(view: &PolicyView) -> String {
    let any = |conditions: Vec<String>| match conditions.is_empty() {
        true => "false".to_owned(),
        false => conditions.join(" || "),
    };
    let covered = match view.is_whitelist_mode() {
        true => {
            let whitelist = view.whitelist.iter().flatten().filter_map(|entry| covers(entry, EntryRole::Allowed));
            let insecure = view.insecure.iter().filter_map(|entry| covers(entry, EntryRole::Insecure));
            any(whitelist.chain(insecure).collect())
        }
        // Spellings of IPv6 addresses are not compared.
        false => "!n[0].startsWith('[')".to_owned(),
    };
    let blocked: Vec<_> = view.blocked.iter().filter_map(|entry| covers(entry, EntryRole::Blocked)).collect();
    match blocked.is_empty() {
        true => covered,
        false => format!("({covered}) && !({})", blocked.join(" || ")),
    }
}

/// The list of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryRole {
    Allowed,
    Insecure,
    Blocked,
}

/// Returns the condition for an entry to cover `n`; `None` if CEL has no word for it, and then nothing is covered.
fn covers(entry: &PolicyEntry, role: EntryRole) -> Option<String> {
    // Whether a label in punycode decodes is not seen here (rule E5).
    let readable = match role {
        EntryRole::Blocked => String::new(),
        _ => format!(" && !n[0].matches({})", string("(?:^|[.])xn--")),
    };
    let hosts = match &entry.hosts {
        EntryHosts::DockerHub => "n[0] == 'docker.io' && n[1] == ''".to_owned(),
        EntryHosts::Name(_) | EntryHosts::Address(_) => format!("n[0] == {}", string(&entry.exact_host()?)),
        EntryHosts::Wildcard(domain) => {
            let below = format!("n[0].endsWith({}){readable}", string(&format!(".{domain}")));
            // Docker Hub's other names are covered as Docker Hub.
            match covers_docker_hub(domain) {
                true => format!("(n[0] == 'docker.io' && n[1] == '' || {below})"),
                false => format!("{below} && !(n[0] == 'docker.io' && n[1] == '')"),
            }
        }
        EntryHosts::Pattern(pattern) => format!("n[0].matches({}){readable}", string(&pattern_expression(pattern))),
        EntryHosts::Network(IpNet::V4(network)) => {
            let [first, last] = [network.network(), network.broadcast()].map(u32::from);
            format!(
                "n[0].matches({}) && [n[0].split('.').map(o, int(o))].exists(o, \
                 o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3] >= {first} && \
                 o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3] <= {last})",
                string(IPV4)
            )
        }
        // A blocked network takes all addresses with it whose spellings are not compared.
        EntryHosts::Network(IpNet::V6(_)) if role == EntryRole::Blocked => "n[0].startsWith('[')".to_owned(),
        EntryHosts::Network(IpNet::V6(_)) => return None,
    };
    let hosts = match (&entry.hosts, role) {
        // So does a blocked address.
        (EntryHosts::Address(IpAddr::V6(_)), EntryRole::Blocked) => "n[0].startsWith('[')".to_owned(),
        _ => hosts,
    };
    let mut condition = hosts;
    let is_hub = entry.hosts == EntryHosts::DockerHub;
    match (entry.port.filter(|_| !is_hub), role) {
        (None, _) => {}
        // A reference without a port stands for 443, and for 80 too where the entry is insecure (rule M2).
        (Some(443), _) => condition.push_str(" && n[1] in ['', '443']"),
        (Some(80), EntryRole::Insecure | EntryRole::Blocked) => condition.push_str(" && n[1] in ['', '80']"),
        (Some(port), _) => {
            let _ = write!(condition, " && n[1] == '{port}'");
        }
    }
    if let Some(namespace) = &entry.namespace {
        let _ = write!(
            condition,
            " && (n[2] == {} || n[2].startsWith({}))",
            string(namespace),
            string(&format!("{namespace}/"))
        );
    }
    Some(condition)
}

/// Returns a pattern of names as a regular expression (rule E15): a label that is a star is any one label.
fn pattern_expression(pattern: &str) -> String {
    let labels = pattern.split('.').map(|label| match label {
        "*" => "[^.]+".to_owned(),
        _ => label.replace('*', "[^.]*"),
    });
    format!("^{}$", labels.collect::<Vec<_>>().join("[.]"))
}

/// Writes a literal. No text of an entry has quotes or backslashes.
fn string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
