//! Damaged Parquet files end in a located error, in bounded memory.
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array};
use betaflow_connectors::parquet::{Input, Settings};
use betaflow_engine::assembly::FrameColumn;
use betaflow_engine::frame::Field;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use support::{Folder, days, line, nullable, run, texts, write_to};

/// Allocator that counts the allocated bytes and their peak.
struct Measuring;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed to the system allocator unchanged; only counters are updated.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// Pseudorandom numbers, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

const DAYS: usize = 150;
const NAMES: [&str; 4] = ["A", "B", "C", "D"];

/// Writes a panel in one form, with several row groups and many pages.
fn written(
    folder: &Folder,
    version: WriterVersion,
    compression: Compression,
    encoding: Option<Encoding>,
) -> Vec<u8> {
    let rows = DAYS * NAMES.len();
    let dates: Vec<i32> = (0..rows).map(|row| i32::try_from(row / NAMES.len()).unwrap()).collect();
    let names: Vec<&str> = (0..rows).map(|row| NAMES[row % NAMES.len()]).collect();
    let closes: Vec<Option<f64>> =
        (0..rows).map(|row| (row % 11 != 3).then_some(100.0 + (row * 7919 % 1000) as f64 / 100.0)).collect();
    let volumes: ArrayRef =
        Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (row * 104_729 % 100_000) as i64)));
    let columns = vec![
        ("date", days(&dates)),
        ("symbol", texts(&names)),
        ("close", nullable(&closes)),
        ("volume", volumes),
    ];
    let mut properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(compression)
        .set_max_row_group_row_count(Some(200))
        .set_data_page_row_count_limit(64)
        .set_write_batch_size(64)
        .set_dictionary_enabled(encoding.is_none());
    if let Some(encoding) = encoding {
        for column in ["date", "symbol", "close", "volume"] {
            let fitting = match (encoding, column) {
                (Encoding::DELTA_BINARY_PACKED, "symbol") => Encoding::DELTA_BYTE_ARRAY,
                (Encoding::DELTA_BINARY_PACKED, "close") | (Encoding::BYTE_STREAM_SPLIT, "symbol") => {
                    Encoding::PLAIN
                }
                _ => encoding,
            };
            properties = properties.set_column_encoding(ColumnPath::from(column), fitting);
        }
    }
    let path = folder.path("written.parquet");
    write_to(&path, columns, properties.build());
    std::fs::read(path).unwrap()
}

fn frames(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let optional = vec![FrameColumn { field: Field::Volume, checked: true }];
    let input = Input::Bytes { name: "damaged".into(), bytes: bytes.into() };
    let run = run(&input, None, Settings { optional, ..Settings::default() })?;
    Ok(run.frames.iter().map(|frame| format!("{} {:?}", line(frame), frame.volume)).collect())
}

/// Changes a file in a few places: flips bits, sets bytes and large numbers, cuts out, inserts or copies
/// pieces.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const NUMBERS: [&[u8]; 4] = [
        &[0xfe, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x80, 0x80, 0x80, 0x80, 0x10],
    ];
    let mut bytes = bytes.to_vec();
    let end = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
    // Half of the changes are in the footer: it is small, but a change there affects the whole file.
    let from = if random.below(2) == 0 { 4 } else { end - footer };
    let place = |random: &mut Random| from + random.below(end - from - 10);
    match random.below(6) {
        0 => {
            for _ in 0..=random.below(4) {
                let at = place(random);
                bytes[at] ^= 1 << random.below(8);
            }
        }
        1 => {
            let at = place(random);
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        2 => {
            let (at, number) = (place(random), NUMBERS[random.below(4)]);
            bytes[at..at + number.len()].copy_from_slice(number);
        }
        3 => {
            let at = place(random);
            bytes.drain(at..at + 1 + random.below(9));
        }
        4 => {
            let (at, number) = (place(random), NUMBERS[random.below(4)]);
            bytes.splice(at..at, number.iter().copied());
        }
        _ => {
            let (at, piece) = (place(random), place(random));
            bytes.copy_within(piece..piece + 9, at);
        }
    }
    bytes
}

#[test]
fn damaged_files_end_in_located_errors_and_bounded_memory() {
    let folder = Folder::new();
    let mut forms = Vec::new();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let zstd = Compression::ZSTD(ZstdLevel::default());
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
            let encodings = [
                None,
                Some(Encoding::PLAIN),
                Some(Encoding::DELTA_BINARY_PACKED),
                Some(Encoding::BYTE_STREAM_SPLIT),
            ];
            forms.extend(encodings.map(|encoding| (version, compression, encoding)));
        }
    }
    let files: Vec<_> = forms.iter().map(|form| written(&folder, form.0, form.1, form.2)).collect();
    let known = frames(files[0].clone()).unwrap();
    assert_eq!(known.len(), DAYS);
    for (form, bytes) in forms.iter().zip(&files) {
        assert_eq!(frames(bytes.clone()).unwrap(), known, "{form:?}");
    }
    // The environment variable sets a larger number of files.
    let count = std::env::var("BETAFLOW_TEST_DAMAGED_FILES").map_or(40, |count| count.parse().unwrap());
    let (mut random, mut errors, mut same) = (Random(88_172_645_463_325_252), 0, 0);
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    for (form, bytes) in forms.iter().zip(&files) {
        for _ in 0..count {
            match frames(damaged(bytes, &mut random)) {
                Ok(found) => same += usize::from(found == known),
                Err(error) => {
                    assert!(error.starts_with("damaged"), "{form:?}: expected a located error: {error}");
                    errors += 1;
                }
            }
        }
    }
    let peak = (PEAK.load(Ordering::Relaxed) - before) >> 20;
    assert!(peak < 600, "{peak} MiB for files of a few kB");
    // The remaining files give other values: only changed value bytes without a checksum do so.
    let all = count * forms.len();
    assert!(
        errors > all / 2 && errors + same > all * 9 / 10,
        "{errors} errors and {same} unchanged of {all}"
    );
}
