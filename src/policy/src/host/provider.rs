//! Domains of container registries at providers (rule E16), where the public suffix list lacks them or has them in
//! another form, and registries of the public (rule E18). Each is in its provider's documentation of registry names.

use crate::host::{docker_hub, public_suffix};

/// The place of a customer's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenancy {
    /// Each customer has hosts: `nordwind.azurecr.io`.
    Host,
    /// Customers share the hosts, and each has a namespace: `europe-docker.pkg.dev/nordwind`.
    Namespace,
}

/// The domain of a provider's registries. A label that is `*` is any one label.
struct ProviderDomain {
    domain: &'static str,
    tenancy: Tenancy,
    /// True if there is a registry at the domain itself.
    is_registry: bool,
}

const fn hosts(domain: &'static str) -> ProviderDomain {
    ProviderDomain { domain, tenancy: Tenancy::Host, is_registry: false }
}

const fn namespaces(domain: &'static str, is_registry: bool) -> ProviderDomain {
    ProviderDomain { domain, tenancy: Tenancy::Namespace, is_registry }
}

const PROVIDER_DOMAINS: [ProviderDomain; 17] = [
    // Amazon Elastic Container Registry: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
    hosts("dkr.ecr.*.amazonaws.com"),
    hosts("dkr.ecr-fips.*.amazonaws.com"),
    hosts("dkr.ecr.*.amazonaws.com.cn"),
    hosts("dkr-ecr.*.on.aws"),
    // Azure Container Registry: `NAME.azurecr.io`, and `NAME.REGION.data.azurecr.io` for layers.
    hosts("azurecr.io"),
    hosts("*.data.azurecr.io"),
    hosts("azurecr.cn"),
    hosts("azurecr.us"),
    // Alibaba Cloud Container Registry: `NAME-registry.REGION.cr.aliyuncs.com`.
    hosts("*.cr.aliyuncs.com"),
    // JFrog Cloud: `NAME.jfrog.io`.
    hosts("jfrog.io"),
    // OVHcloud Managed Private Registry: `ID.REGION.container-registry.ovh.net`.
    hosts("*.container-registry.ovh.net"),
    // Tencent Container Registry: `NAME.tencentcloudcr.com`.
    hosts("tencentcloudcr.com"),
    // Google Artifact Registry, `LOCATION-docker.pkg.dev/PROJECT`, and Container Registry, `gcr.io/PROJECT`.
    namespaces("pkg.dev", false),
    namespaces("gcr.io", true),
    // IBM Cloud Container Registry: `REGION.icr.io/NAMESPACE`.
    namespaces("icr.io", true),
    // Oracle Cloud Infrastructure Registry: `REGION.ocir.io/TENANCY`.
    namespaces("ocir.io", false),
    // Huawei Cloud SoftWare Repository for Container: `swr.REGION.myhuaweicloud.com/ORGANIZATION`.
    namespaces("myhuaweicloud.com", false),
];

/// Registries of the public, with a certificate of a well-known authority.
const PUBLIC_REGISTRIES: [&str; 8] = [
    docker_hub::REGISTRY_HOST,
    "quay.io",
    "ghcr.io",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "gcr.io",
    "public.ecr.aws",
    "registry.gitlab.com",
];

/// Returns the tenancy of the hosts below a domain of two or more labels, if a provider's customers are there.
pub(crate) fn tenancy_below(domain: &str) -> Option<Tenancy> {
    if !domain.contains('.') {
        return None;
    }
    let is_above = |provider: &&ProviderDomain| is_at_or_below(provider.domain, domain);
    PROVIDER_DOMAINS.iter().find(is_above).map(|provider| provider.tenancy)
}

/// Returns the tenancy of a provider whose customers' names match a pattern: a star stands in the label of the customer,
/// or customers share the hosts. A public suffix counts as a provider with hosts.
pub(crate) fn tenancy_of_pattern(pattern: &str) -> Option<Tenancy> {
    let labels: Vec<&str> = pattern.split('.').map(|label| if label.contains('*') { "*" } else { label }).collect();
    labels.iter().zip(1..).find_map(|(label, position)| {
        let domain = labels.get(position..).filter(|labels| labels.len() > 1)?.join(".");
        let is_same = |provider: &&ProviderDomain| {
            is_at_or_below(&domain, provider.domain) && is_at_or_below(provider.domain, &domain)
        };
        match PROVIDER_DOMAINS.iter().find(is_same).map(|provider| provider.tenancy) {
            Some(Tenancy::Namespace) => Some(Tenancy::Namespace),
            _ if *label != "*" => None,
            Some(Tenancy::Host) => Some(Tenancy::Host),
            // Customers of a provider further down are not here.
            None if tenancy_below(&domain).is_some() || domain.contains('*') => None,
            None => public_suffix::is_shared_domain(&domain).then_some(Tenancy::Host),
        }
    })
}

/// Returns whether a name is the domain of a provider's registries, and none itself.
pub(crate) fn is_provider_domain(name: &str) -> bool {
    PROVIDER_DOMAINS.iter().any(|provider| {
        !provider.is_registry && is_at_or_below(name, provider.domain) && is_at_or_below(provider.domain, name)
    })
}

/// Returns whether a name is a registry of the public, or a customer's registry at a provider.
pub(crate) fn is_public_registry(name: &str) -> bool {
    PUBLIC_REGISTRIES.contains(&name) || PROVIDER_DOMAINS.iter().any(|provider| is_at_or_below(name, provider.domain))
}

/// Returns a registry of the public that a wildcard over this domain covers.
pub(crate) fn public_registry_below(domain: &str) -> Option<&'static str> {
    let is_below = |registry: &&&str| registry.len() > domain.len() && is_at_or_below(registry, domain);
    PUBLIC_REGISTRIES.iter().find(is_below).copied()
}

/// Returns whether the last labels of a name are those of a domain; `*` in either is any one label.
#[inline(never)]
fn is_at_or_below(name: &str, domain: &str) -> bool {
    // Most names end otherwise, and need not be split. No domain ends in a star.
    if name.as_bytes().last() != domain.as_bytes().last() {
        return false;
    }
    let mut labels = name.rsplit('.');
    domain
        .rsplit('.')
        .all(|wanted| labels.next().is_some_and(|label| label == wanted || [label, wanted].contains(&"*")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e16_customers_of_providers() {
        for domain in [
            "azurecr.io",
            "data.azurecr.io",
            "westeurope.data.azurecr.io",
            "amazonaws.com",
            "dkr.ecr.eu-west-1.amazonaws.com",
            "ecr.eu-west-1.amazonaws.com",
            "dkr-ecr.eu-west-1.on.aws",
            "cn-hangzhou.cr.aliyuncs.com",
            "aliyuncs.com",
        ] {
            assert_eq!(tenancy_below(domain), Some(Tenancy::Host), "{domain}");
        }
        for domain in ["pkg.dev", "gcr.io", "icr.io"] {
            assert_eq!(tenancy_below(domain), Some(Tenancy::Namespace), "{domain}");
        }
        for domain in ["io", "nordwind.azurecr.io", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "xazurecr.io"] {
            assert_eq!(tenancy_below(domain), None, "{domain}");
        }
    }

    #[test]
    fn e16_patterns_over_customers() {
        for (pattern, tenancy) in [
            ("123456789012.dkr.ecr.*.amazonaws.com", None),
            ("*.dkr.ecr.eu-*.amazonaws.com", Some(Tenancy::Host)),
            ("*-docker.pkg.dev", Some(Tenancy::Namespace)),
            ("nordwind-*.azurecr.io", Some(Tenancy::Host)),
            ("nordwind.*.data.azurecr.io", None),
            ("nordwind*.github.io", Some(Tenancy::Host)),
            ("r*.nordwind.github.io", None),
            ("registry.*.corp.example", None),
            ("registry-*.nordwind.co.uk", None),
            ("a.*.co.uk", Some(Tenancy::Host)),
        ] {
            assert_eq!(tenancy_of_pattern(pattern), tenancy, "{pattern}");
        }
    }

    #[test]
    fn e17_domains_that_are_no_registries() {
        for name in ["azurecr.io", "pkg.dev", "dkr.ecr.eu-west-1.amazonaws.com"] {
            assert!(is_provider_domain(name), "{name}");
        }
        for name in ["gcr.io", "nordwind.azurecr.io", "amazonaws.com", "quay.io"] {
            assert!(!is_provider_domain(name), "{name}");
        }
    }

    #[test]
    fn e18_registries_of_the_public() {
        for name in ["quay.io", "registry-1.docker.io", "us.gcr.io", "nordwind.azurecr.io", "europe-docker.pkg.dev"] {
            assert!(is_public_registry(name), "{name}");
        }
        for name in ["example.com", "mirror.quay.io", "azurecr.io.example"] {
            assert!(!is_public_registry(name), "{name}");
        }
        assert_eq!(public_registry_below("docker.io"), Some("registry-1.docker.io"));
        assert_eq!(public_registry_below("k8s.io"), Some("registry.k8s.io"));
        assert_eq!(public_registry_below("quay.io"), None);
    }
}
