//! Signatures of certificates and of handshakes: those that Go's `crypto/x509` verifies, and others. OpenSSL makes the
//! certificates and serves them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, thread};

use pullgate::{TrustAnchor, check_certificates};
use pullgate_connect::rustls::pki_types::CertificateDer;
use pullgate_connect::rustls::pki_types::pem::PemObject;
use pullgate_connect::{AttemptError, VerificationError, VerifiedBy};
use pullgate_host::now;

use crate::support::{connect, error, refusal};

/// A CA with a server certificate below it.
struct TestChain {
    folder: PathBuf,
    authority: TrustAnchor,
}

/// `openssl s_server`. Killed when the test ends or panics.
struct OpensslServer {
    child: Child,
    port: u16,
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const PSS: &str = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";

impl TestChain {
    /// Generates both keys with these arguments of `genpkey`, and signs with these of `x509`.
    fn new(ca_key: &str, signature: &str, server_key: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("signatures-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("extensions"), "subjectAltName=DNS:registry.test\nextendedKeyUsage=serverAuth\n")
            .unwrap();
        let openssl = |arguments: &str| openssl(&folder, arguments);
        openssl(&format!("genpkey {ca_key} -out ca.key"));
        openssl(&format!("genpkey {server_key} -out server.key"));
        openssl(&format!("req -x509 -new -key ca.key {signature} -days 10 -subj /CN=CA -out ca.pem"));
        openssl("req -new -key server.key -subj /CN=registry -out server.csr");
        openssl(&format!(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial {signature} -days 10 -extfile extensions -out \
             server.pem"
        ));
        let pem = fs::read(folder.join("ca.pem")).unwrap();
        let fingerprint = check_certificates(&pem, now()).certificates[0].sha256.clone();
        let der = CertificateDer::from_pem_slice(&pem).unwrap().to_vec();
        let (not_before, not_after) = (now() - 86_400, now() + 86_400);
        let authority = TrustAnchor { fingerprint, title: "CA".to_owned(), der, not_before, not_after };
        Self { folder, authority }
    }

    fn serve(&self, arguments: &str) -> OpensslServer {
        let mut command = Command::new("openssl");
        command.args("s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www".split(' '));
        // OpenSSL would not serve certificates signed with SHA-1.
        command.args(["-cipher", "DEFAULT@SECLEVEL=0"]).args(arguments.split_whitespace()).current_dir(&self.folder);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = OpensslServer { child, port: 0 };
        while server.port == 0 {
            let line = lines.next().expect("`openssl s_server` listens").unwrap();
            server.port = line.strip_prefix("ACCEPT 127.0.0.1:").map_or(0, |port| port.parse().unwrap());
        }
        // Read to the end, so that the server never blocks on its output.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        server
    }
}

impl Drop for TestChain {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Drop for OpensslServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("`openssl` cannot be started ({error}): install it"));
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_go_verifies_are_verified() {
    for (ca_key, signature) in [
        (P256, "-sha256"),
        (P256, "-sha384"),
        (P256, "-sha512"),
        (P384, "-sha256"),
        (P384, "-sha384"),
        (P384, "-sha512"),
        (P521, "-sha256"),
        (P521, "-sha384"),
        (P521, "-sha512"),
        (RSA, "-sha256"),
        (RSA, "-sha384"),
        (RSA, "-sha512"),
        (RSA, &format!("-sha256 {PSS}")),
        (RSA, &format!("-sha384 {PSS}")),
        (RSA, &format!("-sha512 {PSS}")),
        ("-algorithm ED25519", ""),
    ] {
        let chain = TestChain::new(ca_key, signature, P256);
        let server = chain.serve("");
        let connection = connect(server.port, &[&chain.authority]).await;
        let connection = connection.unwrap_or_else(|error| panic!("{ca_key} {signature}: {error}"));
        assert_eq!(connection.verified_by(), Some(&VerifiedBy::Policy(chain.authority.fingerprint.clone())));
        // The server has one connection at a time.
        drop(connection);
        // Another key of the same kind, with the same name.
        let other = TestChain::new(ca_key, signature, P256);
        let error = refusal(connect(server.port, &[&other.authority]).await);
        assert_eq!(error, VerificationError::BadSignature { issuer: "CN=CA".to_owned() }, "{ca_key} {signature}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_prove_keys_of_every_kind() {
    for key in [P256, P384, P521, RSA, "-algorithm ED25519"] {
        let chain = TestChain::new(P256, "-sha256", key);
        for version in ["-tls1_3", "-tls1_2"] {
            let server = chain.serve(version);
            let connection = connect(server.port, &[&chain.authority]).await;
            assert!(connection.is_ok(), "{key} {version}: {connection:?}");
        }
    }
    // In TLS 1.2 the hash function of an elliptic curve is of the server's choice.
    for (key, hash) in [(P521, "SHA256"), (P521, "SHA384"), (P384, "SHA512"), (P256, "SHA512")] {
        let chain = TestChain::new(P256, "-sha256", key);
        let server = chain.serve(&format!("-tls1_2 -sigalgs ECDSA+{hash}"));
        let connection = connect(server.port, &[&chain.authority]).await;
        assert!(connection.is_ok(), "{key} {hash}: {connection:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_go_does_not_verify_are_refused() {
    for (ca_key, signature) in [
        ("-algorithm ED448", ""),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp224r1", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "-sha256"),
        (RSA, "-sha1"),
        (P256, "-sha1"),
        (RSA, "-sha224"),
        (RSA, "-sha3-256"),
        (P256, "-sha3-256"),
    ] {
        let chain = TestChain::new(ca_key, signature, P256);
        let server = chain.serve("");
        let found = refusal(connect(server.port, &[&chain.authority]).await).to_string();
        assert!(found.contains("the certificate, or one above it, is signed"), "{ca_key} {signature}: {found}");
    }
    for (key, version) in [("-algorithm ED448", "-tls1_3"), ("-algorithm ED448", "-tls1_2")] {
        let chain = TestChain::new(P256, "-sha256", key);
        let server = chain.serve(version);
        let found = error(connect(server.port, &[&chain.authority]).await);
        assert!(matches!(&found, AttemptError::Alert(alert) if alert == "HandshakeFailure"), "{key}: {found:?}");
    }
}
