//! `pullgate module`: which module decides.

use pullgate_host::{Module, WIT};
use serde::Serialize;

use crate::args;
use crate::error::CliError;
use crate::output::{LABEL_STYLE, OutputWriter, json_line, styled};

#[derive(Serialize)]
struct ModuleInfo<'a> {
    version: &'a str,
    module: &'a str,
    component: &'a str,
    rules: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wit: Option<&'a str>,
}

/// Runs the command.
pub fn run(arguments: &args::ModuleArgs) -> Result<(), CliError> {
    let mut output = OutputWriter::new(arguments.json || arguments.wit);
    if arguments.wit && !arguments.json {
        output.text(WIT)?;
        return output.flush();
    }
    let module = Module::built_in()?;
    let (version, rules) = (module.version()?, module.rules_digest()?);
    let about = ModuleInfo {
        version: &version,
        module: module.digest(),
        component: module.component_digest(),
        rules: &rules,
        wit: arguments.wit.then_some(WIT),
    };
    if arguments.json {
        output.line(json_line(&about)?)?;
    } else {
        for (label, value, meaning) in [
            ("version", about.version, "of pullgate"),
            ("module", about.module, "SHA-256 of the core module, the same file as in the npm package"),
            ("component", about.component, "SHA-256 of the component around it, which decides here"),
            ("rules", about.rules, "SHA-256 of the source of the rules"),
        ] {
            output.line(format!("{label:<9}  {value}  {}", styled(LABEL_STYLE, meaning)))?;
        }
    }
    output.flush()
}
