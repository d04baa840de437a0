//! One return series under several symbols.
//!
//! Each instrument has four random projections z = Σ ± r of its returns over a block of frames; all
//! instruments share the signs. The difference of the projections of two instruments has variance Σ (r − r')²
//! (Johnson & Lindenstrauss 1984). It is almost 0 for copies, even at another price scale or rounded to
//! cents, and far from 0 for two share classes of one company. So only neighbours in the order of the
//! projections are compared, and memory is one block.

use crate::processor::{MulAdd, kernel};

/// Number of projections.
const PROJECTIONS: usize = 4;
/// Frames per block.
const BLOCK: u32 = 128;
/// Minimum number of frames of the last block.
const BLOCK_MIN: u32 = 30;
/// Minimum number of non-zero returns in a block.
const MOVES_MIN: f64 = 20.0;
/// Largest difference of two projections, relative to √Σ r²: a correlation of 0.9999.
const TOLERANCE: f64 = 0.014;
/// Largest return that is summed.
const RETURN_MAX: f64 = 0.5;
/// Number of neighbours compared.
const NEIGHBOURS: usize = 32;

/// Sums of all instruments over a block, one column for each sum.
#[derive(Clone, Debug, Default)]
struct Block {
    projections: [Vec<f64>; PROJECTIONS],
    energy: Vec<f64>,
    /// Numbers of returns that are not 0.
    moves: Vec<f64>,
}

impl Block {
    fn columns(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        self.projections.iter_mut().chain([&mut self.energy, &mut self.moves])
    }

    fn sketch(&self, i: usize) -> Sketch {
        let projections = std::array::from_fn(|at| self.projections[at][i]);
        Sketch { projections, energy: self.energy[i], moves: self.moves[i] }
    }
}

/// Sums of one instrument over a block.
#[derive(Clone, Copy, Debug)]
struct Sketch {
    projections: [f64; PROJECTIONS],
    energy: f64,
    moves: f64,
}

impl Sketch {
    fn counts(&self) -> bool {
        self.moves >= MOVES_MIN && self.energy > 0.0
    }

    fn equals(&self, other: &Self) -> bool {
        let energy = self.energy.max(other.energy);
        let near = |a: f64, b: f64, unit: f64| (a - b).abs() <= TOLERANCE * unit;
        let mut pairs = self.projections.iter().zip(&other.projections);
        near(self.energy, other.energy, 2.0 * energy) && pairs.all(|(a, b)| near(*a, *b, libm::sqrt(energy)))
    }
}

/// Instrument whose returns equal those of an earlier instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    original: usize,
    /// Blocks with equal returns, and blocks that both have.
    same: u32,
    blocks: u32,
    /// True if the last common block is equal: share classes may have only their past in common.
    still: bool,
}

/// Projections of all instruments.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketches {
    block: Block,
    instruments: usize,
    frames: u32,
    all_frames: u64,
    candidates: Vec<Candidate>,
    order: Vec<usize>,
    /// Representative of each instrument's group in the current block, and the first instrument of each
    /// group.
    originals: Vec<usize>,
    firsts: Vec<usize>,
}

impl Sketches {
    /// Adds the returns of a frame; NaN for missing ones.
    pub(super) fn observe(&mut self, returns: &[f64]) {
        self.instruments = returns.len();
        self.block.columns().for_each(|column| column.resize(returns.len(), 0.0));
        add_kernel(&mut self.block, returns, &signs(self.all_frames));
        self.frames += 1;
        self.all_frames += 1;
        if self.frames == BLOCK {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let n = self.instruments;
        self.candidates.resize(n, Candidate::default());
        self.originals.clear();
        self.originals.extend(0..n);
        self.order.clear();
        self.order.extend((0..n).filter(|i| self.block.sketch(*i).counts()));
        let key = |i: &usize| self.block.projections[0][*i];
        self.order.sort_unstable_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
        // Sketches whose first projections differ by more are not equal, nor are those before them.
        let most = self.order.iter().fold(0.0, |most: f64, i| most.max(self.block.energy[*i]));
        let reach = TOLERANCE * libm::sqrt(most);
        for (place, &i) in self.order.iter().enumerate() {
            let sketch = self.block.sketch(i);
            let before = self.order[..place].iter().rev().take(NEIGHBOURS);
            let mut before = before.take_while(|twin| (key(twin) - key(&i)).abs() <= reach);
            if let Some(&twin) = before.find(|twin| self.block.sketch(**twin).equals(&sketch)) {
                self.originals[i] = self.originals[twin];
            }
        }
        // Each group has the first instrument in projection order as its key; name it by the first in engine
        // order.
        self.firsts.clear();
        self.firsts.resize(n, usize::MAX);
        for &i in &self.order {
            let first = &mut self.firsts[self.originals[i]];
            *first = i.min(*first);
        }
        for &i in &self.order {
            let original = self.firsts[self.originals[i]];
            let candidate = &mut self.candidates[i];
            if original != i && candidate.same == 0 {
                *candidate = Candidate { original, same: 1, blocks: 1, still: true };
            } else if candidate.same > 0 && self.block.sketch(candidate.original).counts() {
                candidate.blocks += 1;
                candidate.still = original != i && original == candidate.original;
                candidate.same += u32::from(candidate.still);
            }
        }
        self.block.columns().for_each(|column| column.fill(0.0));
        self.frames = 0;
    }

    /// Ends the data; returns each instrument whose returns equal those of an earlier one, with that one.
    pub(super) fn finish(&mut self) -> Vec<(usize, usize)> {
        if self.frames >= BLOCK_MIN {
            self.end_block();
        }
        let found = self.candidates.iter().enumerate();
        let same = found.filter(|(_, candidate)| candidate.still && 2 * candidate.same > candidate.blocks);
        same.map(|(i, candidate)| (i, candidate.original)).collect()
    }
}

kernel!(
    /// Adds the returns of a frame with the signs of its projections.
    fn add_kernel(block: &mut Block, returns: &[f64], signs: &[f64; PROJECTIONS]) = add_body
);

#[inline(always)]
fn add_body<M: MulAdd>(block: &mut Block, returns: &[f64], signs: &[f64; PROJECTIONS]) {
    let n = returns.len();
    let Block { projections: [a, b, c, d], energy, moves } = block;
    let (a, b, c, d) = (&mut a[..n], &mut b[..n], &mut c[..n], &mut d[..n]);
    let (energy, moves) = (&mut energy[..n], &mut moves[..n]);
    for (i, change) in returns.iter().enumerate() {
        let change = change.clamp(-RETURN_MAX, RETURN_MAX);
        let change = if change.is_nan() { 0.0 } else { change };
        a[i] += signs[0] * change;
        b[i] += signs[1] * change;
        c[i] += signs[2] * change;
        d[i] += signs[3] * change;
        energy[i] += change * change;
        moves[i] += if change == 0.0 { 0.0 } else { 1.0 };
    }
}

/// Signs of a frame, from the bits of its number (SplitMix64).
fn signs(frame: u64) -> [f64; PROJECTIONS] {
    let z = frame.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let z = z ^ (z >> 31);
    std::array::from_fn(|bit| if (z >> (16 * bit)) & 1 == 0 { 1.0 } else { -1.0 })
}
