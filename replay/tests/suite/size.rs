//! `size` prints a problem with its optimal solution, and every strategy stays within the limits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{DAY_NS, Panel, call, folder, joined, run, sets};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::INFINITY)).collect()
}

/// Residual of the optimality conditions (Boyd & Vandenberghe 5.5.3) with max|forecast| = 1, computed from
/// the JSON.
fn residual(shown: &Value) -> f64 {
    let (problem, solution) = (&shown["problem"], &shown["solution"]);
    let column = |name: &str| numbers(&problem[name]);
    let (forecast, held, cost) = (column("forecast"), column("held"), column("cost"));
    // Empty without market impact.
    let impact = column("impact");
    let (lower, upper, own) = (column("lower"), column("upper"), column("idiosyncratic_variance"));
    let weights = numbers(&solution["weights"]);
    let names: Vec<&str> =
        problem["factors"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    let exposures: Vec<Vec<f64>> = names.iter().map(|name| numbers(&problem["exposures"][name])).collect();
    let covariance: Vec<Vec<f64>> =
        problem["factor_covariance"].as_array().unwrap().iter().map(numbers).collect();
    let book: Vec<f64> = exposures.iter().map(|b| b.iter().zip(&weights).map(|(b, w)| b * w).sum()).collect();
    let common: Vec<f64> =
        covariance.iter().map(|row| row.iter().zip(&book).map(|(c, x)| c * x).sum()).collect();
    let price = |name: &str| solution["multipliers"][name].as_f64().unwrap();
    let bounds = problem["exposure_bounds"].as_array().unwrap();
    let scale = forecast.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let mut worst = 0.0_f64;
    for i in 0..weights.len() {
        let systematic: f64 = exposures.iter().zip(&common).map(|(b, c)| b[i] * c).sum();
        let risk = (systematic + own[i] * weights[i]) / problem["kelly_fraction"].as_f64().unwrap();
        let mut value = forecast[i] - risk - price("net");
        for (bound, price) in bounds.iter().zip(numbers(&solution["multipliers"]["exposures"])) {
            let factor = names.iter().position(|name| bound["factor"] == *name).unwrap();
            value -= price * exposures[factor][i];
        }
        let sign = |of: f64, end: f64| if of == 0.0 { end } else { of.signum() };
        let paid = |end: f64| {
            let moved = 1.5 * impact.get(i).unwrap_or(&0.0) * (weights[i] - held[i]).abs().sqrt();
            (cost[i] + moved + price("turnover_cap")) * sign(weights[i] - held[i], end)
                + price("gross") * sign(weights[i], end)
        };
        let too_much = if weights[i] <= lower[i] { 0.0 } else { paid(-1.0) - value };
        let too_little = if weights[i] >= upper[i] { 0.0 } else { value - paid(1.0) };
        worst = worst.max(too_much).max(too_little);
    }
    worst / scale
}

#[test]
fn size_prints_a_problem_and_its_optimal_solution() {
    let folder = folder();
    let cases = [
        vec![],
        vec!["sizing.weight_min=-0.1", "sizing.net_target=0.1", "sizing.gross_max=0.8"],
        vec!["sizing.weight_min=-0.1", "sizing.exposure_bounds={mkt=[-0.02,0.02], mom=[0,0.1]}"],
        vec!["sizing.turnover_cap=0.01", "sizing.kelly_fraction=1"],
    ];
    for settings in cases {
        for date in ["2017-03-01", "2020-03-16"] {
            let arguments = [vec!["size", "--at", date, "--json"], sets(&settings)].concat();
            let ended = call(folder.path(), &arguments);
            assert_eq!(ended.code, Some(0), "{}", ended.err);
            let shown: Value = serde_json::from_str(&ended.out).unwrap();
            assert_eq!(shown["timestamp"], date);
            let found = residual(&shown);
            assert!(found < 1e-8, "{settings:?} {date}: {found:e}");
            let solution = &shown["solution"];
            assert_eq!(solution["converged"], true);
            let turnover = solution["turnover"].as_f64().unwrap();
            assert!(turnover <= shown["problem"]["turnover_left"].as_f64().unwrap() + 1e-10);
            // The frontier is increasing and concave, and its multiplier is its slope.
            let frontier = shown["frontier"].as_array().unwrap();
            let point = |at: usize, name: &str| frontier[at][name].as_f64().unwrap();
            for at in 1..frontier.len() {
                if frontier[at - 1]["within_limits"] == false {
                    continue;
                }
                let slope = (point(at, "growth") - point(at - 1, "growth"))
                    / (point(at, "cap") - point(at - 1, "cap"));
                let [left, right] = [at - 1, at].map(|at| point(at, "multiplier"));
                assert!(
                    slope <= left * (1.0 + 1e-6) + 1e-12 && slope >= right * (1.0 - 1e-6) - 1e-12,
                    "{settings:?} {date} {at}: {left} {slope} {right}"
                );
            }
            for (name, given) in shown["growth_given_up"].as_object().unwrap() {
                assert!(given.as_f64().unwrap() >= 0.0, "{name}");
            }
        }
    }
    let ended = call(folder.path(), &["size", "--at", "2020-03-16"]);
    for word in ["Turnover cap", "Marginal value", "Trades: ", "Growth given up", "Frontier"] {
        assert!(ended.out.contains(word), "{word}: {}", ended.out);
    }
}

#[test]
fn problem_contains_the_costs_of_each_instrument() {
    let folder = folder();
    let data = Panel::new(21, 200, 8).acting().write(folder.path());
    let common = "estimator.warmup=60 execution.nav=1e7 sizing.weight_min=-0.1";
    let cases = [
        "execution.impact_coefficient=1",
        "execution.impact_coefficient=0.3 execution.impact_exponent=0.6 execution.permanent_impact_coefficient=0.3",
        "execution.half_spreads={S00=1,S02=30} execution.commission_per_share=0.02",
        "execution.spread_model=quotes execution.impact_coefficient=1 sizing.turnover_cap=0.01",
    ];
    for case in cases {
        let settings: Vec<&str> = common.split(' ').chain(case.split(' ')).collect();
        let arguments = [joined("size", &data, &settings), vec!["--at", "2015-08-20", "--json"]].concat();
        let ended = call(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let shown: Value = serde_json::from_str(&ended.out).unwrap();
        let found = residual(&shown);
        assert!(found < 1e-8, "{case}: {found:e}");
        let cost = numbers(&shown["problem"]["cost"]);
        let uniform = cost.iter().all(|c| *c == cost[0]);
        assert_eq!(uniform, case.starts_with("execution.impact"), "{case}: {cost:?}");
        let moved = numbers(&shown["problem"]["impact"]);
        assert_eq!(moved.iter().any(|c| *c > 0.0), case.contains("impact_coefficient"), "{case}");
    }
}

#[test]
fn target_weights_are_shown_with_the_multipliers_of_their_bounds() {
    let folder = folder();
    let arguments = ["size", "--at", "2016-06-01", "--set", "strategy.kind=equal_weight", "--json"];
    let ended = call(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    let bounds = numbers(&shown["solution"]["multipliers"]["bounds"]);
    assert_eq!(bounds.len(), numbers(&shown["solution"]["weights"]).len());
}

#[test]
fn date_without_a_rebalance_is_refused_with_the_reason() {
    let folder = folder();
    let cases = [
        (vec!["--at", "2016-02-03", "--set", "data.trade_from=2099-01-01"], "data.trade_from"),
        (vec!["--at", "2020-03-15"], "the last one before the date at 2020-03-13"),
        (vec!["--at", "2014-02-03"], "estimator.warmup"),
        (vec!["--at", "2020-03-16", "--set", "sizing.rebalance_at=15:30"], "sizing.rebalance_at"),
        (vec!["--at", "2020-03-16", "--set", "sizing.rebalance_drift=9"], "decided not to trade"),
        (vec!["--at", "2020-03-16", "--from", "2021-01-01"], "set by --at"),
        (vec!["--at", "yesterday"], "a date such as 2015-01-31"),
        (vec!["--at", "2020-03-16", "--set", "sizing.exposure_bounds={mkd=[0,1]}"], "mkd"),
        (vec!["--at", "2020-03-16", "--set", "sizing.exposure_bounds={mkt=[1,0]}"], "in this order"),
        (vec!["--at", "2020-03-16", "--set", "sizing.rebalance_at=25:00"], "a time of day"),
        (vec!["--at", "2020-03-16", "--set", "strategy.alpha_shrink=2"], "a number from 0 to 1"),
        (
            vec!["--at", "2020-03-16", "--set", "sizing.cap_method=scale", "--set", "sizing.net_target=0"],
            "because net_target, exposure_bounds or active is set",
        ),
    ];
    for (arguments, expected) in cases {
        let ended = call(folder.path(), &[vec!["size"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{expected}");
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
}

/// With gaps, a delisting and shorts under a tight cap, the turnover of every day is below the cap, and every
/// target is within its bounds, or no further out than the held weight.
#[test]
fn every_strategy_stays_inside_the_limits() {
    let folder = folder();
    let mut panel = Panel::new(5, 260, 10);
    let last = panel.times[200];
    let mut nth = 0;
    panel.bars.retain(|bar| {
        nth += 1;
        (bar.symbol != "S03" || bar.time <= last) && nth % 29 != 0
    });
    let data = panel.write(folder.path());
    let strategies =
        ["quarter_kelly", "max_sharpe", "min_variance", "factor_momentum", "equal_weight", "flat"];
    for (number, kind) in strategies.iter().enumerate() {
        for (variant, from) in ["", "strategy.from=returns"].iter().enumerate() {
            if !from.is_empty() && !["max_sharpe", "min_variance"].contains(kind) {
                continue;
            }
            let chosen = format!("strategy.kind={kind}");
            let mut settings = vec![
                chosen.as_str(),
                "sizing.turnover_cap=0.03",
                "sizing.weight_min=-0.1",
                "sizing.weight_max=0.12",
                "sizing.gross_max=0.9",
                "estimator.warmup=60",
                "execution.delist_after=5",
                "record.weights=all",
            ];
            if !from.is_empty() {
                settings.extend([*from, "strategy.window=40"]);
            }
            let name = format!("r{number}{variant}");
            let run = run(folder.path(), &name, &joined("replay", &data, &settings));
            let equity = run.table("equity");
            for turnover in equity.numbers("turnover") {
                assert!(turnover <= 0.03 + 1e-12, "{kind}: {turnover}");
            }
            let weights = run.table("weights");
            let (seqs, symbols) = (weights.integers("seq"), weights.texts("symbol"));
            let (targets, held) = (weights.numbers("target_weight"), weights.numbers("held_weight"));
            let mut gross: BTreeMap<i64, f64> = BTreeMap::new();
            let mut before: BTreeMap<&str, f64> = BTreeMap::new();
            for at in 0..weights.rows() {
                *gross.entry(seqs[at]).or_default() += targets[at].abs();
                // The rebalance starts from the weights held at the close of the frame.
                let (least, most) = (held[at].min(-0.1), held[at].max(0.12));
                let inherited = before.get(symbols[at].as_str()).copied().unwrap_or(0.0);
                let slack = 1e-9 + (inherited - held[at]).abs();
                assert!(
                    targets[at] >= least - slack && targets[at] <= most + slack,
                    "{kind} {at}: {}",
                    targets[at]
                );
                before.insert(&symbols[at], targets[at]);
            }
            let over = gross.values().filter(|gross| **gross > 0.9 + 1e-9).count() as u64;
            let counted = run.summary["sizing"]["gross_inherited"].as_u64().unwrap();
            assert_eq!(over, counted, "{kind}: inherited gross exposure above the limit is counted");
            if *kind != "flat" {
                assert!(equity.numbers("gross_exposure").last().unwrap() > &0.1, "{kind} does not trade");
            }
        }
    }
}

#[test]
fn schedule_selects_the_frames_that_rebalance() {
    let folder = folder();
    let data = Panel::of_bars(7, 90, &[10, 15, 20], 6).write(folder.path());
    // Number of rebalances; date and hour of the frames with turnover.
    let decisions = |name: &str, settings: &[&str]| {
        let common = ["data.frames_per_day=3", "estimator.warmup=20", "strategy.kind=equal_weight"];
        let run = run(folder.path(), name, &joined("replay", &data, &[&common, settings].concat()));
        let decided = run.summary["sizing"]["decisions"].as_u64().unwrap() as usize;
        let equity = run.table("equity");
        let traded: Vec<(i64, i64)> = equity
            .times()
            .into_iter()
            .zip(equity.numbers("turnover"))
            .filter(|(_, turnover)| *turnover > 0.0)
            .map(|(time, _)| (time.div_euclid(DAY_NS), time.rem_euclid(DAY_NS) / (DAY_NS / 24)))
            .collect();
        (decided, traded)
    };
    let (all, traded) = decisions("all", &[]);
    assert!(all > 190 && traded.iter().any(|(_, hour)| *hour == 10));
    for (at, hour) in [("15:00", 15), ("15:01", 20), ("00:00", 10)] {
        let (decided, traded) = decisions(&format!("at{hour}"), &[&format!("sizing.rebalance_at={at}")]);
        assert!((all / 3..=all / 3 + 1).contains(&decided), "{at}: {decided} of {all}");
        assert!(traded.iter().all(|(_, traded)| *traded == hour), "{at}: {traded:?}");
    }
    let (decided, _) = decisions("fifth", &["sizing.rebalance_at=15:00", "sizing.rebalance_every=5"]);
    assert!((all / 15..=all / 15 + 1).contains(&decided), "{decided} of {all}");
    let (decided, seldom) = decisions("drift", &["sizing.rebalance_drift=0.05"]);
    assert_eq!(decided, all, "a rebalance without trades counts");
    assert!(!seldom.is_empty() && seldom.len() * 3 < traded.len(), "{} of {}", seldom.len(), traded.len());
}
