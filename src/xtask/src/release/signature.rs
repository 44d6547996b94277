//! Signatures with Ed25519 (RFC 8032), by OpenSSL.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use xshell::cmd;

use super::program::scratch;
use crate::shell::shell;

/// The public key of the release, beside the signature.
const PUBLIC_KEY: &str = "release-key.pem";
/// The public key of a run without a key of its own, which nobody should trust.
const TEST_KEY: &str = "TEST-KEY.pem";

/// Signs a file of a folder with the private key in a file, or with a test's key, which is gone afterwards.
pub fn sign(folder: &Path, name: &str, key: Option<&Path>) -> Result<()> {
    let (sh, private) = (shell()?, scratch("key")?);
    let (key, public) = match key {
        Some(key) => (key.to_owned(), PUBLIC_KEY),
        None => {
            let key = private.join("key.pem");
            cmd!(sh, "openssl genpkey -algorithm ed25519 -out {key}").quiet().run()?;
            println!("signed with a key that was made for this test and is gone: {TEST_KEY} proves nothing to others");
            (key, TEST_KEY)
        }
    };
    sh.change_dir(folder);
    let signature = format!("{name}.sig");
    cmd!(sh, "openssl pkey -in {key} -pubout -out {public}").quiet().run()?;
    cmd!(sh, "openssl pkeyutl -sign -rawin -inkey {key} -in {name} -out {signature}").quiet().run()?;
    fs::remove_dir_all(private)?;
    Ok(())
}

/// Verifies the signature of a file of a folder with the public key beside it.
pub fn verify(folder: &Path, name: &str) -> Result<()> {
    let sh = shell()?;
    sh.change_dir(folder);
    let public = if folder.join(TEST_KEY).exists() { TEST_KEY } else { PUBLIC_KEY };
    let verify = cmd!(sh, "openssl pkeyutl -verify -rawin -pubin -inkey {public} -sigfile {name}.sig -in {name}");
    if !verify.quiet().ignore_stdout().ignore_stderr().ignore_status().output()?.status.success() {
        bail!("the signature of {name} is not that of {public}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_file_has_no_signature() {
        let folder = scratch("signature-test").unwrap();
        fs::write(folder.join("sums"), "a").unwrap();
        sign(&folder, "sums", None).unwrap();
        verify(&folder, "sums").unwrap();
        fs::write(folder.join("sums"), "b").unwrap();
        let error = verify(&folder, "sums").unwrap_err().to_string();
        assert_eq!(error, "the signature of sums is not that of TEST-KEY.pem");
    }
}
