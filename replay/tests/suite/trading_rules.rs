//! Reasons that keep a run from trading: bars without volume, limits that cannot be met, rebalances without
//! orders.

use std::collections::BTreeSet;

use crate::support::{Panel, Run, call, folder, joined, run};

fn has(run: &Run, code: &str) -> bool {
    run.summary["warning_codes"].as_array().unwrap().iter().any(|found| found == code)
}

fn count(run: &Run, table: &str, key: &str) -> u64 {
    run.summary[table][key].as_u64().unwrap_or_else(|| panic!("{table}.{key}"))
}

/// Sets volume 0 on some bars from the 40th frame on, and on all of S05; returns the bars with a stale price.
fn thin(panel: &mut Panel) -> BTreeSet<(i64, String)> {
    let late = panel.times[40];
    let (mut stale, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for (at, bar) in panel.bars.iter_mut().enumerate() {
        if bar.symbol == "S05" {
            bar.volume = 0.0;
        } else if bar.time >= late && at % 3 == 0 {
            bar.volume = 0.0;
            // Before its first volume above 0 an instrument has no volume data.
            if shown.contains(&bar.symbol) {
                stale.insert((bar.time, bar.symbol.clone()));
            }
        } else {
            shown.insert(bar.symbol.clone());
        }
    }
    stale
}

#[test]
fn no_order_fills_on_a_bar_without_volume() {
    let cases: [(&str, &[i64], &str); 6] = [
        ("close", &[0], ""),
        ("open", &[0], "execution.fill_at=open execution.unfilled=carry sizing.rebalance_every=3"),
        ("intraday", &[15, 18, 21], "data.frames_per_day=3"),
        ("same close", &[0], "execution.fill_at=same_close"),
        ("impact", &[0], "execution.impact_coefficient=1"),
        ("participation cap", &[0], "execution.participation_cap=0.1 execution.nav=1e4"),
    ];
    for (number, (name, hours, settings)) in cases.into_iter().enumerate() {
        let folder = folder();
        let mut panel = Panel::of_bars(5, 200, hours, 8);
        let stale = thin(&mut panel);
        let data = panel.write(folder.path());
        let mut all = vec!["estimator.warmup=30", "strategy.kind=equal_weight", "sizing.weight_max=0.3"];
        all.extend(settings.split_whitespace());
        let run = run(folder.path(), &format!("run-{number}"), &joined("replay", &data, &all));
        assert_eq!(count(&run, "execution", "bars_without_volume"), stale.len() as u64, "{name}");
        assert_eq!(count(&run, "execution", "instruments_without_volume"), 1, "{name}");
        assert!(has(&run, "bars_without_volume"), "{name}");
        let fills = run.table("fills");
        let fills: Vec<(i64, String)> = fills.times().into_iter().zip(fills.texts("symbol")).collect();
        assert!(fills.len() > 50, "{name}: too few fills");
        assert!(fills.iter().all(|fill| !stale.contains(fill)), "{name}");
        // S05 never has volume: it fills only where no volume is needed.
        let needs = settings.contains("impact") || settings.contains("participation");
        assert_eq!(fills.iter().any(|(_, symbol)| symbol == "S05"), !needs, "{name}");
        let code = if needs { "not_tradable_without_volume" } else { "no_volume_data" };
        assert!(has(&run, code), "{name}");
        let cancelled = count(&run, "execution", "cancelled_without_volume");
        assert_eq!(cancelled > 0, has(&run, "orders_cancelled_without_volume"), "{name}");
        assert_eq!(cancelled == 0, name == "same close", "{name}");
        assert_eq!(count(&run, "execution", "fills_of_unknown_impact"), 0, "{name}");
    }
}

#[test]
fn unreachable_budget_is_counted_and_reported() {
    let folder = folder();
    let panel = Panel::new(3, 200, 5);
    let data = panel.write(folder.path());
    let mut number = 0;
    let mut of = |settings: &[&str]| {
        number += 1;
        let all = [&["estimator.warmup=30", "sizing.turnover_cap=2"], settings].concat();
        let run = run(folder.path(), &format!("run-{number}"), &joined("replay", &data, &all));
        assert_eq!(count(&run, "sizing", "budget_out_of_reach") > 0, has(&run, "budget_out_of_reach"));
        run
    };
    let from_returns = "strategy.from=returns";
    for strategy in [
        vec!["strategy.kind=max_sharpe"],
        vec!["strategy.kind=min_variance"],
        vec!["strategy.kind=min_variance", from_returns, "strategy.window=20"],
        vec!["strategy.kind=equal_weight"],
    ] {
        let invested =
            |run: &Run| run.table("equity").numbers("gross_exposure").into_iter().fold(0.0, f64::max);
        let few = of(&strategy);
        assert!(count(&few, "sizing", "budget_out_of_reach") > 100, "{strategy:?}");
        assert!(invested(&few) < 0.55, "{strategy:?}");
        let wide = of(&[&strategy[..], &["sizing.weight_max=1"]].concat());
        assert_eq!(count(&wide, "sizing", "budget_out_of_reach"), 0, "{strategy:?}");
        assert!(invested(&wide) > 0.95, "{strategy:?}: the bound of sizing applies");
        let half = of(&[&strategy[..], &["sizing.weight_max=1", "sizing.gross_max=0.5"]].concat());
        assert!(has(&half, "budget_out_of_reach"), "{strategy:?}");
    }
    // A strategy with forecasts has no budget.
    assert!(!has(&of(&["strategy.kind=quarter_kelly"]), "budget_out_of_reach"));
    let ended = call(
        folder.path(),
        &joined("replay", &data, &["strategy.kind=max_sharpe", "strategy.weight_max=0.2"]),
    );
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("sizing.weight_max"), "{}", ended.err);
}

#[test]
fn run_without_orders_reports_the_reasons() {
    let folder = folder();
    let panel = Panel::new(3, 120, 8);
    let data = panel.write(folder.path());
    let cases = [
        ("cap_is_zero", "sizing.turnover_cap=0"),
        ("lot_too_large", "execution.lot=1000000"),
        ("cost_above_gain", "execution.half_spread_bps=5000"),
        ("at_target", "strategy.kind=flat"),
        ("no_forecast", "strategy.kind=max_sharpe strategy.from=returns strategy.window=500"),
        ("not_tradable", "execution.impact_coefficient=1 execution.impact_window=1000"),
    ];
    for (number, (reason, settings)) in cases.into_iter().enumerate() {
        let settings: Vec<&str> = settings.split_whitespace().chain(["estimator.warmup=30"]).collect();
        let without_volume = reason == "not_tradable";
        let mut panel = panel.clone();
        panel.bars.iter_mut().filter(|_| without_volume).for_each(|bar| bar.volume = 0.0);
        let data = if without_volume { panel.write(folder.path()) } else { data.clone() };
        let run = run(folder.path(), &format!("run-{number}"), &joined("replay", &data, &settings));
        let reasons = &run.summary["sizing"]["no_trade_reasons"];
        let decisions = count(&run, "sizing", "decisions");
        assert_eq!(reasons[reason].as_u64(), Some(decisions), "{reason}: {reasons}");
        assert!(has(&run, "nothing_ordered"), "{reason}");
        let sum: u64 = reasons.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(sum, count(&run, "sizing", "no_trade"), "{reason}");
    }
    // In a run with orders, the reasons of the other rebalances are counted.
    let settings = ["estimator.warmup=30", "sizing.rebalance_drift=0.02", "execution.half_spread_bps=30"];
    let data = panel.write(folder.path());
    let run = run(folder.path(), "drift", &joined("replay", &data, &settings));
    let reasons = run.summary["sizing"]["no_trade_reasons"].as_object().unwrap();
    let sum: u64 = reasons.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, count(&run, "sizing", "no_trade"));
    assert!(reasons["within_drift"].as_u64() > Some(0) && !has(&run, "nothing_ordered"));
}

#[test]
fn share_that_looks_like_percent_is_reported() {
    let folder = folder();
    let data = Panel::new(3, 60, 4).write(folder.path());
    let cases = [
        ("sizing.turnover_cap=8", true),
        ("sizing.turnover_cap=2", false),
        ("sizing.weight_max=10", true),
        ("sizing.weight_max=1", false),
        ("sizing.gross_max=100", true),
        ("sizing.gross_max=2", false),
        ("execution.cash_interest=3", true),
        ("execution.cash_interest=0.03", false),
    ];
    for (number, (setting, warned)) in cases.into_iter().enumerate() {
        let settings = [setting, "estimator.warmup=30"];
        let run = run(folder.path(), &format!("run-{number}"), &joined("replay", &data, &settings));
        assert_eq!(has(&run, "percent_for_share"), warned, "{setting}");
    }
}

#[test]
fn excess_ratio_of_cash_at_the_risk_free_rate_is_null() {
    let folder = folder();
    let data = Panel::new(12, 90, 4).write(folder.path());
    for fill_at in ["close", "open", "same_close"] {
        let fill = format!("execution.fill_at={fill_at}");
        let settings =
            ["estimator.warmup=30", "strategy.kind=flat", "execution.cash_interest=rf", fill.as_str()];
        let run = run(folder.path(), fill_at, &joined("replay", &data, &settings));
        let equity = run.table("equity");
        assert!(equity.numbers("interest")[1] != 0.0, "{fill_at}: cash earns interest from the first frame");
        for side in ["net", "gross"] {
            for ratio in ["sharpe_excess", "sortino_excess"] {
                let found = &run.summary["metrics"][side][ratio];
                assert!(found.is_null(), "{fill_at}, {side}: {ratio} is {found}");
            }
        }
    }
}
