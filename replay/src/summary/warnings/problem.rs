//! Text of the kinds of data-quality findings.

use betaflow_engine::quality::Problem;

/// Returns the noun phrase that follows the number of findings of a kind.
pub(crate) const fn problem_meaning(problem: Problem) -> &'static str {
    match problem {
        Problem::CopiedBar => "row(s) with the bar of another day: look-ahead if that day is later",
        Problem::BrokenBar => "row(s) with invalid or contradictory numbers",
        Problem::Split => "jump(s) by a simple ratio that stay: splits that are not adjusted",
        Problem::ExtremeReturn => "implausible return(s)",
        Problem::BadAdjustment => {
            "jump(s) of the adjusted price, or stated split(s), that the price does not show"
        }
        Problem::Stale => "row(s) with a stale price",
        Problem::ReusedTicker => "jump(s) after a gap: another instrument under the same name",
        Problem::Duplicate => "row(s) that repeat an instrument's row of the same time",
        Problem::Unsorted => "row(s) that follow a later row",
        Problem::MissingDay => "day(s) without a row inside an instrument's history",
        Problem::ZeroVolume => "row(s) whose price moved without volume",
        Problem::SymbolsAlike => {
            "symbol(s) that differ by white space or case alone, or have white space at an end"
        }
        Problem::LargeMove => "large move(s), possibly splits that are not adjusted",
        Problem::FlatDays => "instrument(s) with the same close on unusually many days",
        Problem::HolidayFilled => "date(s) on which no instrument moves: holidays filled with the last price",
        Problem::IdenticalSeries => "instrument(s) with the returns of another symbol",
        Problem::MixedTimeUnits => "place(s) where the unit of the times changes",
        Problem::WrongTimeUnit => "file(s) or folder(s) with all times in a wrong unit",
        Problem::FactorsMisaligned => "factor(s) shifted by a row against the prices",
        Problem::FactorConstant => "constant factor(s)",
        Problem::FactorLevel => "factor(s) that are a rate or a level, not a return",
        Problem::FactorsCollinear => "factor(s) that are linear combinations of others",
    }
}

/// Returns the remedy for a kind of finding, if a setting deals with it.
pub(crate) const fn problem_remedy(problem: Problem) -> Option<&'static str> {
    match problem {
        Problem::BadAdjustment => {
            Some("if prices are adjusted for splits already, set data.split = \"none\"")
        }
        Problem::IdenticalSeries => Some("leave out all but one of them (universe.exclude)"),
        _ => None,
    }
}
