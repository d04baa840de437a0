//! First difference on a frame, in the order in which a frame is processed.

use std::collections::BTreeSet;
use std::sync::Arc;

use betaflow_connectors::record::{
    EquityRow, FillCosts, FillRow, OrderRow, Place, Record as _, RunNames, Value,
};
use betaflow_engine::execution::CostItem;
use betaflow_engine::frame::Field;
use betaflow_engine::ledger::difference::InstrumentNumbers;
use serde::Serialize;

use super::recorded::RecordedFrame;
use super::side::{Data, Side};

/// Kind of a difference, in the order in which a frame is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A frame that only one run has, or different data on it.
    Data,
    /// Different fills, or fills at different prices.
    Fill,
    /// Different costs.
    Cost,
    /// Different interest, cash or value.
    Value,
    /// Different orders or target weights, which a frame decides last.
    Decision,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Fill => "fill",
            Self::Cost => "cost",
            Self::Value => "value",
            Self::Decision => "decision",
        }
    }
}

/// An event that differs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Number of its frame.
    pub(crate) seq: u64,
    /// Time of the frame in nanoseconds since 1970, if it is known.
    #[serde(skip)]
    pub(crate) time: Option<i64>,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) a: String,
    pub(crate) b: String,
    /// True if the values are quantities of an order, in units.
    #[serde(skip)]
    pub(crate) is_order: bool,
}

impl Event {
    /// Returns true if it comes before another event.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        (self.seq, self.kind) < (other.seq, other.kind)
    }
}

/// Columns of the equity that follow from a decision; its orders or targets differ too and are more specific.
const OF_DECISIONS: [&str; 4] = ["turnover", "cap_multiplier", "gross_multiplier", "net_multiplier"];
const NONE: &str = "none";

fn same(a: f64, b: f64) -> bool {
    // A database does not keep the sign of zero.
    a == b || (a.is_nan() && b.is_nan())
}

fn shown(value: f64) -> String {
    if value.is_nan() { NONE.to_owned() } else { value.to_string() }
}

/// Returns the event of a frame that only one of the two runs has.
pub(crate) fn only_in(side: &Side, is_a: bool) -> Event {
    let (has, not) = ("a frame".to_owned(), "no frame".to_owned());
    let (a, b) = if is_a { (has, not) } else { (not, has) };
    Event {
        seq: side.seq,
        time: Some(side.time),
        kind: Kind::Data,
        what: "the frame".to_owned(),
        a,
        b,
        is_order: false,
    }
}

/// Returns the first difference on a common frame.
pub(crate) fn first_on(a: &Side, b: &Side, data: Option<(String, String, String)>) -> Option<Event> {
    let event = |kind, (what, of_a, of_b): (String, String, String)| Event {
        seq: a.seq,
        time: Some(a.time),
        kind,
        what,
        a: of_a,
        b: of_b,
        is_order: false,
    };
    if let Some(found) = data {
        return Some(event(Kind::Data, found));
    }
    let (row_a, row_b) = match (&a.row, &b.row) {
        (Some(row_a), Some(row_b)) => (row_a, row_b),
        (None, None) => return None,
        (row, _) => {
            let ruined = a.ruined || b.ruined;
            let (what, has, not) = match ruined {
                true => ("the account", "continues", "was ruined before"),
                false => ("the first rebalance", "rebalances", "has not rebalanced yet"),
            };
            let (has, not) = (has.to_owned(), not.to_owned());
            let (of_a, of_b) = if row.is_some() { (has, not) } else { (not, has) };
            let kind = if ruined { Kind::Value } else { Kind::Decision };
            return Some(event(kind, (what.to_owned(), of_a, of_b)));
        }
    };
    let orders = orders(&row_a.due, &row_b.due).map(|(decided, found)| Event {
        seq: decided,
        time: (decided == a.seq).then_some(a.time),
        is_order: true,
        ..event(Kind::Decision, found)
    });
    orders
        .or_else(|| fills(&row_a.fills, &row_b.fills).map(|found| event(Kind::Fill, found)))
        .or_else(|| costs(row_a, row_b).map(|found| event(Kind::Cost, found)))
        .or_else(|| values(row_a, row_b).map(|found| event(Kind::Value, found)))
        .or_else(|| targets(row_a, row_b).map(|found| event(Kind::Decision, found)))
        .or_else(|| other_columns(&row_a.equity, &row_b.equity).map(|found| event(Kind::Value, found)))
}

/// Name of a difference, with the value of A and of B.
type Difference = (String, String, String);

/// Returns the first difference of the orders that fall due, and the frame that decided them.
fn orders(a: &[OrderRow], b: &[OrderRow]) -> Option<(u64, Difference)> {
    let symbols: BTreeSet<&str> = a.iter().chain(b).map(|order| &*order.symbol).collect();
    symbols.into_iter().find_map(|symbol| {
        let of = |orders: &[OrderRow]| orders.iter().find(|order| &*order.symbol == symbol).cloned();
        let (a, b) = (of(a), of(b));
        let quantity = |order: &Option<OrderRow>| order.as_ref().map_or(f64::NAN, |order| order.quantity);
        let decided = a.as_ref().or(b.as_ref()).map(|order| order.decided_seq)?;
        let (a, b) = (quantity(&a), quantity(&b));
        (!same(a, b)).then(|| (decided, (format!("the order for {symbol}"), shown(a), shown(b))))
    })
}

fn fills(a: &[FillRow], b: &[FillRow]) -> Option<Difference> {
    let count = a.len().max(b.len());
    (0..count).find_map(|at| {
        let (a, b) = (a.get(at), b.get(at));
        let text = |fill: Option<&FillRow>| {
            fill.map_or_else(
                || NONE.to_owned(),
                |fill| format!("{} {} at {}", fill.quantity, fill.symbol, fill.price),
            )
        };
        let alike = a.zip(b).is_some_and(|(a, b)| {
            a.symbol == b.symbol
                && same(a.quantity, b.quantity)
                && same(a.price, b.price)
                && a.reason == b.reason
        });
        (!alike).then(|| ("the fill".to_owned(), text(a), text(b)))
    })
}

fn costs(a: &RecordedFrame, b: &RecordedFrame) -> Option<Difference> {
    let of_fills = a.fills.iter().zip(&b.fills).find_map(|(of_a, of_b)| {
        let (costs_a, costs_b) = (of_a.costs.0, of_b.costs.0);
        let item = FillCosts::items().find(|item| !same(costs_a[*item], costs_b[*item]))?;
        let what = format!("{} of the fill of {}", item.name(), of_a.symbol);
        Some((what, shown(costs_a[item]), shown(costs_b[item])))
    });
    of_fills.or_else(|| {
        let (a, b) = (a.equity.costs, b.equity.costs);
        let item = CostItem::ALL.into_iter().find(|item| !same(a[*item], b[*item]))?;
        Some((item.name().to_owned(), shown(a[item]), shown(b[item])))
    })
}

fn values(a: &RecordedFrame, b: &RecordedFrame) -> Option<Difference> {
    let (a, b) = (&a.equity, &b.equity);
    let values = [
        ("interest", a.interest, b.interest),
        ("dividends", a.dividends, b.dividends),
        ("cash", a.cash, b.cash),
        ("nav", a.nav, b.nav),
    ];
    let (name, a, b) = values.into_iter().find(|(_, a, b)| !same(*a, *b))?;
    Some((name.to_owned(), shown(a), shown(b)))
}

fn targets(a: &RecordedFrame, b: &RecordedFrame) -> Option<Difference> {
    if let (Some(of_a), Some(of_b)) = (&a.targets, &b.targets) {
        let symbols: BTreeSet<&str> = of_a.iter().chain(of_b).map(|(symbol, _)| &**symbol).collect();
        return symbols.into_iter().find_map(|symbol| {
            let of = |targets: &[(Arc<str>, f64)]| {
                targets.iter().find(|(name, _)| &**name == symbol).map_or(0.0, |(_, target)| *target)
            };
            let (a, b) = (of(of_a), of(of_b));
            (!same(a, b)).then(|| (format!("the target weight of {symbol}"), shown(a), shown(b)))
        });
    }
    let (a, b) = (a.equity.digest.0.as_deref()?, b.equity.digest.0.as_deref()?);
    (a != b).then(|| ("the digest, and so the target weights".to_owned(), a.to_owned(), b.to_owned()))
}

/// Returns the first column of the equity that differs. A database has null for numbers that are not finite.
fn other_columns(a: &EquityRow, b: &EquityRow) -> Option<Difference> {
    let finite = |value: Value<'_>| match value {
        Value::Number(number) if number.is_finite() => number,
        _ => f64::NAN,
    };
    let columns = EquityRow::columns(&RunNames::default()).into_iter();
    let mut columns = columns
        .filter(|column| column.place == Place::Everywhere && !OF_DECISIONS.contains(&column.name.as_ref()));
    columns.find_map(|column| {
        let (a, b) = (finite(column.value(a)), finite(column.value(b)));
        (!same(a, b)).then(|| (column.name.to_string(), shown(a), shown(b)))
    })
}

/// Compares the data of a frame. Returns the first difference, and marks in `differs` each instrument that has one.
pub(crate) fn data(
    a: (&Data, &[usize]),
    b: (&Data, &[usize]),
    numbers: &InstrumentNumbers,
    differs: &mut Vec<bool>,
) -> Option<Difference> {
    differs.clear();
    differs.resize(numbers.len(), false);
    let mut at_b = vec![None; numbers.len()];
    for (at, &number) in b.1.iter().enumerate() {
        at_b[number] = Some(at);
    }
    let mut first = None;
    let mut seen = vec![false; numbers.len()];
    let sides = a.1.iter().enumerate().map(|(at, number)| (Some(at), at_b[*number], *number));
    let of_b = b.1.iter().enumerate().map(|(at, number)| (None, Some(at), *number));
    for (of_a, of_b, number) in sides.chain(of_b) {
        if std::mem::replace(&mut seen[number], true) {
            continue;
        }
        for field in Field::ALL {
            let (column_a, column_b) = (a.0.frame.column(field), b.0.frame.column(field));
            if field != Field::Close && (column_a.is_empty() || column_b.is_empty()) {
                // One of the two runs does not read this column.
                continue;
            }
            let value = |column: &[f64], at: Option<usize>| {
                at.and_then(|at| column.get(at)).copied().unwrap_or(f64::NAN)
            };
            let (value_a, value_b) = (value(column_a, of_a), value(column_b, of_b));
            if !same(value_a, value_b) {
                differs[number] = true;
                let name = of_a.map_or_else(|| &b.0.names[of_b.unwrap_or(0)], |at| &a.0.names[at]);
                let what = format!("{} of {name}", field.names()[0]);
                first.get_or_insert_with(|| (what, shown(value_a), shown(value_b)));
            }
        }
    }
    first.or_else(|| factors(a.0, b.0))
}

fn factors(a: &Data, b: &Data) -> Option<Difference> {
    if a.factors() != b.factors() {
        return Some(("the factors".to_owned(), a.factors().join(", "), b.factors().join(", ")));
    }
    let pairs = a.frame.factors.iter().zip(&b.frame.factors).zip(a.factors());
    let of_factor = pairs.into_iter().find(|((a, b), _)| !same(**a, **b));
    if let Some(((a, b), name)) = of_factor {
        return Some((format!("the return of {name}"), shown(*a), shown(*b)));
    }
    let (a, b) = (a.frame.rf, b.frame.rf);
    (!same(a, b)).then(|| ("the risk-free return".to_owned(), shown(a), shown(b)))
}
