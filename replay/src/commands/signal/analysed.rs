//! Source whose frames pass through the analysis of the signal.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_connectors::record::{SignalTableRow, TableError, TableWriter};
use betaflow_engine::frame::Frame;
use betaflow_engine::signal::analysis::{FrameAnalysis, SectionFacts, SignalFigures, SignalRow};
use betaflow_engine::source::{DataFacts, Source, SourceError};

/// Table and result of the analysis, which runs on the thread of the source.
#[derive(Clone, Default)]
pub(super) struct AnalysisState(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    table: Option<TableWriter<SignalTableRow>>,
    row: SignalTableRow,
    result: Option<(SignalFigures, SectionFacts)>,
}

impl AnalysisState {
    /// Sets the table of the rows, before the first frame.
    pub(super) fn set_table(&self, table: TableWriter<SignalTableRow>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).table = Some(table);
    }

    /// Returns the figures; `None` before the end of the data.
    pub(super) fn result(&self) -> Option<(SignalFigures, SectionFacts)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).result.take()
    }
}

/// Source that analyses the signal of its frames.
pub(super) struct Analysed<S> {
    inner: S,
    analysis: Option<FrameAnalysis>,
    shared: AnalysisState,
}

impl<S: Source> Analysed<S> {
    pub(super) fn new(inner: S, analysis: FrameAnalysis, shared: AnalysisState) -> Self {
        Self { inner, analysis: Some(analysis), shared }
    }

    /// Analyses the next frame; `None` ends the analysis and completes the table.
    fn analyse(&mut self, frame: Option<&Frame>) -> Result<(), TableError> {
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { table, row, result } = &mut *state;
        let mut written = Ok(());
        let mut write = |of: &SignalRow| {
            if let (Some(table), Ok(())) = (table.as_mut(), &written) {
                row.take(of);
                written = table.push(row);
            }
        };
        match (frame, &mut self.analysis) {
            (Some(frame), Some(analysis)) => analysis.push(frame, &mut write),
            (None, analysis) => *result = analysis.take().map(|analysis| analysis.finish(&mut write)),
            (Some(_), None) => {}
        }
        written?;
        match table.take_if(|_| frame.is_none()) {
            Some(table) => table.close(),
            None => Ok(()),
        }
    }
}

impl<S: Source> Source for Analysed<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let more = self.inner.next_frame(frame)?;
        if more || self.analysis.is_some() {
            self.analyse(more.then_some(frame))?;
        }
        Ok(more)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}
