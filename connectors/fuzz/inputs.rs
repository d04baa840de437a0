//! Files in memory, and frames that are read from them.

use betaflow_connectors::DataError;
use betaflow_connectors::parquet::{BadRow, Input, ParquetSource, Settings};
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::frame::{Field, Frame};
use betaflow_engine::source::Source;

/// Name of the file in errors.
pub(crate) const NAME: &str = "fuzzed_file";

pub(crate) fn file(bytes: &[u8]) -> Input {
    Input::Bytes { name: NAME.to_owned(), bytes: bytes.to_vec().into() }
}

/// Checks that an error names the file. The program escapes and shortens what the error repeats of it.
#[track_caller]
pub(crate) fn assert_located(error: &DataError) {
    let text = error.to_string();
    assert!(text.contains(NAME), "expected the name of the file: {text}");
}

/// Reads all frames; returns their number, sum of the bits of their closes, and the error that ended them.
pub(crate) fn read_frames(source: &mut dyn Source) -> (u64, u64, Option<String>) {
    let (mut frame, mut count, mut sum, mut previous) = (Frame::default(), 0, 0_u64, None);
    let error = loop {
        match source.next_frame(&mut frame) {
            Ok(true) => {
                assert!(previous < Some(frame.timestamp), "frames in time order");
                let priced = frame.close.iter().filter(|close| !close.is_nan());
                priced.clone().for_each(|close| assert!(close.is_finite(), "{close}"));
                sum = priced.fold(sum, |sum, close| sum.rotate_left(1) ^ close.to_bits());
                previous = Some(frame.timestamp);
                count += 1;
            }
            Ok(false) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    (count, sum, error)
}

/// Opens and reads a file of prices with a treatment of bad rows; with their errors located, returns the frames.
pub(crate) fn read_prices(prices: &Input, factors: Option<&Input>, on_bad_row: BadRow) -> Option<(u64, u64)> {
    let wanted = |field, checked| FrameColumn { field, checked };
    let optional = vec![
        wanted(Field::Open, false),
        wanted(Field::High, false),
        wanted(Field::Volume, true),
        wanted(Field::Dividend, true),
        wanted(Field::Split, true),
    ];
    let settings = Settings { optional, on_bad_row, ..Settings::default() };
    match ParquetSource::open(prices, factors, settings) {
        Err(error) => {
            assert_located(&error);
            None
        }
        Ok(mut source) => {
            let (count, sum, error) = read_frames(&mut source);
            if let Some(error) = &error {
                assert!(error.contains(NAME), "expected the name of the file: {error}");
            }
            let _ = source.facts();
            error.is_none().then_some((count, sum))
        }
    }
}
