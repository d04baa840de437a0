//! Factor expressions, timestamps in messages, and the contract of the assembler with a feed.

use betaflow_engine::assembly::{
    Assembler, AssemblyError, Expression, FactorGap, Fault, FrameColumn, Outcome, Rules, Slot, Universe,
};
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::random::SplitMix;
use betaflow_engine::source::DataFacts;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;

#[test]
fn expressions_are_linear_combinations() {
    let cases: [(&str, &[(f64, &str)]); 10] = [
        ("SPX", &[(1.0, "SPX")]),
        ("MTUM - SPX", &[(1.0, "MTUM"), (-1.0, "SPX")]),
        ("0.5*A + 0.5*B", &[(0.5, "A"), (0.5, "B")]),
        ("-A+2 * B", &[(-1.0, "A"), (2.0, "B")]),
        ("'BRK-B' - \"S&P 500\"", &[(1.0, "BRK-B"), (-1.0, "S&P 500")]),
        ("BRK.B - X_1", &[(1.0, "BRK.B"), (-1.0, "X_1")]),
        ("A*3 - A", &[(3.0, "A"), (-1.0, "A")]),
        ("2*'2'", &[(2.0, "2")]),
        ("0700.HK", &[(1.0, "0700.HK")]),
        ("NAN + INF", &[(1.0, "NAN"), (1.0, "INF")]),
    ];
    for (text, expected) in cases {
        let expression: Expression = text.parse().unwrap();
        let terms: Vec<(f64, &str)> = expression.terms().iter().map(|(c, s)| (*c, s.as_str())).collect();
        assert_eq!(terms, expected, "{text}");
    }
}

#[test]
fn invalid_expression_is_located() {
    let cases = [
        ("", "in `` at character 1: found the end, expected a symbol, or a number and `*`"),
        ("A -", "in `A -` at character 4: found the end, expected a symbol"),
        ("A B", "at character 3: found `B`, expected `+`, `-` or the end"),
        ("A * B", "at character 5: found `B`, expected a number: factors are linear"),
        ("2 A", "at character 3: found `A`, expected `*` after a number"),
        ("A - 2", "at character 6: found the end, expected `*` after a number; put a symbol that looks like"),
        ("2*3", "at character 3: found the number 3, expected a symbol"),
        ("A / B", "at character 3: found `/`, expected a symbol, `+`, `-` or `*`; put symbols with other"),
        ("A - 'B", "at character 7: found the end, expected a closing quote"),
        ("''", "at character 2: found an empty name"),
        ("é - é ?", "at character 7: found `?`"),
        ("A - - B", "at character 5: found `-`, expected a symbol, or a number"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Expression>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn timestamps_are_formatted_as_iso_8601() {
    let cases = [
        (0, "1970-01-01"),
        (1_709_164_800_000_000_000, "2024-02-29"),
        (1_709_164_799_999_999_999, "2024-02-28T23:59:59.999999999Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400_500_000_000, "2000-02-29T00:00:00.5Z"),
        (951_782_400_000_001_000, "2000-02-29T00:00:00.000001Z"),
        (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
    ];
    for (ns, expected) in cases {
        assert_eq!(Iso(TimestampNs(ns)).to_string(), expected);
    }
}

#[test]
fn rejected_row_leaves_the_state_unchanged() {
    let mut assembler = Assembler::new(Rules {
        fields: vec![FrameColumn { field: Field::Open, checked: true }],
        ..Rules::default()
    })
    .unwrap();
    let mut frame = Frame::default();
    let (a, b) = (assembler.slot("A"), assembler.slot("B"));
    assert_eq!((assembler.slot("A"), assembler.symbol(b)), (a, "B"));
    assembler.begin(TimestampNs(1), &mut frame);
    let bar = |close, open| Bar::of_close(close).with(Field::Open, open);
    let bad = |field, found| Err(Fault::Value { field, found });
    assert_eq!(assembler.put(&mut frame, b, &bar(0.0, 1.0)), bad(Field::Close, 0.0));
    assert_eq!(assembler.put(&mut frame, b, &bar(1.0, -1.0)), bad(Field::Open, -1.0));
    assert_eq!(assembler.put(&mut frame, b, &bar(2.0, 3.0)), Ok(()));
    assert_eq!(assembler.put(&mut frame, b, &bar(2.0, 3.0)), Err(Fault::Duplicate));
    assert_eq!(assembler.put(&mut frame, a, &bar(f64::NAN, 3.0)), Ok(()));
    assert_eq!(assembler.finish(&mut frame), Ok(Outcome::Emitted));
    assert_eq!(
        (frame.seq, frame.close.as_slice(), frame.open.as_slice()),
        (0, [2.0].as_slice(), [3.0].as_slice())
    );
}

#[test]
fn frame_left_out_lists_no_instrument_and_has_no_number() {
    let mut assembler = Assembler::new(Rules::default()).unwrap();
    let mut frame = Frame::default();
    let (a, b) = (assembler.slot("A"), assembler.slot("B"));
    assembler.begin(TimestampNs(1), &mut frame);
    assembler.put(&mut frame, b, &Bar::of_close(1.0)).unwrap();
    let mut facts = DataFacts::default();
    let mut without = |assembler: &mut Assembler, frame: &mut Frame| {
        assembler.finish_joined(frame, &mut facts, |_| Ok(false), |error| error)
    };
    assert_eq!(without(&mut assembler, &mut frame), Ok(Outcome::LeftOut));
    assembler.begin(TimestampNs(2), &mut frame);
    assert_eq!(without(&mut assembler, &mut frame), Ok(Outcome::Empty));
    assert_eq!((facts.frames, facts.left_out, facts.first), (0, 1, None));
    assembler.begin(TimestampNs(3), &mut frame);
    assembler.put(&mut frame, a, &Bar::of_close(5.0)).unwrap();
    assert_eq!(assembler.finish(&mut frame), Ok(Outcome::Emitted));
    assert_eq!(
        (frame.seq, frame.listed.as_slice(), frame.close.as_slice()),
        (0, ["A".into()].as_slice(), [5.0].as_slice())
    );
}

/// Fields besides the close of the rows of [`rows_at_once_equal_rows_one_by_one`].
const OTHERS: [Field; 4] = [Field::Open, Field::Volume, Field::Bid, Field::Dividend];

/// Rows of one timestamp: slots, closes, and a column for each of [`OTHERS`].
#[derive(Default)]
struct Rows {
    slots: Vec<Slot>,
    closes: Vec<f64>,
    others: [Vec<f64>; 4],
}

impl Rows {
    /// Random rows of the instruments `of`: mostly valid, some null, a few invalid.
    fn random(of: &[Slot], random: &mut SplitMix) -> Self {
        let mut rows = Self { slots: of.to_vec(), ..Self::default() };
        let is_invalid = random.uniform() < 0.1;
        for _ in of {
            let mut number = || match random.uniform() {
                share if share < 0.1 => f64::NAN,
                share if is_invalid && share < 0.15 => -1.0,
                share if is_invalid && share < 0.2 => f64::INFINITY,
                share => 1.0 + share,
            };
            rows.closes.push(number());
            rows.others.iter_mut().for_each(|column| column.push(number()));
        }
        rows
    }

    fn columns(&self) -> impl Iterator<Item = (Field, &[f64])> + Clone {
        OTHERS.into_iter().zip(&self.others).map(|(field, numbers)| (field, numbers.as_slice()))
    }

    fn put(&self, assembler: &mut Assembler, frame: &mut Frame) -> Vec<Result<(), Fault>> {
        let put = |row: usize| {
            let mut bar = Bar::of_close(self.closes[row]);
            self.columns().for_each(|(field, numbers)| bar[field] = numbers[row]);
            assembler.put(frame, self.slots[row], &bar)
        };
        (0..self.slots.len()).map(put).collect()
    }
}

#[test]
fn rows_at_once_equal_rows_one_by_one() -> Result<(), AssemblyError> {
    let names: Vec<String> = (0..40).map(|i| format!("I{i:02}")).collect();
    let mut taken = 0;
    for (seed, benchmark) in [(1, None), (2, Some("I03")), (3, Some("I00")), (4, Some("I01"))] {
        let checked = |field| FrameColumn { field, checked: field != Field::Bid };
        let rules = || Rules {
            fields: OTHERS.into_iter().map(checked).collect(),
            universe: Universe { exclude: vec!["I00".into(), "I20".into()], ..Universe::default() },
            factors: vec![("f".into(), "I01 - I02".parse().unwrap())],
            factor_gap: FactorGap::Carry,
            benchmark: benchmark.map(str::to_owned),
            ..Rules::default()
        };
        let mut assemblers = [Assembler::new(rules())?, Assembler::new(rules())?];
        let slots = assemblers
            .each_mut()
            .map(|assembler| names.iter().map(|name| assembler.slot(name)).collect::<Vec<_>>());
        let mut random = SplitMix::new(seed);
        let mut of: Vec<Slot> = slots[0][..20].to_vec();
        for t in 1..600 {
            match (random.uniform() * 12.0) as usize {
                // More instruments, another order, a missing row, two rows of an instrument.
                0 => of = slots[0][..20 + t / 30].to_vec(),
                1 => of.reverse(),
                2 => _ = of.pop(),
                3 if random.uniform() < 0.2 => of.push(of[0]),
                _ => {}
            }
            let rows = Rows::random(&of, &mut random);
            let more = Rows::random(&slots[0][18..20], &mut random);
            let [mut one, mut all] = [Frame::default(), Frame::default()];
            assemblers[0].begin(TimestampNs(t as i64), &mut one);
            assemblers[1].begin(TimestampNs(t as i64), &mut all);
            let expected = rows.put(&mut assemblers[0], &mut one);
            if assemblers[1].put_all(&mut all, &rows.slots, &rows.closes, rows.columns()) {
                assert_eq!(expected, vec![Ok(()); of.len()]);
                taken += 1;
            } else {
                assert_eq!(rows.put(&mut assemblers[1], &mut all), expected);
            }
            if random.uniform() < 0.3 {
                let found = more.put(&mut assemblers[1], &mut all);
                assert_eq!(found, more.put(&mut assemblers[0], &mut one));
                // A timestamp with rows takes no others at once.
                assert!(!assemblers[1].put_all(&mut all, &more.slots, &more.closes, more.columns()));
            }
            let outcomes = (assemblers[0].finish(&mut one)?, assemblers[1].finish(&mut all)?);
            assert_eq!(outcomes.0, outcomes.1);
            assert_eq!(format!("{one:?}"), format!("{all:?}"), "seed {seed}, timestamp {t}");
        }
    }
    assert!(taken > 1_000, "{taken}");
    Ok(())
}
