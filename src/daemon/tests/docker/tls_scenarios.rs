//! Scenarios of registries with TLS and logins.
//!
//! The plugin decides whether a registry is reached, and dockerd's own settings decide how. Each registry is also
//! probed as the policy allows: with equal settings, both have the same outcome.

use pullgate_daemon::OperationPermission;
use pullgate_daemon::frontends::docker::DockerOptions;
use serde_json::{Value, json};

use crate::TestWorld;
use crate::client::Outcome;
use crate::pki::Ca;
use crate::registries::LOGIN;
use crate::scenarios::{denied, done};
use crate::skopeo::Access;

const VERIFIED_ACCESS: Access<'_> = Access { verified: true, login: None };
const INSECURE_ACCESS: Access<'_> = Access { verified: false, login: None };
const LOGGED_IN_ACCESS: Access<'_> = Access { verified: true, login: Some(LOGIN) };

pub async fn verified(world: &TestWorld) {
    let registries = &world.registries;
    let (registry, misnamed) = (&registries.secure, &registries.misnamed);
    let trusting = |ca: &Ca| trusting(ca, &["secure.test", "other.test"]);
    let other = Ca::new("Other CA");

    world.engine.trust(registry, &registries.ca);
    works(world, registry, VERIFIED_ACCESS, trusting(&registries.ca)).await;
    differs(world, registry, json!({ "whitelist": ["secure.test"] })).await;

    world.engine.distrust(registry);
    fails(world, registry, "x509: certificate signed by unknown authority").await;
    world.engine.trust(registry, &other);
    world.plugin.set_policy(trusting(&other).to_string()).await;
    fails(world, registry, "x509: certificate signed by unknown authority").await;
    world.engine.trust(misnamed, &registries.ca);
    world.plugin.set_policy(trusting(&registries.ca).to_string()).await;
    fails(world, misnamed, "x509: certificate is valid for secure.test, not other.test").await;
}

pub async fn insecure(world: &TestWorld) {
    let registries = &world.registries;
    works(world, &registries.unverified, INSECURE_ACCESS, json!({ "whitelist": [], "insecure": ["unverified.test"] }))
        .await;
    works(world, &registries.plain, INSECURE_ACCESS, json!({ "whitelist": [], "insecure": ["plain.test"] })).await;
    differs(world, &registries.unverified, json!({ "whitelist": ["unverified.test"] })).await;
    differs(world, &registries.plain, json!({ "whitelist": ["plain.test"] })).await;
    // The same registries by another name, insecure to neither dockerd nor the policy.
    world.plugin.set_policy(json!({ "whitelist": ["other.test"] }).to_string()).await;
    fails(world, &registries.bad, "x509: certificate").await;
    fails(world, &registries.cleartext, "server gave HTTP response to HTTPS client").await;
}

pub async fn password(world: &TestWorld) {
    let registries = &world.registries;
    let registry = &registries.password;
    let policy = trusting(&registries.ca, &["password.test"]);
    world.engine.trust(registry, &registries.ca);
    logins(world, registry, &policy, "no basic auth credentials").await;
    works(world, registry, LOGGED_IN_ACCESS, policy).await;
    done(&world.engine.client.run(&["logout", registry]).await);
}

pub async fn tokens(world: &TestWorld) {
    let registries = &world.registries;
    let (registry, issuer) = (&registries.token, &registries.issuer);
    // The certificate of the token server is of the same authority, which dockerd has for the registry alone.
    world.engine.trust(registry, &registries.ca);
    let policy = trusting(&registries.ca, &["token.test", "issuer.test"]);
    logins(world, registry, &policy, "unauthorized").await;
    works(world, registry, LOGGED_IN_ACCESS, policy).await;
    assert!(world.proxy.has_seen(&format!("CONNECT {issuer} ")));
    // To dockerd the token server is part of the registry; to the policy it is a host like any other.
    world.plugin.set_policy(trusting(&registries.ca, &["token.test"]).to_string()).await;
    done(&pull(world, registry).await);
    let report = world.plugin.probe(registry).await;
    assert!(!report.ok && report.summary.contains("which was not contacted: denied"), "{report:#?}");
    done(&world.engine.client.run(&["logout", registry]).await);
    // dockerd does not verify it either for an insecure registry.
    let registry = &registries.unverified_token;
    world.plugin.set_policy(json!({ "whitelist": [], "insecure": ["unverified.test"] }).to_string()).await;
    done(&login(world, registry, LOGIN).await);
    done(&pull(world, registry).await);
    done(&world.engine.client.run(&["logout", registry]).await);
}

/// Returns a policy with one authority for these registries and no others.
fn trusting(ca: &Ca, registries: &[&str]) -> Value {
    json!({
        "whitelist": registries,
        "certificate_authorities": [{ "pem": ca.pem(), "registries": registries }],
    })
}

/// Logs in with valid and invalid logins.
async fn logins(world: &TestWorld, registry: &str, policy: &Value, without: &str) {
    world.plugin.set_policy(policy.to_string()).await;
    let outcome = pull(world, registry).await;
    assert!(!outcome.done && outcome.text.contains(without), "{outcome:?}");
    world.plugin.serve(DockerOptions { logins: OperationPermission::Deny, ..DockerOptions::default() }).await;
    denied(&world.quietly(registry, login(world, registry, LOGIN)).await, "docker_logins");
    world.plugin.serve(DockerOptions::default()).await;
    let outcome = login(world, registry, "me:wrong").await;
    assert!(!outcome.done && outcome.text.to_lowercase().contains("unauthorized"), "{outcome:?}");
    let outcome = login(world, registry, LOGIN).await;
    assert!(outcome.done && outcome.text.contains("Login Succeeded"), "{outcome:?}");
}

/// Requires that docker and skopeo push and pull under a policy that allows it, and that nothing reaches the registry
/// under another.
async fn works(world: &TestWorld, registry: &str, access: Access<'_>, policy: Value) {
    let (client, skopeo) = (&world.engine.client, &world.skopeo);
    let [first, second, third] = [1, 2, 3].map(|tag| format!("{registry}/team/app:{tag}"));
    world.plugin.set_policy(policy.to_string()).await;
    let report = world.plugin.probe(registry).await;
    assert!(report.ok, "{report:#?}");

    done(&client.run(&["tag", "seed:latest", &first]).await);
    let pushed = client.run(&["push", &first]).await;
    done(&pushed);
    let digest = skopeo.digest(&first, access).await.unwrap();
    assert!(pushed.text.contains(&format!("digest: {digest} ")), "{digest}: {}", pushed.text);
    done(&skopeo.copy(&first, &second, access).await);
    let pulled = client.run(&["pull", &second]).await;
    assert!(pulled.done && pulled.text.contains(&format!("Digest: {digest}\n")), "{digest}: {}", pulled.text);

    world.plugin.set_policy(json!({ "whitelist": ["elsewhere.test"] }).to_string()).await;
    done(&client.run(&["tag", "seed:latest", &third]).await);
    let name = &world.plugin.name;
    let text = format!("authorization denied by plugin {name}: access to registry `{registry}` is denied");
    for arguments in [["pull", &second], ["push", &third]] {
        denied(&world.quietly(registry, client.run(&arguments)).await, &text);
    }
    let missing = skopeo.digest(&third, access).await.unwrap_err();
    assert!(missing.contains("manifest unknown"), "{missing}");

    world.plugin.set_policy(policy.to_string()).await;
    done(&client.run(&["push", &third]).await);
    assert_eq!(skopeo.digest(&third, access).await, Ok(digest));
}

/// Requires that dockerd fails where the plugin allows it, and that the probe fails as well.
async fn fails(world: &TestWorld, registry: &str, text: &str) {
    let before = world.seen();
    let outcome = pull(world, registry).await;
    assert!(!outcome.done && outcome.text.contains(text), "not `{text}`: {outcome:?}");
    assert_ne!(world.seen(), before, "{registry}: dockerd did not go there");
    unreachable_by_policy(world, registry).await;
}

/// Requires that dockerd follows its own settings where the policy differs.
async fn differs(world: &TestWorld, registry: &str, policy: Value) {
    world.plugin.set_policy(policy.to_string()).await;
    done(&pull(world, registry).await);
    unreachable_by_policy(world, registry).await;
}

async fn unreachable_by_policy(world: &TestWorld, registry: &str) {
    let report = world.plugin.probe(registry).await;
    assert!(!report.ok && report.decision.get().contains(r#""decision":"allow""#), "{report:#?}");
}

async fn pull(world: &TestWorld, registry: &str) -> Outcome {
    world.engine.client.run(&["pull", &format!("{registry}/team/app:1")]).await
}

async fn login(world: &TestWorld, registry: &str, login: &str) -> Outcome {
    let (user, password) = login.split_once(':').unwrap();
    let arguments = ["login", "--username", user, "--password-stdin", registry];
    world.engine.client.run_with(&arguments, password.as_bytes()).await
}
