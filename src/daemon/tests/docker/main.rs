//! The authorization plugin under a real dockerd, with a real registry and the real docker client.
//!
//! dockerd reaches the registry by many names and addresses. Each of them leads through something that the test listens
//! on, so what dockerd contacts is known: [`Tap`]s on loopback addresses, and a proxy for all that is not loopback.
//!
//! It needs root, and Debian's packages `docker.io`, `docker-registry` and `dnsmasq`.

mod client;
mod engine;
mod plugin;
mod process;
mod raw;
mod scenes;
mod servers;
mod tap;

use std::sync::Arc;
use std::time::Instant;

use engine::Engine;
use plugin::Plugin;
use servers::{Names, Registry};
use tap::Tap;

/// Its name in reverse DNS is covered by a wildcard, and leads back to it. No machine has it: it is reached by the proxy.
const CONFIRMED: &str = "198.51.100.1";

/// Its name in reverse DNS is covered by a wildcard, and leads elsewhere.
const LYING: &str = "198.51.100.2";

/// Everything that runs.
struct World {
    engine: Engine,
    plugin: Plugin,
    /// The port that all taps listen on, each on an address of its own.
    port: u16,
    /// An address that the policy has.
    listed: Tap,
    /// In a network that the policy has.
    within: Tap,
    /// An address that the policy does not have.
    unlisted: Tap,
    /// All that is not loopback.
    proxy: Tap,
    _registry: Registry,
    names: Names,
}

impl World {
    async fn start() -> Self {
        process::demand_root();
        let registry = Registry::start().await;
        let forward = [("reg.wild.test", CONFIRMED)];
        let names = Names::start(&forward, &[(CONFIRMED, "reg.wild.test"), (LYING, "reg.wild.test")]).await;
        let listed = Tap::to(registry.address, "127.0.71.1:0").await;
        let port = listed.address.port();
        let tap = async |address: &str| Tap::to(registry.address, &format!("{address}:{port}")).await;
        let plugin = Plugin::start(&names).await;
        let proxy = Tap::to(registry.address, "127.0.0.1:0").await;
        let engine = Engine::start(&plugin.name, proxy.address, port).await;
        Self {
            within: tap("127.0.72.9").await,
            unlisted: tap("127.0.79.1").await,
            listed,
            engine,
            plugin,
            port,
            proxy,
            _registry: registry,
            names,
        }
    }

    /// Runs something that must contact nobody.
    async fn quietly<T>(&self, what: &str, scene: impl Future<Output = T>) -> T {
        let before = self.seen();
        let result = scene.await;
        assert_eq!(self.seen(), before, "{what}: a registry was contacted that was not allowed");
        result
    }

    /// How much each tap has seen.
    fn seen(&self) -> Vec<usize> {
        let taps = [&self.listed, &self.within, &self.unlisted, &self.proxy];
        taps.map(Tap::connections).to_vec()
    }

    /// The policy of most scenes.
    fn policy(&self) -> String {
        serde_json::json!({
            "whitelist": ["127.0.71.1", "127.0.72.0/24", "*.wild.test", "named.test:5000"],
        })
        .to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dockerd_does_what_the_policy_allows_and_nothing_else() {
    let start = Instant::now();
    let say = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let world = Arc::new(World::start().await);
    say(&world.engine.version);
    scenes::seed(&world).await;
    say("an image is pushed under every name while whitelist mode is off");
    scenes::names_and_addresses(&world).await;
    say("pull and push by name, address, network, wildcard, reverse DNS, and Docker Hub");
    scenes::other_commands(&world).await;
    say("the other commands of the client");
    scenes::raw_requests(&world).await;
    say("raw requests");
    scenes::settings(&world).await;
    say("settings");
    scenes::failures(&world).await;
    say("the plugin hung, killed, restarted");
}
