//! Ratios by which shares are split.

/// The simple ratio nearest to a jump of the logarithm of the price, and how far off it is (of the logarithm).
///
/// A ratio of (2, 1) is a price that halves: two new shares for an old one.
pub(super) fn nearest(jump: f64) -> Option<((u32, u32), f64)> {
    const WHOLE: [u32; 20] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16, 20, 24, 25, 30, 40, 50, 60, 100];
    const BROKEN: [(u32, u32); 3] = [(3, 2), (4, 3), (5, 2)];
    let whole = WHOLE.into_iter().map(|p| (p, 1));
    let both_ways = whole.chain(BROKEN).flat_map(|(p, q)| [(p, q), (q, p)]);
    let off = |(p, q): (u32, u32)| (jump + libm::log(f64::from(p) / f64::from(q))).abs();
    both_ways.map(|ratio| (ratio, off(ratio))).min_by(|a, b| a.1.total_cmp(&b.1))
}
