//! Mutations of the inputs of a corpus: a function of a seed.

/// `SplitMix64` (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Returns a length below `n`, a short one most often.
    fn length(&mut self, n: usize) -> usize {
        let bits = self.below(usize::BITS as usize - n.leading_zeros() as usize + 1);
        self.below((1 << bits).min(n)).min(n)
    }
}

/// Numbers at the ends of ranges, in binary formats.
const INTEGERS: [i64; 16] = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    1 << 40,
    i64::MAX,
    i64::MIN,
];

/// Numbers and texts that break careless parsers.
const TEXTS: [&str; 40] = [
    "-1",
    "0",
    "-0",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    "5e-324",
    "1.8e308",
    "1e",
    "0x10",
    " ",
    "1_000",
    "1,5",
    "null",
    "true",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "1.7976931348623157e308",
    "9999-12-31",
    "-9999-01-01",
    "0000-00-00",
    "1677-09-21",
    "2262-04-12",
    "24:00",
    "23:59:60",
    "\"",
    "\u{feff}",
    "\u{0}",
    "\r\n",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{1f4a9}",
];

/// Source of mutated inputs.
pub(super) struct Mutator<'a> {
    random: Random,
    corpus: &'a [Vec<u8>],
    words: &'static [&'static str],
}

impl<'a> Mutator<'a> {
    pub(super) fn new(seed: u64, corpus: &'a [Vec<u8>], words: &'static [&'static str]) -> Self {
        Self { random: Random(seed), corpus, words }
    }

    /// Returns an input of the corpus after one to eight changes.
    pub(super) fn next_input(&mut self, length_max: usize) -> Vec<u8> {
        let mut bytes = self.corpus[self.random.below(self.corpus.len())].clone();
        // A parser goes furthest with a single change.
        for _ in 0..[1, 1, 1, 2, 2, 3, 5, 8][self.random.below(8)] {
            self.change(&mut bytes);
        }
        bytes.truncate(length_max);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let n = bytes.len();
        let at = self.random.below(n + 1);
        match self.random.below(12) {
            0 if n > 0 => bytes[at.min(n - 1)] ^= 1 << self.random.below(8),
            1 if n > 0 => bytes[at.min(n - 1)] = self.random.next() as u8,
            2 => bytes.insert(at, self.random.next() as u8),
            3 => drop(bytes.drain(at..at + self.random.length(n - at + 1).min(n - at))),
            4 => bytes.truncate(at),
            5 => self.put_integer(bytes, at),
            6 => self.put_number(bytes, at),
            7 | 8 => self.put_word(bytes, at),
            9 => {
                // A part of another input, in place of a part of this one.
                let other = &self.corpus[self.random.below(self.corpus.len())];
                let from = self.random.below(other.len() + 1);
                let length = self.random.length(other.len() - from + 1);
                let part = other[from..(from + length).min(other.len())].to_vec();
                let until = (at + self.random.length(n - at + 1)).min(n);
                bytes.splice(at..until, part);
            }
            10 => {
                // Repeated parts: nesting, long lists and long names.
                let until = (at + 1 + self.random.length(32)).min(n);
                let times = 1 << self.random.below(13);
                let part = bytes[at..until].repeat(times);
                bytes.splice(at..at, part);
            }
            _ => {
                let from = self.random.below(n + 1);
                let length = self.random.length(n - from.max(at) + 1);
                bytes.copy_within(from..(from + length).min(n - at.saturating_sub(from)).max(from), at);
            }
        }
    }

    /// Puts a number over bytes or between them: fixed width, or as a varint.
    fn put_integer(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let number = INTEGERS[self.random.below(INTEGERS.len())];
        let put = match self.random.below(5) {
            0 => number.to_le_bytes()[..2].to_vec(),
            1 => number.to_le_bytes()[..4].to_vec(),
            2 => number.to_be_bytes()[4..].to_vec(),
            3 => number.to_le_bytes().to_vec(),
            _ => {
                let (mut rest, mut varint) = (number as u64, Vec::new());
                while rest >= 128 {
                    varint.push(rest as u8 | 128);
                    rest >>= 7;
                }
                varint.push(rest as u8);
                varint
            }
        };
        let until = if self.random.below(2) == 0 { at } else { (at + put.len()).min(bytes.len()) };
        bytes.splice(at..until, put);
    }

    /// Replaces a number in a text.
    fn put_number(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let is_number = |byte: &u8| byte.is_ascii_digit() || b".-+eE".contains(byte);
        let Some(from) = (at..bytes.len()).find(|i| is_number(&bytes[*i])) else { return };
        let length = bytes[from..].iter().take_while(|byte| is_number(byte)).count();
        let put = TEXTS[self.random.below(TEXTS.len())].bytes();
        bytes.splice(from..from + length, put);
    }

    /// Puts a word of the format over bytes or between them.
    fn put_word(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let word = match self.random.below(self.words.len() + 8) {
            index if index < self.words.len() => self.words[index],
            _ => TEXTS[self.random.below(TEXTS.len())],
        };
        let until = if self.random.below(2) == 0 { at } else { (at + word.len()).min(bytes.len()) };
        bytes.splice(at..until, word.bytes());
    }
}
