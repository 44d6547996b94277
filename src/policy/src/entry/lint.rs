//! Findings about an entry that parsed: rules of its list (E10, E12, T5), and entries that cover more or less than they
//! seem to (E6, E7, E16 to E18).

use std::ops::Range;

use crate::decision::Scheme;
use crate::entry::parts::EntryParts;
use crate::entry::{Entry, HostPattern, ParsedEntry, notation};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::host::provider::{self, Tenancy};
use crate::host::{dns_name, docker_hub, public_suffix};

/// Adds the findings about a parsed entry of a list. A plain-HTTP entry for the whitelist is an error here, which a
/// document takes back if its insecure list has the registry.
pub(super) fn lint(
    text: &str,
    parts: &EntryParts<'_>,
    parsed: &ParsedEntry,
    list: Option<EntryList>,
    findings: &mut Vec<RawFinding>,
) {
    let linter = EntryLinter { text, parts, entry: &parsed.entry, list };
    findings.extend(linter.transport(parsed.scheme));
    match &parsed.entry.hosts {
        HostPattern::Name(name) => findings.extend(linter.name(name)),
        HostPattern::Wildcard(domain) => findings.extend(linter.wildcard(domain)),
        HostPattern::Address(_) | HostPattern::Network(_) => {}
    }
    findings.extend(linter.api_path());
    findings.extend(linter.insecure_public());
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

struct EntryLinter<'e> {
    text: &'e str,
    parts: &'e EntryParts<'e>,
    entry: &'e Entry,
    list: Option<EntryList>,
}

impl EntryLinter<'_> {
    /// Rules E10, E12 and T5.
    fn transport(&self, scheme: Option<Scheme>) -> Option<RawFinding> {
        let span = || 0..self.text.len();
        if let (Some(EntryList::Insecure | EntryList::BuiltIn), Some(namespace)) = (self.list, &self.entry.namespace) {
            let message =
                format!("transport belongs to the registry, so there is no namespace here: leave `/{namespace}` out");
            let bare = Entry { namespace: None, ..self.entry.clone() };
            return Some(RawFinding::new(Code::NamespaceInsecure, span(), message).with_fix_display(&bare));
        }
        match (self.list, scheme) {
            (Some(EntryList::Whitelist), Some(Scheme::Http)) => Some(plain_http_finding(self.entry, span())),
            (Some(EntryList::BuiltIn), Some(Scheme::Http)) => {
                let message = "one of the product's own registries is always asked over HTTPS: leave `http://` out";
                Some(RawFinding::new(Code::BuiltInHttp, span(), message))
            }
            _ => None,
        }
    }

    fn name(&self, name: &str) -> Option<RawFinding> {
        if self.entry.is_docker_hub() {
            return self.docker_hub();
        }
        if docker_hub::is_docker_hub(name, None) {
            let message = format_args!(
                "port {} alone is Docker Hub's, and no registry is at `{}`",
                docker_hub::DEFAULT_PORT,
                self.entry
            );
            return self.about(Code::DockerHubUnmatched, self.parts.whole, message);
        }
        if docker_hub::is_web_site(name) {
            return self.docker_hub_site();
        }
        if provider::is_provider_domain(name) {
            let message = format_args!(
                "`{name}` is the domain of its customers' registries, and none itself: write the host of one"
            );
            return self.about(Code::ProviderDomain, self.parts.host, message);
        }
        if dns_name::is_single_label(name) { self.single_label(name) } else { None }
    }

    /// Rule E17: reports an entry for Docker Hub that means other repositories than it covers, or none that exist.
    fn docker_hub(&self) -> Option<RawFinding> {
        let namespace = self.entry.namespace.as_deref().filter(|_| self.list == Some(EntryList::Whitelist))?;
        if docker_hub::is_official_image(namespace) {
            let image = notation::docker_hub_path(namespace);
            let message = format_args!(
                "this covers the repositories of the organization `{namespace}`; the official image `{namespace}` is \
                 `{image}`"
            );
            return Some(self.about(Code::OfficialImage, self.parts.whole, message)?.with_fix(image.clone()));
        }
        let message =
            format_args!("a repository of Docker Hub has two components, so that `{}` covers none", self.entry);
        if namespace.split('/').count() > 2 {
            self.about(Code::DockerHubUnmatched, self.parts.whole, message)
        } else {
            None
        }
    }

    /// Rule E17: reports a web site of Docker Hub, which is no registry.
    fn docker_hub_site(&self) -> Option<RawFinding> {
        let page = self.parts.path().unwrap_or_default();
        let meant = notation::entry_of_page(page);
        let message = format_args!("this is a web site of Docker Hub, and no registry: its images are at `{meant}`");
        let finding = self.about(Code::DockerHubSite, self.parts.whole, message)?;
        // An insecure Docker Hub is not what anybody means (rule E18).
        Some(if self.list == Some(EntryList::Insecure) { finding } else { finding.with_fix(meant) })
    }

    /// Rules E6 and E17: reports a name of one label, which may be a repository of Docker Hub.
    fn single_label(&self, name: &str) -> Option<RawFinding> {
        let is_place = self.parts.port.is_some() || self.list != Some(EntryList::Whitelist);
        let repository = match &self.entry.namespace {
            Some(namespace) => format!("{name}/{namespace}"),
            None => name.to_owned(),
        };
        let image = notation::docker_hub_path(&repository);
        let is_image = name == "library" || self.entry.namespace.is_none() && docker_hub::is_official_image(name);
        // `registry` is what many hosts are called, too.
        if is_image && !is_place && name != "registry" {
            let message = format_args!("this is the host `{name}`; the repositories of Docker Hub are `{image}`");
            return Some(self.about(Code::RepositoryAsHost, self.parts.whole, message)?.with_fix(image.clone()));
        }
        if self.parts.port.is_some() {
            return None;
        }
        let hub = if is_place { String::new() } else { format!(", for which the entry is `{image}`") };
        let message = format_args!(
            "in an image reference `{name}` needs a port, as in `{name}:443/x`: `{name}/x` is Docker Hub's{hub}"
        );
        self.about(Code::NameSingleLabel, self.parts.host, message)
    }

    /// Rules E7 and E16: reports a wildcard under which strangers have names.
    fn wildcard(&self, domain: &str) -> Option<RawFinding> {
        let host = self.parts.host;
        if !domain.contains('.') {
            let message = format_args!("`*.{domain}` covers every name that ends in `.{domain}`");
            return self.about(Code::WildcardWide, host, message);
        }
        if docker_hub::is_web_site(domain) {
            return self.docker_hub_site();
        }
        let tenancy = provider::tenancy_below(domain);
        if tenancy == Some(Tenancy::Namespace) {
            let message = format_args!(
                "anybody can have repositories on the hosts below `{domain}`: add the namespace of yours, as in \
                 `*.{domain}/my-project`"
            );
            let covers_all = self.entry.namespace.is_none() && self.list != Some(EntryList::Insecure);
            return if covers_all { self.about(Code::WildcardShared, host, message) } else { None };
        }
        let message = format_args!(
            "anybody can have a name below `{domain}`, and `*.{domain}` covers the registries of all of them: write the \
             names of yours"
        );
        let is_shared = tenancy.is_some() || public_suffix::is_shared_domain(domain);
        if is_shared { self.about(Code::WildcardShared, host, message) } else { None }
    }

    /// Rule E17: reports the path of the registry's API in place of a namespace.
    fn api_path(&self) -> Option<RawFinding> {
        let namespace = self.entry.namespace.as_deref().filter(|_| self.list == Some(EntryList::Whitelist))?;
        let is_web_site = matches!(&self.entry.hosts, HostPattern::Name(name) if docker_hub::is_web_site(name));
        if !matches!(namespace, "v1" | "v2") || is_web_site {
            return None;
        }
        let message = format_args!(
            "`/{namespace}` is the path of the registry's API, and no part of what an image is called: leave it out"
        );
        Some(self.about(Code::ApiPath, self.parts.whole, message)?.with_fix(self.parts.without_path()))
    }

    /// Rule E18: reports an insecure registry that has a public certificate.
    fn insecure_public(&self) -> Option<RawFinding> {
        if self.list != Some(EntryList::Insecure) || self.entry.port.is_some_and(|port| !matches!(port, 80 | 443)) {
            return None;
        }
        let registry = match &self.entry.hosts {
            HostPattern::Name(_) if self.entry.is_docker_hub() => docker_hub::DISPLAY_NAME,
            HostPattern::Name(name) if provider::is_public_registry(name) => name,
            HostPattern::Wildcard(domain) => match provider::public_registry_below(domain) {
                Some(docker_hub::REGISTRY_HOST) => docker_hub::DISPLAY_NAME,
                Some(registry) => registry,
                None if provider::tenancy_below(domain).is_some() => self.parts.host,
                None => return None,
            },
            _ => return None,
        };
        let message = format_args!(
            "`{registry}` has a certificate of a well-known authority: insecure, it gives up verification and gains \
             nothing"
        );
        self.about(Code::InsecurePublic, self.parts.whole, message)
    }

    #[inline(never)]
    fn about(&self, code: Code, part: &str, message: std::fmt::Arguments<'_>) -> Option<RawFinding> {
        Some(RawFinding::at_slice(code, self.text, part, message))
    }
}
