//! Values of Thrift's compact protocol as a tree that can be changed and written again.

use std::collections::VecDeque;

/// Value of a field or of an element of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Bool(bool),
    Byte(u8),
    /// Integer with its wire type: 4, 5 or 6 for 16, 32 or 64 bits.
    Int(u8, i64),
    Double([u8; 8]),
    Binary(Vec<u8>),
    /// Elements with their wire type.
    List(u8, Vec<Node>),
    /// Fields with their numbers.
    Struct(Vec<(i64, Node)>),
}

/// Reads the structure at the start; returns it with its length. `None` if the bytes are not one.
pub(crate) fn read(bytes: &[u8]) -> Option<(Node, usize)> {
    let mut rest = bytes;
    let node = read_as(&mut rest, 12, false, 0)?;
    Some((node, bytes.len() - rest.len()))
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(rest)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    let value = varint(rest)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn read_as(rest: &mut &[u8], kind: u8, in_list: bool, depth: u32) -> Option<Node> {
    if depth > 16 {
        return None;
    }
    Some(match kind {
        1 | 2 if in_list => Node::Bool(byte(rest)? == 1),
        1 | 2 => Node::Bool(kind == 1),
        3 => Node::Byte(byte(rest)?),
        4..=6 => Node::Int(kind, zigzag(rest)?),
        7 => Node::Double(take(rest, 8)?.try_into().ok()?),
        8 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Node::Binary(take(rest, length)?.to_vec())
        }
        9 | 10 => {
            let head = byte(rest)?;
            let count = if head >> 4 == 15 { varint(rest)? } else { u64::from(head >> 4) };
            let elements = (0..count).map(|_| read_as(rest, head & 15, true, depth + 1));
            Node::List(head & 15, elements.collect::<Option<_>>()?)
        }
        12 => {
            let (mut fields, mut last) = (Vec::new(), 0);
            loop {
                let head = byte(rest)?;
                if head == 0 {
                    break Node::Struct(fields);
                }
                last = if head >> 4 == 0 { zigzag(rest)? } else { last + i64::from(head >> 4) };
                fields.push((last, read_as(rest, head & 15, false, depth + 1)?));
            }
        }
        _ => return None,
    })
}

impl Node {
    /// Bytes of the structure.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, false);
        out
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bool(true) => 1,
            Self::Bool(false) => 2,
            Self::Byte(_) => 3,
            Self::Int(kind, _) => *kind,
            Self::Double(_) => 7,
            Self::Binary(_) => 8,
            Self::List(..) => 9,
            Self::Struct(_) => 12,
        }
    }

    fn write(&self, out: &mut Vec<u8>, in_list: bool) {
        match self {
            Self::Bool(value) if in_list => out.push(if *value { 1 } else { 2 }),
            Self::Bool(_) => {}
            Self::Byte(value) => out.push(*value),
            Self::Int(_, value) => put_zigzag(out, *value),
            Self::Double(bytes) => out.extend(bytes),
            Self::Binary(bytes) => {
                put_varint(out, bytes.len() as u64);
                out.extend(bytes);
            }
            Self::List(kind, elements) => {
                if elements.len() < 15 {
                    out.push(u8::try_from(elements.len()).unwrap() << 4 | kind);
                } else {
                    out.push(0xf0 | kind);
                    put_varint(out, elements.len() as u64);
                }
                elements.iter().for_each(|element| element.write(out, true));
            }
            Self::Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    match id - last {
                        step @ 1..=15 => out.push(u8::try_from(step).unwrap() << 4 | value.kind()),
                        _ => {
                            out.push(value.kind());
                            put_zigzag(out, *id);
                        }
                    }
                    value.write(out, false);
                    last = *id;
                }
                out.push(0);
            }
        }
    }

    /// Field of a structure.
    pub(crate) fn field(&self, id: i64) -> Option<&Self> {
        let Self::Struct(fields) = self else { return None };
        fields.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    pub(crate) fn field_mut(&mut self, id: i64) -> Option<&mut Self> {
        let Self::Struct(fields) = self else { return None };
        fields.iter_mut().find(|(known, _)| *known == id).map(|(_, value)| value)
    }

    /// Integer field of a structure.
    pub(crate) fn int(&self, id: i64) -> Option<i64> {
        match self.field(id) {
            Some(Self::Int(_, value)) => Some(*value),
            _ => None,
        }
    }

    /// Sets an integer field that exists.
    pub(crate) fn set(&mut self, id: i64, value: i64) {
        if let Some(Self::Int(_, known)) = self.field_mut(id) {
            *known = value;
        }
    }

    pub(crate) fn remove(&mut self, id: i64) {
        if let Self::Struct(fields) = self {
            fields.retain(|(known, _)| *known != id);
        }
    }

    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(_, elements) => elements,
            _ => &[],
        }
    }

    /// Passes every value below this one to `each`, breadth first.
    pub(crate) fn visit(&mut self, mut each: impl FnMut(&mut Self)) {
        let mut open = VecDeque::from([self]);
        while let Some(node) = open.pop_front() {
            each(node);
            match node {
                Self::List(_, elements) => open.extend(elements),
                Self::Struct(fields) => open.extend(fields.iter_mut().map(|(_, value)| value)),
                _ => {}
            }
        }
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}
