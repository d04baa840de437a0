//! Values that hold from a date on.

use std::sync::Arc;

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING, InForce, SecondRow};
use proptest::prelude::*;

fn names(list: &[&str]) -> Vec<Arc<str>> {
    list.iter().map(|name| Arc::from(*name)).collect()
}

#[test]
fn value_holds_from_its_date_to_the_next() {
    let rows = [("A", 10, 1.0), ("A", FROM_BEGINNING, 0.0), ("B", 20, 2.0), ("A", 15, 3.0)];
    let table = Arc::new(DatedValues::new(rows).unwrap());
    let mut in_force = InForce::new(Arc::clone(&table));
    let cases = [
        (5, "A", true, vec![Some(0.0)]),
        (9, "A", false, vec![Some(0.0)]),
        (10, "A", true, vec![Some(1.0)]),
        (14, "AB", true, vec![Some(1.0), None]),
        (15, "AB", true, vec![Some(3.0), None]),
        (19, "AB", false, vec![Some(3.0), None]),
        (30, "ABC", true, vec![Some(3.0), Some(2.0), None]),
        (31, "ABC", false, vec![Some(3.0), Some(2.0), None]),
    ];
    for (date, listed, changes, values) in cases {
        let listed: Vec<&str> = listed.split("").filter(|name| !name.is_empty()).collect();
        assert_eq!(in_force.advance(date, &names(&listed)), changes, "{date}");
        assert_eq!(in_force.values(), values, "{date}");
    }
    assert_eq!((table.on("A", 12), table.on("B", 19), table.on("C", 99)), (Some(&1.0), None, None));
}

#[test]
fn second_row_of_a_date_is_an_error() {
    let found = DatedValues::new([("A", 10, 1.0), ("B", 10, 1.0), ("A", 10, 2.0)]);
    assert_eq!(found, Err(SecondRow { symbol: "A".to_owned(), date: 10 }));
}

proptest! {
    /// Walking forward equals looking up, and rows after a date change neither values nor digest up to it.
    #[test]
    fn later_rows_change_no_earlier_value(
        rows in proptest::collection::btree_map((0..4_usize, 0..40_i64), -1e3..1e3_f64, 0..30),
        cut in 0..40_i64,
    ) {
        let all = names(&["A", "B", "C", "D"]);
        let row = |((symbol, date), value): (&(usize, i64), &f64)| (Arc::clone(&all[*symbol]), *date, *value);
        let whole = Arc::new(DatedValues::new(rows.iter().map(row)).unwrap());
        let early = rows.iter().filter(|((_, date), _)| *date <= cut);
        let early = Arc::new(DatedValues::new(early.map(row)).unwrap());
        prop_assert_eq!(whole.digest_until(cut), early.digest());
        let mut walks = [InForce::new(Arc::clone(&whole)), InForce::new(early)];
        for date in 0..=cut {
            let count = all.len().min(1 + usize::try_from(date).unwrap() / 5);
            for walk in &mut walks {
                walk.advance(date, &all[..count]);
            }
            prop_assert_eq!(walks[0].values(), walks[1].values());
            for (name, value) in all[..count].iter().zip(walks[0].values()) {
                prop_assert_eq!(value.as_ref(), whole.on(name, date));
            }
        }
    }
}
