//! The environment of a service of systemd: its unit, the drop-ins that are merged into it, and the files that they
//! name.

use std::collections::BTreeMap;

use crate::command_line::split_words;
use crate::host_files::{HostFileError, HostFiles};

/// The folders of units, the one that counts first.
const UNIT_FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A variable with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceVariable {
    pub value: String,
    pub file: String,
    pub line: usize,
}

/// The environment of a service.
#[derive(Debug, Default)]
pub(crate) struct ServiceEnvironment {
    variables: BTreeMap<String, ServiceVariable>,
}

/// The settings of a unit and its drop-ins, in their order.
#[derive(Default)]
struct EnvironmentSettings {
    /// Of `Environment=`.
    variables: Vec<(String, ServiceVariable)>,
    /// Of `EnvironmentFile=`; they count before the others.
    files: Vec<String>,
    /// Of `UnsetEnvironment=`; it counts last.
    unset: Vec<String>,
}

impl ServiceEnvironment {
    /// Reads the environment of a service, such as `docker.service`.
    pub fn read(files: &HostFiles, unit: &str) -> Result<Self, HostFileError> {
        let mut settings = EnvironmentSettings::default();
        for path in unit_files(files, unit) {
            if let Some(text) = files.read(&path)? {
                settings.add(&path, &text);
            }
        }
        let mut environment = Self { variables: settings.variables.into_iter().collect() };
        let name = unit.strip_suffix(".service").unwrap_or(unit);
        for path in &settings.files {
            let path = path.trim_start_matches('-').replace("%N", name).replace("%p", name).replace("%n", unit);
            if let Some(text) = files.read(&path)? {
                environment.variables.extend(file_variables(&path, &text));
            }
        }
        for unset in settings.unset {
            let (name, value) = unset.split_once('=').map_or((&*unset, None), |(name, value)| (name, Some(value)));
            if environment.variables.get(name).is_some_and(|variable| value.is_none_or(|value| variable.value == value))
            {
                environment.variables.remove(name);
            }
        }
        Ok(environment)
    }

    /// Returns a variable that is not empty, by the first of these names that has one.
    pub fn get(&self, names: &[&str]) -> Option<&ServiceVariable> {
        names.iter().filter_map(|name| self.variables.get(*name)).find(|variable| !variable.value.is_empty())
    }
}

/// Returns whether a host has a unit.
pub(crate) fn has_unit(files: &HostFiles, unit: &str) -> bool {
    UNIT_FOLDERS.iter().any(|folder| files.is_file(&format!("{folder}/{unit}")))
}

/// Returns the paths of a unit and of its drop-ins, in the order in which they are merged: of drop-ins with the same
/// name the first folder's counts.
fn unit_files(files: &HostFiles, unit: &str) -> Vec<String> {
    let own = UNIT_FOLDERS.iter().map(|folder| format!("{folder}/{unit}")).find(|path| files.is_file(path));
    let mut drop_ins = BTreeMap::new();
    for folder in UNIT_FOLDERS {
        // Drop-ins of all services; those of the unit with the same name count in their place.
        for folder in [format!("{folder}/{unit}.d"), format!("{folder}/service.d")] {
            let names = files.names_in(&folder).unwrap_or_default();
            for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
                let path = format!("{folder}/{name}");
                drop_ins.entry(name).or_insert(path);
            }
        }
    }
    own.into_iter().chain(drop_ins.into_values()).collect()
}

impl EnvironmentSettings {
    fn add(&mut self, file: &str, text: &str) {
        let mut section = "";
        for (line, number) in logical_lines(text) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = if name == "Service" { "Service" } else { "" };
                continue;
            }
            let Some((name, value)) = line.split_once('=').filter(|_| section == "Service") else { continue };
            let words = split_words(value).into_iter().map(|word| word.text);
            match name.trim() {
                "Environment" if value.trim().is_empty() => self.variables.clear(),
                "Environment" => self.variables.extend(words.filter_map(|word| {
                    let (name, value) = word.split_once('=')?;
                    let variable = ServiceVariable { value: value.to_owned(), file: file.to_owned(), line: number };
                    Some((name.to_owned(), variable))
                })),
                "EnvironmentFile" if value.trim().is_empty() => self.files.clear(),
                "EnvironmentFile" => self.files.push(value.trim().to_owned()),
                "UnsetEnvironment" if value.trim().is_empty() => self.unset.clear(),
                "UnsetEnvironment" => self.unset.extend(words),
                _ => {}
            }
        }
    }
}

/// Returns the lines without comments, those that end in a backslash joined with the next, each with its number.
fn logical_lines(text: &str) -> Vec<(String, usize)> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    let mut is_continued = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (line, continues) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match lines.last_mut().filter(|_| is_continued) {
            Some((text, _)) => {
                text.push(' ');
                text.push_str(line);
            }
            None => lines.push((line.to_owned(), index + 1)),
        }
        is_continued = continues;
    }
    lines
}

/// Returns the variables of an environment file.
fn file_variables(file: &str, text: &str) -> Vec<(String, ServiceVariable)> {
    let lines = logical_lines(text).into_iter();
    let variables = lines.filter_map(|(line, number)| {
        let (name, value) = line.split_once('=')?;
        let words = split_words(value).into_iter().map(|word| word.text);
        let value = words.collect::<Vec<_>>().join(" ");
        Some((name.trim().to_owned(), ServiceVariable { value, file: file.to_owned(), line: number }))
    });
    variables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(texts: &[(&str, &str)]) -> ServiceEnvironment {
        let texts = texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        ServiceEnvironment::read(&HostFiles::of_texts(texts), "x.service").unwrap()
    }

    #[track_caller]
    fn expect(environment: &ServiceEnvironment, name: &str, expected: Option<(&str, &str, usize)>) {
        let found = environment.get(&[name]).map(|found| (found.value.as_str(), found.file.as_str(), found.line));
        assert_eq!(found, expected);
    }

    #[test]
    fn drop_ins_are_merged_as_systemd_does() {
        let found = environment(&[
            (
                "/usr/lib/systemd/system/x.service",
                "[Service]\nEnvironment=A=unit B=unit\n[Install]\nEnvironment=C=no\n",
            ),
            ("/etc/systemd/system/x.service.d/b.conf", "[Service]\nEnvironment=\"A=two words\" \\\n# no\n  D=1\n"),
            ("/usr/lib/systemd/system/x.service.d/b.conf", "[Service]\nEnvironment=A=hidden\n"),
            ("/usr/lib/systemd/system/x.service.d/c.conf", "[Service]\nUnsetEnvironment=B\n"),
            ("/etc/systemd/system/service.d/z.conf", "[Service]\nEnvironment=E=all\n"),
            ("/etc/systemd/system/x.service.d/no.txt", "[Service]\nEnvironment=F=no\n"),
        ]);
        let b = "/etc/systemd/system/x.service.d/b.conf";
        expect(&found, "A", Some(("two words", b, 2)));
        expect(&found, "D", Some(("1", b, 2)));
        expect(&found, "E", Some(("all", "/etc/systemd/system/service.d/z.conf", 2)));
        ["B", "C", "F"].iter().for_each(|name| expect(&found, name, None));
    }

    #[test]
    fn files_count_before_the_settings_of_the_unit() {
        let found = environment(&[
            ("/lib/systemd/system/x.service", "[Service]\nEnvironmentFile=-/etc/default/%N\nEnvironment=A=unit\n"),
            ("/etc/default/x", "# no\nA='of the file'\nB=\n"),
        ]);
        expect(&found, "A", Some(("of the file", "/etc/default/x", 2)));
        expect(&found, "B", None);
        let reset = environment(&[
            ("/lib/systemd/system/x.service", "[Service]\nEnvironmentFile=/etc/default/x\nEnvironment=A=unit\n"),
            ("/etc/systemd/system/x.service.d/a.conf", "[Service]\nEnvironmentFile=\nEnvironment=\nEnvironment=C=1\n"),
            ("/etc/default/x", "A=file\n"),
        ]);
        expect(&reset, "A", None);
        expect(&reset, "C", Some(("1", "/etc/systemd/system/x.service.d/a.conf", 4)));
    }
}
