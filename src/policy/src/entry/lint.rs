//! Findings about an entry that parsed: rules of its list (E10, E12, T5), and entries that cover more or less than they
//! seem to (E6, E7, E16 to E18).

use std::fmt;
use std::ops::Range;

use crate::decision::Scheme;
use crate::entry::name_pattern::NamePattern;
use crate::entry::parts::EntryParts;
use crate::entry::{Entry, HostPattern, ParsedEntry, notation};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::host::provider::{self, Tenancy};
use crate::host::{dns_name, docker_hub, public_suffix};
use crate::util::strings::concat;

/// Adds the findings about a parsed entry of a list. A plain-HTTP entry for the whitelist is an error here, which a
/// document takes back if its insecure list has the registry.
pub(super) fn lint(
    text: &str,
    parts: &EntryParts<'_>,
    parsed: &ParsedEntry,
    list: Option<EntryList>,
    findings: &mut Vec<RawFinding>,
) {
    let mut linter = EntryLinter { text, parts, entry: &parsed.entry, list, findings };
    linter.transport(parsed.scheme);
    match &parsed.entry.hosts {
        HostPattern::Name(name) => linter.name(name),
        HostPattern::Wildcard(domain) => linter.wildcard(domain),
        HostPattern::Pattern(pattern) => linter.pattern(pattern),
        HostPattern::Address(_) | HostPattern::Network(_) => {}
    }
    linter.api_path();
    linter.insecure_public();
}

/// Returns the finding that a whitelist entry with `http://` needs its registry in the insecure list (rule E10).
pub(crate) fn plain_http_finding(entry: &Entry, span: Range<usize>) -> RawFinding {
    let registry = Entry { namespace: None, ..entry.clone() };
    // Port 80 belongs to the scheme; any other port was written on purpose.
    let secure = Entry { port: entry.port.filter(|port| *port != 80), ..entry.clone() };
    let message = format!(
        "`{entry}` is reached over plain HTTP, so it must stand in the insecure list too, as `{registry}`; or write it \
         with `https://` here"
    );
    RawFinding::new(Code::SchemeHttp, span, message).with_fix(format!("https://{secure}"))
}

struct EntryLinter<'e, 'n> {
    text: &'e str,
    parts: &'e EntryParts<'e>,
    entry: &'e Entry,
    list: Option<EntryList>,
    findings: &'n mut Vec<RawFinding>,
}

impl<'e> EntryLinter<'e, '_> {
    /// Rules E10, E12 and T5.
    fn transport(&mut self, scheme: Option<Scheme>) {
        let span = 0..self.text.len();
        if let (Some(EntryList::Insecure | EntryList::BuiltIn), Some(namespace)) = (self.list, &self.entry.namespace) {
            let message =
                format!("transport belongs to the registry, so there is no namespace here: leave `/{namespace}` out");
            let bare = Entry { namespace: None, ..self.entry.clone() };
            self.findings.push(RawFinding::new(Code::NamespaceInsecure, span, message).with_fix_display(&bare));
        } else if self.list == Some(EntryList::Whitelist) && scheme == Some(Scheme::Http) {
            self.findings.push(plain_http_finding(self.entry, span));
        } else if self.list == Some(EntryList::BuiltIn) && scheme == Some(Scheme::Http) {
            let message = "one of the product's own registries is always asked over HTTPS: leave `http://` out";
            self.findings.push(RawFinding::new(Code::BuiltInHttp, span, message));
        } else if self.list == Some(EntryList::Blocked) && scheme == Some(Scheme::Http) {
            let entry = self.entry;
            let message = format!(
                "a blocked registry is blocked over HTTPS and plain HTTP alike: leave `http://` out, or write `{entry}` \
                 for this port alone"
            );
            self.findings.push(RawFinding::new(Code::BlockedHttp, span, message).with_fix_display(entry));
        }
    }

    fn name(&mut self, name: &str) {
        if self.entry.is_docker_hub() {
            self.docker_hub();
        } else if docker_hub::is_docker_hub(name, None) {
            let (port, entry) = (docker_hub::DEFAULT_PORT, self.entry);
            let message = format_args!("port {port} alone is Docker Hub's, and no registry is at `{entry}`");
            self.report(Code::DockerHubUnmatched, self.parts.whole, message, None);
        } else if docker_hub::is_web_site(name) {
            self.docker_hub_site();
        } else if provider::is_provider_domain(name) {
            let message = format_args!(
                "`{name}` is the domain of its customers' registries, and none itself: write the host of one"
            );
            self.report(Code::ProviderDomain, self.parts.host, message, None);
        } else if dns_name::is_single_label(name) {
            self.single_label(name);
        }
    }

    /// Rule E17: reports an entry for Docker Hub that means other repositories than it covers, or none that exist.
    fn docker_hub(&mut self) {
        let Some(namespace) = self.whitelisted_namespace() else { return };
        if docker_hub::is_official_image(namespace) {
            let image = notation::docker_hub_path(namespace);
            let message = format_args!(
                "this covers the repositories of the organization `{namespace}`; the official image `{namespace}` is \
                 `{image}`"
            );
            self.report(Code::OfficialImage, self.parts.whole, message, Some(&image));
        } else if namespace.bytes().filter(|byte| *byte == b'/').count() > 1 {
            let entry = self.entry;
            let message = format_args!("a repository of Docker Hub has two components, so that `{entry}` covers none");
            self.report(Code::DockerHubUnmatched, self.parts.whole, message, None);
        }
    }

    /// Rule E17: reports a web site of Docker Hub, which is no registry.
    fn docker_hub_site(&mut self) {
        let meant = notation::entry_of_page(self.parts.path().unwrap_or_default());
        let message = format_args!("this is a web site of Docker Hub, and no registry: its images are at `{meant}`");
        // Nobody means an insecure Docker Hub (rule E18).
        let fix = Some(&*meant).filter(|_| self.list != Some(EntryList::Insecure));
        self.report(Code::DockerHubSite, self.parts.whole, message, fix);
    }

    /// Rules E6 and E17: reports a name of one label, which may be a repository of Docker Hub.
    fn single_label(&mut self, name: &str) {
        if self.parts.port.is_some() {
            return;
        }
        let is_whitelist = self.is_repository_list();
        let image = match &self.entry.namespace {
            Some(namespace) => notation::docker_hub_path(&concat(&[name, "/", namespace])),
            None => notation::docker_hub_path(name),
        };
        let is_image = name == "library" || self.entry.namespace.is_none() && docker_hub::is_official_image(name);
        // `registry` is what many hosts are called, too.
        if is_image && is_whitelist && name != "registry" {
            let message = format_args!("this is the host `{name}`; the repositories of Docker Hub are `{image}`");
            return self.report(Code::RepositoryAsHost, self.parts.whole, message, Some(&image));
        }
        let hub = if is_whitelist { format!(", with the entry `{image}`") } else { String::new() };
        let message = format_args!(
            "in an image reference `{name}` needs a port, as in `{name}:443/x`: `{name}/x` is Docker Hub's{hub}"
        );
        self.report(Code::NameSingleLabel, self.parts.host, message, None);
    }

    /// Rules E7 and E16: reports a wildcard under which strangers have names.
    fn wildcard(&mut self, domain: &str) {
        let tenancy = provider::tenancy_below(domain);
        if !domain.contains('.') {
            let message = format_args!("`*.{domain}` covers every name that ends in `.{domain}`");
            self.report(Code::WildcardWide, self.parts.host, message, None);
        } else if docker_hub::is_web_site(domain) {
            self.docker_hub_site();
        } else if tenancy == Some(Tenancy::Namespace) {
            let message = format_args!(
                "anybody can have repositories on the hosts below `{domain}`: add the namespace of yours, as in \
                 `*.{domain}/my-project`"
            );
            if self.entry.namespace.is_none() && !matches!(self.list, Some(EntryList::Insecure | EntryList::Blocked)) {
                self.report(Code::WildcardShared, self.parts.host, message, None);
            }
        } else if self.list != Some(EntryList::Blocked)
            && (tenancy.is_some() || public_suffix::is_shared_domain(domain))
        {
            let message = format_args!(
                "anybody can have a name below `{domain}`, and `*.{domain}` covers the registries of all of them: write \
                 the names of yours"
            );
            self.report(Code::WildcardShared, self.parts.host, message, None);
        }
    }

    /// Rules E15 and E16: reports a pattern for Docker Hub, and one under which strangers have names.
    fn pattern(&mut self, pattern: &NamePattern) {
        if docker_hub::NAMES.iter().any(|name| pattern.matches(name)) {
            let message = format_args!("a pattern never covers Docker Hub: write `docker.io`");
            return self.report(Code::DockerHubUnmatched, self.parts.whole, message, None);
        }
        match provider::tenancy_of_pattern(pattern.as_str()) {
            Some(Tenancy::Namespace)
                if self.entry.namespace.is_none()
                    && !matches!(self.list, Some(EntryList::Insecure | EntryList::Blocked)) =>
            {
                let message = format_args!(
                    "anybody can have repositories on the hosts of `{pattern}`: add the namespace of yours, as in \
                     `{pattern}/my-project`"
                );
                self.report(Code::WildcardShared, self.parts.host, message, None);
            }
            Some(Tenancy::Host) if self.list != Some(EntryList::Blocked) => {
                let message = format_args!(
                    "anybody can have a name that matches `{pattern}`: write your part of the name without a star"
                );
                self.report(Code::WildcardShared, self.parts.host, message, None);
            }
            _ => {}
        }
    }

    /// Rule E17: reports the path of the registry's API in place of a namespace.
    fn api_path(&mut self) {
        let Some(namespace) = self.whitelisted_namespace() else { return };
        let is_web_site = matches!(&self.entry.hosts, HostPattern::Name(name) if docker_hub::is_web_site(name));
        if matches!(namespace, "v1" | "v2") && !is_web_site {
            let message = format_args!(
                "`/{namespace}` is the path of the registry's API, and no part of what an image is called: leave it out"
            );
            self.report(Code::ApiPath, self.parts.whole, message, Some(self.parts.without_path()));
        }
    }

    /// Rule E18: reports an insecure registry that has a public certificate.
    fn insecure_public(&mut self) {
        let is_public_port = self.entry.port.is_none_or(|port| matches!(port, 80 | 443));
        // An entry with a namespace has its error already (rule E12).
        if self.list != Some(EntryList::Insecure) || !is_public_port || self.entry.namespace.is_some() {
            return;
        }
        let registry = match &self.entry.hosts {
            HostPattern::Name(_) if self.entry.is_docker_hub() => docker_hub::DISPLAY_NAME,
            HostPattern::Name(name) if provider::is_public_registry(name) => name,
            HostPattern::Pattern(pattern) if provider::tenancy_of_pattern(pattern.as_str()).is_some() => {
                self.parts.host
            }
            HostPattern::Wildcard(domain) => match provider::public_registry_below(domain) {
                Some(docker_hub::REGISTRY_HOST) => docker_hub::DISPLAY_NAME,
                Some(registry) => registry,
                None if provider::tenancy_below(domain).is_some() => self.parts.host,
                None => return,
            },
            _ => return,
        };
        let message = format_args!(
            "`{registry}` has a certificate of a well-known authority: insecure, it gives up verification and gains \
             nothing"
        );
        self.report(Code::InsecurePublic, self.parts.whole, message, None);
    }

    fn whitelisted_namespace(&self) -> Option<&'e str> {
        self.entry.namespace.as_deref().filter(|_| self.is_repository_list())
    }

    /// Returns whether entries of the list are about repositories, and not about transport alone.
    fn is_repository_list(&self) -> bool {
        matches!(self.list, Some(EntryList::Whitelist | EntryList::Blocked))
    }

    #[inline(never)]
    fn report(&mut self, code: Code, part: &str, message: fmt::Arguments<'_>, fix: Option<&str>) {
        let finding = RawFinding::at_slice(code, self.text, part, message);
        self.findings.push(match fix {
            Some(fix) => finding.with_fix(fix),
            None => finding,
        });
    }
}
