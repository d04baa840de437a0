//! Checks that a page holds exactly the declared values, before memory is allocated for them.
//!
//! The decoders use the counts of the page, pad missing values and ignore excess values. All readers decode a
//! page that passes these checks to the same values.

use parquet::basic::{Encoding, Type};
use parquet::errors::Result;

use super::PAGE_BYTES_MAX;
use super::header::invalid;

/// Maximum number of unused bytes after the plain values of a page: fastparquet writes eight.
const PADDING_MAX: usize = 8;
/// Julian days within the range of 64-bit nanoseconds since 1970.
const JULIAN_DAYS: std::ops::RangeInclusive<u32> = 2_333_838..=2_547_338;

/// Nanoseconds per day.
const DAY_NS: u64 = 86_400_000_000_000;

/// Storage of the values of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage {
    pub(super) physical: Type,
    /// Bytes per value; 0 for values with a length of their own.
    pub(super) width: usize,
    /// Maximum length of a text, in bytes.
    pub(super) text_bytes_max: usize,
}

/// Bytes per value besides the value itself: its length, its level, and the widest delta.
const VALUE_OVERHEAD: usize = 16;
/// Bytes of a page that no value accounts for: headers, and a whole block of deltas for one value.
const PAGE_OVERHEAD: usize = 1 << 20;

impl Storage {
    /// Returns the maximum size of a page of `count` values in any encoding.
    pub(super) fn content_max(self, count: usize) -> usize {
        let width = if self.physical == Type::BYTE_ARRAY { self.text_bytes_max } else { self.width };
        count.saturating_mul(width + VALUE_OVERHEAD).saturating_add(PAGE_OVERHEAD)
    }

    fn text_length(self, length: i64) -> Result<usize> {
        let max = self.text_bytes_max;
        let known = usize::try_from(length).ok().filter(|length| *length <= max);
        known.ok_or_else(|| invalid(&format!("found a text of {length} bytes, expected at most {max}")))
    }
}

/// Checks a dictionary.
pub(super) fn check_dictionary(bytes: &[u8], storage: Storage, count: usize) -> Result<()> {
    check_plain(bytes, storage, count)
}

/// Checks the values of a data page; `count` excludes nulls, `dictionary` is the length of the chunk's
/// dictionary.
pub(super) fn check_values(
    bytes: &[u8],
    storage: Storage,
    encoding: Encoding,
    count: usize,
    dictionary: Option<usize>,
) -> Result<()> {
    match (encoding, storage.physical) {
        (Encoding::PLAIN, Type::BOOLEAN) => Ok(()),
        (Encoding::PLAIN, _) => check_plain(bytes, storage, count),
        (Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY, _) => {
            let length =
                dictionary.ok_or_else(|| invalid("found dictionary indices without a dictionary"))?;
            let Some((width, runs)) = bytes.split_first() else {
                return Err(invalid("found no values"));
            };
            if *width > 32 {
                return Err(invalid(&format!(
                    "found dictionary indices of {width} bits, expected at most 32"
                )));
            }
            hybrid(runs, u32::from(*width), count, |run| match run {
                Run::Repeated { value, .. } if value >= length as u64 => {
                    Err(invalid(&format!("found the index {value} into a dictionary of {length} values")))
                }
                _ => Ok(()),
            })
        }
        (Encoding::DELTA_BINARY_PACKED, Type::INT32 | Type::INT64) => {
            check_delta(bytes, 8 * storage.width, count, false, |_| Ok(())).map(|_| ())
        }
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, Type::BYTE_ARRAY) => {
            let mut total = 0;
            let start = check_delta(bytes, 32, count, true, |length| {
                total += storage.text_length(length)?;
                Ok(())
            })?;
            exactly(bytes.len() - start, total)
        }
        (Encoding::DELTA_BYTE_ARRAY, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => {
            check_front_coded(bytes, storage, count)
        }
        (
            Encoding::BYTE_STREAM_SPLIT,
            Type::FLOAT | Type::DOUBLE | Type::INT32 | Type::INT64 | Type::FIXED_LEN_BYTE_ARRAY,
        ) => exactly(bytes.len(), count.saturating_mul(storage.width)),
        (encoding, physical) => {
            Err(invalid(&format!("found the encoding {encoding} for values of type {physical}")))
        }
    }
}

fn check_plain(bytes: &[u8], storage: Storage, count: usize) -> Result<()> {
    if storage.physical == Type::BYTE_ARRAY {
        let mut rest = bytes;
        for _ in 0..count {
            let length = rest.first_chunk().map(|length| u32::from_le_bytes(*length));
            let length = storage.text_length(length.map(i64::from).ok_or_else(too_short)?)?;
            rest = rest[4..].get(length..).ok_or_else(too_short)?;
        }
        let is_padding = rest.len() <= PADDING_MAX && rest.iter().all(|byte| *byte == 0);
        return if is_padding { Ok(()) } else { exactly(bytes.len(), bytes.len() - rest.len()) };
    }
    let expected = count.saturating_mul(storage.width);
    let padding = bytes.len().checked_sub(expected).filter(|padding| *padding <= PADDING_MAX);
    let Some(padding) = padding else { return exactly(bytes.len(), expected) };
    if storage.physical == Type::INT96 {
        for value in bytes[..bytes.len() - padding].chunks_exact(12) {
            let [a, b, c, d, e, f, g, h, day @ ..] = value else { continue };
            let nanoseconds = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
            let day = day.iter().rev().fold(0, |day, byte| day << 8 | u32::from(*byte));
            if !JULIAN_DAYS.contains(&day) || nanoseconds >= DAY_NS {
                return Err(invalid(&format!(
                    "found a time {nanoseconds} ns into the Julian day {day}, expected one in the years 1678 to 2262"
                )));
            }
        }
    }
    Ok(())
}

/// Checks texts stored as a shared prefix with the preceding text, and a suffix.
fn check_front_coded(bytes: &[u8], storage: Storage, count: usize) -> Result<()> {
    let mut prefixes = Vec::new();
    let start = check_delta(bytes, 32, count, true, |length| {
        prefixes.push(storage.text_length(length)?);
        Ok(())
    })?;
    let (mut prefixes, mut before, mut total, mut all) = (prefixes.into_iter(), 0, 0, 0_usize);
    let suffixes = &bytes[start..];
    let start = check_delta(suffixes, 32, count, true, |length| {
        let (prefix, suffix) = (prefixes.next().unwrap_or(0), storage.text_length(length)?);
        if prefix > before {
            return Err(invalid("found a shared prefix longer than the preceding text"));
        }
        before = prefix + suffix;
        if before > storage.text_bytes_max || (storage.width > 0 && before != storage.width) {
            return Err(invalid(&format!("found a value of {before} bytes")));
        }
        total += suffix;
        all = all.saturating_add(before);
        Ok(())
    })?;
    if all > PAGE_BYTES_MAX {
        return Err(invalid(&format!("the page decodes to {all} bytes, expected at most {PAGE_BYTES_MAX}")));
    }
    exactly(suffixes.len() - start, total)
}

fn exactly(found: usize, expected: usize) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => {
            Err(invalid(&format!("the values take {found} bytes, expected {expected} for their number")))
        }
    }
}

fn too_short() -> parquet::errors::ParquetError {
    invalid("the page ends inside its values")
}

/// Checks definition levels of 0 and 1 (optional, not nested); returns the number of ones.
pub(super) fn check_levels(bytes: &[u8], count: usize) -> Result<usize> {
    let mut present = 0;
    hybrid(bytes, 1, count, |run| {
        match run {
            Run::Repeated { value: 0, .. } => {}
            Run::Repeated { value: 1, count } => present += count,
            Run::Repeated { value, .. } => {
                return Err(invalid(&format!("found the definition level {value}, expected 0 or 1")));
            }
            Run::Packed { bytes, count } => {
                let (whole, rest) = bytes.split_at(count / 8);
                present += whole.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
                let mask = (1_u8 << (count % 8)) - 1;
                present += rest.first().map_or(0, |byte| (byte & mask).count_ones() as usize);
            }
        }
        Ok(())
    })?;
    Ok(present)
}

/// Run of the hybrid of repeated and bit-packed values.
enum Run<'a> {
    Repeated { value: u64, count: usize },
    Packed { bytes: &'a [u8], count: usize },
}

/// Passes `count` values of `width` bits to `each`, as runs.
fn hybrid<'a>(
    bytes: &'a [u8],
    width: u32,
    count: usize,
    mut each: impl FnMut(Run<'a>) -> Result<()>,
) -> Result<()> {
    let (mut rest, mut left) = (bytes, count);
    while left > 0 {
        let header =
            varint(&mut rest).filter(|header| *header <= u64::from(u32::MAX)).ok_or_else(too_short)?;
        let length = (header >> 1) as usize;
        if length == 0 {
            return Err(invalid("found an empty run"));
        }
        if header & 1 == 0 {
            let (value, after) = rest.split_at_checked(width.div_ceil(8) as usize).ok_or_else(too_short)?;
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            let count = length.min(left);
            each(Run::Repeated { value, count })?;
            (rest, left) = (after, left - count);
            continue;
        }
        // Packed runs come in groups of eight; writers may omit the end of the last group.
        let size = length.saturating_mul(width as usize).min(rest.len());
        let stored =
            (8 * size).checked_div(width as usize).unwrap_or(usize::MAX).min(length.saturating_mul(8));
        let count = stored.min(left);
        if count == 0 {
            return Err(too_short());
        }
        let (packed, after) = rest.split_at(size);
        each(Run::Packed { bytes: packed, count })?;
        (rest, left) = (after, left - count);
    }
    Ok(())
}

/// Checks `count` deltas and returns their end; with `values`, passes each 32-bit value to `each`.
fn check_delta(
    bytes: &[u8],
    bits: usize,
    count: usize,
    values: bool,
    mut each: impl FnMut(i64) -> Result<()>,
) -> Result<usize> {
    /// Maximum number of values of a block; writers use 128.
    const BLOCK_MAX: u64 = 1 << 16;
    let mut rest = bytes;
    let mut number = || varint(&mut rest).ok_or_else(too_short);
    let (block, parts, declared, first) = (number()?, number()?, number()?, number()?);
    let is_block = block > 0 && block <= BLOCK_MAX && block % 128 == 0;
    if !is_block || parts == 0 || block % parts != 0 || (block / parts) % 32 != 0 {
        return Err(invalid(&format!("found blocks of {block} values in {parts} parts")));
    }
    if declared != count as u64 {
        return Err(invalid(&format!("found {declared} values, expected {count}")));
    }
    if count.saturating_mul(size_of::<i64>()) > PAGE_BYTES_MAX {
        return Err(invalid(&format!("found {count} values, more than a page may hold")));
    }
    let (parts, part) = (parts as usize, (block / parts) as usize);
    let mut value = unzigzag(first);
    if count > 0 && values {
        each(i64::from(value as i32))?;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let smallest = unzigzag(varint(&mut rest).ok_or_else(too_short)?);
        let (widths, after) = rest.split_at_checked(parts).ok_or_else(too_short)?;
        rest = after;
        for width in widths.iter().map(|width| usize::from(*width)) {
            if left == 0 {
                break;
            }
            if width > bits {
                return Err(invalid(&format!("found deltas of {width} bits, expected at most {bits}")));
            }
            let here = left.min(part);
            let (whole, needed) = (width * part / 8, (width * here).div_ceil(8));
            if rest.len() < needed || (values && rest.len() < whole) {
                return Err(too_short());
            }
            if values {
                for index in 0..here {
                    let difference = unpack(rest, index * width, width);
                    value = value.wrapping_add(smallest).wrapping_add(difference);
                    each(i64::from(value as i32))?;
                }
            }
            rest = &rest[whole.min(rest.len())..];
            left -= here;
        }
    }
    Ok(bytes.len() - rest.len())
}

/// Extracts the number of `width` ≤ 32 bits at bit `at`.
fn unpack(bytes: &[u8], at: usize, width: usize) -> i64 {
    let mut window = [0; 8];
    let tail = &bytes[(at / 8).min(bytes.len())..];
    let length = tail.len().min(8);
    window[..length].copy_from_slice(&tail[..length]);
    (u64::from_le_bytes(window) >> (at % 8) & ((1 << width) - 1)).cast_signed()
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests;
