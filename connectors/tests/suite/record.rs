//! Run folder and state folder have the same record, column by column; the documentation of the columns is up
//! to date.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use betaflow_connectors::record::{
    EquityRow, FillRow, FrameRecord, FrameRows, OrderRow, ParquetRecorder, Place, Record, RunNames,
    RunRecord, Value, WeightRow, documentation, layout_of, select,
};
use betaflow_connectors::store::{StateFolder, StateRecorder, StateView, Sync, Writer};
use betaflow_engine::execution::{Conditions, CostItem, Costs, Fill, OrderRecord, OrderState, Reason};
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordSettings, Recorder, RunFacts};
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::portfolio::Multipliers;
use betaflow_engine::time::TimestampNs;

/// Returns a frame with distinct numbers in all columns.
fn frame(seq: u64) -> LedgerFrame {
    let mut number = seq as f64;
    let mut next = || {
        number += 0.125;
        number
    };
    let mut names = InstrumentNames::default();
    names.extend(&[Arc::from("A"), Arc::from("B")]);
    let mut frame = LedgerFrame {
        seq,
        timestamp: TimestampNs(seq as i64 * 1_000_000_007),
        names,
        nav: next(),
        nav_gross: next(),
        cash: next(),
        turnover: next(),
        benchmark_nav: next(),
        decided: true,
        target: vec![next(), 0.0],
        held: vec![0.0, next()],
        ..LedgerFrame::default()
    };
    let undecided = if seq == 1 { f64::NAN } else { next() };
    frame.multipliers =
        Multipliers { turnover: undecided, gross: next(), net: next(), ..Multipliers::default() };
    frame.account.costs = Costs::of(&CostItem::ALL.map(|item| (item, next())));
    (frame.account.interest, frame.account.dividends) = (next(), next());
    (frame.account.gross_exposure, frame.account.net_exposure) = (next(), next());
    for (instrument, decided_seq, reason) in [(0, Some(seq), Reason::Order), (1, None, Reason::Ruin)] {
        frame.fills.push(Fill {
            instrument,
            decided_seq,
            quantity: next(),
            price: next(),
            decision_price: if decided_seq.is_some() { next() } else { f64::NAN },
            costs: Costs::of(&CostItem::ALL.map(|item| (item, next()))),
            permanent_impact: next(),
            conditions: Conditions { half_spread_bps: next(), volatility: next(), daily_volume: next() },
            reason,
        });
        let (quantity, filled, state) = (next(), next(), OrderState::Cancelled);
        frame.ended.push(OrderRecord {
            instrument,
            decided_seq: seq,
            due_seq: seq + 1,
            quantity,
            filled,
            state,
        });
    }
    frame
}

/// Records the same frames in both forms.
fn recorded(folder: &Path) -> (RunRecord, StateView) {
    let settings = RecordSettings { betas: Frames::None, weights: Frames::All, expected_returns: None };
    let mut run = ParquetRecorder::create(folder, &[], settings, true, None).unwrap();
    let state = StateFolder::open(&folder.join("state"), Sync::Normal).unwrap();
    let writer = Writer::start(&state, 1, Box::new(|_| {})).unwrap();
    let mut database = StateRecorder::new(&state, writer.handle(), &[], 1, 0).unwrap();
    for seq in 0..3 {
        let frame = frame(seq);
        run.ledger(&frame).unwrap();
        database.ledger(&frame).unwrap();
    }
    run.finish(&RunFacts::default()).unwrap();
    database.finish(&RunFacts::default()).unwrap();
    drop((database, writer));
    (RunRecord::of_run(folder), StateView::open(&folder.join("state")).unwrap())
}

fn all<R: FrameRecord>(mut rows: FrameRows<R>) -> Vec<R> {
    std::iter::from_fn(|| rows.next_row().unwrap()).collect()
}

/// Compares every column that both forms have.
fn compare<R: FrameRecord>(of_run: &[R], of_state: &[R]) {
    assert_eq!(of_run.len(), of_state.len(), "{}", R::TABLE);
    for (a, b) in of_run.iter().zip(of_state) {
        for column in R::columns(&RunNames::default()) {
            let (a, b) = (column.value(a), column.value(b));
            match column.place {
                Place::Everywhere => assert_eq!(a, b, "{}.{}", R::TABLE, column.name),
                Place::State => assert_ne!(b, Value::Null, "{}.{}", R::TABLE, column.name),
            }
        }
    }
}

/// Compares the names of the columns with the declaration.
fn compare_names<R: Record>(folder: &Path, view: &StateView) {
    let (mut everywhere, mut state): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for column in R::columns(&RunNames::default()) {
        if column.place == Place::Everywhere {
            everywhere.push(column.name.to_string());
        }
        state.push(column.name.to_string());
    }
    let layout = layout_of(folder, &format!("{}.parquet", R::TABLE)).unwrap().unwrap();
    assert_eq!(layout.columns, everywhere);
    let names = format!("SELECT name FROM pragma_table_info('{}') ORDER BY cid", R::TABLE);
    let mut names = view.connection().prepare(&names).unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(names, state);
}

#[test]
fn run_folder_and_state_folder_hold_the_same_record() {
    let folder = tempfile::tempdir().unwrap();
    let (run, view) = recorded(folder.path());
    compare_names::<EquityRow>(folder.path(), &view);
    compare_names::<FillRow>(folder.path(), &view);
    compare_names::<OrderRow>(folder.path(), &view);
    compare_names::<WeightRow>(folder.path(), &view);
    let of_run = all(run.weights().unwrap().unwrap());
    let latest: Vec<WeightRow> = select(view.connection(), "ORDER BY symbol", []).unwrap();
    compare(&of_run[of_run.len() - latest.len()..], &latest);
    assert_eq!(latest.len(), 2);
    let state = view.into_record().unwrap();
    compare(&all(run.equity().unwrap()), &all(state.equity().unwrap()));
    let fills = all(state.fills().unwrap());
    compare(&all(run.fills().unwrap()), &fills);
    compare(&all(run.orders().unwrap()), &all(state.orders().unwrap()));
    assert_eq!((fills.len(), fills[1].n.0, fills[1].decided_seq), (6, 1, None));
    assert!(state.weights().unwrap().is_none());
}

#[test]
fn columns_of_equity_fills_and_orders_are_stable() {
    let names = |columns: Vec<(Place, String)>| -> Vec<String> {
        columns.into_iter().filter(|(place, _)| *place == Place::Everywhere).map(|(_, name)| name).collect()
    };
    fn columns<R: Record>() -> Vec<(Place, String)> {
        let columns = R::columns(&RunNames::default()).into_iter();
        columns.map(|column| (column.place, column.name.to_string())).collect()
    }
    assert_eq!(
        names(columns::<EquityRow>()).join(" "),
        "timestamp seq nav nav_gross cash gross_exposure net_exposure turnover cap_multiplier gross_multiplier \
         net_multiplier commission spread impact borrow financing interest dividends predicted_volatility benchmark_nav"
    );
    assert_eq!(
        names(columns::<FillRow>()).join(" "),
        "timestamp seq decided_seq symbol quantity price decision_price notional commission spread impact reason \
         permanent_impact delay shortfall half_spread_bps volatility daily_volume"
    );
    assert_eq!(
        names(columns::<OrderRow>()).join(" "),
        "timestamp seq decided_seq due_seq symbol quantity filled state"
    );
}

/// Compares `tables.md` with the declarations. `UPDATE_DOCS=1 cargo test -p betaflow-connectors --test
/// record` rewrites the file.
#[test]
fn tables_md_matches_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../replay/docs/tables.md");
    let expected = documentation();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "replay/docs/tables.md: rewrite it with UPDATE_DOCS=1");
    let rows: BTreeSet<&str> = expected.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(
        rows.iter().all(|row| row.trim_end_matches(" |").ends_with(['.', ')'])),
        "each column must have a sentence"
    );
}
