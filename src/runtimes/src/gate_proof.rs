//! Images by which an engine proves that it reaches registries through the gate: no registry has them, and the error
//! that the engine shows is that of whoever refused it.

use crate::decisions::PolicyContext;
use crate::policy_view::{EntryHosts, PolicyEntry};
use crate::registry_name::is_loopback;

/// An image that nobody has: its top-level domain is reserved (RFC 2606).
const UNKNOWN_IMAGE: &str = "pullgate-gate-check.invalid/x:1";

/// The port of images that the policy allows. Nothing listens there (tcpmux, RFC 1078), and the gate says that it is
/// not reached.
const UNUSED_PORT: u16 = 1;

/// Returns the images in the order in which they are to be tried: one that the policy denies where whitelist mode is
/// on, and one that it allows, for engines that ask an authorization plugin first.
pub fn gate_proof_images(policy: &PolicyContext<'_>) -> Vec<String> {
    let allowed = policy.view.allowed().filter_map(unreachable_image);
    let allowed = allowed.into_iter().find(|image| policy.image_access(image).is_allowed());
    std::iter::once(UNKNOWN_IMAGE.to_owned()).chain(allowed).collect()
}

/// Returns an image of an entry on a port that is not used; `None` if the entry is for another port, or on this
/// machine, to which no client uses a proxy.
fn unreachable_image(entry: &PolicyEntry) -> Option<String> {
    let host = match &entry.hosts {
        EntryHosts::Wildcard(domain) => format!("pullgate-gate-check.{domain}"),
        EntryHosts::Network(network) => match network.network() {
            address if address.is_ipv6() => format!("[{address}]"),
            address => address.to_string(),
        },
        _ => entry.exact_host()?,
    };
    if entry.port.is_some() || is_loopback(&host) {
        return None;
    }
    let namespace = entry.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    Some(format!("{host}:{UNUSED_PORT}/{namespace}pullgate-gate-check:1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::with_policy;

    #[test]
    fn second_image_is_one_that_the_policy_allows() {
        for (policy, image) in [
            (r#"{"whitelist":["a.example:5000","b.example/team"]}"#, Some("b.example:1/team/pullgate-gate-check:1")),
            (
                r#"{"whitelist":["*.example"],"insecure":["x:1"]}"#,
                Some("pullgate-gate-check.example:1/pullgate-gate-check:1"),
            ),
            (r#"{"whitelist":["10.0.0.0/8"]}"#, Some("10.0.0.0:1/pullgate-gate-check:1")),
            (r#"{"whitelist":["2001:db8::/32"]}"#, Some("[2001:db8::]:1/pullgate-gate-check:1")),
            (r#"{"whitelist":["docker.io","localhost","127.0.0.1"]}"#, None),
            (r#"{"whitelist":["a.example"],"blocked":["a.example:1"]}"#, None),
        ] {
            let images = with_policy(policy, |policy| gate_proof_images(&policy));
            assert_eq!((images[0].as_str(), images.get(1).map(String::as_str)), (UNKNOWN_IMAGE, image), "{policy}");
        }
    }
}
