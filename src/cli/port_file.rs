//! The file with the port while the server listens.

use std::path::{Path, PathBuf};

use crate::files;

/// The file of `--port-file`. It is absent from the start of the program until the server listens, and removed at the end.
#[derive(Debug)]
pub(super) struct PortFile {
    file: PathBuf,
    /// The text of an earlier run, or of another server that still runs.
    earlier: Option<String>,
    /// The text that this run has written.
    written: Option<String>,
}

impl PortFile {
    /// Removes the file of an earlier run: its port is free, or another program's. Errors: it holds something else.
    pub(super) fn claim(file: &Path) -> std::io::Result<Self> {
        check(file)?;
        let earlier = std::fs::metadata(file)
            .is_ok_and(|known| known.is_file())
            .then(|| std::fs::read_to_string(file).ok())
            .flatten();
        if earlier.is_some() {
            let _ = std::fs::remove_file(file);
        }
        Ok(Self {
            file: file.to_owned(),
            earlier,
            written: None,
        })
    }

    pub(super) fn write(&mut self, port: u16) -> std::io::Result<()> {
        check(&self.file)?;
        let text = format!("{port}\n");
        files::write_whole(&self.file, &text)?;
        self.written = Some(text);
        Ok(())
    }
}

fn check(file: &Path) -> std::io::Result<()> {
    files::check_replaceable(file, "--port-file", "a port number", |text| {
        text.trim().parse::<u16>().is_ok()
    })
}

impl Drop for PortFile {
    fn drop(&mut self) {
        match (&self.written, &self.earlier) {
            // Another server may have written its port meanwhile.
            (Some(written), _) => {
                if std::fs::read_to_string(&self.file).is_ok_and(|text| text == *written) {
                    let _ = std::fs::remove_file(&self.file);
                }
            }
            // This run did not start: the port may be that of a server that runs.
            (None, Some(earlier)) => {
                let _ = files::write_whole(&self.file, earlier);
            }
            (None, None) => {}
        }
    }
}
