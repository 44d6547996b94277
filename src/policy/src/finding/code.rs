//! The table of finding codes, the one source of the Rust enum, the TypeScript union and docs/findings.md.

use serde::{Deserialize, Serialize, Serializer};

use Severity::{Error, Info, Warning};

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The input is rejected.
    Error,
    /// The input is accepted, and probably a mistake.
    Warning,
    /// The input is accepted; the finding is informational.
    Info,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// The name on every surface, in kebab-case. Names are never reused or changed.
    pub name: &'static str,
    /// The severity of every finding with this code.
    pub severity: Severity,
    /// The rule that the finding follows from.
    pub rule: &'static str,
    /// The meaning in one line.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $rule:ident $meaning:literal)*) => {
        /// The stable code of a finding. Programs match on it, never on messages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        /// Every code, in the order of the rules.
        pub const CODES: &[CodeInfo] = &[$(CodeInfo {
            code: Code::$variant, name: $name, severity: $severity, rule: stringify!($rule), meaning: $meaning,
        },)*];

        impl Code {
            /// Returns the name on every surface, such as `port-invalid`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// Returns the severity of findings with this code.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => $severity,)* }
            }

            /// Returns the code with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    // Entries.
    EntryEmpty "entry-empty" Error E1 "an entry has no text"
    Ipv4Invalid "ipv4-invalid" Error E3 "a host looks like a number but is not four decimal octets"
    Ipv6Invalid "ipv6-invalid" Error E4 "an IPv6 address cannot be read"
    Ipv6Zone "ipv6-zone" Error E4 "an IPv6 address has a zone id"
    Ipv4Mapped "ipv4-mapped" Info E4 "an IPv4-mapped IPv6 address is the IPv4 address inside it"
    HostMissing "host-missing" Error E2 "an entry has no host"
    NameInvalid "name-invalid" Error E5 "a host name has a character that names cannot have"
    NameHyphen "name-hyphen" Error E5 "a label begins or ends with a hyphen"
    NameLabelEmpty "name-label-empty" Error E5 "a host name has two dots in a row, or begins with one"
    NameTooLong "name-too-long" Error E5 "a label has over 63 octets, or a host name over 253"
    NamePunycode "name-punycode" Error E5 "a label begins with `xn--` and does not decode"
    NameInvisible "name-invisible" Error E5 "a host name has a character that nobody can see"
    NameConverted "name-converted" Info E5 "a host name was turned to its ASCII form"
    NameMixedScripts "name-mixed-scripts" Warning E5 "a label mixes scripts whose letters look alike"
    NameSingleLabel "name-single-label" Info E6 "a host name without a dot needs a port in image references"
    WildcardAll "wildcard-all" Error E7 "a lone `*` is not an entry: turn whitelist mode off instead"
    WildcardInvalid "wildcard-invalid" Error E7 "a star stands anywhere but in one leading `*.`"
    WildcardWide "wildcard-wide" Warning E7 "a wildcard covers a whole top-level domain"
    PatternInvalid "pattern-invalid" Error E15 "a label of a pattern is one that no name has, or has two stars in a row"
    WildcardShared "wildcard-shared" Warning E16 "a wildcard covers names that anybody can have"
    NetworkHostBits "network-host-bits" Info E8 "a network has host bits, which are ignored"
    NetworkPrefixTooLong "network-prefix-too-long" Error E8 "a prefix is longer than the address"
    NetworkPrefixInvalid "network-prefix-invalid" Error E8 "a prefix length cannot be read"
    NetworkOctetsMissing "network-octets-missing" Error E8 "a network has fewer than four octets"
    NetworkNetmask "network-netmask" Error E8 "a network has a netmask in place of a prefix length"
    NetworkRange "network-range" Error E8 "a range of addresses is not in CIDR notation"
    NetworkPort "network-port" Error E8 "a network has a port"
    NetworkScheme "network-scheme" Error E8 "a network has a scheme"
    NetworkNamespace "network-namespace" Error E8 "a network has a namespace"
    NetworkEverything "network-everything" Warning E8 "a network covers every address"
    PortInvalid "port-invalid" Error E9 "a port is not a number from 1 to 65535"
    PortLeadingZeros "port-leading-zeros" Info E9 "a port has leading zeros, which are dropped"
    SchemeUnknown "scheme-unknown" Error E10 "a scheme is neither `https` nor `http`"
    SchemeHttp "scheme-http" Error E10 "a whitelist entry is reached over plain HTTP and is not designated insecure"
    UserInformation "user-information" Error E11 "an entry has user information"
    Query "query" Error E11 "an entry has a query"
    Fragment "fragment" Error E11 "an entry has a fragment"
    NamespaceInvalid "namespace-invalid" Error E12 "a namespace is not made of path components of an image reference"
    NamespaceInsecure "namespace-insecure" Error E12 "an entry that is about transport has a namespace"
    BlankAround "blank-around" Info E13 "blanks around an entry are dropped"
    BlankInside "blank-inside" Error E13 "an entry has a blank inside"
    ControlCharacter "control-character" Error E13 "an entry has a control character"
    EntryTooLong "entry-too-long" Error E13 "an entry has over 1,024 bytes"
    EntrySeveral "entry-several" Error E17 "a text has several entries in it, or a separator of entries"
    EntryTag "entry-tag" Error E17 "an entry has a tag or a digest"
    NamespaceStar "namespace-star" Error E17 "a namespace has a star"
    PortPattern "port-pattern" Error E17 "a star, a range or a list stands in place of a port"
    ApiPath "api-path" Warning E17 "an entry has the path of the registry's API in place of a namespace"
    DockerHubSite "docker-hub-site" Warning E17 "an entry names a web site of Docker Hub, which is no registry"
    DockerHubUnmatched "docker-hub-unmatched" Warning E17 "an entry for Docker Hub covers nothing that exists"
    ProviderDomain "provider-domain" Warning E17 "an entry names the domain of a provider's registries, which is none itself"
    OfficialImage "official-image" Info E17 "an entry covers the organization on Docker Hub that has the name of an official image"
    RepositoryAsHost "repository-as-host" Info E17 "an entry names a host as a repository of Docker Hub is named"
    InsecurePublic "insecure-public" Warning E18 "a registry with a public certificate is designated insecure"

    // Whitelist and transport.
    WhitelistEmpty "whitelist-empty" Warning W1 "whitelist mode is on and nothing is allowed"
    BlockedHttp "blocked-http" Error W6 "a blocked entry is given with plain HTTP"
    BlockedAddresses "blocked-addresses" Warning W6 "blocked addresses say nothing of names, since names are not resolved"
    BlockedWithoutWhitelist "blocked-without-whitelist" Warning W6 "registries are blocked while whitelist mode is off"
    EntryBlocked "entry-blocked" Warning W6 "a blocked entry covers all images of the registries that this one names"
    VerifiedInsideInsecure "verified-inside-insecure" Info T4 "a whitelist entry stays verified inside a wider insecure entry"
    BuiltInInsecure "built-in-insecure" Error T5 "an insecure entry names one of the product's own registries"
    BuiltInHttp "built-in-http" Error T5 "one of the product's own registries is given with plain HTTP"

    // Certificates.
    AuthorityWithoutEffect "authority-without-effect" Warning C2 "no registry that a certificate authority is limited to is allowed"
    AuthorityMissing "authority-missing" Warning C2 "no certificate authority is given for a private registry, and no well-known one can vouch for it"
    AuthorityWellKnown "authority-well-known" Info C2 "no certificate authority is given for a registry: the well-known ones vouch for it"
    CertificateNone "certificate-none" Error C3 "there is no certificate in a text"
    PemArmour "pem-armour" Error C3 "a BEGIN or END line is damaged, missing, or does not match the other"
    PemBase64 "pem-base64" Error C3 "what stands between BEGIN and END is not base64"
    PemTrailingData "pem-trailing-data" Error C3 "there is more in a block than the certificate"
    PemLabelUnknown "pem-label-unknown" Error C3 "a block is labelled as something that is not a certificate"
    PemUtf16 "pem-utf16" Error C3 "a text is in UTF-16"
    CertificateUnreadable "certificate-unreadable" Error C3 "a block has a damaged certificate, or none"
    CertificateRequest "certificate-request" Error C3 "a certificate signing request is not a certificate"
    PublicKey "public-key" Error C3 "a public key is not a certificate"
    Pkcs7 "pkcs7" Error C3 "a PKCS #7 bundle is not a PEM certificate"
    RevocationList "revocation-list" Error C3 "a certificate revocation list is not a certificate"
    PrivateKey "private-key" Error C3 "a private key was given; it must not leave its owner"
    CertificateDer "certificate-der" Error C3 "a certificate is in DER, not in PEM"
    Pkcs12 "pkcs12" Error C3 "a PKCS #12 file is not a PEM certificate, and may have a private key in it"
    CertificateKeyUsage "certificate-key-usage" Error C4 "the key usage of a certificate does not let it sign certificates"
    CertificateExpired "certificate-expired" Error C4 "a certificate has expired"
    CertificateCriticalExtension "certificate-critical-extension" Error C4 "a certificate has a critical extension that is not understood"
    CertificateExtensionInvalid "certificate-extension-invalid" Error C4 "an extension of a certificate is damaged, or stands twice"
    CertificateKeyWeak "certificate-key-weak" Error C4 "the key of a certificate is too weak"
    CertificateSignatureWeak "certificate-signature-weak" Error C4 "the signature of a certificate is by a broken hash function"
    CertificateAlgorithm "certificate-algorithm" Error C4 "a key or signature is of an algorithm that clients of registries do not verify"
    CertificateExtendedKeyUsage "certificate-extended-key-usage" Error C4 "the extended key usage of a certificate leaves TLS servers out"
    CertificateValidity "certificate-validity" Error C4 "a certificate ends before it begins"
    CertificateVersion "certificate-version" Error C4 "a certificate has extensions and is not of version 3"
    CertificateSelfSignedLeaf "certificate-self-signed-leaf" Warning C4 "a self-signed certificate that is not a CA vouches only for itself"
    CertificateSignatureSha1 "certificate-signature-sha1" Warning C4 "a self-signed certificate is signed with SHA-1"
    CertificateNotYetValid "certificate-not-yet-valid" Warning C4 "a certificate is not valid yet"
    CertificateExpiresSoon "certificate-expires-soon" Warning C4 "a certificate expires within 30 days"
    CertificateVersion1 "certificate-version-1" Warning C4 "a certificate is of version 1, which cannot say whether it is a CA"
    CertificateDuplicate "certificate-duplicate" Warning C4 "the same certificate stands twice"
    CertificateSerial "certificate-serial" Warning C4 "a serial number is not positive or has over 20 octets"
    CertificateNameless "certificate-nameless" Warning C4 "a certificate has neither subject nor issuer"
    CertificateLongLived "certificate-long-lived" Warning C4 "a certificate is valid for over 25 years"
    CertificateNamesExcluded "certificate-names-excluded" Warning C4 "the name constraints of a certificate exclude a whitelisted registry"
    CertificateIntermediate "certificate-intermediate" Info C4 "the issuer of an intermediate certificate is not in the bundle"
    CertificateNameConstraints "certificate-name-constraints" Info C4 "a certificate has name constraints"
    CertificateNotCa "certificate-not-ca" Error C5 "a certificate is not of a CA: its issuer's certificate is wanted"
    BundleTooLarge "bundle-too-large" Error C8 "a bundle of certificates has over 1 MiB"
    BundleTooManyBlocks "bundle-too-many-blocks" Error C8 "a bundle of certificates has over 1,000 blocks"
    CertificateTrustSettings "certificate-trust-settings" Error C9 "the trust settings of a certificate reject TLS servers"
    PemInBase64 "pem-in-base64" Error C9 "a text is the base64 of a PEM"
    PemNotPlain "pem-not-plain" Info C9 "a certificate is in a form of PEM that programs in Go do not read"

    // The document.
    JsonSyntax "json-syntax" Error P2 "the text is not JSON"
    TomlSyntax "toml-syntax" Error P2 "the text is not TOML"
    MemberUnknown "member-unknown" Error P2 "a member is none of those that a policy has"
    MemberDuplicate "member-duplicate" Error P2 "a member stands twice in one object"
    MemberMissing "member-missing" Error P2 "an object lacks a member that it must have"
    TypeWrong "type-wrong" Error P2 "a value has another type than it must have"
    EntryDuplicate "entry-duplicate" Warning P4 "the same entry stands twice in a list"
    EntryCovered "entry-covered" Warning P4 "another entry of the list covers this one"
    InsecureWeakens "insecure-weakens" Warning P4 "an insecure entry makes a whitelist entry wider or less safe"
    HttpsInsecure "https-insecure" Warning P4 "an entry written with `https://` is insecure all the same"
    DockerHubDenied "docker-hub-denied" Info P4 "the whitelist denies Docker Hub"
    DocumentTooLarge "document-too-large" Error P5 "a document has over 64 MiB"
    EntriesTooMany "entries-too-many" Error P5 "a document has over 1,000,000 entries"
    DocumentForeign "document-foreign" Error P7 "the text is a file of another program, not a policy"
    UnlistedProjectsUnused "unlisted-projects-unused" Warning J2 "unlisted projects are to be denied, and no project is listed"
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_kebab_case_and_round_trip() {
        let mut seen = HashSet::new();
        for row in CODES {
            assert!(seen.insert(row.name), "{} stands twice", row.name);
            assert!(
                row.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                row.name
            );
            assert_eq!(Code::from_name(row.code.as_str()), Some(row.code));
            assert_eq!(row.severity, row.code.severity());
            assert!(!row.meaning.ends_with('.'), "{}", row.name);
        }
        assert_eq!(Code::from_name("no-such-code"), None);
    }
}
