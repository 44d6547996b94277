//! Memory of processes, as the kernel tells it.

use std::fs;

/// Returns a size in bytes, by its name in `/proc/PROCESS/status`; `None` for a process that has ended.
pub fn size(process: &str, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let size = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    size.trim().strip_suffix(" kB")?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1_024.0)
}
