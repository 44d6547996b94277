//! The inputs of an import: files, and the files of folders.

use std::fs;
use std::path::Path;

use pullgate_source::{InputError, InputText};

use crate::import::SourceFile;

/// Maximum size of an input in bytes.
const MAX_FILE_BYTES: usize = 8 << 20;

/// Maximum depth of folders.
const MAX_DEPTH: usize = 6;

/// Maximum number of inputs.
const MAX_FILES: usize = 10_000;

/// Reads files, and the files of folders, in the order of their names. `-` is standard input.
pub fn read_source_files<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<SourceFile>, InputError> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        match path.is_dir() {
            true => read_folder(path, &mut files, 0)?,
            false => files.push(read_file(path)?),
        }
    }
    Ok(files)
}

fn read_folder(folder: &Path, files: &mut Vec<SourceFile>, depth: usize) -> Result<(), InputError> {
    let failed = |reason: String| InputError {
        message: format!("cannot read the folder `{}`: {reason}", folder.display()),
        help: Some("give the files of it that the runtime reads".to_owned()),
    };
    if depth > MAX_DEPTH || files.len() > MAX_FILES {
        return Err(failed(format!("it has over {MAX_FILES} files, or is over {MAX_DEPTH} folders deep")));
    }
    let entries = fs::read_dir(folder).map_err(|error| failed(pullgate_source::io_error_reason(&error)))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => read_folder(&path, files, depth + 1)?,
            false if path.is_file() => files.push(read_file(&path)?),
            false => {}
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<SourceFile, InputError> {
    let text = InputText::read(path, "settings file", MAX_FILE_BYTES)?.ok_or_else(|| InputError {
        message: format!("the settings file `{}` has over {MAX_FILE_BYTES} bytes", path.display()),
        help: None,
    })?;
    Ok(SourceFile { path: text.name, text: text.text.trim_start_matches('\u{feff}').to_owned() })
}
