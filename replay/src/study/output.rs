//! Output of a study whose scenarios have ended.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::record::RunFolder;

use super::StudyArgs;
use super::unfinished::UnfinishedStudy;

/// Folder of a study and the choices of its output.
pub(crate) struct Output<'a> {
    /// Run folder of the study.
    pub(crate) out: &'a Path,
    /// The folder until it is complete.
    pub(crate) folder: RunFolder,
    /// Trials log, or `none`; unset: beside the prices.
    pub(crate) trials: Option<&'a Path>,
    /// True if the trials may already be in the log.
    pub(crate) resumed: bool,
    /// True to skip the report.
    pub(crate) no_report: bool,
    /// True to show the summary as JSON.
    pub(crate) json: bool,
    /// Duration of the study until now.
    pub(crate) elapsed: &'a dyn Fn() -> Duration,
    /// Results of passes to remove when the folder is complete.
    pub(crate) unfinished: Option<UnfinishedStudy>,
}

impl<'a> Output<'a> {
    /// Output by the arguments of the command, without a clock.
    pub(crate) fn of(
        args: &'a StudyArgs,
        out: &'a Path,
        folder: RunFolder,
        unfinished: Option<UnfinishedStudy>,
    ) -> Self {
        Self {
            out,
            folder,
            trials: args.trials.as_deref(),
            resumed: args.resume,
            no_report: args.no_report,
            json: args.run.json,
            elapsed: &Duration::default,
            unfinished,
        }
    }

    /// Moves the folder to its final path, and removes the results of passes.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(crate) fn complete(self) -> Result<()> {
        self.folder.complete()?;
        if let Some(unfinished) = self.unfinished {
            unfinished.remove();
        }
        Ok(())
    }
}
