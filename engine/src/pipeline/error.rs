//! Errors of a run.

/// Why a stage could not go on.
pub type StageError = Box<dyn std::error::Error + Send + Sync>;

/// A run that did not complete, and the stage that is to blame.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A stage returned an error.
    #[error("{source}")]
    Failed {
        /// Name of the stage.
        stage: &'static str,
        /// Its message.
        source: StageError,
    },
    /// A stage panicked: a defect of betaflow.
    #[error("the {stage} stage panicked: {message}; this is a defect of betaflow, please report it")]
    Panicked {
        /// Name of the stage.
        stage: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The graph of stages does not fit the options of the run.
    #[error("the pipeline is not put together right: {0}")]
    Graph(String),
}

/// A message that the receiving stage does not know: the graph is wired wrongly.
#[derive(Debug, thiserror::Error)]
#[error("the {stage} stage cannot handle a message that it was wired to")]
pub(crate) struct Miswired {
    pub(crate) stage: &'static str,
}
