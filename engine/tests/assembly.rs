//! Factor expressions, timestamps in messages, and the contract of the assembler with a feed.

use betaflow_engine::assembly::{Assembler, Expression, Fault, FrameColumn, Outcome, Rules};
use betaflow_engine::frame::Bar;
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
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
