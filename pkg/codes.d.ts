// Written by `cargo xtask codegen` from the table in src/policy/src/finding/code.rs.

/** The code of a finding. Match on this, never on messages. */
export type FindingCode =
  /** an entry has no text (error, E1) */
  | "entry-empty"
  /** a host looks like a number but is not four decimal octets (error, E3) */
  | "ipv4-invalid"
  /** an IPv6 address cannot be read (error, E4) */
  | "ipv6-invalid"
  /** an IPv6 address has a zone id (error, E4) */
  | "ipv6-zone"
  /** an IPv4-mapped IPv6 address is the IPv4 address inside it (info, E4) */
  | "ipv4-mapped"
  /** an entry has no host (error, E2) */
  | "host-missing"
  /** a host name has a character that names cannot have (error, E5) */
  | "name-invalid"
  /** a label begins or ends with a hyphen (error, E5) */
  | "name-hyphen"
  /** a host name has two dots in a row, or begins with one (error, E5) */
  | "name-label-empty"
  /** a label has over 63 octets, or a host name over 253 (error, E5) */
  | "name-too-long"
  /** a label begins with `xn--` and does not decode (error, E5) */
  | "name-punycode"
  /** a host name has a character that nobody can see (error, E5) */
  | "name-invisible"
  /** a host name was turned to its ASCII form (info, E5) */
  | "name-converted"
  /** a label mixes scripts whose letters look alike (warning, E5) */
  | "name-mixed-scripts"
  /** a host name without a dot needs a port in image references (info, E6) */
  | "name-single-label"
  /** a lone `*` is not an entry: turn whitelist mode off instead (error, E7) */
  | "wildcard-all"
  /** a star stands anywhere but in one leading `*.` (error, E7) */
  | "wildcard-invalid"
  /** a wildcard covers a whole top-level domain (warning, E7) */
  | "wildcard-wide"
  /** a label of a pattern is one that no name has, or has two stars in a row (error, E15) */
  | "pattern-invalid"
  /** a wildcard covers names that anybody can have (warning, E16) */
  | "wildcard-shared"
  /** a network has host bits, which are ignored (info, E8) */
  | "network-host-bits"
  /** a prefix is longer than the address (error, E8) */
  | "network-prefix-too-long"
  /** a prefix length cannot be read (error, E8) */
  | "network-prefix-invalid"
  /** a network has fewer than four octets (error, E8) */
  | "network-octets-missing"
  /** a network has a netmask in place of a prefix length (error, E8) */
  | "network-netmask"
  /** a range of addresses is not in CIDR notation (error, E8) */
  | "network-range"
  /** a network has a port (error, E8) */
  | "network-port"
  /** a network has a scheme (error, E8) */
  | "network-scheme"
  /** a network has a namespace (error, E8) */
  | "network-namespace"
  /** a network covers every address (warning, E8) */
  | "network-everything"
  /** a port is not a number from 1 to 65535 (error, E9) */
  | "port-invalid"
  /** a port has leading zeros, which are dropped (info, E9) */
  | "port-leading-zeros"
  /** a scheme is neither `https` nor `http` (error, E10) */
  | "scheme-unknown"
  /** a whitelist entry is reached over plain HTTP and is not designated insecure (error, E10) */
  | "scheme-http"
  /** an entry has user information (error, E11) */
  | "user-information"
  /** an entry has a query (error, E11) */
  | "query"
  /** an entry has a fragment (error, E11) */
  | "fragment"
  /** a namespace is not made of path components of an image reference (error, E12) */
  | "namespace-invalid"
  /** an entry that is about transport has a namespace (error, E12) */
  | "namespace-insecure"
  /** blanks around an entry are dropped (info, E13) */
  | "blank-around"
  /** an entry has a blank inside (error, E13) */
  | "blank-inside"
  /** an entry has a control character (error, E13) */
  | "control-character"
  /** an entry has over 1,024 bytes (error, E13) */
  | "entry-too-long"
  /** a text has several entries in it, or a separator of entries (error, E17) */
  | "entry-several"
  /** an entry has a tag or a digest (error, E17) */
  | "entry-tag"
  /** a namespace has a star (error, E17) */
  | "namespace-star"
  /** a star, a range or a list stands in place of a port (error, E17) */
  | "port-pattern"
  /** an entry has the path of the registry's API in place of a namespace (warning, E17) */
  | "api-path"
  /** an entry names a web site of Docker Hub, which is no registry (warning, E17) */
  | "docker-hub-site"
  /** an entry for Docker Hub covers nothing that exists (warning, E17) */
  | "docker-hub-unmatched"
  /** an entry names the domain of a provider's registries, which is none itself (warning, E17) */
  | "provider-domain"
  /** an entry covers the organization on Docker Hub that has the name of an official image (info, E17) */
  | "official-image"
  /** an entry names a host as a repository of Docker Hub is named (info, E17) */
  | "repository-as-host"
  /** a registry with a public certificate is designated insecure (warning, E18) */
  | "insecure-public"
  /** whitelist mode is on and nothing is allowed (warning, W1) */
  | "whitelist-empty"
  /** a blocked entry is given with plain HTTP (error, W6) */
  | "blocked-http"
  /** blocked addresses say nothing of names, since names are not resolved (warning, W6) */
  | "blocked-addresses"
  /** registries are blocked while whitelist mode is off (warning, W6) */
  | "blocked-without-whitelist"
  /** a blocked entry covers all images of the registries that this one names (warning, W6) */
  | "entry-blocked"
  /** a whitelist entry stays verified inside a wider insecure entry (info, T4) */
  | "verified-inside-insecure"
  /** an insecure entry names one of the product's own registries (error, T5) */
  | "built-in-insecure"
  /** one of the product's own registries is given with plain HTTP (error, T5) */
  | "built-in-http"
  /** no registry that a certificate authority is limited to is allowed (warning, C2) */
  | "authority-without-effect"
  /** no certificate authority is given for a private registry, and no well-known one can vouch for it (warning, C2) */
  | "authority-missing"
  /** no certificate authority is given for a registry: the well-known ones vouch for it (info, C2) */
  | "authority-well-known"
  /** there is no certificate in a text (error, C3) */
  | "certificate-none"
  /** a BEGIN or END line is damaged, missing, or does not match the other (error, C3) */
  | "pem-armour"
  /** what stands between BEGIN and END is not base64 (error, C3) */
  | "pem-base64"
  /** there is more in a block than the certificate (error, C3) */
  | "pem-trailing-data"
  /** a block is labelled as something that is not a certificate (error, C3) */
  | "pem-label-unknown"
  /** a text is in UTF-16 (error, C3) */
  | "pem-utf16"
  /** a block has a damaged certificate, or none (error, C3) */
  | "certificate-unreadable"
  /** a certificate signing request is not a certificate (error, C3) */
  | "certificate-request"
  /** a public key is not a certificate (error, C3) */
  | "public-key"
  /** a PKCS #7 bundle is not a PEM certificate (error, C3) */
  | "pkcs7"
  /** a certificate revocation list is not a certificate (error, C3) */
  | "revocation-list"
  /** a private key was given; it must not leave its owner (error, C3) */
  | "private-key"
  /** a certificate is in DER, not in PEM (error, C3) */
  | "certificate-der"
  /** a PKCS #12 file is not a PEM certificate, and may have a private key in it (error, C3) */
  | "pkcs12"
  /** the key usage of a certificate does not let it sign certificates (error, C4) */
  | "certificate-key-usage"
  /** a certificate has expired (error, C4) */
  | "certificate-expired"
  /** a certificate has a critical extension that is not understood (error, C4) */
  | "certificate-critical-extension"
  /** an extension of a certificate is damaged, or stands twice (error, C4) */
  | "certificate-extension-invalid"
  /** the key of a certificate is too weak (error, C4) */
  | "certificate-key-weak"
  /** the signature of a certificate is by a broken hash function (error, C4) */
  | "certificate-signature-weak"
  /** a key or signature is of an algorithm that clients of registries do not verify (error, C4) */
  | "certificate-algorithm"
  /** the extended key usage of a certificate leaves TLS servers out (error, C4) */
  | "certificate-extended-key-usage"
  /** a certificate ends before it begins (error, C4) */
  | "certificate-validity"
  /** a certificate has extensions and is not of version 3 (error, C4) */
  | "certificate-version"
  /** a self-signed certificate that is not a CA vouches only for itself (warning, C4) */
  | "certificate-self-signed-leaf"
  /** a self-signed certificate is signed with SHA-1 (warning, C4) */
  | "certificate-signature-sha1"
  /** a certificate is not valid yet (warning, C4) */
  | "certificate-not-yet-valid"
  /** a certificate expires within 30 days (warning, C4) */
  | "certificate-expires-soon"
  /** a certificate is of version 1, which cannot say whether it is a CA (warning, C4) */
  | "certificate-version-1"
  /** the same certificate stands twice (warning, C4) */
  | "certificate-duplicate"
  /** a serial number is not positive or has over 20 octets (warning, C4) */
  | "certificate-serial"
  /** a certificate has neither subject nor issuer (warning, C4) */
  | "certificate-nameless"
  /** a certificate is valid for over 25 years (warning, C4) */
  | "certificate-long-lived"
  /** the name constraints of a certificate exclude a whitelisted registry (warning, C4) */
  | "certificate-names-excluded"
  /** the issuer of an intermediate certificate is not in the bundle (info, C4) */
  | "certificate-intermediate"
  /** a certificate has name constraints (info, C4) */
  | "certificate-name-constraints"
  /** a certificate is not of a CA: its issuer's certificate is wanted (error, C5) */
  | "certificate-not-ca"
  /** a bundle of certificates has over 1 MiB (error, C8) */
  | "bundle-too-large"
  /** a bundle of certificates has over 1,000 blocks (error, C8) */
  | "bundle-too-many-blocks"
  /** the trust settings of a certificate reject TLS servers (error, C9) */
  | "certificate-trust-settings"
  /** a text is the base64 of a PEM (error, C9) */
  | "pem-in-base64"
  /** a certificate is in a form of PEM that programs in Go do not read (info, C9) */
  | "pem-not-plain"
  /** the text is not JSON (error, P2) */
  | "json-syntax"
  /** the text is not TOML (error, P2) */
  | "toml-syntax"
  /** a member is none of those that a policy has (error, P2) */
  | "member-unknown"
  /** a member stands twice in one object (error, P2) */
  | "member-duplicate"
  /** an object lacks a member that it must have (error, P2) */
  | "member-missing"
  /** a value has another type than it must have (error, P2) */
  | "type-wrong"
  /** the same entry stands twice in a list (warning, P4) */
  | "entry-duplicate"
  /** another entry of the list covers this one (warning, P4) */
  | "entry-covered"
  /** an insecure entry makes a whitelist entry wider or less safe (warning, P4) */
  | "insecure-weakens"
  /** an entry written with `https://` is insecure all the same (warning, P4) */
  | "https-insecure"
  /** the whitelist denies Docker Hub (info, P4) */
  | "docker-hub-denied"
  /** a document has over 64 MiB (error, P5) */
  | "document-too-large"
  /** a document has over 1,000,000 entries (error, P5) */
  | "entries-too-many"
  /** the text is a file of another program, not a policy (error, P7) */
  | "document-foreign"
  /** unlisted projects are to be denied, and no project is listed (warning, J2) */
  | "unlisted-projects-unused";
