//! The rules as expressions of CEL: references are split and normalized in steps, each a variable of the policy (rules
//! H1 to H4), and every image has to be covered by an entry (rules M1 to M3, M7, W3, W6).
//!
//! The functions are those of Kubernetes 1.30. What cannot be read is denied, and so is every error of an expression.

use std::collections::BTreeMap;
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

/// The images of an object: of its containers of all kinds, and of its volumes. The types of members are not known to
/// the checker of CEL, and lists have elements of one type.
const IMAGES: &str = "(has(variables.spec.containers) ? \
    variables.spec.containers.filter(c, has(c.image)).map(c, string(c.image)) : []) + \
    (has(variables.spec.initContainers) ? \
    variables.spec.initContainers.filter(c, has(c.image)).map(c, string(c.image)) : []) + \
    (has(variables.spec.ephemeralContainers) ? \
    variables.spec.ephemeralContainers.filter(c, has(c.image)).map(c, string(c.image)) : []) + \
    (has(variables.spec.volumes) ? variables.spec.volumes.filter(v, has(v.image) && has(v.image.reference)).map(v, \
    string(v.image.reference)) : [])";

/// The pod specification of an object, by its kind.
const SPEC: &str = "object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' ? \
    object.spec.jobTemplate.spec.template.spec : object.kind == 'PodTemplate' ? object.template.spec : \
    object.spec.template.spec";

/// Maximum length of the condition of one expression: the API server takes 100,000 characters.
const MAX_CONDITION_CHARS: usize = 60_000;

/// Maximum number of conditions in one expression, which the API server checks as a tree of that depth.
const MAX_CHAINED_CONDITIONS: usize = 50;

/// Maximum number of hosts in one list: of names of the longest length as many are within the limit.
const MAX_LISTED_HOSTS: usize = 200;

/// Returns all variables of the admission policy: those that find the images of an object, and those that decide.
pub(super) fn object_variables(view: &PolicyView) -> Vec<(String, String)> {
    let images = [("spec".to_owned(), SPEC.to_owned()), ("images".to_owned(), IMAGES.to_owned())];
    images.into_iter().chain(variables(view)).collect()
}

/// The variables, in the order in which they use each other. `images` has the images of an object.
pub(super) fn variables(view: &PolicyView) -> Vec<(String, String)> {
    let hub_names: Vec<_> = docker_hub::NAMES.iter().map(|name| string(name)).collect();
    let parsing = [
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
    ];
    let mut variables: Vec<_> = parsing.map(|(name, expression)| (name.to_owned(), expression)).into();
    let covered = covered_conditions(view);
    let names: Vec<_> = (1..=covered.len()).map(|number| format!("covered{number}")).collect();
    let covered = names.iter().zip(covered).map(|(name, condition)| (name.clone(), images_with(&condition)));
    variables.extend(covered);
    let blocked = view.blocked.iter().filter_map(|entry| covers(entry, EntryRole::Blocked));
    let blocked = group(blocked.collect());
    let is_blocked = if blocked.is_empty() { "false".to_owned() } else { blocked.join(" || ") };
    variables.push(("blocked".to_owned(), images_with(&is_blocked)));
    let covered: Vec<_> = names.iter().map(|name| format!("variables.{name}")).collect();
    let allowed = format!("({}).filter(i, !(i in variables.blocked))", covered.join(" + "));
    variables.push(("allowed".to_owned(), allowed));
    variables.push(("denied".to_owned(), "variables.images.filter(i, !(i in variables.allowed))".to_owned()));
    variables
}

/// Returns the expression for the images of which a condition on `n`, which is host, port and repository, holds.
fn images_with(condition: &str) -> String {
    format!("variables.named.filter(n, {condition}).map(n, n[3])")
}

/// Returns the conditions for an image to be in the effective whitelist, one of which has to hold: as many as it takes
/// to keep each within the API server's limit of an expression.
fn covered_conditions(view: &PolicyView) -> Vec<String> {
    if !view.is_whitelist_mode() {
        // Spellings of IPv6 addresses are not compared.
        return vec!["!n[0].startsWith('[')".to_owned()];
    }
    let whitelist = view.whitelist.iter().flatten().filter_map(|entry| covers(entry, EntryRole::Allowed));
    let insecure = view.insecure.iter().filter_map(|entry| covers(entry, EntryRole::Insecure));
    let mut conditions: Vec<String> = Vec::new();
    for (count, condition) in (1_usize..).zip(group(whitelist.chain(insecure).collect())) {
        let has_room = |last: &&mut String| {
            last.len() + condition.len() < MAX_CONDITION_CHARS && count % MAX_CHAINED_CONDITIONS != 0
        };
        match conditions.last_mut().filter(has_room) {
            Some(last) => {
                last.push_str(" || ");
                last.push_str(&condition);
            }
            None => conditions.push(condition),
        }
    }
    if conditions.is_empty() { vec!["false".to_owned()] } else { conditions }
}

/// The condition for an entry to cover `n`.
struct EntryCondition {
    hosts: HostCondition,
    /// The conditions on port and repository, each after `&&`.
    rest: String,
}

/// The condition on the host of `n`. Those of one kind with the same rest are one condition on a list: a chain of as
/// many takes the API server minutes to check.
enum HostCondition {
    /// The host is this text.
    Exact(String),
    /// The host ends with this text.
    Suffix(String),
    /// The host is an IPv4 address from the first to the last.
    Range(u32, u32),
    /// An expression.
    Other(String),
}

/// Returns the conditions of entries, those on hosts with the same rest as one.
fn group(entries: Vec<EntryCondition>) -> Vec<String> {
    let mut exact: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut suffixes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ranges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut conditions = Vec::new();
    for EntryCondition { hosts, rest } in entries {
        match hosts {
            HostCondition::Exact(host) => exact.entry(rest).or_default().push(string(&host)),
            HostCondition::Suffix(suffix) => suffixes.entry(rest).or_default().push(string(&suffix)),
            HostCondition::Range(first, last) => ranges.entry(rest).or_default().push(format!("[{first}, {last}]")),
            HostCondition::Other(condition) => conditions.push(condition + &rest),
        }
    }
    for (rest, hosts) in &exact {
        conditions.extend(hosts.chunks(MAX_LISTED_HOSTS).map(|hosts| match hosts {
            [host] => format!("n[0] == {host}{rest}"),
            hosts => format!("n[0] in [{}]{rest}", hosts.join(", ")),
        }));
    }
    for (rest, ranges) in &ranges {
        conditions.extend(ranges.chunks(MAX_LISTED_HOSTS).map(|ranges| {
            format!(
                "n[0].matches({}) && [n[0].split('.').map(o, int(o))].map(o, \
                 o[0] * 16777216 + o[1] * 65536 + o[2] * 256 + o[3]).exists(a, \
                 [{}].exists(r, r[0] <= a && a <= r[1])){rest}",
                string(IPV4),
                ranges.join(", ")
            )
        }));
    }
    for (rest, suffixes) in &suffixes {
        conditions.extend(suffixes.chunks(MAX_LISTED_HOSTS).map(|suffixes| match suffixes {
            [suffix] => format!("n[0].endsWith({suffix}){rest}"),
            suffixes => format!("[{}].exists(d, n[0].endsWith(d)){rest}", suffixes.join(", ")),
        }));
    }
    conditions
}

/// The list of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryRole {
    Allowed,
    Insecure,
    Blocked,
}

/// Returns the condition for an entry to cover `n`; `None` if CEL has no word for it, and then nothing is covered.
fn covers(entry: &PolicyEntry, role: EntryRole) -> Option<EntryCondition> {
    // Whether a label in punycode decodes is not seen here (rule E5).
    let readable = match role {
        EntryRole::Blocked => String::new(),
        _ => format!(" && !n[0].matches({})", string("(?:^|[.])xn--")),
    };
    let mut rest = String::new();
    let hosts = match &entry.hosts {
        EntryHosts::DockerHub => HostCondition::Other("n[0] == 'docker.io' && n[1] == ''".to_owned()),
        // A blocked network or address takes all addresses with it whose spellings are not compared.
        EntryHosts::Address(IpAddr::V6(_)) | EntryHosts::Network(IpNet::V6(_)) if role == EntryRole::Blocked => {
            HostCondition::Other("n[0].startsWith('[')".to_owned())
        }
        EntryHosts::Network(IpNet::V6(_)) => return None,
        EntryHosts::Name(_) | EntryHosts::Address(_) => HostCondition::Exact(entry.exact_host()?),
        EntryHosts::Wildcard(domain) => {
            let suffix = format!(".{domain}");
            // Docker Hub's other names are covered as Docker Hub.
            if covers_docker_hub(domain) {
                let below = format!("n[0].endsWith({}){readable}", string(&suffix));
                HostCondition::Other(format!("(n[0] == 'docker.io' && n[1] == '' || {below})"))
            } else {
                rest.push_str(&readable);
                rest.push_str(" && !(n[0] == 'docker.io' && n[1] == '')");
                HostCondition::Suffix(suffix)
            }
        }
        EntryHosts::Pattern(pattern) => {
            HostCondition::Other(format!("n[0].matches({}){readable}", string(&pattern_expression(pattern))))
        }
        EntryHosts::Network(IpNet::V4(network)) => {
            let [first, last] = [network.network(), network.broadcast()].map(u32::from);
            HostCondition::Range(first, last)
        }
    };
    let is_hub = entry.hosts == EntryHosts::DockerHub;
    match (entry.port.filter(|_| !is_hub), role) {
        (None, _) => {}
        // A reference without a port stands for 443, and for 80 too where the entry is insecure (rule M2).
        (Some(443), _) => rest.push_str(" && n[1] in ['', '443']"),
        (Some(80), EntryRole::Insecure | EntryRole::Blocked) => rest.push_str(" && n[1] in ['', '80']"),
        (Some(port), _) => {
            let _ = write!(rest, " && n[1] == '{port}'");
        }
    }
    if let Some(namespace) = &entry.namespace {
        let _ = write!(
            rest,
            " && (n[2] == {} || n[2].startsWith({}))",
            string(namespace),
            string(&format!("{namespace}/"))
        );
    }
    Some(EntryCondition { hosts, rest })
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
