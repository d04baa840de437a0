//! Decompression within the size that a page declares.

use std::cell::RefCell;
use std::io::{Cursor, Read};

use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};

use super::header::invalid;

/// Returns whether pages of this codec can be read.
pub(super) fn is_read(codec: Compression) -> bool {
    !matches!(codec, Compression::LZO)
}

/// Decompresses `input` to exactly `size` bytes and appends them to `out`.
pub(super) fn decompress(codec: Compression, input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    let possible = expanded_max(codec, input.len());
    if size > possible {
        return Err(invalid(&format!(
            "{} compressed bytes give at most {possible}, but the page header declares {size}",
            input.len()
        )));
    }
    match codec {
        Compression::UNCOMPRESSED => out.extend_from_slice(input),
        Compression::SNAPPY => {
            if snap::raw::decompress_len(input).map_err(failed)? != size {
                return Err(wrong_size(size));
            }
            out.resize(before + size, 0);
            snap::raw::Decoder::new().decompress(input, &mut out[before..]).map_err(failed)?;
        }
        // The decoders of these two codecs write output of any length.
        Compression::GZIP(_) => read_up_to(flate2::bufread::MultiGzDecoder::new(input), size, out)?,
        Compression::BROTLI(_) => read_up_to(brotli_decompressor::Decompressor::new(input, 4096), size, out)?,
        Compression::ZSTD(_) => zstd(input, size, out)?,
        Compression::LZ4_RAW => lz4_block(input, size, out)?,
        Compression::LZ4 => {
            if lz4_hadoop(input, size, out).is_none() {
                // Old writers used this codec name for blocks without Hadoop frames.
                out.truncate(before);
                lz4_block(input, size, out)?;
            }
        }
        Compression::LZO => return Err(ParquetError::NYI("the codec LZO".to_owned())),
    }
    match out.len() - before == size {
        true => Ok(()),
        false => Err(wrong_size(size)),
    }
}

/// Returns the largest output of `input` bytes for the codecs whose decoders need a buffer of the declared size: the
/// buffer must follow from bytes that exist.
fn expanded_max(codec: Compression, input: usize) -> usize {
    let factor = match codec {
        // A copy of 64 bytes takes three.
        Compression::SNAPPY => 32,
        // A byte of a length stands for at most 255 bytes.
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        // A block of at most 128 KiB takes four bytes.
        Compression::ZSTD(_) => 1 << 15,
        _ => return usize::MAX,
    };
    input.saturating_mul(factor)
}

thread_local! {
    /// Decoder of a thread for all its pages: a new one for each page would take more time than a small page.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses up to `size` bytes and appends them to `out`.
fn zstd(input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    out.reserve_exact(size);
    let before = out.len() as u64;
    let mut free = Cursor::new(out);
    free.set_position(before);
    ZSTD.with(|decoder| {
        let mut decoder = decoder.try_borrow_mut().map_err(failed)?;
        let decoder = match &mut *decoder {
            Some(decoder) => decoder,
            empty => empty.insert(zstd::bulk::Decompressor::new().map_err(failed)?),
        };
        decoder.decompress_to_buffer(input, &mut free).map(|_| ()).map_err(failed)
    })
}

fn read_up_to(decoder: impl Read, size: usize, out: &mut Vec<u8>) -> Result<()> {
    decoder.take(size as u64 + 1).read_to_end(out).map(|_| ()).map_err(failed)
}

fn lz4_block(input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    out.resize(before + size, 0);
    let length = lz4_flex::block::decompress_into(input, &mut out[before..]).map_err(failed)?;
    out.truncate(before + length);
    Ok(())
}

/// Decompresses Hadoop frames: decompressed and compressed length, big-endian, then a block.
fn lz4_hadoop(mut input: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
    let end = out.len() + size;
    while !input.is_empty() {
        let (lengths, rest) = input.split_at_checked(8)?;
        let length = |at: usize| Some(u32::from_be_bytes(lengths[at..at + 4].try_into().ok()?) as usize);
        let (block, rest) = rest.split_at_checked(length(4)?)?;
        let (before, length) = (out.len(), length(0)?);
        if length > end - before {
            return None;
        }
        lz4_block(block, length, out).ok().filter(|()| out.len() == before + length)?;
        input = rest;
    }
    (out.len() == end).then_some(())
}

fn failed(error: impl std::fmt::Display) -> ParquetError {
    invalid(&format!("cannot decompress the page: {error}"))
}

fn wrong_size(size: usize) -> ParquetError {
    invalid(&format!("the page does not decompress to the {size} bytes that its header declares"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use parquet::basic::{Compression, ZstdLevel};

    use super::decompress;

    /// Frames of Hadoop: decompressed and compressed length, then the block.
    fn hadoop(parts: &[&[u8]]) -> Vec<u8> {
        let frame = |part: &&[u8]| {
            let block = lz4_flex::block::compress(part);
            let lengths = [part.len() as u32, block.len() as u32].map(u32::to_be_bytes).concat();
            [lengths, block].concat()
        };
        parts.iter().flat_map(frame).collect()
    }

    #[test]
    fn pages_decompress_to_their_declared_size_behind_the_bytes_there() {
        let text: Vec<u8> = (0..1_000_u32).map(|i| (i * i % 7) as u8).collect();
        let block = lz4_flex::block::compress(&text);
        let zstd = zstd::bulk::compress(&text, 1).unwrap();
        let cases = [
            ("uncompressed", Compression::UNCOMPRESSED, text.clone()),
            ("snappy", Compression::SNAPPY, snap::raw::Encoder::new().compress_vec(&text).unwrap()),
            ("zstd", Compression::ZSTD(ZstdLevel::default()), zstd),
            ("lz4_raw", Compression::LZ4_RAW, block.clone()),
            ("one frame", Compression::LZ4, hadoop(&[&text])),
            ("three frames", Compression::LZ4, hadoop(&[&text[..1], &text[1..700], &text[700..]])),
            ("a block without frames", Compression::LZ4, block),
        ];
        for (name, codec, input) in cases {
            for before in [0, 5] {
                let mut out = vec![9; before];
                decompress(codec, &input, text.len(), &mut out).unwrap();
                assert_eq!((&out[..before], &out[before..]), (&[9; 5][..before], &text[..]), "{name}");
                for size in [text.len() - 1, text.len() + 1, 0] {
                    let refused = decompress(codec, &input, size, &mut vec![9; before]);
                    assert!(refused.is_err(), "{name} of {size} bytes");
                }
            }
        }
        // A frame that declares more than the page, and one that ends early.
        let longer = hadoop(&[&text, &text[..1]]);
        assert!(decompress(Compression::LZ4, &longer, text.len(), &mut Vec::new()).is_err());
        let frames = hadoop(&[&text[..500], &text[500..]]);
        assert!(
            decompress(Compression::LZ4, &frames[..frames.len() - 1], text.len(), &mut Vec::new()).is_err()
        );
        assert!(decompress(Compression::LZO, &text, text.len(), &mut Vec::new()).is_err());
    }
}
