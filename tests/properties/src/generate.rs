//! Policies, requests and DNS of a small universe, drawn from bytes.

use std::net::IpAddr;

use arbitrary::{Result, Unstructured};
use pullgate::{EntryList, check_entry};
use pullgate_tests::reference_model::{Asked, Entry, HUB, Host, Lists, World};

/// Labels of names. All are as long, so that of two domains the one with more labels is the longer one.
const LABELS: [&str; 4] = ["aa", "ab", "ba", "bb"];
const GLOBS: [&str; 7] = ["a*", "*a", "*b", "*ab*", "*", "ab", "b*b"];
const TOP_LEVEL: &str = "te";
const HUBS: [&str; 6] =
    ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "*.docker.io", "*.io"];
const PORTS: [Option<u16>; 6] = [None, None, Some(80), Some(443), Some(5000), Some(5001)];
const NAMESPACES: [&str; 5] = ["", "", "/aa", "/aa/ab", "/aab"];
const REPOSITORIES: [Option<&str>; 7] =
    [None, Some("aa"), Some("aa/ab"), Some("aa/ab/x"), Some("aab"), Some("aab/x"), Some("x/y")];
/// The projects that a document may have.
pub const PROJECTS: [&str; 2] = ["pa", "pb"];
/// The projects that a request may have.
const ASKED_PROJECTS: [Option<&str>; 4] = [None, Some("pa"), Some("pb"), Some("pz")];

/// Draws a host name: one to three labels below the top-level domain.
pub fn name(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut name = String::new();
    for _ in 0..bytes.int_in_range(1..=3)? {
        name.push_str(bytes.choose(&LABELS)?);
        name.push('.');
    }
    Ok(name + TOP_LEVEL)
}

/// Draws an address of few.
pub fn address(bytes: &mut Unstructured<'_>) -> Result<IpAddr> {
    let last = bytes.int_in_range(0..=7)?;
    Ok(match bytes.ratio(1, 4)? {
        true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)]),
        false => IpAddr::from([10, 0, 0, last]),
    })
}

/// Draws an entry in canonical form.
pub fn entry(bytes: &mut Unstructured<'_>, list: EntryList) -> Result<String> {
    let is_ranged = |host: &str| host.contains('/');
    let host = match bytes.int_in_range(0..=9)? {
        0..=2 => name(bytes)?,
        3 => format!("*.{}", name(bytes)?),
        4 | 5 => {
            let mut pattern = String::new();
            for _ in 0..bytes.int_in_range(1..=3)? {
                pattern.push_str(bytes.choose(&GLOBS)?);
                pattern.push('.');
            }
            pattern + TOP_LEVEL
        }
        6 => match address(bytes)? {
            IpAddr::V6(address) => format!("[{address}]"),
            address => address.to_string(),
        },
        7 => format!("10.0.0.{}/{}", bytes.choose(&[0, 4])?, bytes.int_in_range(28..=31)?),
        8 => (*bytes.choose(&["2001:db8::/64", "2001:db8::4/126", "0.0.0.0/0", "::/0", "10.0.0.2/32"])?).to_owned(),
        _ => (*bytes.choose(&HUBS)?).to_owned(),
    };
    let port = bytes.choose(&PORTS)?.map(|port| format!(":{port}")).unwrap_or_default();
    let namespace = match list {
        EntryList::Whitelist | EntryList::Blocked => *bytes.choose(&NAMESPACES)?,
        EntryList::Insecure | EntryList::BuiltIn => "",
    };
    let text = if is_ranged(&host) { host } else { format!("{host}{port}{namespace}") };
    Ok(check_entry(&text, list).entry.unwrap_or_else(|| format!("aa.{TOP_LEVEL}")))
}

/// Draws the lists of a policy, and perhaps of its projects.
pub fn lists(bytes: &mut Unstructured<'_>) -> Result<Lists> {
    let mut lists = Lists {
        match_resolved_addresses: bytes.arbitrary()?,
        unlisted_are_global: bytes.arbitrary()?,
        ..Lists::default()
    };
    let count = [0, 0, 1, 2];
    lists.projects = PROJECTS[..*bytes.choose(&count)?].iter().map(|name| (*name).to_owned()).collect();
    let scopes: Vec<Option<String>> = std::iter::once(None).chain(lists.projects.iter().cloned().map(Some)).collect();
    for scope in &scopes {
        if bytes.ratio(2, 3)? {
            lists.whitelists.push(scope.clone());
        }
    }
    for _ in 0..bytes.int_in_range(0..=9)? {
        let drawn = entry_of(bytes, &scopes)?;
        if drawn.list != EntryList::Whitelist || lists.whitelists.contains(&drawn.project) {
            lists.entries.push(drawn);
        }
    }
    Ok(lists)
}

/// Draws an entry of one of these scopes.
fn entry_of(bytes: &mut Unstructured<'_>, scopes: &[Option<String>]) -> Result<Entry> {
    let list = match bytes.int_in_range(0..=9)? {
        0..=3 => EntryList::Whitelist,
        4..=6 => EntryList::Insecure,
        7 | 8 => EntryList::Blocked,
        _ => EntryList::BuiltIn,
    };
    let scope = bytes.choose(scopes)?.clone();
    let project = if list == EntryList::BuiltIn { None } else { scope };
    Ok(Entry { list, project, text: entry(bytes, list)?, enabled: bytes.ratio(9, 10)? })
}

/// Draws a request.
pub fn asked(bytes: &mut Unstructured<'_>) -> Result<Asked> {
    let host = match bytes.int_in_range(0..=7)? {
        0 => Host::Hub,
        1..=3 => Host::Address(address(bytes)?),
        _ => Host::Name(name(bytes)?),
    };
    let port = *bytes.choose(&PORTS)?;
    let repository = bytes.choose(&REPOSITORIES)?.map(|repository| match host {
        // Rule H1.
        Host::Hub if !repository.contains('/') => format!("library/{repository}"),
        _ => repository.to_owned(),
    });
    Ok(Asked {
        port: if host == Host::Hub { None } else { port },
        host,
        repository,
        project: bytes.choose(&ASKED_PROJECTS)?.map(str::to_owned),
    })
}

/// Draws what DNS says about the host of a request: the addresses of a name, or the names of an address, some of which
/// resolve back to it.
pub fn world(bytes: &mut Unstructured<'_>, host: &Host) -> Result<World> {
    let mut world = World::default();
    let name_of_host = match host {
        Host::Hub => HUB.to_owned(),
        Host::Name(name) => name.clone(),
        Host::Address(own) => {
            let mut names = Vec::new();
            for _ in 0..bytes.int_in_range(0..=3)? {
                let name = name(bytes)?;
                let mut back = vec![address(bytes)?];
                if bytes.ratio(2, 3)? {
                    back.push(*own);
                }
                world.addresses.insert(name.clone(), back);
                names.push(name);
            }
            world.names.insert(*own, names);
            return Ok(world);
        }
    };
    let mut addresses = Vec::new();
    for _ in 0..bytes.int_in_range(0..=3)? {
        addresses.push(address(bytes)?);
    }
    world.addresses.insert(name_of_host, addresses);
    Ok(world)
}
