//! The one file of a ZIP archive, by its central directory.
//!
//! An archive of a table has one member, stored or compressed with DEFLATE. Reading that takes a page of code and no
//! further dependency; archives with several members, encryption or other methods are refused.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Longest end record: 22 bytes and a comment of at most 65,535.
const END_MAX: u64 = 22 + 65_535;

/// Member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// 0: stored; 8: DEFLATE.
    method: u16,
    is_encrypted: bool,
    crc: u32,
    packed: u64,
    size: u64,
    header: u64,
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Lists the files of an archive, without folders and without the metadata of macOS.
///
/// # Errors
/// The archive is damaged.
pub(super) fn members(archive: &mut (impl Read + Seek)) -> io::Result<Vec<Member>> {
    let damaged = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let length = archive.seek(SeekFrom::End(0))?;
    let tail = length.min(END_MAX);
    archive.seek(SeekFrom::Start(length - tail))?;
    let mut end = Vec::new();
    archive.by_ref().take(tail).read_to_end(&mut end)?;
    let at = end.windows(4).rposition(|four| four == b"PK\x05\x06");
    let at = at.ok_or_else(|| damaged("found no central directory at the end of the archive"))?;
    let (count, size, start) = (short(&end, at + 10), long(&end, at + 12), long(&end, at + 16));
    archive.seek(SeekFrom::Start(start.into()))?;
    let mut directory = Vec::new();
    archive.by_ref().take(size.into()).read_to_end(&mut directory)?;
    let (mut members, mut rest) = (Vec::new(), directory.as_slice());
    for _ in 0..count {
        if rest.len() < 46 || !rest.starts_with(b"PK\x01\x02") {
            return Err(damaged("the central directory is damaged"));
        }
        let name_end = 46 + usize::from(short(rest, 28));
        let record = name_end + usize::from(short(rest, 30)) + usize::from(short(rest, 32));
        let name = rest.get(46..name_end).map(|name| String::from_utf8_lossy(name).into_owned());
        let name = name.ok_or_else(|| damaged("the central directory is damaged"))?;
        let member = Member {
            is_encrypted: short(rest, 8) & 1 != 0,
            method: short(rest, 10),
            crc: long(rest, 16),
            packed: long(rest, 20).into(),
            size: long(rest, 24).into(),
            header: long(rest, 42).into(),
            name,
        };
        if !member.name.ends_with('/') && !member.name.starts_with("__MACOSX/") {
            members.push(member);
        }
        rest = rest.get(record..).unwrap_or_default();
    }
    Ok(members)
}

/// Opens a member; its length and checksum are verified at its end.
///
/// # Errors
/// The archive is damaged, or the member has an unsupported form.
pub(super) fn open<A: Read + Seek + 'static>(mut archive: A, member: &Member) -> io::Result<Box<dyn Read>> {
    let refused = |text: String| Err(io::Error::new(io::ErrorKind::InvalidData, text));
    if member.is_encrypted {
        return refused(format!("{} is encrypted", member.name));
    }
    let mut header = [0; 30];
    archive.seek(SeekFrom::Start(member.header))?;
    archive.read_exact(&mut header)?;
    if !header.starts_with(b"PK\x03\x04") {
        return refused(format!("the header of {} is damaged", member.name));
    }
    let skipped = u64::from(short(&header, 26)) + u64::from(short(&header, 28));
    archive.seek(SeekFrom::Start(member.header + 30 + skipped))?;
    let packed = archive.take(member.packed);
    let checked =
        |inner: Box<dyn Read>| Checked { inner, crc: Crc::new(), expected: (member.crc, member.size) };
    match member.method {
        0 => Ok(Box::new(checked(Box::new(packed)))),
        8 => Ok(Box::new(checked(Box::new(DeflateDecoder::new(packed))))),
        method => refused(format!("{} is compressed with method {method}, expected DEFLATE", member.name)),
    }
}

/// Reader that verifies length and CRC-32 at the end.
struct Checked {
    inner: Box<dyn Read>,
    crc: Crc,
    /// CRC-32 and number of bytes.
    expected: (u32, u64),
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.crc.update(&buffer[..read]);
        let (crc, size) = self.expected;
        let is_whole = self.crc.sum() == crc && u64::from(self.crc.amount()) == size;
        if read == 0 && !buffer.is_empty() && !is_whole {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum or length is wrong"));
        }
        Ok(read)
    }
}
