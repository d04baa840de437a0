//! A state as nested parts, each under its checksum. Edits of the content keep all checksums valid, so that a reader is not
//! protected by them.

use betaflow_engine::state::VERSION;
use sha2::{Digest as _, Sha256};

/// Bytes of a version and a checksum in front of a state.
const HEAD: usize = 9;

/// Piece of a state: bytes, or a nested state with its length.
enum Piece {
    Bytes(Vec<u8>),
    Nested(Sealed),
}

/// Content of a state.
pub(crate) struct Sealed(Vec<Piece>);

fn checksum(body: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(body).into();
    std::array::from_fn(|at| digest[at])
}

/// Reads a varint; returns its value and length.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = bytes.iter().take(4).position(|byte| *byte < 128)? + 1;
    let value = bytes[..length].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 127));
    Some((value, length))
}

/// Returns the content of a state that fills the bytes.
fn body_of(bytes: &[u8]) -> Option<&[u8]> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    (head[0] == VERSION && head[1..] == checksum(body)).then_some(body)
}

impl Sealed {
    /// Takes a state apart.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let body = body_of(bytes)?;
        let (mut pieces, mut plain, mut at) = (Vec::new(), Vec::new(), 0);
        while at < body.len() {
            let nested = varint(&body[at..]).and_then(|(size, length)| {
                let from = at + length;
                Some((Self::of(body.get(from..from.checked_add(size)?)?)?, from + size))
            });
            if let Some((nested, end)) = nested {
                pieces.extend([Piece::Bytes(std::mem::take(&mut plain)), Piece::Nested(nested)]);
                at = end;
            } else {
                plain.push(body[at]);
                at += 1;
            }
        }
        pieces.push(Piece::Bytes(plain));
        Some(Self(pieces))
    }

    /// Returns all plain pieces, the outer ones first.
    pub(crate) fn contents(&mut self) -> Vec<&mut Vec<u8>> {
        let mut all = Vec::new();
        for piece in &mut self.0 {
            match piece {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Bytes(bytes) => all.push(bytes),
                Piece::Nested(nested) => all.extend(nested.contents()),
            }
        }
        all
    }

    /// Returns the whole state.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => body.extend(bytes),
                Piece::Nested(nested) => {
                    let bytes = nested.to_bytes();
                    let mut size = bytes.len();
                    while size >= 128 {
                        body.push(size as u8 | 128);
                        size >>= 7;
                    }
                    body.push(size as u8);
                    body.extend(bytes);
                }
            }
        }
        let mut state = vec![VERSION];
        state.extend(checksum(&body));
        state.extend(body);
        state
    }
}
