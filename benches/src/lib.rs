//! Generated data for the benchmarks, the same on every run: a panel of minute bars in files, and returns in
//! memory for the estimators.

pub mod limit;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use betaflow_engine::random::SplitMix;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Instruments of the panel.
pub const INSTRUMENTS: usize = 505;
/// Frames of the panel: 10 million rows.
pub const FRAMES: usize = 19_802;
/// Factors in the factor file.
pub const FACTORS: usize = 6;
/// Minute bars in a US equity session.
pub const FRAMES_PER_DAY: usize = 390;

const ROWS_PER_GROUP: usize = 1 << 20;
const FACTOR_ROWS_PER_GROUP: usize = 1 << 13;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 86_400_000_000;
/// 2024-01-01T14:30Z.
const START_US: i64 = 1_704_119_400_000_000;

/// Prices and factors of a generated panel.
pub struct Panel {
    /// Tidy prices: `ts`, `symbol`, `close`, sorted by time.
    pub prices: PathBuf,
    /// Factor returns: `ts`, `f0`, ….
    pub factors: PathBuf,
    /// Rows of the prices.
    pub rows: usize,
}

/// Random numbers with mean 0 and deviation 1.
pub trait Shock {
    /// Returns a sum of four uniform numbers, approximately normal.
    fn shock(&mut self) -> f64;
}

impl Shock for SplitMix {
    fn shock(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}

/// Factor returns and returns for the estimators, all with deviation 1.
pub struct Observations {
    /// Factors.
    pub factors: usize,
    /// Instruments.
    pub instruments: usize,
    /// Design x = (1, f) of each bar, one bar after another.
    pub design: Vec<f64>,
    /// Returns of all instruments, one bar after another.
    pub returns: Vec<f64>,
}

impl Observations {
    /// Generates returns with constant betas.
    #[must_use]
    pub fn new(bars: usize, instruments: usize, factors: usize) -> Self {
        let mut random = SplitMix::new(11);
        let k = factors + 1;
        let betas: Vec<f64> = (0..instruments * k).map(|_| random.shock()).collect();
        let (mut design, mut returns) = (Vec::new(), Vec::new());
        for _ in 0..bars {
            let x: Vec<f64> = std::iter::once(1.0).chain((0..factors).map(|_| random.shock())).collect();
            for betas in betas.chunks_exact(k) {
                let systematic: f64 = betas.iter().zip(&x).map(|(b, x)| b * x).sum();
                returns.push(systematic + random.shock());
            }
            design.extend(x);
        }
        Self { factors, instruments, design, returns }
    }

    /// Number of bars.
    #[must_use]
    pub fn bars(&self) -> usize {
        self.design.len() / (self.factors + 1)
    }

    /// Factors and returns of each bar.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        let designs = self.design.chunks_exact(self.factors + 1);
        designs.map(|x| &x[1..]).zip(self.returns.chunks_exact(self.instruments))
    }

    /// Writes `design.f64` and `returns.f64`, raw little-endian doubles, into `folder`.
    ///
    /// # Errors
    /// Fails if the files cannot be written.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        for (name, values) in [("design.f64", &self.design), ("returns.f64", &self.returns)] {
            write_doubles(&folder.join(name), values)?;
        }
        Ok(())
    }
}

/// Writes raw little-endian doubles, which numpy's `fromfile` reads.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write_doubles(path: &Path, values: &[f64]) -> std::io::Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes)
}

/// Writes the panel into `folder`, unless it exists.
///
/// # Errors
/// Fails if the files cannot be written.
pub fn panel(folder: &Path, frames: usize) -> Result<Panel, Box<dyn std::error::Error>> {
    fs::create_dir_all(folder)?;
    let panel = Panel {
        prices: folder.join(format!("prices-{frames}.parquet")),
        factors: folder.join(format!("factors-{frames}.parquet")),
        rows: frames * INSTRUMENTS,
    };
    if panel.prices.exists() && panel.factors.exists() {
        return Ok(panel);
    }
    let time = || Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false);
    let number = |name: String| Field::new(name, DataType::Float64, false);
    let tidy = [time(), Field::new("symbol", DataType::Utf8, false), number("close".into())];
    let tidy = Arc::new(Schema::new(tidy.to_vec()));
    let wide = std::iter::once(time()).chain((0..FACTORS).map(|j| number(format!("f{j}"))));
    let wide = Arc::new(Schema::new(wide.collect::<Vec<_>>()));

    let unfinished = panel.prices.with_extension("unfinished");
    let writer = |path: &Path, schema: &Arc<Schema>, rows| -> Result<_, Box<dyn std::error::Error>> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_max_row_group_row_count(Some(rows))
            .build();
        Ok(ArrowWriter::try_new(File::create(path)?, Arc::clone(schema), Some(properties))?)
    };
    // A reader holds a page of each column. Equal row groups in the short and the long panel give equal
    // pages, so that the memory of both replays can be compared.
    let mut prices = writer(&unfinished, &tidy, ROWS_PER_GROUP)?;
    let mut factors = writer(&panel.factors, &wide, FACTOR_ROWS_PER_GROUP)?;

    let symbols: StringArray = (0..INSTRUMENTS).map(|i| Some(format!("S{i:03}"))).collect();
    let symbols: ArrayRef = Arc::new(symbols);
    let mut random = SplitMix::new(7);
    let betas: Vec<f64> = (0..INSTRUMENTS * FACTORS)
        .map(|at| f64::from(u8::from(at % FACTORS == 0)) + 0.3 * random.shock())
        .collect();
    let mut close = vec![100.0; INSTRUMENTS];
    for frame in 0..frames {
        let (day, minute) = (frame / FRAMES_PER_DAY, frame % FRAMES_PER_DAY);
        let at = START_US + day as i64 * DAY_US + minute as i64 * MINUTE_US;
        let f: Vec<f64> = (0..FACTORS).map(|j| random.shock() * if j == 0 { 5e-4 } else { 2e-4 }).collect();
        for (price, betas) in close.iter_mut().zip(betas.chunks_exact(FACTORS)) {
            let systematic: f64 = betas.iter().zip(&f).map(|(b, f)| b * f).sum();
            *price *= 1.0 + systematic + 8e-4 * random.shock();
        }
        let times =
            |n| Arc::new(TimestampMicrosecondArray::from(vec![at; n]).with_timezone("UTC")) as ArrayRef;
        let closes = Arc::new(Float64Array::from(close.clone()));
        prices.write(&RecordBatch::try_new(
            Arc::clone(&tidy),
            vec![times(INSTRUMENTS), Arc::clone(&symbols), closes],
        )?)?;
        let columns = f.into_iter().map(|f| Arc::new(Float64Array::from(vec![f])) as ArrayRef);
        let columns = std::iter::once(times(1)).chain(columns).collect();
        factors.write(&RecordBatch::try_new(Arc::clone(&wide), columns)?)?;
    }
    prices.close()?;
    factors.close()?;
    fs::rename(&unfinished, &panel.prices)?;
    Ok(panel)
}
