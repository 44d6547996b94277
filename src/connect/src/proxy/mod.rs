//! Proxies between this machine and the registries: their settings, and the hosts that are reached without them.
//!
//! Settings are read as Go reads them, and so dockerd, containerd and the kubelet do. Credentials in them are never
//! shown.

mod no_proxy;
mod server;
mod settings;

pub(crate) use server::ProxyServer;
pub use server::ProxyUrlError;
pub(crate) use settings::{ProxyChoice, ProxySetting};
pub use settings::{ProxySettings, ProxySettingsError, ProxySource};
