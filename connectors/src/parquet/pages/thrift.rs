//! Reader of Thrift's compact protocol that checks counts before they are used.

/// Maximum nesting depth of structures; Parquet's own metadata has fewer than ten levels.
const DEPTH_MAX: u32 = 32;

/// Wire type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool(bool),
    Byte,
    /// Integer of this number of bits.
    Int(u8),
    Double,
    Binary,
    List,
    Map,
    Struct,
}

/// Read error: the bytes end early or violate the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    End,
    Invalid(&'static str),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::End => f.write_str("the metadata ends early"),
            Self::Invalid(what) => write!(f, "the metadata is invalid: {what}"),
        }
    }
}

/// Position in serialised metadata.
#[derive(Clone, Debug)]
pub(super) struct Thrift<'a> {
    rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the number of remaining bytes.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::End)?;
        self.rest = rest;
        Ok(*first)
    }

    fn advance(&mut self, bytes: u64) -> Result<&'a [u8], Fault> {
        let bytes = usize::try_from(bytes).map_err(|_| Fault::End)?;
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Fault::End)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::Invalid("a number has more than 64 bits"))
    }

    fn zigzag(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Reads an integer field of at most 32 bits.
    pub(super) fn int(&mut self, kind: Kind) -> Result<i32, Fault> {
        if kind != Kind::Int(32) {
            return Err(Fault::Invalid("a field is not an integer of 32 bits"));
        }
        i32::try_from(self.zigzag()?).map_err(|_| Fault::Invalid("a number has more than 32 bits"))
    }

    /// Reads the next field of a structure, given the number of the preceding field; `None` at its end.
    pub(super) fn field(&mut self, last: &mut i64) -> Result<Option<(i64, Kind)>, Fault> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        let step = i64::from(byte >> 4);
        *last = match step {
            0 => self.zigzag()?,
            step => last.saturating_add(step),
        };
        Ok(Some((*last, kind(byte & 0x0f)?)))
    }

    /// Reads the number of elements of a list and their type. Each element takes at least one byte, so the
    /// number is bounded by the remaining bytes.
    pub(super) fn list(&mut self) -> Result<(usize, Kind), Fault> {
        let byte = self.byte()?;
        let count = match byte >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        let count = usize::try_from(count).ok().filter(|count| *count <= self.rest.len());
        let count = count.ok_or(Fault::Invalid("a list declares more elements than bytes remain"))?;
        match count {
            // Some writers store 0 as the element type of an empty list.
            0 => Ok((0, kind(byte & 0x0f).unwrap_or(Kind::Byte))),
            count => Ok((count, kind(byte & 0x0f)?)),
        }
    }

    /// Skips a value.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), Fault> {
        self.skip_at(kind, 0, false)
    }

    fn skip_at(&mut self, kind: Kind, depth: u32, in_list: bool) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::Invalid("structures are nested too deeply"));
        }
        match kind {
            // The header of a boolean field holds its value; a boolean in a list is a byte.
            Kind::Bool(_) if !in_list => {}
            Kind::Bool(_) | Kind::Byte => _ = self.byte()?,
            Kind::Int(_) => _ = self.varint()?,
            Kind::Double => _ = self.advance(8)?,
            Kind::Binary => {
                let length = self.varint()?;
                self.advance(length)?;
            }
            Kind::List => {
                let (count, element) = self.list()?;
                for _ in 0..count {
                    self.skip_at(element, depth + 1, true)?;
                }
            }
            Kind::Map => {
                return Err(Fault::Invalid("found a map, which Parquet's metadata does not use"));
            }
            Kind::Struct => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip_at(kind, depth + 1, false)?;
                }
            }
        }
        Ok(())
    }
}

fn kind(code: u8) -> Result<Kind, Fault> {
    Ok(match code {
        1 => Kind::Bool(true),
        2 => Kind::Bool(false),
        3 => Kind::Byte,
        4 => Kind::Int(16),
        5 => Kind::Int(32),
        6 => Kind::Int(64),
        7 => Kind::Double,
        8 => Kind::Binary,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        _ => return Err(Fault::Invalid("a field has an unknown type")),
    })
}

#[cfg(test)]
mod tests;
