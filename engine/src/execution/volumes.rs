//! Bars without volume: the price is stale, and no order fills on them.

use serde::{Deserialize, Serialize};

use crate::frame::Frame;

/// Volume data of one instrument so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct VolumeStatus {
    /// True once a bar has a price.
    priced: bool,
    /// True once a bar has a volume above 0; until then the instrument has no volume data.
    shown: bool,
    /// True if the current bar has a price and volume 0, and the instrument has volume data.
    stale: bool,
    /// Stale bars so far.
    stale_bars: u64,
}

/// Volume data of all instruments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Volumes {
    /// Empty if the data has no column of volumes.
    instruments: Vec<VolumeStatus>,
    /// True if every instrument has a price and a volume so far, and none is stale: further bars with volume then change
    /// no status. Not part of the state, because it follows from the next frame.
    #[serde(skip)]
    settled: bool,
}

/// Counts of a run's volume data. They do not look ahead: an instrument has volume data from its first volume
/// above 0 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeFacts {
    /// Bars with a price and volume 0, of instruments with volume data: no order fills on them.
    pub stale_bars: u64,
    /// Instruments with stale bars.
    pub stale_instruments: u64,
    /// Instrument with the most stale bars.
    pub stalest: Option<u32>,
    /// Instruments with prices but no volume above 0, in data with a column of volumes.
    pub without_volume: u64,
    /// First instrument without volume, in engine order.
    pub first_without_volume: Option<u32>,
}

impl Volumes {
    /// Takes the bars of the next frame.
    pub(super) fn begin(&mut self, frame: &Frame) {
        if frame.volume.is_empty() && self.instruments.is_empty() {
            return;
        }
        let n = frame.instruments();
        let settled = self.instruments.len() == n && frame.volume.len() == n && all_positive(&frame.volume);
        if settled && self.settled {
            return;
        }
        self.instruments.resize(n, VolumeStatus::default());
        self.settled = settled;
        for (i, known) in self.instruments.iter_mut().enumerate() {
            let volume = frame.volume.get(i).copied().unwrap_or(f64::NAN);
            let priced = !frame.close[i].is_nan();
            known.priced |= priced;
            known.shown |= volume > 0.0;
            known.stale = priced && volume == 0.0 && known.shown;
            known.stale_bars += u64::from(known.stale);
            self.settled &= known.priced;
        }
    }

    /// Returns true if the instrument's current bar has no volume.
    pub(super) fn is_stale(&self, instrument: usize) -> bool {
        self.instruments.get(instrument).is_some_and(|known| known.stale)
    }

    /// Counts so far.
    pub(super) fn facts(&self) -> VolumeFacts {
        let mut facts = VolumeFacts::default();
        let mut most = 0;
        for (i, known) in self.instruments.iter().enumerate() {
            facts.stale_bars += known.stale_bars;
            facts.stale_instruments += u64::from(known.stale_bars > 0);
            if known.stale_bars > most {
                (most, facts.stalest) = (known.stale_bars, Some(i as u32));
            }
            if known.priced && !known.shown {
                facts.without_volume += 1;
                facts.first_without_volume.get_or_insert(i as u32);
            }
        }
        facts
    }
}

/// Returns true if every value is above 0, without a branch for each value.
fn all_positive(values: &[f64]) -> bool {
    values.iter().fold(true, |all, value| all & (*value > 0.0))
}
