//! Mutations of text tables: bytes, digits, quotation marks, separators, lines.

use super::random::Random;

/// Kind of a mutation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bit,
    Digit,
    Insert,
    Remove,
    CopyLine,
    RemoveLine,
    SwapLines,
    Cut,
}

const KINDS: [Kind; 10] = [
    Kind::Bit,
    Kind::Digit,
    Kind::Digit,
    Kind::Insert,
    Kind::Insert,
    Kind::Remove,
    Kind::CopyLine,
    Kind::RemoveLine,
    Kind::SwapLines,
    Kind::Cut,
];

/// Pieces that readers treat in a special way.
const PIECES: [&str; 34] = [
    "\"",
    "\"\"",
    ",",
    ";",
    "\t",
    "|",
    "\n",
    "\r",
    "\r\n",
    "\0",
    " ",
    "\u{a0}",
    "\u{feff}",
    ".",
    "-",
    "+",
    "e",
    "E5",
    "e400",
    "1e-400",
    "NaN",
    "NA",
    "null",
    "inf",
    "1,234.5",
    "1.234,5",
    "0x10",
    "1_000",
    "\u{2212}5",
    "#",
    "'",
    "T",
    "Z",
    "\u{0}",
];

/// Mutation with the seed of its choices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutation {
    kind: Kind,
    seed: u64,
}

/// Draws one to three mutations.
pub(crate) fn draw(random: &mut Random) -> Vec<Mutation> {
    let count = 1 + random.below(4).saturating_sub(1);
    (0..count).map(|_| Mutation { kind: *random.choose(&KINDS), seed: random.next() }).collect()
}

/// Text with the mutations.
pub(crate) fn applied(text: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for mutation in mutations {
        mutate(&mut bytes, mutation.kind, &mut Random::new(mutation.seed));
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, kind: Kind, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match kind {
        Kind::Bit => bytes[at] ^= 1 << random.below(8),
        Kind::Digit => {
            let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[*random.choose(&digits)] = b'0' + u8::try_from(random.below(10)).unwrap();
            }
        }
        Kind::Insert => {
            let piece = *random.choose(&PIECES);
            bytes.splice(at..at, piece.bytes());
        }
        Kind::Remove => {
            let end = (at + 1 + random.below(3)).min(bytes.len());
            bytes.drain(at..end);
        }
        Kind::Cut => bytes.truncate(at),
        Kind::CopyLine | Kind::RemoveLine | Kind::SwapLines => {
            let mut lines: Vec<Vec<u8>> =
                bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let (at, other) = (random.below(lines.len()), random.below(lines.len()));
            match kind {
                Kind::CopyLine => lines.insert(at, lines[other].clone()),
                Kind::RemoveLine => _ = lines.remove(at),
                _ => lines.swap(at, other),
            }
            *bytes = lines.concat();
        }
    }
}
