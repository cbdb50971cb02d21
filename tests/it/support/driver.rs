//! A running chromedriver, which starts the browser and ends with it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running chromedriver.
pub(super) struct Driver {
    child: Child,
    pub(super) port: u16,
}

/// The path of a program in `PATH`.
pub(super) fn installed(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file())?;
    found.to_str().map(str::to_owned)
}

impl Driver {
    pub(super) fn start(program: &str) -> Self {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let out = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // Its output is read, so that its pipe never fills up.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver prints its port");
        Self { child, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
