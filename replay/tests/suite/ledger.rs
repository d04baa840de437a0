//! Accounts of a run, rebuilt from its folder and the prices without code of the engine.
//!
//! Cash is rebuilt from the starting NAV, the fills and the costs; quantities are rebuilt from the fills.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::support::{Bar, DAY_NS, Panel, Run, Table, folder, joined, run};

const TOLERANCE: f64 = 1e-9;
const COSTS: [&str; 5] = ["commission", "spread", "impact", "borrow", "financing"];

/// Name, settings, and a condition without which the case would test nothing.
type Case<'a> = (&'a str, &'a str, fn(&RunCounts) -> bool);

const CASES: [Case<'static>; 21] = [
    ("defaults", "", |counts| counts.fills > 100),
    (
        "shorts, borrowed",
        "sizing.weight_min=-0.1 execution.borrow_bps_per_year=50 execution.financing_bps_per_year=150",
        |counts| counts.short && counts.sum["borrow"] > 0.0,
    ),
    (
        "leverage, financed",
        "sizing.gross_max=3 sizing.weight_max=1 sizing.kelly_fraction=1 sizing.turnover_cap=0.5 \
         execution.financing_bps_per_year=150 strategy.alpha_shrink=1",
        |counts| counts.sum["financing"] > 0.0,
    ),
    ("at the same close", "execution.fill_at=same_close", |counts| counts.opening && counts.fills > 100),
    (
        "at the same close, shorts, financed, delisted, every third frame",
        "execution.fill_at=same_close sizing.weight_min=-0.2 sizing.gross_max=3 sizing.net_target=1.5 sizing.weight_max=1 \
         sizing.turnover_cap=2 sizing.rebalance_every=3 execution.borrow_bps_per_year=200 \
         execution.financing_bps_per_year=300 execution.delisting_haircut=0.4",
        |counts| {
            counts.opening
                && counts.delistings > 0
                && counts.sum["financing"] > 0.0
                && counts.sum["borrow"] > 0.0
        },
    ),
    ("lots, late", "execution.lot=10 execution.delay_bars=3", |counts| {
        counts.fills > 100 && counts.fractions > 2
    }),
    (
        "lots at the open, a share of the volume",
        "execution.lot=7 execution.fill_at=open execution.participation_cap=0.02 execution.unfilled=carry \
         sizing.rebalance_every=3 strategy.kind=equal_weight sizing.turnover_cap=0.3 sizing.weight_max=0.2",
        |counts| counts.fractions > 0 && counts.carried > 0,
    ),
    (
        "lots of a tenth, short",
        "execution.lot=0.1 sizing.weight_min=-0.1 strategy.alpha_shrink=1",
        |counts| counts.short && counts.fills > 100,
    ),
    ("at the open", "execution.fill_at=open", |counts| counts.fills > 100),
    ("every fifth frame", "sizing.rebalance_every=5", |counts| counts.fills > 50),
    ("a tight cap", "sizing.turnover_cap=0.01 strategy.kind=equal_weight", |counts| {
        counts.turnover_max > 0.0099
    }),
    ("delisting", "strategy.kind=equal_weight execution.delisting_haircut=0.3", |counts| {
        counts.delistings > 0
    }),
    (
        "delisting of shorts and longs, worthless",
        "sizing.weight_min=-0.2 execution.delisting_haircut=0.6 world.haircut_multiplier=2 execution.delist_after=3",
        |counts| counts.delistings > 0,
    ),
    (
        "carried orders",
        "execution.unfilled=carry sizing.rebalance_every=2 strategy.kind=equal_weight sizing.turnover_cap=0.3",
        |counts| counts.carried > 0,
    ),
    ("interest", "execution.cash_interest=0.03 execution.commission_bps=7.5", |counts| {
        counts.sum["interest"] > 0.0
    }),
    (
        "impact",
        "execution.impact_coefficient=1 execution.nav=1e5 execution.fill_at=typical sizing.weight_min=-0.1",
        |counts| counts.sum["impact"] > 0.0 && counts.sum["dividends"] != 0.0,
    ),
    (
        "impact of Almgren et al.",
        "execution.impact_coefficient=0.14 execution.impact_exponent=0.6 execution.permanent_impact_coefficient=0.3 \
         execution.impact_window=5 execution.fill_at=vwap",
        |counts| counts.sum["impact"] > 0.0,
    ),
    (
        "a share of the volume",
        "execution.participation_cap=0.02 execution.unfilled=carry execution.commission_min=2 \
         execution.commission_per_share=0.01 strategy.kind=equal_weight sizing.rebalance_every=3 \
         sizing.turnover_cap=0.3",
        |counts| counts.carried > 10,
    ),
    (
        "a share of the volume, the rest cancelled",
        "execution.participation_cap=0.02 execution.lot=1 strategy.kind=equal_weight sizing.turnover_cap=0.3",
        |counts| counts.fills > 100,
    ),
    ("quotes", "execution.spread_model=quotes", |counts| counts.fills > 100),
    (
        "by instrument",
        "execution.half_spreads={S00=1.5,S01=20} execution.spread_model=constant strategy.kind=equal_weight",
        |counts| counts.fills > 100,
    ),
];

/// Counts and sums of a run.
#[derive(Debug, Default)]
struct RunCounts {
    fills: usize,
    delistings: usize,
    fractions: usize,
    carried: usize,
    short: bool,
    /// True if the first row of equity is the opening of the account.
    opening: bool,
    ruined: bool,
    turnover_max: f64,
    /// Units traded of each instrument in the current frame.
    taken: BTreeMap<String, f64>,
    /// Commission of each order so far: computed from its fills, and charged.
    charged: BTreeMap<(i64, String), [f64; 2]>,
    /// Sums of columns of equity.parquet.
    sum: BTreeMap<&'static str, f64>,
}

/// Row of fills.parquet.
struct Fill {
    timestamp: i64,
    seq: i64,
    /// Frame of the rebalance, or -1 without an order.
    decided: i64,
    symbol: String,
    quantity: f64,
    price: f64,
    decision_price: f64,
    notional: f64,
    costs: [f64; 3],
    reason: String,
}

impl Fill {
    fn is(&self, reason: &str) -> bool {
        self.reason == reason
    }
}

fn fills(run: &Run) -> Vec<Fill> {
    let table = run.table("fills");
    let [quantity, price, decision_price, notional] =
        ["quantity", "price", "decision_price", "notional"].map(|name| table.numbers(name));
    let costs = ["commission", "spread", "impact"].map(|name| table.numbers(name));
    let (time, seq, decided) = (table.times(), table.integers("seq"), table.integers("decided_seq"));
    let (symbol, reason) = (table.texts("symbol"), table.texts("reason"));
    let fill = |row: usize| Fill {
        timestamp: time[row],
        seq: seq[row],
        decided: decided[row],
        symbol: symbol[row].clone(),
        quantity: quantity[row],
        price: price[row],
        decision_price: decision_price[row],
        notional: notional[row],
        costs: [0, 1, 2].map(|item| costs[item][row]),
        reason: reason[row].clone(),
    };
    (0..table.rows()).map(fill).collect()
}

/// Bars of a panel by frame, with `seq` as index.
struct Prices<'a> {
    panel: &'a Panel,
    frames: BTreeMap<i64, BTreeMap<&'a str, &'a Bar>>,
}

impl Prices<'_> {
    fn bar(&self, seq: i64, symbol: &str) -> Option<&Bar> {
        self.frames[&self.panel.times[seq as usize]].get(symbol).copied()
    }
}

fn near(found: f64, expected: f64, scale: f64, what: &str, place: &str) {
    let error = (found - expected).abs() / scale;
    assert!(error <= TOLERANCE, "{place}: {what}: found {found}, expected {expected} ({error:e})");
}

fn audit(run: &Run, panel: &Panel) -> RunCounts {
    let prices = Prices { panel, frames: panel.by_time() };
    let equity = run.table("equity");
    let column: BTreeMap<&'static str, Vec<f64>> = COSTS
        .into_iter()
        .chain([
            "nav",
            "nav_gross",
            "cash",
            "gross_exposure",
            "net_exposure",
            "turnover",
            "interest",
            "dividends",
        ])
        .map(|name| (name, equity.numbers(name)))
        .collect();
    let (times, seqs) = (equity.times(), equity.integers("seq"));
    let trading = run.table("attribution").numbers("trading");
    let fills = fills(run);
    let held_weights = weights(run, "held_weight");
    let opening = run.setting("execution", "fill_at").as_str() == Some("same_close");
    let mut counts = RunCounts { fills: fills.len(), opening, ..RunCounts::default() };
    let start = run.number("execution", "nav");
    let (mut cash, mut nav, mut costs_so_far) = (start, start, 0.0);
    // Quantity and last price by symbol.
    let mut held = BTreeMap::<String, (f64, f64)>::new();
    let mut next_fill = 0;
    for (row, (&seq, &time)) in seqs.iter().zip(&times).enumerate() {
        let place = format!("frame {seq}");
        assert_eq!(seq, seqs[0] + row as i64, "{place}: a frame is missing");
        assert_eq!(time, panel.times[seq as usize], "{place}: time");
        let of = |name: &str| column[name][row];
        // Carrying costs and interest of the positions at the last close.
        let days = if row > 0 { time / DAY_NS - times[row - 1] / DAY_NS } else { 0 } as f64;
        let years = days / 365.0;
        let shorts: f64 = held.values().map(|(quantity, price)| (-quantity * price).max(0.0)).sum();
        let rate = match run.setting("execution", "cash_interest").as_float() {
            Some(rate) => rate * years,
            None => panel.factors[seq as usize][2],
        };
        let bps = |key: &str| run.number("execution", key) * 1e-4;
        let interest = if row > 0 { cash * rate } else { 0.0 };
        near(of("interest"), interest, nav, "interest", &place);
        near(of("borrow"), shorts * bps("borrow_bps_per_year") * years, nav, "borrow", &place);
        let financing = (-cash).max(0.0) * bps("financing_bps_per_year") * years;
        near(of("financing"), financing, nav, "financing", &place);
        // Splits change the units; then dividends are paid and positions are marked to market.
        let (mut profit, mut dividends) = (0.0, 0.0);
        for (symbol, (quantity, price)) in &mut held {
            let bar = prices.bar(seq, symbol);
            let split = bar.and_then(|bar| bar.split).unwrap_or(1.0);
            *quantity *= split;
            *price /= split;
            dividends += *quantity * bar.and_then(|bar| bar.dividend).unwrap_or(0.0);
            let close = bar.map_or(*price, |bar| bar.close);
            profit += *quantity * (close - *price);
            *price = close;
        }
        near(of("dividends"), dividends, nav, "dividends", &place);
        counts.taken.clear();
        // Fills change cash and earn from their price to the close.
        let mut fill_costs = [0.0; 3];
        let mut traded = 0.0;
        while let Some(fill) = fills.get(next_fill).filter(|fill| fill.seq <= seq) {
            next_fill += 1;
            assert_eq!((fill.seq, fill.timestamp), (seq, time), "{place}: the fill has no frame in equity");
            let last = held.get(&fill.symbol).map(|(_, price)| *price);
            check_fill(run, &prices, fill, last, &mut counts);
            let close = prices.bar(seq, &fill.symbol).map(|bar| bar.close).or(last).unwrap();
            cash -= fill.quantity * fill.price;
            profit += fill.quantity * (close - fill.price);
            traded += if fill.is("order") { fill.quantity * (close - fill.price) } else { 0.0 };
            held.entry(fill.symbol.clone()).or_insert((0.0, close)).0 += fill.quantity;
            for (sum, cost) in fill_costs.iter_mut().zip(fill.costs) {
                *sum += cost;
            }
        }
        for (name, sum) in COSTS.iter().zip(fill_costs) {
            near(of(name), sum, nav, name, &place);
        }
        // The loss of a delisting belongs to the price P&L of the position.
        near(trading[row], traded, nav, "trading", &place);
        let costs: f64 = COSTS.iter().map(|name| of(name)).sum();
        assert!(COSTS.iter().all(|name| of(name) >= 0.0), "{place}: a cost is negative");
        cash += of("interest") + of("dividends") - costs;
        costs_so_far += costs;
        let change = profit + of("interest") + of("dividends") - costs;
        near(of("nav") - nav, change, nav, "ΔNAV = price P&L + dividends + interest − costs", &place);
        let lot = run.number("execution", "lot");
        for (symbol, (quantity, _)) in held.iter().filter(|_| lot > 0.0) {
            let lots = quantity / lot;
            assert!((lots - lots.round()).abs() < 1e-6, "{place}: {quantity} of {symbol} in lots of {lot}");
        }
        let value: f64 = held.values().map(|(quantity, price)| quantity * price).sum();
        near(of("nav"), cash + value, nav, "NAV = rebuilt cash + positions", &place);
        near(of("cash"), cash, nav, "cash", &place);
        near(of("nav_gross"), of("nav") + costs_so_far, nav, "nav_gross", &place);
        nav = of("nav");
        let gross: f64 = held.values().map(|(quantity, price)| (quantity * price).abs()).sum();
        near(of("gross_exposure"), gross / nav, 1.0, "gross_exposure", &place);
        near(of("net_exposure"), value / nav, 1.0, "net_exposure", &place);
        let recorded = held_weights.get(&seq);
        for (symbol, (quantity, price)) in &held {
            let weight = recorded.and_then(|weights| weights.iter().find(|(name, _)| name == symbol));
            let weight = weight.map_or(0.0, |(_, weight)| *weight);
            near(weight, quantity * price / nav, 1.0, symbol, &place);
            counts.short |= *quantity < 0.0;
        }
    }
    assert_eq!(next_fill, fills.len(), "a fill follows the last frame");
    let sums = COSTS
        .into_iter()
        .chain(["interest", "dividends"])
        .map(|name| (name, column[name].iter().sum::<f64>()));
    counts.sum = sums.collect();
    for name in COSTS {
        near(run.summary["costs"][name].as_f64().unwrap(), counts.sum[name], start, name, "summary.json");
    }
    let in_lieu = fills.iter().filter(|fill| fill.is("cash_in_lieu")).map(|fill| -fill.notional).sum();
    near(run.summary["cash_in_lieu"].as_f64().unwrap(), in_lieu, start, "cash in lieu", "summary.json");
    near(run.summary["nav"]["last"].as_f64().unwrap(), nav, start, "nav", "summary.json");
    assert_eq!(column["nav"][0], start, "the first row has the configured NAV");
    check_metrics(run, &column, &mut counts);
    check_attribution(run, &column, start);
    if !counts.ruined {
        check_excess_ratios(run, panel, &equity, &column);
    }
    if opening {
        // Fills at the close of the rebalance belong to its own row, so the tables lack the NAV before them.
        return counts;
    }
    if optional(run, "participation_cap").is_none() {
        check_orders(run, &prices, &fills, &seqs, &column["nav"]);
    }
    counts.turnover_max = check_turnover(run, &prices, &fills, &seqs, &column);
    near(
        run.summary["turnover"]["max"].as_f64().unwrap(),
        counts.turnover_max,
        1.0,
        "turnover",
        "summary.json",
    );
    counts
}

/// Checks the figures against `nav.pct_change()`; a ruined account has only -100 %.
fn check_metrics(run: &Run, column: &BTreeMap<&str, Vec<f64>>, counts: &mut RunCounts) {
    let nav = &column["nav"];
    let returns: Vec<f64> = nav.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let net = &run.summary["metrics"]["net"];
    let ruined = nav.iter().position(|nav| *nav <= 0.0);
    counts.ruined = ruined.is_some();
    let outcome = &run.summary["outcome"];
    let Some(at) = ruined else {
        assert_eq!(outcome["kind"], "completed");
        let total: f64 = returns.iter().map(|r| 1.0 + r).product();
        near(net["total_return"].as_f64().unwrap(), total - 1.0, 1.0, "total return", "summary.json");
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0);
        let year = 252.0 * run.number("data", "frames_per_day");
        let sharpe = mean / variance.sqrt() * year.sqrt();
        near(net["sharpe"].as_f64().unwrap(), sharpe, sharpe.abs().max(1.0), "Sharpe ratio", "summary.json");
        return;
    };
    assert_eq!(at, nav.len() - 1, "frames follow the ruin");
    assert_eq!(outcome["kind"], "ruined");
    assert!(outcome["at"].is_string());
    for (name, value) in net.as_object().unwrap() {
        match name.as_str() {
            "total_return" | "annual_return" | "max_drawdown" => assert_eq!(*value, -1.0, "{name}"),
            _ => assert!(value.is_null(), "{name}: {value}"),
        }
    }
    let gross = &run.summary["metrics"]["gross"];
    for name in ["sharpe", "sortino", "calmar", "omega", "tail_ratio"] {
        assert!(gross[name].is_null(), "gross {name}");
    }
    assert!(gross["total_return"].as_f64().unwrap() >= -1.0);
}

/// Checks that a fill has the price of its frame and the decision price of an earlier rebalance.
fn check_fill(run: &Run, prices: &Prices<'_>, fill: &Fill, last: Option<f64>, counts: &mut RunCounts) {
    let place = format!("{} on frame {}", fill.symbol, fill.seq);
    let bar = prices.bar(fill.seq, &fill.symbol);
    near(fill.notional, fill.quantity * fill.price, fill.notional.abs().max(1.0), "notional", &place);
    if fill.is("ruin") {
        assert_eq!(
            (Some(fill.price), fill.decided, fill.costs),
            (last, -1, [0.0; 3]),
            "{place}: not at the last price"
        );
        return;
    }
    if fill.is("delisting") {
        counts.delistings += 1;
        assert!(bar.is_none() && fill.decided == -1, "{place}: the delisting has a bar or an order");
        let haircut =
            run.number("execution", "delisting_haircut") * run.number("world", "haircut_multiplier");
        let price = last.map(|last| last * (1.0 - haircut.min(1.0)));
        assert_eq!(
            Some(fill.price),
            price,
            "{place}: the delisting is not at the last close minus the haircut"
        );
        assert_eq!(fill.costs, [0.0; 3], "{place}: the delisting has costs");
        return;
    }
    let lot = run.number("execution", "lot");
    if fill.is("cash_in_lieu") {
        counts.fractions += 1;
        assert!(fill.decided == -1 && fill.costs == [0.0; 3], "{place}: cash in lieu has an order or costs");
        assert!(fill.quantity.abs() < lot, "{place}: {} is not a fraction of {lot}", fill.quantity);
        assert_eq!(Some(fill.price), bar.map(|bar| bar.close).or(last), "{place}: not at the close");
        return;
    }
    let bar = bar.unwrap_or_else(|| panic!("{place}: no bar to fill at"));
    let price = match run.setting("execution", "fill_at").as_str().unwrap() {
        "open" => bar.open,
        "typical" => (bar.high() + bar.low() + bar.close) / 3.0,
        "vwap" => (bar.open + bar.high() + bar.low() + bar.close) / 4.0,
        _ => bar.close,
    };
    near(fill.price, price, price, "price", &place);
    assert!(fill.is("order"), "{place}: {}", fill.reason);
    let delay = if counts.opening { 0 } else { run.number("execution", "delay_bars") as i64 };
    assert!(
        (0..=fill.seq - delay).contains(&fill.decided),
        "{place}: decided on {} before it fills",
        fill.decided
    );
    let decision = prices.bar(fill.decided, &fill.symbol).map(|bar| bar.close).unwrap();
    let splits = (fill.decided + 1..=fill.seq).filter_map(|seq| prices.bar(seq, &fill.symbol)?.split);
    let ratio: f64 = splits.product();
    near(fill.decision_price, decision / ratio, decision, "decision price", &place);
    let carries = run.setting("execution", "unfilled").as_str() == Some("carry");
    let late = fill.seq - fill.decided - delay;
    // The next rebalance cancels carried orders; in its frame they still fill.
    let last = run.number("sizing", "rebalance_every") as i64 - delay;
    assert!(late == 0 || carries && (0..=last).contains(&late), "{place}: {late} frames late");
    counts.carried += usize::from(late > 0);
    let lots = fill.quantity / lot;
    let whole = (lots - lots.round()).abs() < 1e-9 * lots.abs();
    assert!(lot == 0.0 || whole, "{place}: {} is not in lots of {lot}", fill.quantity);
    let taken = counts.taken.entry(fill.symbol.clone()).or_default();
    *taken += fill.quantity.abs();
    if let Some(cap) = optional(run, "participation_cap") {
        assert!(*taken <= cap * bar.volume * (1.0 + TOLERANCE), "{place}: {taken} of {}", bar.volume);
    }
    let [commission, spread, impact] = fill.costs;
    let size = fill.notional.abs();
    let execution = |key: &str| run.number("execution", key);
    let order = counts.charged.entry((fill.decided, fill.symbol.clone())).or_default();
    order[0] +=
        size * execution("commission_bps") * 1e-4 + fill.quantity.abs() * execution("commission_per_share");
    let due = order[0].max(execution("commission_min"));
    near(commission, due - order[1], size, "commission", &place);
    order[1] = due;
    near(spread, size * half_spread_bps(run, bar) * 1e-4, size, "spread", &place);
    near(impact, impact_of(run, prices, fill), size, "impact", &place);
}

fn optional(run: &Run, key: &str) -> Option<f64> {
    run.config["execution"].get(key).and_then(toml::Value::as_float)
}

fn half_spread_bps(run: &Run, bar: &Bar) -> f64 {
    if run.setting("execution", "spread_model").as_str() == Some("quotes") {
        // The panel has quotes at 5 bps on each side of the close.
        return 5.0;
    }
    let given = run.config["execution"].get("half_spreads").and_then(|table| table.get(&bar.symbol));
    let given = given.and_then(|bps| bps.as_float().or(bps.as_integer().map(|bps| bps as f64)));
    given.unwrap_or_else(|| run.number("execution", "half_spread_bps"))
}

/// Notional × (η σ (Q/V)^p + ½ γ σ Q/V); σ and V of the days before the fill.
fn impact_of(run: &Run, prices: &Prices<'_>, fill: &Fill) -> f64 {
    let execution = |key: &str| run.number("execution", key);
    let (eta, gamma) = (execution("impact_coefficient"), execution("permanent_impact_coefficient"));
    if eta == 0.0 && gamma == 0.0 {
        return 0.0;
    }
    let window = execution("impact_window") as usize;
    let bars: Vec<&Bar> = (0..=fill.seq).rev().filter_map(|seq| prices.bar(seq, &fill.symbol)).collect();
    // Units of today per unit of an earlier day, going backwards; the first bar is that of the fill.
    let mut units = bars[0].split.unwrap_or(1.0);
    let (mut volumes, mut returns) = (Vec::new(), Vec::new());
    for (at, bar) in bars.iter().enumerate().skip(1).take(window) {
        volumes.push(bar.volume * units);
        // The first day has a volume but no return.
        if let Some(before) = bars.get(at + 1) {
            let total = (bar.close + bar.dividend.unwrap_or(0.0)) * bar.split.unwrap_or(1.0);
            returns.push(total / before.close - 1.0);
        }
        units *= bar.split.unwrap_or(1.0);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if returns.len() < 2 {
        return 0.0;
    }
    let around = mean(&returns);
    let squares: f64 = returns.iter().map(|r| (r - around) * (r - around)).sum();
    let volatility = (squares / (returns.len() as f64 - 1.0)).sqrt();
    let share = fill.quantity.abs() / mean(&volumes);
    fill.notional.abs() * volatility * (eta * share.powf(execution("impact_exponent")) + 0.5 * gamma * share)
}

/// Checks that the parts of each frame's change add up, and that instruments add up to the run.
fn check_attribution(run: &Run, column: &BTreeMap<&str, Vec<f64>>, start: f64) {
    let table = run.table("attribution");
    let names: Vec<String> = table.columns().into_iter().map(|(name, _)| name).collect();
    let parts = &names[names.iter().position(|name| name == "change").unwrap() + 1..];
    let numbers: Vec<Vec<f64>> = parts.iter().map(|name| table.numbers(name)).collect();
    let change = table.numbers("change");
    let nav = &column["nav"];
    for row in 0..table.rows() {
        let before = if row == 0 { start } else { nav[row - 1] };
        let place = format!("row {row} of attribution");
        near(change[row], nav[row] - before, start, "change", &place);
        near(numbers.iter().map(|part| part[row]).sum(), change[row], start, "sum of the parts", &place);
    }
    for (part, numbers) in parts.iter().zip(&numbers) {
        if COSTS.contains(&part.as_str()) {
            for (row, cost) in column[part.as_str()].iter().enumerate() {
                near(-numbers[row], *cost, start, part, &format!("row {row} of attribution"));
            }
        }
    }
    let sums = run.table("contributions");
    let total = sums.numbers("total");
    near(total.iter().sum(), nav[nav.len() - 1] - start, start, "total", "contributions");
    for (part, numbers) in parts.iter().zip(&numbers) {
        let (by_instrument, by_frame) = (sums.numbers(part).iter().sum(), numbers.iter().sum::<f64>());
        near(by_instrument, by_frame, start, part, "contributions");
    }
}

/// Checks Sharpe and Sortino ratios of excess returns: net, gross and benchmark.
fn check_excess_ratios(run: &Run, panel: &Panel, equity: &Table, column: &BTreeMap<&str, Vec<f64>>) {
    let (seqs, nav, benchmark) = (equity.integers("seq"), &column["nav"], equity.numbers("benchmark_nav"));
    let per_year = run.number("data", "days_per_year") * run.number("data", "frames_per_day");
    let costs = |row: usize| COSTS.iter().map(|name| column[name][row]).sum::<f64>();
    let excess = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (1..nav.len()).map(|row| of(row) - panel.factors[seqs[row] as usize][2]).collect()
    };
    for (kind, returns) in [
        ("net", excess(&|row| nav[row] / nav[row - 1] - 1.0)),
        ("gross", excess(&|row| (nav[row] - nav[row - 1] + costs(row)) / nav[row - 1])),
        ("benchmark", excess(&|row| benchmark[row] / benchmark[row - 1] - 1.0)),
    ] {
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0);
        let downside = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / count;
        for (name, expected) in [
            ("sharpe_excess", mean / variance.sqrt() * per_year.sqrt()),
            ("sortino_excess", mean / downside.sqrt() * per_year.sqrt()),
        ] {
            let found = run.summary["metrics"][kind][name].as_f64().unwrap();
            near(found, expected, expected.abs().max(1.0), name, kind);
        }
    }
}

/// Checks that an order is the target minus held quantity minus orders in flight. Uses the instrument with a
/// bar in every frame, because all its orders fill.
fn check_orders(run: &Run, prices: &Prices<'_>, fills: &[Fill], seqs: &[i64], nav: &[f64]) {
    let symbol = "S00";
    let fills: Vec<&Fill> = fills.iter().filter(|fill| fill.symbol == symbol && fill.is("order")).collect();
    let sum = |counts: &dyn Fn(&Fill) -> bool| -> f64 {
        fills.iter().filter(|fill| counts(fill)).map(|fill| fill.quantity).sum()
    };
    let targets = weights(run, "target_weight");
    let delay = run.number("execution", "delay_bars") as i64;
    let (every, lot) = (run.number("sizing", "rebalance_every") as usize, run.number("execution", "lot"));
    for (&seq, &nav) in
        seqs.iter().zip(nav).step_by(every).filter(|(seq, _)| **seq + delay <= seqs[seqs.len() - 1])
    {
        let price = prices.bar(seq, symbol).map(|bar| bar.close).expect("it has a bar in every frame");
        let target = targets.get(&seq).and_then(|weights| weights.iter().find(|(name, _)| name == symbol));
        let wanted = target.map_or(0.0, |(_, weight)| weight * nav / price);
        let held_or_in_flight = sum(&|fill| fill.seq <= seq || fill.decided < seq);
        let missed = wanted - held_or_in_flight - sum(&|fill| fill.decided == seq);
        let allowed = lot + TOLERANCE * nav / price;
        // With lots, a purchase is reduced if rounded sales would leave too much gross exposure.
        let gave_way = lot > 0.0 && missed * wanted > 0.0;
        assert!(missed.abs() <= allowed || gave_way, "frame {seq}: {symbol}: misses the target by {missed}");
    }
}

/// Checks that the turnover per UTC date, rebuilt from quantities and decision prices, is below the cap, and
/// equals the column if every order could fill. Returns the largest turnover of a date in the column.
fn check_turnover(
    run: &Run,
    prices: &Prices<'_>,
    fills: &[Fill],
    seqs: &[i64],
    column: &BTreeMap<&str, Vec<f64>>,
) -> f64 {
    let mut of_decision = BTreeMap::<i64, f64>::new();
    for fill in fills.iter().filter(|fill| fill.is("order")) {
        let nav = column["nav"][(fill.decided - seqs[0]) as usize];
        *of_decision.entry(fill.decided).or_default() += fill.quantity.abs() * fill.decision_price / nav;
    }
    let cap = run.number("sizing", "turnover_cap");
    let every = run.number("sizing", "rebalance_every") as i64;
    let delay = run.number("execution", "delay_bars") as i64;
    let capped = optional(run, "participation_cap").is_some();
    let (mut by_date, mut complete) = (BTreeMap::<i64, [f64; 2]>::new(), 0);
    for (row, &seq) in seqs.iter().enumerate() {
        let (decided, filled) = (column["turnover"][row], of_decision.get(&seq).copied().unwrap_or(0.0));
        let place = format!("frame {seq}");
        assert!(
            (seq - seqs[0]) % every == 0 || decided == 0.0 && filled == 0.0,
            "{place}: turnover without a rebalance"
        );
        assert!(filled <= decided + TOLERANCE, "{place}: {filled} was filled of {decided}");
        let all = prices.frames.get(prices.panel.times.get((seq + delay) as usize).unwrap_or(&0));
        let symbols: BTreeSet<&str> =
            prices.frames[&prices.panel.times[seq as usize]].keys().copied().collect();
        // Orders in flight at the end have no fill.
        let comes = seq + delay <= seqs[seqs.len() - 1];
        if comes && all.is_some_and(|bars| symbols.iter().all(|symbol| bars.contains_key(symbol))) {
            complete += 1;
            // With lots, an order may lose a fraction in a split.
            let splits = |seq: i64| prices.frames[&prices.panel.times[seq as usize]].values();
            let is_split = (seq + 1..=seq + delay).any(|seq| splits(seq).any(|bar| bar.split.is_some()));
            let rounded = is_split && run.number("execution", "lot") > 0.0;
            if !(capped || rounded) {
                near(filled, decided, 1.0, "turnover of the fills", &place);
            }
        }
        let date = by_date.entry(prices.panel.times[seq as usize] / DAY_NS).or_default();
        *date = [date[0] + decided, date[1] + filled];
    }
    assert!(complete > 0, "no frame in which every order could fill");
    let largest = by_date.values().flatten().copied().fold(0.0, f64::max);
    assert!(largest <= cap + TOLERANCE, "{largest} of {cap} was traded on one date");
    largest
}

/// Column of weights.parquet by frame: symbol and value in row order, without nulls.
fn weights(run: &Run, name: &str) -> BTreeMap<i64, Vec<(String, f64)>> {
    let table = run.table("weights");
    let rows = table.integers("seq").into_iter().zip(table.texts("symbol")).zip(table.numbers(name));
    let mut frames = BTreeMap::<_, Vec<_>>::new();
    for ((seq, symbol), weight) in rows.filter(|(_, weight)| !weight.is_nan()) {
        frames.entry(seq).or_default().push((symbol, weight));
    }
    frames
}

/// Digest chain, computed from the tables by its definition.
fn digest(run: &Run) -> String {
    let equity = run.table("equity");
    let (nav, cash) = (equity.numbers("nav"), equity.numbers("cash"));
    let (fills, targets) = (fills(run), weights(run, "target_weight"));
    let mut chain = [0_u8; 32];
    for (row, (time, seq)) in equity.times().into_iter().zip(equity.integers("seq")).enumerate() {
        let mut bytes = chain.to_vec();
        let mut put = |part: &[u8]| bytes.extend_from_slice(part);
        put(&time.to_le_bytes());
        put(&seq.to_le_bytes());
        put(&nav[row].to_le_bytes());
        put(&cash[row].to_le_bytes());
        let fills: Vec<&Fill> = fills.iter().filter(|fill| fill.seq == seq).collect();
        put(&(fills.len() as u64).to_le_bytes());
        for fill in fills {
            put(&(fill.symbol.len() as u64).to_le_bytes());
            put(fill.symbol.as_bytes());
            put(&fill.decided.to_le_bytes());
            let [commission, spread, impact] = fill.costs;
            // The last field is reserved.
            for value in [fill.quantity, fill.price, commission, spread, impact, 0.0] {
                put(&value.to_le_bytes());
            }
        }
        let none = Vec::new();
        let wanted = targets.get(&seq).unwrap_or(&none).iter().filter(|(_, weight)| *weight != 0.0);
        put(&(wanted.clone().count() as u64).to_le_bytes());
        for (symbol, weight) in wanted {
            put(&(symbol.len() as u64).to_le_bytes());
            put(symbol.as_bytes());
            put(&weight.to_le_bytes());
        }
        chain = Sha256::digest(&bytes).into();
    }
    chain.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replays a panel in each case and audits the run.
fn check(panel: &Panel, common: &[&str], cases: &[Case<'_>]) {
    let folder = folder();
    let data = panel.write(folder.path());
    for (number, (name, settings, happened)) in cases.iter().enumerate() {
        let settings: Vec<&str> = settings.split_whitespace().chain(common.iter().copied()).collect();
        let run = run(folder.path(), &format!("run-{number}"), &joined("replay", &data, &settings));
        let counts = audit(&run, panel);
        assert!(happened(&counts), "{name}: the case tests nothing: {counts:?}");
        assert_eq!(digest(&run), run.digest(), "{name}: the digest follows from the tables");
    }
}

#[test]
fn every_number_of_a_run_follows_from_fills_and_prices() {
    check(&Panel::new(11, 420, 12).acting(), &["record.weights=all", "estimator.warmup=60"], &CASES);
}

#[test]
fn turnover_cap_applies_to_all_frames_of_a_date_together() {
    let common = ["record.weights=all", "estimator.warmup=15", "data.frames_per_day=4"];
    let cases: [Case<'_>; 3] = [
        ("defaults", "strategy.kind=equal_weight", |counts| {
            counts.fills > 100 && counts.turnover_max > 0.0799
        }),
        (
            "late",
            "strategy.kind=equal_weight execution.delay_bars=3 sizing.turnover_cap=0.03 execution.lot=1",
            |counts| counts.fills > 100 && counts.turnover_max > 0.0299,
        ),
        (
            "interest over night",
            "execution.cash_interest=0.05 execution.delisting_haircut=0.1 strategy.kind=equal_weight",
            |counts| counts.delistings > 0 && counts.sum["interest"] > 0.0,
        ),
    ];
    check(&Panel::of_bars(12, 100, &[15, 17, 19, 21], 8), &common, &cases);
}

#[test]
fn ruined_account_can_be_rebuilt() {
    let common = ["record.weights=all", "estimator.warmup=60", "execution.financing_bps_per_year=200"];
    let ruined: fn(&RunCounts) -> bool = |counts| counts.ruined;
    let long = "sizing.gross_max=4 sizing.weight_max=1 sizing.net_target=3 sizing.turnover_cap=2 strategy.kind=equal_weight";
    let short = "sizing.gross_max=4 sizing.weight_min=-1 sizing.weight_max=0.2 sizing.net_target=-2 sizing.turnover_cap=2 \
                 execution.borrow_bps_per_year=300 execution.delist_after=5 execution.delisting_haircut=0.5";
    for (factor, settings) in [(0.2, long), (4.0, short)] {
        let mut panel = Panel::new(31, 300, 8).acting();
        let at = panel.times[220];
        for bar in panel.bars.iter_mut().filter(|bar| bar.time >= at) {
            bar.open *= factor;
            bar.close *= factor;
        }
        let late = format!("{settings} execution.delay_bars=2 execution.unfilled=carry");
        let same = format!("{settings} execution.fill_at=same_close");
        for (name, settings) in [("plain", settings), ("late", &late), ("at the same close", &same)] {
            let name = format!("{name}, prices times {factor}");
            check(&panel, &common, &[(&name, settings, ruined)]);
        }
    }
}
