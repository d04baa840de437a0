//! Sale conditions of US stocks: the prices of a bar that a trade sets, by the rules of the consolidated
//! tape.
//!
//! The rules are the tables "Sale Condition" of the Consolidated Tape System (tapes A and B: *CTS Multicast
//! Output Binary Specification*, appendix on sale conditions, <https://www.ctaplan.com/tech-specs>) and of
//! the UTP Trade Data Feed (tape C: *UTDF Output Specification*, sale condition matrix,
//! <https://www.utpplan.com>), columns of the consolidated update. They state whether a trade updates high
//! and low, the last price and the volume. Alpaca applies them to its bars
//! (<https://docs.alpaca.markets/docs/market-data-faq>).
//!
//! The rules of the tape apply to a day. Three decisions adapt them to a bar:
//! * Some conditions update the last price "only if it is the only qualifying trade" (`4`, `G`, `P`, `Z`).
//!   They set high and low; they set open and close only if no other trade of the bar does.
//! * `T` (outside regular hours) updates no price of the day.
//!   Bars of these hours have no other trades, so it sets their prices; it sets no price if another trade of
//!   the bar sets one.
//! * `9` (corrected consolidated close) reports no trade.
//!   It corrects the last price of a day, not of the bar in which it is sent, so it sets no price, like the
//!   official open and close (`Q`, `M`).

use super::super::event::Sets;

/// Returns the prices that a trade sets under its conditions; `None` if it is not a trade. The most
/// restrictive condition applies.
pub(super) fn sets<'a>(conditions: impl IntoIterator<Item = &'a str>, tape: Option<&str>) -> Option<Sets> {
    conditions.into_iter().try_fold(Sets::All, |known, condition| Some(known.max(of(condition, tape)?)))
}

/// Returns the prices that a trade sets under one condition. An unknown condition restricts no price.
fn of(condition: &str, tape: Option<&str>) -> Option<Sets> {
    Some(match condition {
        // Official close and open of a market center, corrected consolidated close.
        "M" | "Q" | "9" => return None,
        // Bunched trade on tape C, average price trade on the others.
        "B" if tape == Some("C") => Sets::All,
        // Average price, cash sale, price variation, odd lot, next day, seller, extended hours out of sequence,
        // contingent and qualified contingent trade.
        "B" | "W" | "C" | "H" | "I" | "N" | "R" | "U" | "V" | "7" => Sets::Nothing,
        "T" => Sets::Extended,
        // Derivatively priced, bunched sold, prior reference price, sold out of sequence.
        "4" | "G" | "P" | "Z" => Sets::HighLow,
        // Regular, acquisition, distribution, automatic execution, intermarket sweep, rules 127 and 155, sold last,
        // opening, split, cross, yellow flag, stopped stock, reopening and closing trades.
        _ => Sets::All,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::event::Sets;
    use super::sets;

    #[test]
    fn conditions_follow_the_consolidated_tape() {
        use Sets::{All, Extended, HighLow, Nothing};
        let cases: [(&[&str], &str, Option<Sets>); 20] = [
            (&[], "A", Some(All)),
            (&["@"], "C", Some(All)),
            (&[" "], "A", Some(All)),
            (&["@", "F"], "C", Some(All)),
            (&["@", "I"], "C", Some(Nothing)),
            (&[" ", "7", "V"], "A", Some(Nothing)),
            (&["V"], "B", Some(Nothing)),
            (&["7"], "C", Some(Nothing)),
            (&["Z"], "A", Some(HighLow)),
            (&["@", "4"], "C", Some(HighLow)),
            (&["Z", "I"], "A", Some(Nothing)),
            (&["B"], "A", Some(Nothing)),
            (&["B"], "C", Some(All)),
            (&["W"], "C", Some(Nothing)),
            (&["@", "T"], "C", Some(Extended)),
            (&["@", "T", "I"], "C", Some(Nothing)),
            (&["@", "T", "Z"], "C", Some(Extended)),
            (&["M"], "A", None),
            (&["@", "Q"], "C", None),
            (&["@", "6", "X"], "C", Some(All)),
        ];
        for (conditions, tape, expected) in cases {
            assert_eq!(sets(conditions.iter().copied(), Some(tape)), expected, "{conditions:?} on {tape}");
        }
    }
}
