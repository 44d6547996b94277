//! The use of proxy settings in a probe.

use crate::Endpoint;
use crate::proxy::{ProxyChoice, ProxySetting, ProxySettings};

/// The proxy settings of a probe, used or only mentioned.
#[derive(Clone, Debug)]
pub(super) enum ProxyMode {
    /// Connections are direct. Where a proxy is set, the report says so.
    Direct(ProxySettings),
    /// Connections are through the proxies. Where an endpoint has none, the report says so.
    Proxy(ProxySettings),
}

impl ProxyMode {
    /// Returns the proxy through which an endpoint is reached; none if it is reached directly.
    pub(super) fn proxy_for(&self, endpoint: &Endpoint) -> Option<&ProxySetting> {
        match (self, self.choose(endpoint)) {
            (Self::Proxy(_), ProxyChoice::Proxy(setting)) => Some(setting),
            _ => None,
        }
    }

    /// Returns the text after a failure to reach an endpoint directly where a proxy is set; empty otherwise.
    pub(super) fn stage_hint(&self, endpoint: &Endpoint) -> String {
        match (self, self.choose(endpoint)) {
            (Self::Direct(_), ProxyChoice::Proxy(setting)) => {
                format!("; not tried through the proxy of {}", setting.source)
            }
            _ => String::new(),
        }
    }

    /// Returns the hint of a report about an endpoint: that it was not reached as other programs here would reach it, or
    /// the reason why the proxy was not used.
    pub(super) fn report_hint(&self, endpoint: &Endpoint) -> Option<String> {
        let host = endpoint.host();
        match (self, self.choose(endpoint)) {
            (Self::Direct(_), ProxyChoice::Proxy(setting)) => {
                let source = setting.source;
                Some(format!(
                    "{source} is set, and this test does not go through that proxy: `pullgate probe --proxy` does"
                ))
            }
            (Self::Proxy(_), ProxyChoice::Exempt(exemption)) => {
                Some(format!("`{host}` was reached without a proxy: {exemption}"))
            }
            (Self::Proxy(_), ProxyChoice::Unset) => {
                let scheme = endpoint.scheme().as_str().to_ascii_uppercase();
                Some(format!("`{host}` was reached without a proxy: none is set for {scheme}"))
            }
            (Self::Direct(_), _) | (Self::Proxy(_), ProxyChoice::Proxy(_)) => None,
        }
    }

    fn choose(&self, endpoint: &Endpoint) -> ProxyChoice<'_> {
        let (Self::Direct(settings) | Self::Proxy(settings)) = self;
        settings.choose(endpoint.scheme(), endpoint.host(), endpoint.port())
    }
}
