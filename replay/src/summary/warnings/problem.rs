//! Text of the kinds of data-quality findings.

use betaflow_engine::quality::Problem;

/// Returns the noun phrase that follows the number of findings of a kind.
pub(crate) const fn problem_meaning(problem: Problem, findings: u64) -> &'static str {
    let [singular, plural] = match problem {
        Problem::CopiedBar => [
            "row with the bar of another day: look-ahead if that day is later",
            "rows with the bar of another day: look-ahead if that day is later",
        ],
        Problem::BrokenBar => {
            ["row with invalid or contradictory numbers", "rows with invalid or contradictory numbers"]
        }
        Problem::Split => [
            "jump by a simple ratio that stays: a split that is not adjusted",
            "jumps by a simple ratio that stay: splits that are not adjusted",
        ],
        Problem::ExtremeReturn => ["implausible return", "implausible returns"],
        Problem::BadAdjustment => [
            "jump of the adjusted price, or stated split, that the price does not show",
            "jumps of the adjusted price, or stated splits, that the price does not show",
        ],
        Problem::Stale => ["row with a stale price", "rows with a stale price"],
        Problem::ReusedTicker => [
            "jump after a gap: another instrument under the same name",
            "jumps after a gap: another instrument under the same name",
        ],
        Problem::Duplicate => [
            "row that repeats an instrument's row of the same time",
            "rows that repeat an instrument's row of the same time",
        ],
        Problem::Unsorted => ["row that follows a later row", "rows that follow a later row"],
        Problem::MissingDay => [
            "day without a row inside an instrument's history",
            "days without a row inside an instrument's history",
        ],
        Problem::ZeroVolume => {
            ["row whose price moved without volume", "rows whose price moved without volume"]
        }
        Problem::SymbolsAlike => [
            "symbol that differs by white space or case alone, or has white space at an end",
            "symbols that differ by white space or case alone, or have white space at an end",
        ],
        Problem::LargeMove => [
            "large move, possibly a split that is not adjusted",
            "large moves, possibly splits that are not adjusted",
        ],
        Problem::FlatDays => [
            "instrument with the same close on unusually many days",
            "instruments with the same close on unusually many days",
        ],
        Problem::HolidayFilled => [
            "date on which no instrument moves: a holiday filled with the last price",
            "dates on which no instrument moves: holidays filled with the last price",
        ],
        Problem::IdenticalSeries => [
            "instrument with the returns of another symbol",
            "instruments with the returns of another symbol",
        ],
        Problem::MixedTimeUnits => {
            ["place where the unit of the times changes", "places where the unit of the times changes"]
        }
        Problem::WrongTimeUnit => [
            "file or folder with all times in a wrong unit",
            "files or folders with all times in a wrong unit",
        ],
        Problem::FactorsMisaligned => {
            ["factor shifted by a row against the prices", "factors shifted by a row against the prices"]
        }
        Problem::FactorConstant => ["constant factor", "constant factors"],
        Problem::FactorLevel => [
            "factor that is a rate or a level, not a return",
            "factors that are a rate or a level, not a return",
        ],
        Problem::FactorsCollinear => [
            "factor that is a linear combination of others",
            "factors that are linear combinations of others",
        ],
    };
    if findings == 1 { singular } else { plural }
}

/// Returns the remedy for a kind of finding, if a setting deals with it. `symbols`: instruments of the worst findings;
/// `findings`: number of all.
pub(crate) fn problem_remedy(problem: Problem, symbols: &[&str], findings: u64) -> Option<String> {
    match problem {
        Problem::BadAdjustment => {
            Some("if prices are adjusted for splits already, set data.split = \"none\"".to_owned())
        }
        Problem::IdenticalSeries if symbols.len() as u64 == findings => {
            let symbols: Vec<String> = symbols.iter().map(|symbol| format!("\"{symbol}\"")).collect();
            let them = if findings == 1 { "it" } else { "them" };
            Some(format!("exclude {them}: --set 'universe.exclude=[{}]'", symbols.join(",")))
        }
        Problem::IdenticalSeries => {
            Some("exclude each symbol that repeats another (universe.exclude)".to_owned())
        }
        _ => None,
    }
}
