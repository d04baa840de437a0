//! Surroundings of a command: the terminal of the program, or a caller in the same process.
//!
//! A caller brings tables in memory, settings with the names under which it knows them, and a strategy of its own. It
//! receives the result instead of the terminal, watches the progress, and may interrupt the command. Commands are the same
//! for both: they ask the host for tables, and give it their text.

mod call;
mod interrupt;
mod progress;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::parquet::{Input, MemoryTable};

use crate::terminal::{self, Page};
pub use call::{Call, CallSetting, Reply, StrategyFactory};
pub(crate) use interrupt::Interrupted;
pub use progress::CallProgress;

/// Start of the name of a table in memory, where settings and arguments name a path.
const MEMORY: &str = "memory:";

/// Surroundings of a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host(Option<Arc<Caller>>);

/// Caller in the same process.
#[derive(Debug)]
struct Caller {
    call: Call,
    reply: Mutex<Reply>,
}

impl Host {
    /// Host of a call.
    pub(crate) fn of(call: Call) -> Self {
        Self(Some(Arc::new(Caller { call, reply: Mutex::default() })))
    }

    /// Takes the result of the command. A terminal shows `json` if `as_json`, and the page otherwise; `folder` is
    /// the folder or file with the result.
    pub(crate) fn conclude(
        &self,
        as_json: bool,
        json: &str,
        page: impl FnOnce() -> Page,
        folder: Option<&Path>,
    ) {
        match &self.0 {
            None if as_json => {
                terminal::say(json);
                if let Some(folder) = folder {
                    terminal::tell(&format!("written to {}", folder.display()));
                }
            }
            None => page().print(),
            Some(caller) => {
                let mut reply = caller.reply();
                (reply.json, reply.page) = (json.to_owned(), page().plain());
                reply.folder = folder.map(Path::to_owned);
            }
        }
    }

    /// Takes a sentence as the result of a command without a summary.
    pub(crate) fn say(&self, text: &str) {
        match &self.0 {
            None => terminal::say(text),
            Some(caller) => text.clone_into(&mut caller.reply().page),
        }
    }

    /// Notes that the command ended with a result because the caller interrupted it.
    pub(crate) fn stopped(&self) {
        if let Some(caller) = &self.0 {
            caller.reply().is_stopped = true;
        }
    }

    /// Takes a line about a run that goes on; a terminal shows it on standard output.
    pub(crate) fn announce(&self, line: &str) {
        match &self.0 {
            None => terminal::say(&format!("{line}\n")),
            Some(_) => self.tell(line),
        }
    }

    /// Takes a line of progress or a note.
    pub(crate) fn tell(&self, line: &str) {
        match &self.0 {
            None => terminal::tell(line),
            Some(caller) => caller.reply().notes.push(line.to_owned()),
        }
    }

    /// Returns the input at a path: a table of the caller, or a file or folder.
    pub(crate) fn input(&self, path: &str) -> Input {
        match self.table(path) {
            Some(table) => Input::Memory(table.clone()),
            None => Input::from(Path::new(path)),
        }
    }

    /// Returns true if a path names a table of the caller.
    pub(crate) fn is_table(&self, path: &str) -> bool {
        self.table(path).is_some()
    }

    /// Returns the name of the caller's table at a path.
    pub(crate) fn table_name(&self, path: &str) -> Option<&str> {
        self.table(path).map(MemoryTable::name)
    }

    fn table(&self, path: &str) -> Option<&MemoryTable> {
        let name = path.strip_prefix(MEMORY)?;
        self.call()?.tables.iter().find(|table| table.name() == name)
    }

    /// Settings of the caller, which override a file.
    pub(crate) fn settings(&self) -> &[CallSetting] {
        self.call().map_or(&[], |call| &call.settings)
    }

    /// Scenarios of the caller: the content of a grid file.
    pub(crate) fn grid(&self) -> Option<&toml::Table> {
        self.call()?.grid.as_ref()
    }

    /// Strategy of the caller.
    pub(crate) fn strategy(&self) -> Option<&Arc<dyn StrategyFactory>> {
        self.call()?.strategy.as_ref()
    }

    /// Returns true if a caller asks the command to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.progress().is_some_and(|progress| progress.is_interrupted())
    }

    /// Returns true if the command has a caller in the same process.
    pub(crate) fn is_called(&self) -> bool {
        self.0.is_some()
    }

    /// Progress that a caller watches.
    pub(crate) fn progress(&self) -> Option<&Arc<CallProgress>> {
        self.call().map(|call| &call.progress)
    }

    fn call(&self) -> Option<&Call> {
        self.0.as_deref().map(|caller| &caller.call)
    }

    /// Returns what the command has said.
    pub(crate) fn reply(&self) -> Reply {
        self.0.as_ref().map(|caller| std::mem::take(&mut *caller.reply())).unwrap_or_default()
    }
}

impl Caller {
    fn reply(&self) -> std::sync::MutexGuard<'_, Reply> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
