//! The gate of the daemon as engines are told of it: by the proxy of their environment, by a drop-in of systemd, and as
//! host of a `hosts.toml`.

use std::net::IpAddr;
use std::str::FromStr;

use pullgate::{EntryKind, EntryList, check_entry};
use thiserror::Error;

use crate::doctor::Diagnosis;
use crate::host_files::ConfigFile;
use crate::hosts_toml::HostsFile;
use crate::registry_name::{is_loopback, split_port};
use crate::systemd_unit::{ServiceEnvironment, ServiceVariable};
use crate::text::shown;

/// The comment at the start of files of pullgate's own.
pub(crate) const HEADING: &str = "# Written by `pullgate export --gate`, and replaced as a whole.\n";

/// The variables of a proxy. Clients in Go take those in capitals first.
pub(crate) const PROXY_VARIABLES: [&str; 2] = ["HTTP_PROXY", "HTTPS_PROXY"];

/// The variables of hosts that are reached without the proxy. An empty one in capitals makes the other count.
pub(crate) const EXCEPTION_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The address of the gate, as engines reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateAddress {
    scheme: &'static str,
    /// `HOST:PORT`.
    authority: String,
}

/// A text that is no address of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no address of a gate: write `HOST:PORT`, such as 127.0.0.1:8733, or `https://HOST:PORT`")]
pub struct GateAddressError(String);

impl FromStr for GateAddress {
    type Err = GateAddressError;

    fn from_str(text: &str) -> Result<Self, GateAddressError> {
        let (scheme, authority) = match text.split_once("://") {
            Some(("http", authority)) => ("http", authority),
            Some(("https", authority)) => ("https", authority),
            Some(_) => ("", text),
            None => ("http", text),
        };
        let report = check_entry(authority.strip_suffix('/').unwrap_or(authority), EntryList::Whitelist);
        let is_host = matches!(report.kind, Some(EntryKind::Address | EntryKind::Name));
        match report.entry.filter(|entry| is_host && !entry.contains('/') && !scheme.is_empty()) {
            Some(authority) if split_port(&authority).1.is_some() => Ok(Self { scheme, authority }),
            // A token in the text is not repeated.
            _ => Err(GateAddressError(report.text)),
        }
    }
}

impl GateAddress {
    /// Returns the URL.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Returns whether a URL, with or without a token, is that of the gate.
    pub(crate) fn is_at(&self, url: &str) -> bool {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let authority = rest.rsplit_once('@').map_or(rest, |(_, authority)| authority);
        scheme == self.scheme && authority.trim_end_matches('/') == self.authority
    }

    /// Returns whether the gate is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_loopback(&self.authority)
    }

    /// Returns the drop-in by which a service reaches registries through the gate: its variables have this prefix, as
    /// K3s has one for those of its containerd.
    pub(crate) fn drop_in(&self, service: &str, prefix: &str) -> ConfigFile {
        let url = self.url();
        let mut text = HEADING.to_owned();
        if self.is_local() {
            text.push_str("[Unit]\nWants=pullgate-gate.socket\nAfter=pullgate-gate.socket pullgate.service\n\n");
        }
        text.push_str("[Service]\n");
        for name in PROXY_VARIABLES {
            text.push_str(&format!("Environment={prefix}{name}={url}\n"));
        }
        // Whatever sets them: hosts that they name would be reached past the gate.
        match prefix.is_empty() {
            true => text.push_str(&format!("UnsetEnvironment={}\n", EXCEPTION_VARIABLES.join(" "))),
            false => {
                EXCEPTION_VARIABLES.iter().for_each(|name| text.push_str(&format!("Environment={prefix}{name}=\n")))
            }
        }
        ConfigFile::text(drop_in_path(service), text)
    }

    /// Returns the `hosts.toml` by which containerd has the gate as the only host: in `server`, or it goes on to the
    /// registry itself, and as a table, without which it reads no file up to 1.7.31.
    pub(crate) fn hosts_toml(&self) -> String {
        let url = self.url();
        format!("{HEADING}server = \"{url}\"\n\n[host.\"{url}\"]\n")
    }

    /// Reports the hosts of a `hosts.toml` that are asked past the gate.
    pub(crate) fn diagnose_hosts(&self, path: &str, hosts: &HostsFile, diagnosis: &mut Diagnosis) {
        let mend = format!("write the gate alone: `server = \"{0}\"` and `[host.\"{0}\"]`", self.url());
        for host in hosts.hosts.iter().filter(|host| !self.is_at(&host.url)) {
            let text = format!("`{}` is asked past the gate", shown(&host.url));
            diagnosis.silent("gate-bypassed", path, host.line, text, &*mend);
        }
        if !hosts.has_server {
            let text = "there is no `server`, so that the registry itself is asked after the others";
            diagnosis.silent("gate-bypassed", path, 1, text, mend);
        }
    }

    /// Returns the statements that go with every export for the gate.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "systemd reads the drop-in at `systemctl daemon-reload`, and the engine its proxy when it is restarted"
                .to_owned(),
        ];
        if !self.is_local() {
            notes.push(format!(
                "the gate at `{}` is not on this machine: where it has `gate_token_file`, write `pullgate:TOKEN@` \
                 before the address by hand, and let nobody else read the file",
                self.authority
            ));
        }
        notes
    }
}

/// Returns the path of pullgate's drop-in of a service.
pub(crate) fn drop_in_path(service: &str) -> String {
    format!("/etc/systemd/system/{service}.d/pullgate-gate.conf")
}

/// The place of a program's proxy settings.
pub(crate) trait ProxySource {
    /// Returns a variable that is not empty, by the first of these names that has one.
    fn variable(&self, names: &[&str]) -> Option<ServiceVariable>;
}

impl ProxySource for ServiceEnvironment {
    fn variable(&self, names: &[&str]) -> Option<ServiceVariable> {
        self.get(names).cloned()
    }
}

/// A comparison of a program's proxy with the gate.
pub(crate) struct ProxyCheck<'a> {
    pub gate: &'a GateAddress,
    /// The name of the program in sentences.
    pub program: &'a str,
    /// The name of the target on the command line.
    pub target: &'a str,
    /// The file in which a missing proxy belongs.
    pub file: &'a str,
}

impl ProxyCheck<'_> {
    /// Reports the ways past the gate.
    pub fn diagnose(&self, source: &impl ProxySource, diagnosis: &mut Diagnosis) {
        self.diagnose_with_prefix(source, "", diagnosis);
    }

    /// Reports the ways past the gate by variables with a prefix.
    pub fn diagnose_with_prefix(&self, source: &impl ProxySource, prefix: &str, diagnosis: &mut Diagnosis) {
        let Self { gate, program, target, file } = self;
        let find = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| format!("{prefix}{name}")).collect();
            source.variable(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        for name in PROXY_VARIABLES {
            let shown_name = format!("{prefix}{name}");
            match find(&[name, &name.to_ascii_lowercase()]) {
                None => {
                    let text = format!("{program} has no `{shown_name}`, and reaches registries past the gate");
                    let mend = format!("`pullgate export --to {target} --gate {}` writes it", gate.authority);
                    diagnosis.silent("gate-missing", file, 0, text, mend);
                }
                Some(found) if !gate.is_at(&found.value) => {
                    let url = shown(&found.value);
                    let text = format!("`{shown_name}` of {program} is `{url}`, and not the gate");
                    let mend = format!("write `{shown_name}={}`", gate.url());
                    diagnosis.silent("gate-elsewhere", &found.file, found.line, text, mend);
                }
                Some(_) => {}
            }
        }
        if let Some(found) = find(&EXCEPTION_VARIABLES) {
            let past: Vec<_> = exceptions(&found.value).into_iter().map(|host| format!("`{}`", shown(host))).collect();
            if !past.is_empty() {
                let text = format!("{program} reaches {} past the gate, by `{prefix}NO_PROXY`", past.join(", "));
                let mend = "take them out: the gate reaches what the policy allows";
                diagnosis.silent("gate-bypassed", &found.file, found.line, text, mend);
            }
        }
    }
}

/// Returns the exceptions of `NO_PROXY` that count: Go's clients send loopback addresses through no proxy anyway.
pub(crate) fn exceptions(value: &str) -> Vec<&str> {
    let elements = value.split(',').map(str::trim).filter(|element| !element.is_empty());
    let is_local = |element: &str| {
        is_loopback(element)
            || element.starts_with("127.")
            || element.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    };
    elements.filter(|element| !is_local(element)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports() {
        for (text, url) in [
            ("127.0.0.1:8733", "http://127.0.0.1:8733"),
            ("http://127.0.0.1:8733/", "http://127.0.0.1:8733"),
            ("https://Gate.Example:443", "https://gate.example:443"),
            ("[::1]:8733", "http://[::1]:8733"),
        ] {
            assert_eq!(text.parse::<GateAddress>().unwrap().url(), url);
        }
        for text in ["", "127.0.0.1", "gate", "*.example:1", "10.0.0.0/8", "h:1/x", "ftp://h:1", "h:0", "h:65536"] {
            assert!(text.parse::<GateAddress>().is_err(), "{text}");
        }
        let error = "http://pullgate:hunter2@h:1".parse::<GateAddress>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_proxy_with_a_token_is_the_gate() {
        let gate: GateAddress = "10.0.0.1:8733".parse().unwrap();
        for url in ["http://10.0.0.1:8733", "http://10.0.0.1:8733/", "10.0.0.1:8733", "http://pullgate:T@10.0.0.1:8733"]
        {
            assert!(gate.is_at(url), "{url}");
        }
        for url in ["", "https://10.0.0.1:8733", "http://10.0.0.1:87330", "http://10.0.0.1:8733@evil:1"] {
            assert!(!gate.is_at(url), "{url}");
        }
        assert!(!gate.is_local() && gate.notes().len() == 2);
    }

    #[test]
    fn loopback_needs_no_exception() {
        assert_eq!(exceptions("localhost,127.0.0.1, ::1,127.0.0.0/8,"), [""; 0]);
        assert_eq!(exceptions("*,.corp.example, 10.0.0.0/8"), ["*", ".corp.example", "10.0.0.0/8"]);
    }
}
