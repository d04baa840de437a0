//! What a reader of results should know about the data, once all of it has been read.

use betaflow_engine::assembly::Assembler;
use betaflow_engine::time::Iso;
use betaflow_engine::warning::Warning;

use crate::did_you_mean::hint;

/// Counts of what became no frame.
pub(crate) struct LeftOut {
    /// Timestamps without any price of the universe.
    pub(crate) empty: u64,
    /// Bad rows.
    pub(crate) skipped: u64,
    /// Frames without factors, and where those lie.
    pub(crate) without_factors: (u64, &'static str),
}

/// As sentences.
pub(crate) fn data_warnings(assembler: &Assembler, left_out: &LeftOut) -> Vec<Warning> {
    let unseen = assembler.unseen().into_iter().map(|unseen| {
        let hint = hint(&unseen.symbol, assembler.symbols());
        Warning::new("instrument_not_in_data", format!("{unseen}{hint}"))
    });
    let withheld = assembler.withheld().map(|(timestamp, instrument)| {
        let at = Iso(timestamp);
        let text = format!(
            "frames from {at} on are left out: `{instrument}`, which a factor needs, has no price any more"
        );
        Warning::new("factor_instrument_ended", text)
    });
    let LeftOut { empty, skipped, without_factors: (without, place) } = left_out;
    let counts = [
        (
            *empty,
            "empty_timestamps",
            format!("{empty} timestamps without any price of the universe are no frames"),
        ),
        (*skipped, "rows_skipped", format!("{skipped} bad rows were skipped, as data.on_bad_row asks")),
        (*without, "frames_without_factors", format!("{without} frames {place} factor row are left out")),
    ];
    let counts =
        counts.into_iter().filter(|(count, ..)| *count > 0).map(|(_, code, text)| Warning::new(code, text));
    unseen.chain(withheld).chain(counts).collect()
}
