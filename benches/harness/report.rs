//! Reports as JSON files.

use std::path::Path;

use serde_json::Value;

/// Writes a report, and the folder that it belongs in. Errors: the file cannot be written; the message names it.
pub fn write(file: &Path, report: &Value) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(file, format!("{report:#}\n")).map_err(failed)
}
