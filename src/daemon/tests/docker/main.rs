//! The authorization plugin under a real dockerd, with a real registry and the real docker client.
//!
//! dockerd reaches the registry by many names and addresses. Each leads through a listener of the test, so that every
//! contact is observed: [`RecordingProxy`] on loopback addresses, and a proxy for all others.
//!
//! It runs under the Docker Engine of the machine, and under the newer one that `cargo xtask engines` unpacks. The
//! tests need root, and Debian's packages `docker.io`, `docker-registry`, `apache2-utils`, `dnsmasq-base` and `skopeo`.

mod client;
#[path = "../../../connect/tests/programs/dnsmasq.rs"]
mod dnsmasq;
mod engine;
mod installation;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../connect/tests/pki/mod.rs"]
mod pki;
mod plugin;
mod process;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../connect/tests/programs/mod.rs"]
mod programs;
mod raw;
mod recording_proxy;
mod registries;
mod scenarios;
mod skopeo;
mod tls_scenarios;
mod token_server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dnsmasq::Dnsmasq;
use engine::Engine;
use installation::Installation;
use plugin::Plugin;
use programs::Program;
use recording_proxy::RecordingProxy;
use registries::Registries;
use skopeo::Skopeo;

/// An address whose reverse DNS name is covered by a wildcard and resolves back to it. No machine has it: the proxy
/// serves it.
const CONFIRMED_ADDRESS: &str = "198.51.100.1";

/// An address whose reverse DNS name is covered by a wildcard and resolves to another address.
const UNCONFIRMED_ADDRESS: &str = "198.51.100.2";

/// All processes and servers of the test.
struct TestWorld {
    engine: Engine,
    plugin: Plugin,
    /// The port of all recording proxies, each on an address of its own.
    port: u16,
    /// An address in the policy.
    listed: RecordingProxy,
    /// An address in a network of the policy.
    within: RecordingProxy,
    /// An address that the policy does not have.
    unlisted: RecordingProxy,
    /// The proxy for all but loopback addresses.
    proxy: RecordingProxy,
    /// Registries with TLS and logins.
    registries: Registries,
    skopeo: Skopeo,
    _registry: Program,
    names: Dnsmasq,
}

impl TestWorld {
    async fn start(installation: &Installation) -> Self {
        process::require_root();
        let registry = Program::registry(None, |_| String::new());
        let address = SocketAddr::from(([127, 0, 0, 1], registry.port));
        let registries = Registries::start(registry.port).await;
        let mut forward = vec![("reg.wild.test", CONFIRMED_ADDRESS)];
        forward.extend(registries::NAMES.map(|name| (name, "127.0.0.1")));
        let names =
            Dnsmasq::start(&forward, &[(CONFIRMED_ADDRESS, "reg.wild.test"), (UNCONFIRMED_ADDRESS, "reg.wild.test")]);
        let listed = RecordingProxy::to(address, "127.0.71.1:0").await;
        let port = listed.address.port();
        let tap = async |listen: &str| RecordingProxy::to(address, &format!("{listen}:{port}")).await;
        let plugin = Plugin::start(&names).await;
        let proxy = RecordingProxy::proxy(address, "127.0.0.1:0", registries.all()).await;
        let mut insecure = ["a.wild.test", "evil.test", "wild.test"].map(|name| format!("{name}:{port}")).to_vec();
        insecure.extend(["named.test:5000", "named.test:5001", "198.51.100.0/24"].map(str::to_owned));
        insecure.extend(registries.insecure());
        let engine = Engine::start(installation, &plugin.name, proxy.address, &insecure).await;
        let skopeo = Skopeo::new(proxy.address, &registries.ca);
        Self {
            within: tap("127.0.72.9").await,
            unlisted: tap("127.0.79.1").await,
            listed,
            engine,
            plugin,
            port,
            proxy,
            registries,
            skopeo,
            _registry: registry,
            names,
        }
    }

    /// Runs something that must contact no registry.
    async fn quietly<T>(&self, what: &str, scene: impl Future<Output = T>) -> T {
        let before = self.seen();
        let result = scene.await;
        assert_eq!(self.seen(), before, "{what}: a registry was contacted that was not allowed");
        result
    }

    /// Returns the number of connections of each proxy.
    fn seen(&self) -> Vec<usize> {
        let taps = [&self.listed, &self.within, &self.unlisted, &self.proxy];
        taps.map(RecordingProxy::connections).to_vec()
    }

    /// Returns the policy of most scenarios.
    fn policy(&self) -> String {
        serde_json::json!({
            "whitelist": ["127.0.71.1", "127.0.72.0/24", "*.wild.test", "named.test:5000"],
        })
        .to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dockerd_does_what_the_policy_allows_and_nothing_else() {
    run_scenarios(&Installation::of_machine()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs the engine that `cargo xtask engines` fetches"]
async fn newer_dockerd_does_what_the_policy_allows_and_nothing_else() {
    run_scenarios(&Installation::unpacked()).await;
}

async fn run_scenarios(installation: &Installation) {
    let start = Instant::now();
    let say = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let world = Arc::new(TestWorld::start(installation).await);
    say(&world.engine.version);
    scenarios::seed(&world).await;
    say("an image is pushed under every name while whitelist mode is off");
    scenarios::names_and_addresses(&world).await;
    say("pull and push by name, address, network, wildcard, reverse DNS, and Docker Hub");
    scenarios::other_commands(&world).await;
    say("the other commands of the client");
    scenarios::raw_requests(&world).await;
    say("raw requests");
    scenarios::settings(&world).await;
    say("settings");
    tls_scenarios::verified(&world).await;
    say("TLS with a certificate authority of one's own");
    tls_scenarios::insecure(&world).await;
    say("TLS that is not verified, and plain HTTP");
    tls_scenarios::password(&world).await;
    say("logins with a password file");
    tls_scenarios::tokens(&world).await;
    say("logins with a server of tokens");
    scenarios::failures(&world).await;
    say("the plugin hung, killed, restarted");
}
