//! Certificates, and the trust anchors and roots that verify them.

use pullgate_connect::rustls::RootCertStore;
use pullgate_connect::rustls::version::{TLS12, TLS13};
use pullgate_connect::{Connector, RootStore, VerificationError, VerifiedBy};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use crate::pki::{Ca, Identity, as_authority, expired, not_yet_valid};
use crate::support::{Server, VERIFIED, allowed, connect, connect_to, connector, greets, limits, refusal};

#[tokio::test]
async fn an_authority_of_the_decision_vouches() {
    let ca = Ca::new("Lab CA");
    let identity = ca.server(&["registry.test"]);
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let server = Server::with(&identity, &identity, versions).await;
        let connection = connect(server.port, &[&Ca::new("Other CA").authority(), &ca.authority()]).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(ca.authority().fingerprint)));
        assert_eq!(connection.certificates(), identity.chain);
        assert_eq!(connection.peer_addr().to_string(), format!("127.0.0.1:{}", server.port));
        assert_eq!(connection.endpoint().host_header(), format!("registry.test:{}", server.port));
        assert!(connection.endpoint().is_verified());
        assert_eq!(connection.alpn(), None);
        greets(connection).await;
        assert_eq!(server.asked(), [Some("registry.test".to_owned())]);
    }
}

#[tokio::test]
async fn root_store_verifies_beside_the_policy() {
    let (ca, other) = (Ca::new("Public CA"), Ca::new("Lab CA").authority());
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let mut store = RootCertStore::empty();
    store.add(ca.der()).unwrap();
    let connector = Connector::new(store.into(), limits()).unwrap();
    for authorities in [&[][..], &[&other]] {
        let allowed = allowed(server.port, &[VERIFIED], authorities, &["127.0.0.1"]);
        let connection = connector.connect("registry.test", &allowed, std::slice::from_ref(&other)).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::WellKnown));
    }
}

#[tokio::test]
async fn empty_trust_verifies_no_server() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let refusal = refusal(connect(server.port, &[]).await);
    assert!(
        matches!(&refusal, VerificationError::UnknownIssuer { issuer, authorities: 0, roots: 0, .. } if issuer == "CN=Lab CA")
    );
    assert_eq!(
        refusal.to_string(),
        "the certificate leads to `CN=Lab CA`, which nobody vouches for: the policy has no certificate authority for \
         this registry; the server sent its own certificate only: if that issuer is an intermediate, the server has to \
         send it too"
    );
}

#[tokio::test]
async fn the_well_known_do_not_vouch_for_everyone() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let connector = Connector::new(RootStore::well_known(), limits()).unwrap();
    let allowed = allowed(server.port, &[VERIFIED], &[], &["127.0.0.1"]);
    let refusal = refusal(connector.connect("registry.test", &allowed, &[]).await);
    assert!(matches!(&refusal, VerificationError::UnknownIssuer { roots: 100.., .. }), "{refusal:?}");
    assert_eq!(
        refusal.to_string(),
        "the certificate leads to `CN=Lab CA`, which no well-known authority vouches for, and the policy has none for \
         this registry; the server sent its own certificate only: if that issuer is an intermediate, the server has to \
         send it too"
    );
}

#[tokio::test]
async fn another_authority_does_not_vouch() {
    let server = Server::new(&Ca::new("Lab CA").server(&["registry.test"])).await;
    let other = refusal(connect(server.port, &[&Ca::new("Other CA").authority()]).await);
    assert_eq!(
        other.to_string(),
        "the certificate leads to `CN=Lab CA`, which the policy's one certificate authority for this registry does not \
         vouch for; the server sent its own certificate only: if that issuer is an intermediate, the server has to send \
         it too"
    );
    let namesake = refusal(connect(server.port, &[&Ca::new("Lab CA").authority()]).await);
    assert_eq!(namesake, VerificationError::BadSignature { issuer: "CN=Lab CA".to_owned() });
}

#[tokio::test]
async fn an_authority_counts_in_its_time_only() {
    for (change, why) in [
        (expired as fn(&mut CertificateParams), "it expired on 2020-01-02T00:00:00Z"),
        (not_yet_valid, "it is not valid before 3020-01-02T00:00:00Z"),
    ] {
        let ca = Ca::with("Lab CA", change);
        let server = Server::new(&ca.server(&["registry.test"])).await;
        let refusal = refusal(connect(server.port, &[&ca.authority()]).await);
        let VerificationError::UnknownIssuer { ignored_anchors, .. } = &refusal else { panic!("{refusal:?}") };
        assert_eq!((ignored_anchors[0].subject.as_str(), ignored_anchors[0].reason.as_str()), ("CN=Lab CA", why));
        assert_eq!(ignored_anchors[0].fingerprint, ca.authority().fingerprint);
        assert!(refusal.to_string().ends_with(&format!("was left out: {why}")), "{refusal}");
    }
}

#[tokio::test]
async fn an_intermediate_authority_vouches_for_what_is_below_it() {
    let root = Ca::new("Root CA");
    let intermediate = root.intermediate("Team CA");
    let mut identity = intermediate.server(&["registry.test"]);
    for chain in [identity.chain.clone(), vec![identity.chain[0].clone(), intermediate.der()]] {
        identity.chain = chain;
        let server = Server::new(&identity).await;
        let connection = connect(server.port, &[&intermediate.authority()]).await.unwrap();
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(intermediate.authority().fingerprint)));
    }
    // The chain is complete now, so the root is a valid anchor too, and is the missing issuer without one.
    let server = Server::new(&identity).await;
    connect(server.port, &[&root.authority()]).await.unwrap();
    let refusal = refusal(connect(server.port, &[]).await);
    assert!(
        matches!(&refusal, VerificationError::UnknownIssuer { issuer, sent: 2, .. } if issuer == "CN=Root CA"),
        "{refusal:?}"
    );
    assert!(!refusal.to_string().contains("has to send it too"), "it sent the intermediate: {refusal}");
}

#[tokio::test]
async fn a_listed_certificate_vouches_for_itself_and_no_other() {
    for change in [as_authority as fn(&mut CertificateParams), |_| ()] {
        let identity = Identity::self_signed(&["registry.test"], change);
        for versions in [&[&TLS13][..], &[&TLS12]] {
            let server = Server::with(&identity, &identity, versions).await;
            let connection = connect(server.port, &[&identity.authority]).await.unwrap();
            assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(identity.authority.fingerprint.clone())));

            let unlisted = refusal(connect(server.port, &[&Ca::new("Lab CA").authority()]).await);
            assert!(unlisted.to_string().contains("`CN=registry`"), "{unlisted}");

            let elsewhere = refusal(connect_to("other.test", server.port, &[&identity.authority]).await);
            let hosts = Some(vec!["registry.test".to_owned()]);
            assert_eq!(elsewhere, VerificationError::NameMismatch { host: "other.test".to_owned(), hosts });

            // Anyone can present the certificate; only its owner has the key.
            let thief = Server::with(&identity, &Identity::self_signed(&[], |_| ()), versions).await;
            assert_eq!(refusal(connect(thief.port, &[&identity.authority]).await), VerificationError::KeyNotProven);
        }
    }
}

#[tokio::test]
async fn a_listed_certificate_that_is_no_authority_signs_nothing() {
    let listed = Identity::self_signed(&["registry.test"], |_| ());
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "registry");
    let below = CertificateParams::new(["other.test".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let signed = below.signed_by(&key, &Issuer::from_params(&params, &listed.key)).unwrap();
    let mut identity = Identity::self_signed(&[], |_| ());
    (identity.chain, identity.key) = (vec![signed.der().clone()], key);
    let server = Server::new(&identity).await;
    let refusal = refusal(connect_to("other.test", server.port, &[&listed.authority]).await);
    let VerificationError::UnknownIssuer { ignored_anchors, .. } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(ignored_anchors[0].reason, "it is no authority and vouches for itself alone");
}

#[tokio::test]
async fn a_listed_certificate_counts_in_its_time_only() {
    let over = Identity::self_signed(&["registry.test"], expired);
    let server = Server::new(&over).await;
    let not_after = over.authority.not_after;
    assert_eq!(
        refusal(connect(server.port, &[&over.authority]).await),
        VerificationError::Expired { subject: Some("CN=registry".to_owned()), not_after }
    );
    let early = Identity::self_signed(&["registry.test"], |params| {
        as_authority(params);
        not_yet_valid(params);
    });
    let server = Server::new(&early).await;
    let not_before = early.authority.not_before;
    assert_eq!(refusal(connect(server.port, &[&early.authority]).await), VerificationError::NotYetValid { not_before });
}

#[tokio::test]
async fn a_certificate_for_other_hosts_is_refused() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server(&["a.example.com", "*.example.org", "10.0.0.1"])).await;
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await).to_string(),
        "the certificate is not for `registry.test`, but for `a.example.com`, `*.example.org`, `10.0.0.1`"
    );
    let nameless = Server::new(&ca.server(&[])).await;
    assert_eq!(
        refusal(connect(nameless.port, &[&ca.authority()]).await).to_string(),
        "the certificate is not for `registry.test`: it names no host as subject alternative name, and a common name \
         does not count"
    );
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_refused() {
    let ca = Ca::new("Lab CA");
    let server = Server::new(&ca.server_with(&["registry.test"], expired)).await;
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await).to_string(),
        "the certificate of `CN=registry` expired on 2020-01-02T00:00:00Z"
    );
    let server = Server::new(&ca.server_with(&["registry.test"], not_yet_valid)).await;
    let early = refusal(connect(server.port, &[&ca.authority()]).await);
    assert!(early.to_string().contains("is not valid before 3020-01-02T00:00:00Z"), "{early}");
}

#[tokio::test]
async fn a_certificate_for_something_else_is_refused() {
    let ca = Ca::new("Lab CA");
    let client =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let server = Server::new(&ca.server_with(&["registry.test"], client)).await;
    assert_eq!(refusal(connect(server.port, &[&ca.authority()]).await), VerificationError::WrongPurpose);
    let server = Server::new(&ca.server_with(&["registry.test"], as_authority)).await;
    let subject = "CN=registry".to_owned();
    assert_eq!(
        refusal(connect(server.port, &[&ca.authority()]).await),
        VerificationError::CaUsedAsEndEntity { subject }
    );
}

#[tokio::test]
async fn an_authority_that_the_decision_does_not_name_has_no_say() {
    let (ca, other) = (Ca::new("Lab CA"), Ca::new("Other CA"));
    let server = Server::new(&ca.server(&["registry.test"])).await;
    let allowed = allowed(server.port, &[VERIFIED], &[&other.authority()], &["127.0.0.1"]);
    let known = [ca.authority(), other.authority()];
    let refusal = refusal(connector().connect("registry.test", &allowed, &known).await);
    assert_eq!(
        refusal.to_string(),
        format!(
            "the certificate leads to `CN=Lab CA`, which the policy's one certificate authority for this registry does \
             not vouch for; the policy's `CN=Lab CA` (SHA-256 {}…) was left out: it is for other registries, or for \
             another project",
            &known[0].fingerprint[..16]
        )
    );
}

#[tokio::test]
async fn roots_are_found_by_name() {
    let (ca, below) = (Ca::new("Public CA"), Ca::new("Public CA").intermediate("Below"));
    let mut store = RootCertStore::empty();
    store.add(ca.der()).unwrap();
    let roots = RootStore::from(store);
    let leaf = below.server(&["registry.test"]).chain.remove(0);
    assert_eq!(roots.issuer_of(&[leaf.clone(), below.der()]).as_deref(), Some("CN=Public CA"));
    assert_eq!(roots.issuer_of(&[leaf]), None);
    assert_eq!(RootStore::empty().issuer_of(&[below.der()]), None);
}
