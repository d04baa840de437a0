//! Text of the kinds of data-quality findings.

use betaflow_engine::quality::Problem;

/// Rows or series with a data-quality problem, in the plural after their number.
pub(crate) const fn problem_meaning(problem: Problem) -> &'static str {
    match problem {
        Problem::CopiedBar => "row(s) with the bar of another day (look-ahead, if it is a later one)",
        Problem::BrokenBar => "row(s) whose numbers contradict each other or are no prices",
        Problem::Split => "jumps by a simple ratio that stay: splits that are not adjusted",
        Problem::ExtremeReturn => "implausible returns",
        Problem::BadAdjustment => {
            "jumps of the adjusted price, or stated splits, that the price does not show"
        }
        Problem::Stale => "row(s) with a stale price",
        Problem::ReusedTicker => "jumps after a gap: another instrument under the same name",
        Problem::Duplicate => "row(s) that repeat an instrument's row of the same time",
        Problem::Unsorted => "row(s) that follow a later one",
        Problem::MissingDay => "days without a row inside an instrument's history",
        Problem::ZeroVolume => "row(s) whose price moved without volume",
        Problem::SymbolsAlike => {
            "symbols that differ by white space or case alone, or have white space at an end"
        }
        Problem::LargeMove => "large move(s), possibly unadjusted splits",
        Problem::FlatDays => "instrument(s) whose close often stays the same",
        Problem::HolidayFilled => "date(s) on which no instrument moves: holidays that were filled forward",
        Problem::IdenticalSeries => "instrument(s) with the returns of another symbol",
        Problem::MixedTimeUnits => "place(s) where times change their unit",
        Problem::WrongTimeUnit => "file(s) or folder(s) with all times in a wrong unit",
        Problem::FactorsMisaligned => "factors that belong to another row",
        Problem::FactorConstant => "factor(s) that do not move",
        Problem::FactorLevel => "factor(s) that are a rate or a level, not a return",
        Problem::FactorsCollinear => "factor(s) that are linear combinations of others",
    }
}

/// Setting that deals with a data-quality problem.
pub(crate) const fn problem_remedy(problem: Problem) -> Option<&'static str> {
    match problem {
        Problem::BadAdjustment => {
            Some("if prices are adjusted for splits already, set data.split = \"none\"")
        }
        Problem::IdenticalSeries => Some("leave out all but one (universe.exclude)"),
        _ => None,
    }
}
