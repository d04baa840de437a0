//! Errors of a run.

/// Error of a stage that ends the run.
pub type StageError = Box<dyn std::error::Error + Send + Sync>;

/// Error of a run that did not complete, with the stage that caused it.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A stage returned an error.
    #[error("{source}")]
    Failed {
        /// Name of the stage.
        stage: &'static str,
        /// Message of the error.
        source: StageError,
    },
    /// A stage panicked: a defect in betaflow.
    #[error("the {stage} stage panicked: {message}; this is a defect of betaflow, please report it")]
    Panicked {
        /// Name of the stage.
        stage: &'static str,
        /// Message of the panic.
        message: String,
    },
    /// The graph of stages does not fit the options of the run.
    #[error("invalid pipeline: {0}")]
    Graph(String),
}

/// Error of a stage that received a kind of message it does not handle: the graph is connected wrongly.
#[derive(Debug, thiserror::Error)]
#[error("the {stage} stage received a message that it cannot handle: check the connections of the graph")]
pub(crate) struct Miswired {
    pub(crate) stage: &'static str,
}
