//! The public registries for a machine without Internet: one registry under their names, and an authority that its
//! programs take for a well-known one.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::common::sandbox::{Sandbox, Server};

/// The names, each with an address: on 127.0.0.0/8 runtimes make exceptions.
pub const NAMES: [(&str, &str); 3] =
    [("10.77.0.1", "registry-1.docker.io"), ("10.77.0.2", "quay.io"), ("10.77.0.3", "registry.k8s.io")];

/// Starts the registry with these repositories, each with the same image under the tag `latest`.
pub fn start(sandbox: &Sandbox, repositories: &[&str]) -> Server {
    write_certificates(sandbox);
    let server = sandbox.serve_registry("0.0.0.0:443", Some(["server.pem", "server.key"]));
    seed(sandbox, repositories);
    server
}

/// Returns the file of the authority.
pub fn authority(sandbox: &Sandbox) -> PathBuf {
    sandbox.folder().join("well-known.pem")
}

/// Pushes the image: a layer with one file, in the format of `docker save`.
fn seed(sandbox: &Sandbox, repositories: &[&str]) {
    let script = format!(
        "mkdir -p {0}/image && cd {0}/image && echo x > x && tar -cf layer.tar x
        digest=$(sha256sum layer.tar | cut -d' ' -f1)
        printf '{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}}}' $digest > config.json
        printf '[{{\"Config\":\"config.json\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"layer.tar\"]}}]' > manifest.json
        tar -cf image.tar config.json manifest.json layer.tar
        for repository in {1}; do
        skopeo --insecure-policy copy --dest-tls-verify=false docker-archive:image.tar docker://quay.io/$repository:latest
        done",
        sandbox.folder().display(),
        repositories.join(" ")
    );
    let seeded = sandbox.command("sh").args(["-ec", &script]).output().unwrap();
    assert!(seeded.status.success(), "{seeded:?}");
}

fn write_certificates(sandbox: &Sandbox) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Another name than the server's, or OpenSSL takes that for self-signed.
    authority.distinguished_name.push(DnType::CommonName, "well-known");
    sandbox.write("well-known.pem", &authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let names = NAMES.map(|(_, name)| name.to_owned());
    let server = CertificateParams::new(names.to_vec()).unwrap().signed_by(&key, &issuer).unwrap();
    sandbox.write("server.pem", &server.pem());
    sandbox.write("server.key", &key.serialize_pem());
}
