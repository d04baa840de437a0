//! Byte source of the Parquet reader, on disk or in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, Once, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

/// Open file, or bytes in memory.
#[derive(Clone, Debug)]
pub(super) enum Chunks {
    File(OpenFile),
    Bytes(Bytes),
}

/// File shared by several readers, each at its own position.
///
/// Duplicating the file handle for each reader would need several open files per file.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    file: Arc<Mutex<File>>,
    length: u64,
}

impl OpenFile {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(Mutex::new(file)), length })
    }

    /// Returns a reader of a file that other readers share.
    pub(super) fn of_shared(file: Arc<Mutex<File>>) -> io::Result<Self> {
        let length = file.lock().unwrap_or_else(PoisonError::into_inner).metadata()?.len();
        Ok(Self { file, length })
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(position))?;
        file.read(buffer)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.length,
            Self::Bytes(bytes) => Length::len(bytes),
        }
    }
}

impl ChunkReader for Chunks {
    type T = ChunkRead;

    fn get_read(&self, start: u64) -> ParquetResult<ChunkRead> {
        Ok(match self {
            Self::File(file) => {
                ChunkRead::File(io::BufReader::new(FileRead { file: file.clone(), position: start }))
            }
            Self::Bytes(bytes) => ChunkRead::Bytes(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::File(file) => {
                // A damaged footer may request more bytes than the file has.
                let room = usize::try_from(file.length).map_or(length, |all| all.min(length));
                let mut bytes = Vec::with_capacity(room);
                let rest = FileRead { file: file.clone(), position: start };
                rest.take(length as u64).read_to_end(&mut bytes)?;
                if bytes.len() != length {
                    let message = format!("found {} bytes at byte {start}, expected {length}", bytes.len());
                    return Err(ParquetError::EOF(message));
                }
                Ok(bytes.into())
            }
            Self::Bytes(bytes) => bytes.get_bytes(start, length),
        }
    }
}

/// Reader of a shared file at its own position.
pub(super) struct FileRead {
    file: OpenFile,
    position: u64,
}

impl Read for FileRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(self.position, buffer)?;
        self.position += n as u64;
        Ok(n)
    }
}

/// Reader of one part of [`Chunks`].
pub(super) enum ChunkRead {
    File(io::BufReader<FileRead>),
    Bytes(bytes::buf::Reader<Bytes>),
}

impl Read for ChunkRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Bytes(bytes) => bytes.read(buffer),
        }
    }
}

thread_local! {
    /// Whether this thread runs [`guarded`], which turns a panic into an error without printing it.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a part of the Parquet reader and turns a panic, which damaged files can cause, into an error.
///
/// After an error, values captured by the closure must not be used again.
pub(super) fn guarded<T>(read: impl FnOnce() -> ParquetResult<T>) -> ParquetResult<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                print(panic);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    let result = std::panic::catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(before);
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(ParquetError::General(text.unwrap_or("the decoder failed").to_owned()))
    })
}
