//! Proxy settings: from the environment, from a URL, or from a policy.

use std::env;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use pullgate::Scheme;
use serde::Deserialize;
use thiserror::Error;

use super::no_proxy::NoProxy;
use super::server::{ProxyServer, ProxyUrlError};
use crate::text::sanitize_server_text;

/// The environment variables of a proxy for HTTPS, for plain HTTP, and of its exceptions. The first one that is set
/// counts, as in Go.
const HTTPS_PROXY_VARIABLES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const HTTP_PROXY_VARIABLES: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const NO_PROXY_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Proxies for HTTPS and for plain HTTP, and the hosts that are reached without them.
///
/// The rules are those of Go's `httpproxy`: a loopback address and `localhost` never have a proxy, nor do the hosts of
/// `NO_PROXY`.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    https: Option<ProxySetting>,
    http: Option<ProxySetting>,
    no_proxy: NoProxy,
    /// The variable that holds the exceptions.
    no_proxy_variable: &'static str,
}

/// A proxy with the source of its URL.
#[derive(Clone, Debug)]
pub(crate) struct ProxySetting {
    pub(crate) source: ProxySource,
    /// The server, or the error of its URL.
    pub(crate) server: Result<Arc<ProxyServer>, ProxyUrlError>,
}

/// The source of a proxy's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxySource {
    /// The option `--proxy`, or a caller.
    Argument,
    /// An environment variable, by its name.
    Variable(&'static str),
    /// The policy's `image_fetch_proxy`.
    Policy,
}

/// Proxy settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxySettingsError {
    /// The URL of a proxy cannot be used.
    #[error("{origin} is no proxy: {error}")]
    Url {
        /// The source of the URL.
        origin: ProxySource,
        /// The error of the URL.
        error: ProxyUrlError,
    },
    /// The member `image_fetch_proxy` has another shape.
    #[error(
        "the policy's `image_fetch_proxy` cannot be read: write `{{\"https\": {{\"href\": \"http://HOST:PORT\"}}}}`"
    )]
    ImageFetchProxy,
}

/// The proxy for an endpoint.
#[derive(Clone, Debug)]
pub(crate) enum ProxyChoice<'a> {
    /// No proxy is set for the scheme.
    Unset,
    /// A proxy is set, and the host is an exception.
    Exempt(ProxyExemption<'a>),
    /// This proxy.
    Proxy(&'a ProxySetting),
}

/// The reason why a host is reached without the proxy that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyExemption<'a> {
    /// The host is this machine.
    Loopback,
    /// The variable has an element for the host.
    Listed {
        /// The name of the variable.
        variable: &'static str,
        /// The element as written.
        element: &'a str,
    },
}

impl ProxySettings {
    /// Reads the environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, each in lower case if it is not set in upper
    /// case.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Like [`from_env`](Self::from_env), with the variables of `lookup`.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let find = |names: [&'static str; 2]| {
            let value = |name| lookup(name).filter(|value| !value.is_empty());
            names.into_iter().find_map(|name| Some((name, value(name)?)))
        };
        let setting = |names| find(names).map(|(name, url)| ProxySetting::new(ProxySource::Variable(name), &url));
        let (no_proxy_variable, no_proxy) = find(NO_PROXY_VARIABLES).unwrap_or_default();
        Self {
            https: setting(HTTPS_PROXY_VARIABLES),
            http: setting(HTTP_PROXY_VARIABLES),
            no_proxy: NoProxy::parse(&no_proxy),
            no_proxy_variable,
        }
    }

    /// Creates settings with one proxy for both schemes, and without exceptions.
    pub fn from_url(url: &str) -> Self {
        let setting = Some(ProxySetting::new(ProxySource::Argument, url));
        Self { https: setting.clone(), http: setting, ..Self::default() }
    }

    /// Reads the member `image_fetch_proxy` of a policy document: `http` and `https`, each a URL or an object with the
    /// URL as `href`, as VIC's REST API has them. It has no exceptions.
    ///
    /// # Errors
    ///
    /// If the member has another shape.
    pub fn from_policy(document: &str) -> Result<Self, ProxySettingsError> {
        let document: ProxyDocument =
            serde_json::from_str(document).map_err(|_| ProxySettingsError::ImageFetchProxy)?;
        let proxies = document.image_fetch_proxy.unwrap_or_default();
        let setting = |link: Option<ProxyLink>| {
            let url = match link? {
                ProxyLink::Url(url) | ProxyLink::Object { href: url } => url,
            };
            (!url.is_empty()).then(|| ProxySetting::new(ProxySource::Policy, &url))
        };
        Ok(Self { https: setting(proxies.https), http: setting(proxies.http), ..Self::default() })
    }

    /// Takes the exceptions of `other`.
    #[must_use]
    pub fn with_exceptions_of(self, other: &Self) -> Self {
        Self { no_proxy: other.no_proxy.clone(), no_proxy_variable: other.no_proxy_variable, ..self }
    }

    /// Returns whether no proxy is set.
    pub fn is_empty(&self) -> bool {
        self.https.is_none() && self.http.is_none()
    }

    /// Checks the URLs.
    ///
    /// # Errors
    ///
    /// If one cannot be used.
    pub fn check(&self) -> Result<(), ProxySettingsError> {
        for setting in self.https.iter().chain(&self.http) {
            if let Err(error) = setting.server {
                return Err(ProxySettingsError::Url { origin: setting.source, error });
            }
        }
        Ok(())
    }

    /// Returns the proxy for a host: a name in lower case, or an address without brackets.
    pub(crate) fn choose(&self, scheme: Scheme, host: &str, port: u16) -> ProxyChoice<'_> {
        let setting = match scheme {
            Scheme::Https => &self.https,
            Scheme::Http => &self.http,
        };
        let Some(setting) = setting else { return ProxyChoice::Unset };
        let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
        if host == "localhost" || host.parse().is_ok_and(is_loopback) {
            return ProxyChoice::Exempt(ProxyExemption::Loopback);
        }
        match self.no_proxy.find(host, port) {
            Some(element) => ProxyChoice::Exempt(ProxyExemption::Listed { variable: self.no_proxy_variable, element }),
            None => ProxyChoice::Proxy(setting),
        }
    }
}

impl ProxySetting {
    fn new(source: ProxySource, url: &str) -> Self {
        Self { source, server: ProxyServer::parse(url).map(Arc::new) }
    }
}

impl fmt::Display for ProxySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => formatter.write_str("`--proxy`"),
            Self::Variable(name) => write!(formatter, "`{name}`"),
            Self::Policy => formatter.write_str("the policy's `image_fetch_proxy`"),
        }
    }
}

/// Reads as the reason in a sentence about the host.
impl fmt::Display for ProxyExemption<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => formatter.write_str("an address of this machine never has one"),
            Self::Listed { variable, element } => {
                write!(formatter, "`{variable}` has `{}`", sanitize_server_text(element))
            }
        }
    }
}

/// The part of a policy document that has proxies.
#[derive(Deserialize)]
struct ProxyDocument {
    image_fetch_proxy: Option<ImageFetchProxy>,
}

#[derive(Default, Deserialize)]
struct ImageFetchProxy {
    http: Option<ProxyLink>,
    https: Option<ProxyLink>,
}

/// The URL of a proxy, as it is or as a link.
#[derive(Deserialize)]
#[serde(untagged)]
enum ProxyLink {
    Url(String),
    Object { href: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> ProxySettings {
        let find = |name: &str| variables.iter().find(|(own, _)| *own == name);
        ProxySettings::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    /// Returns the proxy for a host in short.
    fn chosen(settings: &ProxySettings, scheme: Scheme, host: &str, port: u16) -> String {
        match settings.choose(scheme, host, port) {
            ProxyChoice::Unset => "unset".to_owned(),
            ProxyChoice::Exempt(exemption) => exemption.to_string(),
            ProxyChoice::Proxy(ProxySetting { source, server: Ok(server) }) => format!("{server} of {source}"),
            ProxyChoice::Proxy(ProxySetting { source, server: Err(error) }) => format!("{source}: {error}"),
        }
    }

    #[test]
    fn variables_are_read_as_go_reads_them() {
        let (https, http) = (Scheme::Https, Scheme::Http);
        let both =
            settings(&[("HTTPS_PROXY", "https://a.corp"), ("HTTP_PROXY", "b.corp:3128"), ("NO_PROXY", ".in.corp")]);
        assert_eq!(chosen(&both, https, "registry.corp", 443), "https://a.corp:443 of `HTTPS_PROXY`");
        assert_eq!(chosen(&both, http, "registry.corp", 80), "http://b.corp:3128 of `HTTP_PROXY`");
        assert_eq!(chosen(&both, https, "registry.in.corp", 443), "`NO_PROXY` has `.in.corp`");
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(chosen(&both, https, host, 443), "an address of this machine never has one", "{host}");
        }
        let one = settings(&[("https_proxy", "c.corp"), ("HTTPS_PROXY", ""), ("no_proxy", "10.0.0.0/8")]);
        assert_eq!(chosen(&one, https, "registry.corp", 443), "http://c.corp:80 of `https_proxy`");
        assert_eq!(chosen(&one, http, "registry.corp", 80), "unset");
        assert_eq!(chosen(&one, https, "10.0.0.1", 443), "`no_proxy` has `10.0.0.0/8`");
        let upper = settings(&[("https_proxy", "c.corp"), ("HTTPS_PROXY", "d.corp"), ("ALL_PROXY", "e.corp")]);
        assert_eq!(chosen(&upper, https, "registry.corp", 443), "http://d.corp:80 of `HTTPS_PROXY`");
        assert_eq!(chosen(&upper, http, "registry.corp", 80), "unset");
        assert!(settings(&[("NO_PROXY", "*")]).is_empty() && settings(&[]).is_empty() && !upper.is_empty());
    }

    #[test]
    fn one_url_is_for_both_schemes() {
        let exceptions = settings(&[("NO_PROXY", "in.corp")]);
        let settings = ProxySettings::from_url("http://me:hunter2@a.corp:3128").with_exceptions_of(&exceptions);
        for scheme in [Scheme::Https, Scheme::Http] {
            assert_eq!(chosen(&settings, scheme, "registry.corp", 443), "http://a.corp:3128 of `--proxy`");
            assert_eq!(chosen(&settings, scheme, "in.corp", 443), "`NO_PROXY` has `in.corp`");
        }
        assert_eq!(settings.check(), Ok(()));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn image_fetch_proxy_is_read_in_both_shapes() {
        for (document, https, http) in [
            (
                r#"{"image_fetch_proxy": {"https": {"href": "http://a.corp:1"}, "http": "b.corp:2"}}"#,
                "a.corp:1",
                "b.corp:2",
            ),
            (r#"{"whitelist": [], "image_fetch_proxy": {"https": "http://a.corp:1", "more": {}}}"#, "a.corp:1", ""),
            (
                r#"{"image_fetch_proxy": {"http": {"href": "b.corp:2", "rel": "x"}, "https": {"href": ""}}}"#,
                "",
                "b.corp:2",
            ),
            (r#"{"image_fetch_proxy": null}"#, "", ""),
            (r#"{"image_fetch_proxy": {}}"#, "", ""),
            ("{}", "", ""),
        ] {
            let settings = ProxySettings::from_policy(document).unwrap();
            for (scheme, proxy) in [(Scheme::Https, https), (Scheme::Http, http)] {
                let expected = match proxy {
                    "" => "unset".to_owned(),
                    proxy => format!("http://{proxy} of the policy's `image_fetch_proxy`"),
                };
                assert_eq!(chosen(&settings, scheme, "registry.corp", 443), expected, "{document}");
            }
        }
        for document in [
            r#"{"image_fetch_proxy": "http://a.corp"}"#,
            r#"{"image_fetch_proxy": {"https": {"url": "http://me:hunter2@a.corp"}}}"#,
            r#"{"image_fetch_proxy": {"https": 3128}}"#,
            r#"{"image_fetch_proxy": []}"#,
            "",
        ] {
            let error = ProxySettings::from_policy(document).unwrap_err();
            assert_eq!(error, ProxySettingsError::ImageFetchProxy, "{document}");
        }
    }

    #[test]
    fn unusable_urls_are_named_without_their_login() {
        let environment = settings(&[("HTTPS_PROXY", "a.corp"), ("http_proxy", "socks5://me:hunter2@a.corp:1080")]);
        let policy = r#"{"image_fetch_proxy": {"https": {"href": "http://me:hunter2@"}}}"#;
        for (settings, message) in [
            (environment, "`http_proxy` is no proxy: SOCKS is not supported"),
            (ProxySettings::from_url("http://me:hunter2@a:b"), "`--proxy` is no proxy: its port cannot be read"),
            (ProxySettings::from_url(""), "`--proxy` is no proxy: its host cannot be read"),
            (ProxySettings::from_policy(policy).unwrap(), "the policy's `image_fetch_proxy` is no proxy: its host"),
        ] {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.starts_with(message) && !error.contains("hunter2"), "{error}");
        }
    }
}
