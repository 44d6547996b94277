//! The command line: every command, argument and help text.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use pullgate_runtimes::{GateAddress, ImportSource, Target};

use crate::help::{
    CA_HELP, CHECK_HELP, COMPARE_HELP, COMPLETIONS_HELP, DECIDE_HELP, DOCTOR_HELP, EXPLAIN_HELP, EXPORT_HELP,
    GENERAL_HELP, IMAGE_VERIFIER_HELP, IMPORT_HELP, MAN_HELP, MODULE_HELP, NARROW_HELP, PROBE_HELP, REPLAY_HELP,
    SERVE_HELP,
};
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

    /// Also writes what leads the program through the gate at this address, such as 127.0.0.1:8733.
    #[arg(long, value_name = "HOST:PORT", help_heading = "Output")]
    pub gate: Option<GateAddress>,

    /// Prints one JSON object: files, entries and notes.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The program that the settings are of, or `list` for a plain list of registries. Without it their content tells.
    #[arg(long, value_name = "SOURCE", value_parser = source_parser())]
    pub from: Option<ImportSource>,

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
    #[arg(long = "for", value_name = "TARGET", required = true, value_parser = target_parser(&Target::ALL))]
    pub targets: Vec<Target>,

    /// The files and folders with the settings of a program that has none on a host; `-` reads standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub flags: PolicyFlags,

    /// The folder below which the files of the host are.
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,

    /// Also compares whether the program reaches registries through the gate at this address, such as 127.0.0.1:8733.
    #[arg(long, value_name = "HOST:PORT")]
    pub gate: Option<GateAddress>,

    /// Has each engine pull an image that nobody has, and requires that the gate refuses it.
    #[arg(long, requires = "gate")]
    pub prove: bool,

    /// Prints one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Parses the name of a target.
fn target_parser(targets: &'static [Target]) -> impl TypedValueParser<Value = Target> {
    let names = targets.iter().map(|target| target.as_str());
    PossibleValuesParser::new(names).try_map(|name| Target::from_name(&name).ok_or("there is no such target"))
}

/// Parses the name of a source.
fn source_parser() -> impl TypedValueParser<Value = ImportSource> {
    PossibleValuesParser::new(ImportSource::all().into_iter().map(ImportSource::as_str))
        .try_map(|name| ImportSource::from_name(&name).ok_or("there is no such source"))
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
