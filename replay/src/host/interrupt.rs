//! Interruption of a command: Ctrl-C of the program, or the request of a caller.

use anyhow::Result;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source, SourceError};

use super::{CallProgress, Host};

/// Error of a command that its caller has interrupted.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

impl Host {
    /// Installs an action for Ctrl-C and SIGTERM, after which the program ends. A caller has its own handler, and
    /// interrupts at the next frame ([`Self::interruptible`]); the folders of a failed command are removed as after
    /// any error.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub(crate) fn when_interrupted(&self, act: impl Fn() + Send + 'static) -> Result<()> {
        if self.0.is_none() {
            ctrlc::set_handler(move || {
                act();
                std::process::exit(130);
            })?;
        }
        Ok(())
    }

    /// Lets a caller interrupt a source between two frames.
    pub(crate) fn interruptible(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        match self.call() {
            None => source,
            Some(call) => Box::new(Interruptible { inner: source, progress: call.progress.clone() }),
        }
    }
}

/// Source that ends with an error after an interruption.
struct Interruptible {
    inner: Box<dyn Source>,
    progress: std::sync::Arc<CallProgress>,
}

impl Source for Interruptible {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        if self.progress.is_interrupted() {
            return Err(Box::new(Interrupted));
        }
        self.inner.next_frame(frame)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}
