//! The command line: every command, argument and help text.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use pullgate_runtimes::{ImportSource, Target};

use crate::runtime_notes::Runtime;

/// Decides which container registries may be used and how, and checks the policies that say so.
#[derive(Debug, Parser)]
#[command(
    name = "pullgate",
    bin_name = "pullgate",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = GENERAL_HELP
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const GENERAL_HELP: &str = "\
EXAMPLES:
  # Whitelist mode with one registry: its images are allowed, everything else is denied.
  pullgate decide --whitelist-registry harbor.corp.local harbor.corp.local/team/app:1 nginx

  # What is wrong with a policy file, and where.
  pullgate check policy.toml

EXIT CODES:
  0  everything asked about is allowed, or has no error
  1  something is denied or undecided, or has an error
  2  the command line or the policy cannot be used, or the answer could not be written";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says whether image references may be used, and how their registries are reached.
    #[command(after_help = DECIDE_HELP)]
    Decide(DecideArgs),
    /// Decides like `decide`, and shows the reasoning step by step.
    #[command(after_help = EXPLAIN_HELP)]
    Explain(DecideArgs),
    /// Tests connections to registries as the policy allows them, and says how far each came.
    #[command(after_help = PROBE_HELP)]
    Probe(ProbeArgs),
    /// Finds what is wrong with a policy file, or with single entries.
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Says what a change to a policy does: what it allows, denies, and makes more or less safe.
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Says which requests of an audit record another policy would decide otherwise.
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArgs),
    /// Narrows a policy to a list from elsewhere, which must not have anything that the policy denies.
    #[command(after_help = NARROW_HELP)]
    Narrow(NarrowArgs),
    /// Shows the certificates of PEM files, and what is wrong with them as certificate authorities.
    #[command(after_help = CA_HELP)]
    Ca(CaArgs),
    /// Writes a policy as the settings of a container runtime, and says what they cannot say.
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
    /// Makes a policy of the settings of a container runtime, each line with its origin.
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArgs),
    /// Finds the settings of a host that do otherwise than a policy says.
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Stands in front of Docker Engine, containerd and Kubernetes, and serves the page.
    #[command(after_help = SERVE_HELP)]
    Serve(Box<ServeArgs>),
    /// Answers containerd's question about an image that it pulls: the executable of an image verifier.
    #[command(after_help = IMAGE_VERIFIER_HELP)]
    ImageVerifier {
        /// The arguments that containerd passes: `-name REFERENCE -digest DIGEST -stdin-media-type TYPE`.
        #[arg(value_name = "ARGUMENT", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        #[arg(value_hint = ValueHint::Other)]
        arguments: Vec<String>,
    },
    /// Shows which module decides: its version, its digests and its interface.
    #[command(after_help = MODULE_HELP)]
    Module(ModuleArgs),
    /// Writes a completion script for a shell to standard output.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell that the script is for.
        shell: Shell,
    },
    /// Writes the manual page to standard output, or all pages to a directory.
    #[command(after_help = MAN_HELP)]
    Man {
        /// The directory for the pages, one for each command; it must exist.
        #[arg(value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

const DECIDE_HELP: &str = "\
The policy is the file, or the entries given as flags, or both: flags are added to the lists of the
file. `--wr`, `--dir` and `--rc` are other names of `--whitelist-registry`, `--insecure-registry` and
`--registry-ca`, as vic-machine has them. Answers come in the order of the references and logins on
the command line. Those of `--json` are the same bytes as on every other surface of pullgate. Why a
policy does not load goes to standard error, and which certificates are left out of one that does
because of their dates; for all else that there is to say of it, use `check`.

EXAMPLES:
  # By a policy file; two references.
  pullgate decide --policy policy.toml harbor.corp.local/team/app:1 docker.io/library/nginx

  # Without a file: one verified registry, and one that may be asked without TLS.
  pullgate decide --wr harbor.corp.local --dir 192.168.100.207:5000 192.168.100.207:5000/app

  # References from standard input, one a line, answers as JSON.
  pullgate decide --policy policy.json --json - < references.txt

  # What `docker login` may do.
  pullgate decide --policy policy.json --login harbor.corp.local:443

  # DNS answers given by hand, for a wildcard that should cover an address; no DNS is asked.
  pullgate decide --wr '*.corp.local' --no-dns --dns-answer 10.2.2.5=harbor.corp.local \\
    --dns-answer harbor.corp.local=10.2.2.5 10.2.2.5/app

EXIT CODES:
  0  all are allowed
  1  any is denied or undecided (it depends on DNS, and there was no answer)
  2  the policy has an error, the command line is wrong, or nothing was asked about";

const EXPLAIN_HELP: &str = "\
EXAMPLES:
  # Why is this denied?
  pullgate explain --policy policy.toml harbor.corp.local:5000/app

  # The same for a program: one JSON object a line, the answer of `decide` and its `steps`.
  pullgate explain --policy policy.toml --json harbor.corp.local:5000/app

EXIT CODES:
  0  all are allowed
  1  any is denied or undecided (it depends on DNS, and there was no answer)
  2  the policy has an error, the command line is wrong, or nothing was asked about";

const PROBE_HELP: &str = "\
It does what the policy allows and nothing else: a registry that the policy denies is not contacted.
Where a registry points to another host, for tokens or with a redirect, the policy is asked about it
first. No registry is sent credentials. The well-known authorities are those of this machine.

EXAMPLES:
  # Is this registry there, and does the policy have the certificate authority that it needs?
  pullgate probe --policy policy.toml harbor.corp.local

  # Without a file, with a private authority.
  pullgate probe --wr harbor.corp.local --rc corp-ca.pem harbor.corp.local

  # Through the proxy that dockerd uses.
  HTTPS_PROXY=http://proxy.corp.local:3128 pullgate probe --policy policy.toml --proxy docker.io

  # For a program: one JSON object a line.
  pullgate probe --policy policy.json --timeout 10 --json harbor.corp.local 192.168.100.207:5000

EXIT CODES:
  0  all can be used as the policy says
  1  any cannot: it is denied, not reached, not trusted, or no registry
  2  the policy has an error, or the command line is wrong";

const CHECK_HELP: &str = "\
EXAMPLES:
  # A policy file: every finding with its line, the place and the fix.
  pullgate check policy.toml

  # What Docker Engine does otherwise than this policy says, and has to be told by its own settings.
  pullgate check policy.toml --for docker

  # A policy from standard input, findings as JSON.
  pullgate check --json - < policy.json

  # One entry, as it would stand in the whitelist or in the insecure list.
  pullgate check --entry '*.example.com:5000'
  pullgate check --entry http://10.2.2.1 --list insecure

  # Many entries, one a line, the reports as one JSON object a line.
  pullgate check --entry - --json < entries.txt

EXIT CODES:
  0  there are no errors; there may be warnings
  1  there are errors; an expired certificate is one, though the policy loads without it
  2  the file cannot be read, or the command line is wrong";

const COMPARE_HELP: &str = "\
Nothing is sampled and no DNS is asked: what is not listed is decided as before. Where DNS decides, the
example says what DNS would have to say. Each line begins with `+` where it becomes wider or less safe,
with `-` where it becomes narrower or safer, and with `~` where it is neither.

EXAMPLES:
  # Before a new policy is applied.
  pullgate compare /etc/pullgate/policy.toml policy.toml

  # What the last commit did, for a program.
  git show HEAD~:policy.json | pullgate compare --json - policy.json

EXIT CODES:
  0  both mean the same
  1  they differ, and nothing is newly allowed or reached less safely
  2  something is newly allowed, or reached less safely
  3  a policy has an error, or the command line is wrong";

const REPLAY_HELP: &str = "\
Every distinct request on record is decided by the new policy, with the DNS answers on record. What differs
is counted for each registry: denied now and allowed on record, allowed now and denied on record, reached
otherwise, and undecided for lack of DNS answers. What an audit record says was denied counts as denied,
also where nothing was enforced. Records are the lines that the daemon writes, or those of
`journalctl -o json --all`; gzip is recognised by its content.

EXAMPLES:
  # What would the new policy have done last month?
  pullgate replay --policy policy.toml /var/log/pullgate/audit.jsonl*

  # The same from the journal, for a program.
  journalctl -o json --all PULLGATE_DECISION=allow PULLGATE_DECISION=deny |
    pullgate replay --policy policy.toml --json -

EXIT CODES:
  0  every request on record is decided as before
  1  some are not, and nothing is newly allowed or reached less safely
  2  something is newly allowed, reached less safely, or undecided
  3  the policy has an error, a record cannot be read or has no decision, or the command line is wrong";

const NARROW_HELP: &str = "\
What remains is what the whitelist and the insecure list of REMOTE name. Ports and namespaces count, and
an insecure entry needs a policy that does not verify there either. How registries are reached, and the
certificate authorities, stay those of POLICY.

EXAMPLES:
  # Only what a content trust server names too.
  pullgate narrow policy.toml remote.json > narrowed.json

EXIT CODES:
  0  the narrowed policy was printed, as JSON
  1  the remote list has an entry that the policy does not cover: it is named
  2  a policy has an error, or the command line is wrong";

const CA_HELP: &str = "\
A certificate is self-signed here if its issuer and its subject are the same and its key identifiers do
not disagree; signatures are verified by whoever connects. A private key is refused, and nothing of it
is shown. JSON is one object a line for each file, in the order of the command line.

With --pem every fix is applied, and the certificates are written in plain PEM, the one form that every
program reads: what dockerd finds in /etc/docker/certs.d, for one. What there is to say goes to standard
error. A certificate with errors is written too, unless its own trust settings reject it for servers.

EXAMPLES:
  # What is in this file, and is it what a registry needs?
  pullgate ca corp-ca.pem

  # Which of these will have expired by next year?
  pullgate ca /etc/ssl/certs/*.pem --at 2027-01-01

  # The certificates that a server sends. It is the CA that is wanted, not these.
  openssl s_client -connect harbor.corp.local:443 -showcerts < /dev/null | pullgate ca -

  # The same in plain PEM, from DER, base64, or what an editor has made of it.
  pullgate ca --pem corp-ca.cer > corp-ca.pem

EXIT CODES:
  0  there are no errors; there may be warnings
  1  there are errors; with --pem, errors that no fix takes away
  2  a file cannot be read, or the command line is wrong";

const EXPORT_HELP: &str = "\
Each entry is reported: `equal`; `narrower`, where the target allows less or verifies more; `wider`; or
`by-pullgate`, where the target has no word for it and pullgate decides about each of its images. Nothing
wider is written without --allow-wider, and nothing that verifies less at all. With --out, files take
their places whole, and members of them that are not pullgate's stay as they are; without it, they go to
standard output, and the report to standard error.

EXAMPLES:
  # What Docker Engine has to be told.
  pullgate export --to docker --policy policy.toml

  # The settings of this host, and of an image that is being built.
  pullgate export --to containerd --policy /etc/pullgate/policy.toml --out /
  pullgate export --to containers --policy policy.toml --out rootfs

  # Without a file, for a program.
  pullgate export --to docker --wr harbor.corp.local --rc corp-ca.pem --json

EXIT CODES:
  0  exported; what is narrower is reported
  1  the target would allow more than the policy, and nothing was written
  2  the policy has an error, a file cannot be read or written, or the command line is wrong";

const IMPORT_HELP: &str = "\
A FILE can be a folder: then all files in it are read. The policy goes to standard output, as TOML with
the origin of each line, or as JSON; what is ambiguous or dangerous in the source to standard error.

EXAMPLES:
  # What Docker Engine is told now.
  pullgate import --from docker /etc/docker/daemon.json /etc/docker/certs.d > policy.toml

  # The merged settings of Podman, and what they accept.
  pullgate import --from containers /etc/containers/policy.json /etc/containers/registries.conf \\
    /etc/containers/registries.conf.d

EXIT CODES:
  0  imported; there may be warnings
  1  a part of the source is not in the policy, and has to be decided by hand
  2  a file cannot be read, or the command line is wrong";

const DOCTOR_HELP: &str = "\
Compares the files of the host with the policy. `silent` is what allows more or verifies less than the
policy without a word; `fails` is what keeps an allowed registry from being reached.

EXAMPLES:
  # Does this host do what the policy says?
  pullgate doctor --for docker --policy /etc/pullgate/policy.toml

  # For a monitoring system: one JSON object.
  pullgate doctor --for containerd --for containers --policy /etc/pullgate/policy.toml --json

EXIT CODES:
  0  they agree
  1  there are disagreements
  2  the policy has an error, a file cannot be read, or the command line is wrong";

const SERVE_HELP: &str = "\
Every setting can stand in the file of --config too, TOML, under the name of its flag with `_` in place of
`-`; flags go before the file. The policy is read again when its file changes and on SIGHUP; one with
errors changes nothing. How much is logged to standard error, RUST_LOG says: `warn`, `info`, `debug`.

EXAMPLES:
  # The page and the API on http://127.0.0.1:8730, with an example policy.
  pullgate serve

  # In front of Docker Engine; then `dockerd --authorization-plugin=pullgate`.
  pullgate serve --policy /etc/pullgate/policy.toml --docker-socket /run/docker/plugins/pullgate.sock

  # For Kubernetes.
  pullgate serve --policy policy.toml --kubernetes-listen 0.0.0.0:8443 \\
    --tls-certificate tls.crt --tls-key tls.key

EXIT CODES:
  0  it was told to stop
  2  it cannot start: the policy has an error, an address is taken, or the settings make no sense";

const IMAGE_VERIFIER_HELP: &str = "\
The daemon decides, on its unix socket: that of the environment variable PULLGATE_SOCKET, or of
`socket` in /etc/pullgate/image-verifier.toml, or /run/pullgate/pullgate.sock. Where there is no
daemon, the policy file of `policy` decides, with the DNS of this machine. Where neither can be had,
where the daemon answers something else, or not within 4 seconds, the image is denied. With
`enforcement` set to `audit` in these settings, or for the daemon's `containerd_enforcement`, it is
allowed. The reason goes to standard output. A program named pullgate-image-verifier, or one that
containerd finds in its folder, does the same: then no command is written.
PULLGATE_IMAGE_VERIFIER_CONFIG names another settings file.

EXAMPLES:
  # For containerd 2, which runs what is in this folder for every pull.
  ln -s /usr/bin/pullgate /opt/containerd/image-verifier/bin/pullgate-image-verifier

  # What it would answer.
  pullgate image-verifier -name docker.io/library/nginx:1 -digest sha256:$(printf %064d 0) < /dev/null

EXIT CODES:
  0  the image may be pulled
  1  it may not; so it is whenever something goes wrong, and with arguments that are not containerd's
  2  there are no arguments";

const MODULE_HELP: &str = "\
The digest of the module is the SHA-256 of the core WebAssembly module: that of the file in the npm
package too, so a form in a browser and this program can be seen to decide by the same rules.

EXAMPLES:
  pullgate module
  pullgate module --wit > pullgate.wit

EXIT CODES:
  0  shown
  2  the module does not run on this machine, or the command line is wrong";

const COMPLETIONS_HELP: &str = "\
EXAMPLES:
  pullgate completions bash > /etc/bash_completion.d/pullgate
  pullgate completions zsh > /usr/local/share/zsh/site-functions/_pullgate

EXIT CODES:
  0  written
  2  the command line is wrong, or the script could not be written";

const MAN_HELP: &str = "\
EXAMPLES:
  pullgate man | man -l -
  pullgate man /usr/local/share/man/man1

EXIT CODES:
  0  written
  2  the command line is wrong, or a page could not be written";

/// Arguments of `decide` and `explain`.
#[derive(Args, Debug)]
pub struct DecideArgs {
    /// An image reference, as `docker pull` takes it; `-` reads references from standard input, one a line.
    #[arg(value_name = "REFERENCE", required_unless_present = "login", value_hint = ValueHint::Other)]
    pub references: Vec<String>,

    /// Asks about a registry, as `docker login` takes it: a host and port, or a URL; may be repeated.
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub login: Vec<String>,

    #[command(flatten)]
    pub flags: PolicyFlags,

    /// Asks no DNS server: what depends on DNS and has no `--dns-answer` stays undecided.
    #[arg(long, help_heading = "DNS")]
    pub no_dns: bool,

    /// Gives a DNS answer by hand, `NAME=ADDRESS[,ADDRESS]` or `ADDRESS=NAME[,NAME]`; nothing after `=` says that there
    /// is none; may be repeated.
    #[arg(long, value_name = "ANSWER", value_hint = ValueHint::Other, help_heading = "DNS")]
    pub dns_answer: Vec<String>,

    /// Prints one JSON object a line.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `probe`.
#[derive(Args, Debug)]
pub struct ProbeArgs {
    /// A registry, as `docker login` takes it: a host and port, or a URL.
    #[arg(value_name = "REGISTRY", required = true, value_hint = ValueHint::Hostname)]
    pub registries: Vec<String>,

    #[command(flatten)]
    pub flags: PolicyFlags,

    /// Gives up on a registry after this many seconds; one stage of it takes a third at most, or 10 seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub timeout: u64,

    /// Connects through a proxy, as dockerd does with the same settings: this one, or without a value that of
    /// `HTTPS_PROXY` and `HTTP_PROXY`, or else that of the policy's `image_fetch_proxy`. `NO_PROXY` has its exceptions.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_hint = ValueHint::Url)]
    pub proxy: Option<String>,

    /// Prints one JSON object a line, in the order of the registries.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// The policy source of a command: a file, flags, or both.
#[derive(Args, Debug)]
pub struct PolicyFlags {
    /// Takes the policy from this file, JSON or TOML; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Policy")]
    pub policy: Option<PathBuf>,

    /// Adds an entry to the whitelist, and turns whitelist mode on; may be repeated.
    #[arg(long, visible_alias = "wr", value_name = "ENTRY", value_hint = ValueHint::Hostname, help_heading = "Policy")]
    pub whitelist_registry: Vec<String>,

    /// Adds an entry to the insecure list: its certificate is not checked, plain HTTP may be used; may be repeated.
    #[arg(long, visible_alias = "dir", value_name = "ENTRY", value_hint = ValueHint::Hostname, help_heading = "Policy")]
    pub insecure_registry: Vec<String>,

    /// Adds the certificate authorities of a PEM file; may be repeated.
    #[arg(long, visible_alias = "rc", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Policy")]
    pub registry_ca: Vec<PathBuf>,

    /// Decides on behalf of this project of the policy.
    #[arg(long, value_name = "PROJECT", help_heading = "Policy")]
    pub project: Option<String>,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("subject").required(true).args(["file", "entry"])))]
pub struct CheckArgs {
    /// The policy file, JSON or TOML; `-` reads it from standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// Checks one entry in place of a file; `-` reads entries from standard input, one a line, blank lines too.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_hint = ValueHint::Other)]
    pub entry: Option<String>,

    /// Also says which differences between the policy and this runtime concern the policy, with the section of the
    /// documentation; may be repeated.
    #[arg(long = "for", value_enum, value_name = "RUNTIME", conflicts_with = "entry")]
    pub runtimes: Vec<Runtime>,

    /// The list that the entry is meant for.
    #[arg(long, value_enum, value_name = "LIST", default_value_t = EntryListArg::Whitelist, conflicts_with = "file")]
    pub list: EntryListArg,

    /// Prints JSON: one object for a file, one object a line for entries.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The policy file as it is, JSON or TOML; `-` reads it from standard input.
    #[arg(value_name = "OLD", value_hint = ValueHint::FilePath)]
    pub old: PathBuf,

    /// The policy file as it will be.
    #[arg(value_name = "NEW", value_hint = ValueHint::FilePath)]
    pub new: PathBuf,

    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// The policy file as it will be, JSON or TOML; `-` reads it from standard input.
    #[arg(long, value_name = "NEW", value_hint = ValueHint::FilePath)]
    pub policy: PathBuf,

    /// Audit records in any order, rotated and compressed ones too; `-` reads standard input.
    #[arg(value_name = "RECORD", required = true, value_hint = ValueHint::FilePath)]
    pub records: Vec<PathBuf>,

    /// Leaves out questions over the API, which admit nothing.
    #[arg(long)]
    pub admissions_only: bool,

    /// Asks DNS where answers are not on record; today's answers may not be those of the record's time.
    #[arg(long)]
    pub ask_dns: bool,

    /// Prints one JSON object, with every registry.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `narrow`.
#[derive(Args, Debug)]
pub struct NarrowArgs {
    /// The policy file, JSON or TOML; `-` reads it from standard input.
    #[arg(value_name = "POLICY", value_hint = ValueHint::FilePath)]
    pub policy: PathBuf,

    /// The file with the remote lists, a policy document like the other.
    #[arg(value_name = "REMOTE", value_hint = ValueHint::FilePath)]
    pub remote: PathBuf,
}

/// Arguments of `ca`.
#[derive(Args, Debug)]
pub struct CaArgs {
    /// The files with the certificates; `-` reads standard input.
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// Checks as of this time in place of now: `2027-01-01`, or `2027-01-01T12:00:00Z` (RFC 3339, in UTC).
    #[arg(long, value_name = "TIME", value_parser = parse_unix_time)]
    pub at: Option<u64>,

    /// Writes the certificates in plain PEM, with every fix applied, in place of the report.
    #[arg(long, conflicts_with = "json")]
    pub pem: bool,

    /// Prints one JSON object a line for each file.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The program that the settings are for.
    #[arg(long, value_name = "TARGET", value_parser = target_parser(&Target::ALL))]
    pub to: Target,

    #[command(flatten)]
    pub flags: PolicyFlags,

    /// Writes the files below this folder, `/` for those of this host.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Also writes what allows more than the policy, where the target cannot say it exactly.
    #[arg(long, help_heading = "Output")]
    pub allow_wider: bool,

    /// Prints one JSON object: files, entries and notes.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The program that the settings are of, or `list` for a plain list of registries.
    #[arg(long, value_name = "SOURCE", value_parser = source_parser())]
    pub from: ImportSource,

    /// The files and folders that the program reads; `-` reads standard input.
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,

    /// Prints one JSON object: the policy, the origins of its entries, and the findings.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The program whose settings are compared; may be repeated.
    #[arg(long = "for", value_name = "TARGET", required = true, value_parser = target_parser(&Target::ON_HOSTS))]
    pub targets: Vec<Target>,

    #[command(flatten)]
    pub flags: PolicyFlags,

    /// The folder below which the files of the host are.
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,

    /// Prints one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Parses the name of a target.
fn target_parser(targets: &'static [Target]) -> impl TypedValueParser<Value = Target> {
    let names = targets.iter().map(|target| target.as_str());
    PossibleValuesParser::new(names).try_map(|name| {
        let target = Target::ALL.into_iter().find(|target| target.as_str() == name);
        target.ok_or("there is no such target")
    })
}

/// Parses the name of a source.
fn source_parser() -> impl TypedValueParser<Value = ImportSource> {
    PossibleValuesParser::new(ImportSource::all().into_iter().map(ImportSource::as_str)).try_map(|name| {
        let source = ImportSource::all().into_iter().find(|source| source.as_str() == name);
        source.ok_or("there is no such source")
    })
}

/// Parses an RFC 3339 date or time to seconds since 1970-01-01 UTC.
fn parse_unix_time(text: &str) -> Result<u64, String> {
    let whole = if text.contains(['T', 't', ' ']) { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let time = humantime::parse_rfc3339(&whole)
        .map_err(|_| "write a date, such as 2027-01-01, or a time in UTC, such as 2027-01-01T12:00:00Z".to_owned())?;
    let since = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| "no time before 1970 is known".to_owned())?;
    Ok(since.as_secs())
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Reads settings from this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// The settings.
    #[command(flatten)]
    pub settings: pullgate_daemon::Settings,
}

/// Arguments of `module`.
#[derive(Args, Debug)]
pub struct ModuleArgs {
    /// Prints the interface of the component, as WIT text.
    #[arg(long)]
    pub wit: bool,

    /// Prints one JSON object; with `--wit`, the interface is in it.
    #[arg(long)]
    pub json: bool,
}

/// The lists that an entry can be checked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EntryListArg {
    /// Registries that may be used.
    Whitelist,
    /// Registries whose certificate is not checked, and that may be asked over plain HTTP.
    Insecure,
    /// Registries that may not be used.
    Blocked,
}

impl From<EntryListArg> for pullgate::EntryList {
    fn from(list: EntryListArg) -> Self {
        match list {
            EntryListArg::Whitelist => Self::Whitelist,
            EntryListArg::Insecure => Self::Insecure,
            EntryListArg::Blocked => Self::Blocked,
        }
    }
}
