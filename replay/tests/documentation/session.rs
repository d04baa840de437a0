//! Runs the blocks of a page in a folder of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Timeout of a command of the documentation.
const PATIENCE: Duration = Duration::from_secs(120);

/// The folder in which the blocks of one page run, and the commands that are still serving.
pub(crate) struct Session {
    folder: tempfile::TempDir,
    /// Free port for each port that the page names.
    ports: BTreeMap<u16, u16>,
    serving: Vec<Child>,
}

impl Session {
    /// A folder with `prices.parquet` and `factors.parquet`.
    pub(crate) fn new() -> Self {
        let folder = super::support::folder();
        super::support::Panel::new(1, 400, 12).write(folder.path());
        Self { folder, ports: BTreeMap::new(), serving: Vec::new() }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs one command line and returns its output, or a description of its failure.
    pub(crate) fn shell(&mut self, line: &str, exit: i32) -> Result<String, String> {
        // The program is built already; call it without `cargo run`.
        let line = line.replace("cargo run --release -- ", "betaflow ");
        if ["betaflow serve", "betaflow dashboard"].iter().any(|serves| line.starts_with(serves)) {
            return self.serve(&line).map(|()| String::new());
        }
        let line = self.with_free_ports(&line);
        self.run(Command::new("sh").args(["-c", &line]), exit)
    }

    /// Runs a script and returns its output, or a description of its failure.
    pub(crate) fn python(&mut self, python: &Path, code: &str) -> Result<String, String> {
        let code = self.with_free_ports(code);
        self.run(Command::new(python).args(["-c", &code]), 0)
    }

    /// Starts a command that serves until the page has ended, and waits until it listens.
    fn serve(&mut self, line: &str) -> Result<(), String> {
        let default = if line.starts_with("betaflow serve") { 9000 } else { 8080 };
        let listen =
            if line.contains("--listen") { String::new() } else { format!(" --listen 127.0.0.1:{default}") };
        let line = self.with_free_ports(&format!("exec {line}{listen}"));
        let path = self.folder.path().join(format!(".serving-{}", self.serving.len()));
        let mut command = Command::new("sh");
        self.prepare(command.args(["-c", &line]), &path);
        self.serving.push(command.spawn().unwrap());
        let start = Instant::now();
        while !fs::read_to_string(&path).unwrap().contains("://127.0.0.1:") {
            let child = self.serving.last_mut().unwrap();
            if child.try_wait().unwrap().is_some() || start.elapsed() > PATIENCE {
                return Err(fs::read_to_string(path.with_extension("err")).unwrap());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn run(&self, command: &mut Command, exit: i32) -> Result<String, String> {
        let path = self.folder.path().join(".output");
        self.prepare(command, &path);
        let status = wait(command.spawn().unwrap())?;
        let (out, err) = (self.as_on_page(&path), self.as_on_page(&path.with_extension("err")));
        match status.code() {
            Some(code) if code == exit && code == 0 => Ok(out),
            Some(code) if code == exit => Ok(out + &err),
            code => Err(format!("exit code {code:?} and not {exit}: {out}{err}")),
        }
    }

    /// Sends output to `path` and errors beside it. The program is on the path of the shell.
    fn prepare(&self, command: &mut Command, path: &Path) {
        let programs = Path::new(env!("CARGO_BIN_EXE_betaflow")).parent().unwrap().to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(programs).chain(std::env::split_paths(&others));
        command
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(paths).unwrap())
            .env("NO_COLOR", "1")
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .stdout(File::create(path).unwrap())
            .stderr(File::create(path.with_extension("err")).unwrap());
    }

    /// An output with the ports of the page, and with `/home/me` for the folder.
    fn as_on_page(&self, path: &Path) -> String {
        let mut text = String::new();
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        for (named, free) in &self.ports {
            text = text.replace(&format!("127.0.0.1:{free}"), &format!("127.0.0.1:{named}"));
        }
        let folder: PathBuf = self.folder.path().canonicalize().unwrap();
        text.replace(&folder.display().to_string(), "/home/me")
    }

    /// A text with a free port for each `127.0.0.1:PORT` from 1024 on, the same one everywhere on the page.
    fn with_free_ports(&mut self, text: &str) -> String {
        const HOST: &str = "127.0.0.1:";
        let mut parts = text.split(HOST);
        let mut rerouted = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let named: u16 = part[..digits].parse().unwrap_or_default();
            let port = if named < 1024 { named } else { *self.ports.entry(named).or_insert_with(free_port) };
            rerouted += &format!("{HOST}{port}{}", &part[digits..]);
        }
        rerouted
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in &mut self.serving {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait(mut child: Child) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Ok(status);
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still running after {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Python for the blocks of the pages.
pub(crate) struct Python {
    /// Interpreter with numpy, pandas and pyarrow, or the reason why there is none.
    plain: Result<PathBuf, String>,
    /// The same with the package `betaflow`.
    package: Result<PathBuf, String>,
}

impl Python {
    /// Python of the variable `PYTHON`, or `python3`. With `PYTHON` set, a missing package is a failure.
    pub(crate) fn find() -> Self {
        let packages = "numpy, pandas, pyarrow";
        Self { plain: interpreter(packages), package: interpreter(&format!("{packages}, betaflow._native")) }
    }

    /// Returns the interpreter of a block, or the reason why it cannot run.
    pub(crate) fn of(&self, code: &str) -> Result<&Path, &str> {
        let needs_package = code.contains("import betaflow") || code.contains("from betaflow");
        let python = if needs_package { &self.package } else { &self.plain };
        python.as_deref().map_err(String::as_str)
    }
}

fn interpreter(packages: &str) -> Result<PathBuf, String> {
    let named = std::env::var_os("PYTHON").filter(|name| !name.is_empty()).map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let probe = Command::new(&python).args(["-c", &format!("import {packages}")]).output();
    let reason = match probe {
        Ok(output) if output.status.success() => return Ok(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(named.is_none(), "PYTHON={}: {reason}", python.display());
    Err(format!("{}: {reason}", python.display()))
}
