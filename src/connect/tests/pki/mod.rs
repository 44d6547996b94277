//! Certificates made on the spot, and the servers that have them.

use pullgate::TrustAnchor;
use pullgate_connect::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use sha2::{Digest, Sha256};

/// A certificate authority.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    not_before: u64,
    not_after: u64,
}

/// A server's certificate, with those above it, and its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
    pub authority: TrustAnchor,
    pem: String,
}

impl Ca {
    pub fn new(name: &str) -> Self {
        Self::with(name, |_| ())
    }

    pub fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = ca_params(name, change);
        let (not_before, not_after) = dates(&params);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, not_before, not_after }
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let params = ca_params(name, |_| ());
        let (not_before, not_after) = dates(&params);
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        Self { issuer, not_before, not_after }
    }

    pub fn server(&self, hosts: &[&str]) -> Identity {
        self.server_with(hosts, |_| ())
    }

    pub fn server_with(&self, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let params = server_params(hosts, change);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity::of(&params, &certificate, key)
    }

    pub fn authority(&self) -> TrustAnchor {
        authority(self.issuer.der(), self.not_before, self.not_after)
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }
}

impl Identity {
    /// A certificate that is its own issuer.
    pub fn self_signed(hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = server_params(hosts, change);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::of(&params, &certificate, key)
    }

    fn of(params: &CertificateParams, certificate: &Certificate, key: KeyPair) -> Self {
        let (not_before, not_after) = dates(params);
        let authority = authority(certificate.der(), not_before, not_after);
        Self { chain: vec![certificate.der().clone()], key, authority, pem: certificate.pem() }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

/// What `openssl req -x509` makes.
pub fn as_authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

pub fn expired(params: &mut CertificateParams) {
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
}

pub fn not_yet_valid(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(3020, 1, 2);
}

fn ca_params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    params
}

fn server_params(hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, "registry");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    change(&mut params);
    params
}

fn dates(params: &CertificateParams) -> (u64, u64) {
    let seconds = |date: i64| date.try_into().unwrap();
    (seconds(params.not_before.unix_timestamp()), seconds(params.not_after.unix_timestamp()))
}

fn authority(der: &[u8], not_before: u64, not_after: u64) -> TrustAnchor {
    let fingerprint = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    TrustAnchor { fingerprint, title: "a test".to_owned(), der: der.to_vec(), not_before, not_after }
}
