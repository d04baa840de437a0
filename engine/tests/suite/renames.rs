//! Symbol changes: the rows of a new symbol continue the instrument of the old one.

use std::sync::Arc;

use betaflow_engine::assembly::{
    Assembler, AssemblyError, Expression, Fault, FrameColumn, Outcome, Rename, RenameFault, Renames, Rules,
    Universe, Values,
};
use betaflow_engine::frame::{Bar, Field, Frame};
use betaflow_engine::ledger::{LedgerFrame, RunFacts};
use betaflow_engine::membership::{Membership, Spell};
use betaflow_engine::pipeline::{RunOptions, RunSettings, trading};
use betaflow_engine::source::MemorySource;
use betaflow_engine::time::{DAY_NS, Date, TimestampNs};

use crate::support::{Busy, Keep, Market, settings};

fn rename(from: &str, to: &str, day: i64, ratio: f64) -> Rename {
    Rename { from: from.to_owned(), to: to.to_owned(), date: Date::of(TimestampNs(day * DAY_NS)), ratio }
}

fn rules(renames: Vec<Rename>) -> Rules {
    Rules { renames: Renames::new(renames).unwrap(), ..Rules::default() }
}

/// Frames of (symbol, bar) rows by day, all at once where `at_once` and each frame allows it.
fn assembled(rules: &Rules, days: &[Vec<(&str, Bar)>], at_once: bool) -> Result<Vec<Frame>, AssemblyError> {
    let mut assembler = Assembler::new(rules.clone())?;
    let mut frames = Vec::new();
    for (day, rows) in days.iter().enumerate() {
        let mut frame = Frame::default();
        assembler.begin(TimestampNs(day as i64 * DAY_NS), &mut frame);
        let rows: Vec<_> = rows.iter().filter(|(symbol, _)| assembler.wants(symbol)).cloned().collect();
        let slots: Vec<_> = rows.iter().map(|(symbol, _)| assembler.slot(symbol)).collect();
        let column = |field: Field| rows.iter().map(|(_, bar)| bar[field]).collect::<Vec<f64>>();
        let columns: Vec<(Field, Vec<f64>)> =
            rules.fields.iter().map(|c| (c.field, column(c.field))).collect();
        let others = columns.iter().map(|(field, numbers)| (*field, &numbers[..]));
        if !(at_once && assembler.put_all(&mut frame, &slots, &column(Field::Close), others)) {
            for (slot, (_, bar)) in slots.iter().zip(&rows) {
                assembler.put(&mut frame, *slot, bar).unwrap();
            }
        }
        if assembler.finish(&mut frame)? == Outcome::Emitted {
            frames.push(frame);
        }
        // A state between two timestamps continues to the same frames.
        let state = assembler.save().unwrap();
        assembler = Assembler::new(rules.clone())?;
        assembler.load(&state).unwrap();
    }
    Ok(frames)
}

fn close(price: f64) -> Bar {
    Bar::of_close(price)
}

/// Rows of (symbol, price) by day as bars.
fn bars<'a>(days: &[&[(&'a str, f64)]]) -> Vec<Vec<(&'a str, Bar)>> {
    days.iter().map(|rows| rows.iter().map(|(symbol, price)| (*symbol, close(*price))).collect()).collect()
}

#[test]
fn new_symbol_takes_the_place_of_the_old_one() {
    // A becomes B on day 2, B becomes C on day 4; X is another instrument.
    let rules = rules(vec![rename("B", "C", 4, 1.0), rename("A", "B", 2, 1.0)]);
    let days = bars(&[
        &[("A", 10.0), ("X", 1.0)],
        &[("A", 11.0), ("X", 2.0)],
        &[("B", 12.0), ("X", 3.0)],
        &[("X", 4.0)],
        &[("C", 13.0), ("X", 5.0)],
    ]);
    for at_once in [false, true] {
        let frames = assembled(&rules, &days, at_once).unwrap();
        let closes: Vec<f64> = frames.iter().map(|frame| frame.close[0]).collect();
        assert_eq!((&closes[..3], closes[3].is_nan(), closes[4]), (&[10.0, 11.0, 12.0][..], true, 13.0));
        let names: Vec<Vec<&str>> =
            frames.iter().map(|frame| frame.renamed.iter().map(|renamed| &*renamed.name).collect()).collect();
        assert_eq!(names, [vec![], vec![], vec!["B"], vec![], vec!["C"]]);
        assert!(frames.iter().all(|frame| frame.close.len() == 2 && frame.split.is_empty()));
    }
}

#[test]
fn date_without_a_frame_acts_on_the_next_and_a_symbol_can_return() {
    let rules = rules(vec![rename("A", "B", 1, 1.0), rename("B", "A", 3, 1.0)]);
    let days = bars(&[&[("A", 10.0)], &[], &[("B", 12.0)], &[("A", 13.0)]]);
    let frames = assembled(&rules, &days, true).unwrap();
    assert_eq!(frames.iter().map(|frame| frame.close[0]).collect::<Vec<_>>(), [10.0, 12.0, 13.0]);
    assert_eq!((&*frames[1].renamed[0].name, &*frames[2].renamed[0].name), ("B", "A"));
    assert!(frames[0].renamed.is_empty());
}

#[test]
fn ratio_is_a_split_of_the_frame_and_scales_the_adjusted_price() {
    let fields = [Field::ReturnPrice, Field::Split].map(|field| FrameColumn { field, checked: true });
    let rules = Rules { fields: fields.to_vec(), ..rules(vec![rename("A", "B", 1, 0.5)]) };
    let bar = |price: f64, adjusted: f64, split: f64| {
        let mut bar = close(price);
        (bar[Field::ReturnPrice], bar[Field::Split]) = (adjusted, split);
        bar
    };
    const N: f64 = f64::NAN;
    // Half a unit of B at 22 for one of A at 10: a return of 10 %. The adjusted prices of B begin at another scale.
    let days = vec![
        vec![("A", bar(10.0, 8.0, N)), ("X", bar(1.0, 1.0, N))],
        vec![("B", bar(22.0, 11.0, N)), ("X", bar(1.0, 1.0, N))],
        vec![("B", bar(11.0, 11.55, 2.0)), ("X", bar(1.0, 1.0, N))],
    ];
    let frames = assembled(&rules, &days, true).unwrap();
    let adjusted: Vec<f64> = frames.iter().map(|frame| frame.return_price[0]).collect();
    assert!((adjusted[1] / adjusted[0] - 1.1).abs() < 1e-12, "{adjusted:?}");
    assert!((adjusted[2] / adjusted[1] - 1.05).abs() < 1e-12, "{adjusted:?}");
    let splits: Vec<f64> = frames.iter().map(|frame| frame.split_of(0)).collect();
    assert_eq!(splits, [1.0, 0.5, 2.0]);
}

#[test]
fn rules_of_the_universe_name_an_instrument_by_any_symbol() {
    let days = bars(&[&[("A", 10.0), ("X", 1.0)], &[("B", 12.0), ("X", 3.0)]]);
    let with = |universe: Universe| {
        let rules = Rules { universe, ..rules(vec![rename("A", "B", 1, 1.0)]) };
        let frames = assembled(&rules, &days, false).unwrap();
        frames.iter().map(|frame| frame.close.clone()).collect::<Vec<_>>()
    };
    let list = |name: &str| vec![name.to_owned()];
    assert_eq!(with(Universe { include: list("A"), ..Universe::default() }), [vec![10.0], vec![12.0]]);
    assert_eq!(with(Universe { include: list("B"), ..Universe::default() }), [vec![10.0], vec![12.0]]);
    assert_eq!(with(Universe { exclude: list("B"), ..Universe::default() }), [vec![1.0], vec![3.0]]);
}

/// Sorted by time, all rows of a timestamp are taken at once; a row of the old symbol must not spoil the others.
#[test]
fn row_of_an_old_symbol_is_the_only_fault_of_its_timestamp() {
    let rules = rules(vec![rename("A", "B", 1, 1.0)]);
    let names = ["X", "A", "Y", "Z"];
    for at_once in [false, true] {
        let mut assembler = Assembler::new(rules.clone()).unwrap();
        for day in 0..4 {
            let mut frame = Frame::default();
            assembler.begin(TimestampNs(day * DAY_NS), &mut frame);
            let slots = names.map(|name| assembler.slot(name));
            let closes = [10.0, 20.0, 30.0, 40.0 + day as f64];
            let mut faults = Vec::new();
            if !(at_once && assembler.put_all(&mut frame, &slots, &closes, std::iter::empty())) {
                for (slot, price) in slots.into_iter().zip(closes) {
                    if let Err(fault) = assembler.put(&mut frame, slot, &close(price)) {
                        faults.push((assembler.symbol(slot).to_owned(), fault));
                    }
                }
            }
            let expected = if day == 0 { vec![] } else { vec![("A".to_owned(), Fault::Renamed)] };
            assert_eq!(faults, expected, "day {day}, at once: {at_once}");
            assert_eq!(assembler.finish(&mut frame).unwrap(), Outcome::Emitted);
            // The engine order: A, X, Y, Z.
            assert_eq!(frame.close[3], closes[3], "day {day}");
        }
    }
}

#[test]
fn contradictory_changes_are_refused() {
    let error = |rows: &[Rename]| Renames::new(rows.to_vec()).unwrap_err();
    let (ab, date) = (rename("A", "B", 1, 1.0), Date::of(TimestampNs(DAY_NS)));
    assert_eq!(error(&[rename("A", "A", 1, 1.0)]), (0, RenameFault::SameSymbol));
    assert_eq!(error(&[rename("A", "B", 1, 0.0)]), (0, RenameFault::Ratio));
    assert_eq!(error(&[rename("A", "C", 3, 1.0), ab.clone()]), (0, RenameFault::Gone(date)));
    assert_eq!(error(&[ab.clone(), rename("X", "B", 3, 1.0)]), (1, RenameFault::Taken(date)));

    // A row of the old symbol after the change.
    let mut assembler = Assembler::new(rules(vec![ab.clone()])).unwrap();
    let mut frame = Frame::default();
    assembler.begin(TimestampNs(0), &mut frame);
    let [a, b] = ["A", "B"].map(|symbol| assembler.slot(symbol));
    assembler.put(&mut frame, a, &close(1.0)).unwrap();
    assembler.finish(&mut frame).unwrap();
    let later = TimestampNs(2 * DAY_NS);
    assert_eq!(assembler.check(later, "A", &close(1.0)), Err(Fault::Renamed));
    assert_eq!(assembler.check(TimestampNs(0), "A", &close(1.0)), Ok(()));
    assembler.begin(later, &mut frame);
    assert_eq!(assembler.put(&mut frame, a, &close(1.0)), Err(Fault::Renamed));
    assembler.put(&mut frame, a, &close(f64::NAN)).unwrap();
    assembler.put(&mut frame, b, &close(1.0)).unwrap();

    // Prices of the new symbol before the change.
    let both = bars(&[&[("A", 1.0), ("B", 2.0)], &[("B", 2.0)]]);
    let found = assembled(&rules(vec![ab.clone()]), &both, false).unwrap_err();
    assert_eq!(found, AssemblyError::RenamedToListed(ab.clone()));
    let used = Rules {
        factors: vec![("m".to_owned(), "A".parse::<Expression>().unwrap())],
        ..rules(vec![ab.clone()])
    };
    assert!(matches!(Assembler::new(used), Err(AssemblyError::RenamedConstituent(_))));
    let returns = Rules { values: Values::Returns, ..rules(vec![rename("A", "B", 1, 2.0)]) };
    assert!(matches!(Assembler::new(returns), Err(AssemblyError::RatioOfReturns(_))));
}

/// Day of the change in the market below, after the first rebalances.
const CHANGE: i64 = 120;

/// Frames of a market in which S003 is called T from the day of the change on, with its prices over `ratio`.
fn renamed_market(ratio: f64) -> Vec<Frame> {
    let mut frames = Market { instruments: 6, frames: 200, ..Market::default() }.frames();
    for frame in frames.iter_mut().filter(|frame| frame.timestamp.date() >= CHANGE) {
        for column in [&mut frame.close, &mut frame.open] {
            column[3] /= ratio;
        }
    }
    let at = &mut frames[usize::try_from(CHANGE).unwrap()];
    at.renamed.push(betaflow_engine::frame::Renamed { instrument: 3, name: Arc::from("T") });
    if ratio != 1.0 {
        at.split.resize(6, f64::NAN);
        at.split[3] = ratio;
    }
    frames
}

fn run(frames: Vec<Frame>, settings: &RunSettings) -> (Vec<LedgerFrame>, RunFacts) {
    let keep = Keep::default();
    let ledger = Arc::clone(&keep.0);
    let source = MemorySource::new(Market::default().factor_names(), frames);
    let graph = trading(Box::new(source), Box::new(Busy), settings, vec![Box::new(keep)]).unwrap();
    let facts = graph.run(&RunOptions::default()).unwrap().facts;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    (ledger, facts)
}

#[test]
fn position_and_estimates_move_to_the_new_symbol() {
    let market = Market { instruments: 6, frames: 200, ..Market::default() };
    let (plain, _) = run(market.frames(), &settings());
    for ratio in [1.0, 2.0] {
        let (ledger, facts) = run(renamed_market(ratio), &settings());
        assert_eq!(ledger.len(), plain.len());
        for (a, b) in plain.iter().zip(&ledger) {
            assert!((a.nav / b.nav - 1.0).abs() < 1e-9, "{}: {} and {}", a.seq, a.nav, b.nav);
            for (one, other) in a.target.iter().zip(&b.target) {
                assert!((one - other).abs() < 1e-7, "{}: {one} and {other}", a.seq);
            }
            let changed = b.timestamp.date() >= CHANGE;
            assert_eq!(&*b.names[3], if changed { "T" } else { "S003" });
            let estimates = b.estimates.as_ref().unwrap().get();
            assert_eq!(estimates.names[3], b.names[3]);
        }
        assert_eq!(&*facts.names[3], "T");
    }
}

#[test]
fn membership_follows_the_symbol_of_the_time() {
    let spell = |symbol: &str, from, to| Spell { symbol: symbol.to_owned(), from, to };
    let others = [0, 1, 2, 4, 5].map(|i| spell(&format!("S{i:03}"), None, None));
    let within = |own: &[Spell]| {
        let spells: Vec<Spell> = others.iter().chain(own).cloned().collect();
        RunSettings { membership: Some(Arc::new(Membership::new(&spells).unwrap())), ..settings() }
    };
    // A member under both symbols is a member throughout.
    let both = within(&[spell("S003", None, Some(CHANGE - 1)), spell("T", Some(CHANGE), None)]);
    let (free, _) = run(renamed_market(1.0), &settings());
    let (ledger, facts) = run(renamed_market(1.0), &both);
    assert_eq!(free.last().unwrap().digest, ledger.last().unwrap().digest);
    assert_eq!(facts.membership.unwrap().left, 0);
    // Without a spell of the new symbol it leaves on the day of the change.
    let old = within(&[spell("S003", None, None)]);
    let (ledger, facts) = run(renamed_market(1.0), &old);
    let facts = facts.membership.unwrap();
    assert_eq!((facts.left, &facts.never[..]), (1, &["T".to_owned()][..]));
    let after = ledger.iter().filter(|frame| frame.timestamp.date() > CHANGE + 1);
    assert!(after.clone().count() > 50 && after.clone().all(|frame| frame.target[3] == 0.0));
}
