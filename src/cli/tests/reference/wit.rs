//! The module's interface as a page: a section for each interface and world.

use std::fmt::Write;

const HEADING: &str = "\
# The module's interface

The interface of the component in WIT, for hosts in any language ([examples](../examples/hosts/README.md)). `pullgate module
--wit` prints it from the program that decides, and `wit/pullgate.wit` has it in one file, of which this page is made.
";

/// Returns the page.
pub fn page(wit: &str) -> String {
    let mut page = HEADING.to_owned();
    let (package, _) = wit.split_once('\n').unwrap();
    write!(page, "\n```wit\n{package}\n```\n").unwrap();
    let (mut comment, mut lines) = (Vec::new(), wit.lines().skip(1));
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("///") {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_suffix(" {") {
            let body = lines.by_ref().take_while(|line| *line != "}");
            let body = body.map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect::<String>();
            let comment = std::mem::take(&mut comment).join("\n");
            let (kind, name) = name.split_once(' ').unwrap();
            write!(page, "\n## The {kind} `{name}`\n\n{comment}\n\n```wit\n{}\n```\n", body.trim_end()).unwrap();
        } else {
            assert!(line.is_empty(), "`{line}` is in no interface");
        }
    }
    page
}
