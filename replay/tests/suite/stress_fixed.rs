//! `betaflow stress` with `trades = "fixed"` equals the trades of a replay, repriced fill by fill from its
//! tables.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{DAY_NS, Panel, Run, Table, call, folder, joined, run};

const BASE: [&str; 19] = [
    "estimator.warmup=60",
    "sizing.weight_min=-0.15",
    "sizing.gross_max=1.6",
    // Needs more than the available cash, so that financing is charged.
    "sizing.weight_max=0.4",
    "sizing.net_target=1.2",
    "sizing.turnover_cap=0.4",
    "execution.nav=1e5",
    "execution.participation_cap=0.05",
    "execution.unfilled=carry",
    "execution.commission_bps=2",
    "execution.commission_per_share=0.01",
    "execution.commission_min=1.5",
    "execution.half_spread_bps=3",
    "execution.impact_coefficient=0.4",
    "execution.permanent_impact_coefficient=0.2",
    "execution.borrow_bps_per_year=150",
    "execution.financing_bps_per_year=200",
    "execution.delist_after=5",
    "execution.delisting_haircut=0.3",
];

/// Costs of a scenario; impact is a multiple of the replay's impact.
#[derive(Clone, Copy)]
struct Costs {
    bps: f64,
    per_share: f64,
    least: f64,
    half_spread: f64,
    impact: f64,
    borrow: f64,
    financing: f64,
    haircut: f64,
    /// Rate per year; `None` for the risk-free return.
    interest: Option<f64>,
}

const BASE_COSTS: Costs = Costs {
    bps: 2.0,
    per_share: 0.01,
    least: 1.5,
    half_spread: 3.0,
    impact: 1.0,
    borrow: 150.0,
    financing: 200.0,
    haircut: 0.3,
    interest: None,
};

/// Settings of each scenario of the grid file, and its costs.
fn scenarios() -> [(&'static str, Costs); 9] {
    [
        ("\"execution.commission_bps\" = 2", BASE_COSTS),
        (
            "\"execution.commission_bps\" = 11\n\"execution.commission_per_share\" = 0",
            Costs { bps: 11.0, per_share: 0.0, ..BASE_COSTS },
        ),
        ("\"execution.commission_min\" = 6.5", Costs { least: 6.5, ..BASE_COSTS }),
        (
            "\"execution.commission_min\" = 0\n\"execution.half_spread_bps\" = 17",
            Costs { least: 0.0, half_spread: 17.0, ..BASE_COSTS },
        ),
        (
            "\"execution.impact_coefficient\" = 1.0\n\"execution.permanent_impact_coefficient\" = 0.5",
            Costs { impact: 2.5, ..BASE_COSTS },
        ),
        (
            "\"execution.impact_coefficient\" = 0\n\"execution.permanent_impact_coefficient\" = 0",
            Costs { impact: 0.0, ..BASE_COSTS },
        ),
        (
            "\"execution.borrow_bps_per_year\" = 900\n\"execution.delisting_haircut\" = 0.8",
            Costs { borrow: 900.0, haircut: 0.8, ..BASE_COSTS },
        ),
        (
            "\"execution.financing_bps_per_year\" = 700\n\"execution.cash_interest\" = 0.03",
            Costs { financing: 700.0, interest: Some(0.03), ..BASE_COSTS },
        ),
        (
            "\"world.cost_multiplier\" = 2\n\"world.spread_multiplier\" = 1.5\n\"world.haircut_multiplier\" = 4",
            Costs {
                bps: 4.0,
                per_share: 0.02,
                least: 3.0,
                half_spread: 9.0,
                impact: 2.0,
                borrow: 300.0,
                financing: 400.0,
                haircut: 1.0,
                interest: None,
            },
        ),
    ]
}

/// NAV of each frame, and the sums of commission, spread, impact, borrow and financing.
fn repriced(run: &Run, costs: Costs) -> (Vec<f64>, [f64; 5]) {
    let (equity, fills) = (run.table("equity"), run.table("fills"));
    let of = |name: &str| equity.numbers(name);
    let (nav, cash, gross, net) = (of("nav"), of("cash"), of("gross_exposure"), of("net_exposure"));
    let items = ["commission", "spread", "impact", "borrow", "financing"].map(of);
    let (interest, times, seqs) = (of("interest"), equity.times(), equity.integers("seq"));
    let (fill_seqs, decided) = (fills.integers("seq"), fills.integers("decided_seq"));
    let (symbols, quantity, price) =
        (fills.texts("symbol"), fills.numbers("quantity"), fills.numbers("price"));
    let mut orders = BTreeMap::<(i64, &str), (f64, f64)>::new();
    let (mut difference, mut sums, mut navs) = (0.0, [0.0; 5], Vec::new());
    let mut delistings = 0;
    for frame in 0..nav.len() {
        let (mut own, mut lost) = ([0.0; 5], 0.0);
        for fill in (0..fill_seqs.len()).filter(|fill| fill_seqs[*fill] == seqs[frame]) {
            let notional = (quantity[fill] * price[fill]).abs();
            if decided[fill] < 0 {
                // A delisting closes at the last price minus the haircut, which may be larger or smaller.
                let value = -quantity[fill] * price[fill] / (1.0 - BASE_COSTS.haircut);
                lost += (costs.haircut - BASE_COSTS.haircut) * value;
                delistings += 1;
                continue;
            }
            let (alone, paid) = orders.entry((decided[fill], &symbols[fill])).or_default();
            *alone += notional * costs.bps * 1e-4 + quantity[fill].abs() * costs.per_share;
            let charged = alone.max(costs.least) - *paid;
            *paid += charged;
            own[0] += charged;
            own[1] += notional * costs.half_spread * 1e-4;
        }
        own[2] = items[2][frame] * costs.impact;
        let mut earned = interest[frame];
        if frame > 0 {
            let years = (times[frame] - times[frame - 1]) as f64 / DAY_NS as f64 / 365.0;
            let held = cash[frame - 1] + difference;
            let shorts = 0.5 * (gross[frame - 1] - net[frame - 1]) * nav[frame - 1];
            own[3] = shorts * costs.borrow * 1e-4 * years;
            own[4] = (-held).max(0.0) * costs.financing * 1e-4 * years;
            // The risk-free return of the panel is constant.
            earned = held * costs.interest.map_or(4e-5, |rate| rate * years);
        }
        let paid: f64 = own.iter().sum();
        let paid_before: f64 = items.iter().map(|item| item[frame]).sum();
        difference += (earned - interest[frame]) - (paid - paid_before) - lost;
        navs.push(nav[frame] + difference);
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    assert!(delistings > 0, "no delisting");
    (navs, sums)
}

#[test]
fn fixed_scenario_equals_the_replay_with_repriced_fills() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(47, 260, 8).acting().write(path);
    let base = run(path, "base", &[joined("replay", &data, &BASE), vec!["--no-report"]].concat());
    let list: Vec<String> =
        scenarios().iter().map(|(settings, _)| format!("[[scenario]]\n{settings}\n")).collect();
    fs::write(path.join("grid.toml"), format!("trades = \"fixed\"\n{}", list.concat())).unwrap();
    let arguments = [joined("stress", &data, &BASE), vec!["--grid", "grid.toml", "--out", "out"]].concat();
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);

    let table = Table::read(&path.join("out/scenarios.parquet"));
    let returns = Table::read(&path.join("out/scenario_returns.parquet"));
    let (numbers, all) = (returns.integers("scenario"), returns.numbers("net_return"));
    let kinds = ["commission", "spread", "impact", "borrow", "financing"];
    for (scenario, (settings, costs)) in scenarios().into_iter().enumerate() {
        let (navs, sums) = repriced(&base, costs);
        let close = |what: &str, found: f64, expected: f64| {
            let off = (found - expected).abs();
            assert!(off <= 1e-9 * expected.abs().max(1.0), "{settings}, {what}: {found} of {expected}");
        };
        close("nav", table.numbers("nav_last")[scenario], *navs.last().unwrap());
        for (kind, sum) in kinds.iter().zip(sums) {
            assert!(sum > 0.0 || *kind == "impact", "{settings}: no {kind}");
            close(kind, table.numbers(&format!("cost_{kind}"))[scenario], sum);
        }
        let own: Vec<f64> =
            numbers.iter().zip(&all).filter(|(at, _)| **at == scenario as i64).map(|(_, r)| *r).collect();
        assert_eq!(own.len(), navs.len() - 1);
        for (pair, found) in navs.windows(2).zip(own) {
            assert!((found - (pair[1] / pair[0] - 1.0)).abs() < 1e-9, "{settings}: {found}");
        }
    }
    let turnover = base.summary.pointer("/turnover/mean").unwrap().as_f64().unwrap();
    assert!(table.numbers("turnover").iter().all(|found| (found - turnover).abs() < 1e-12));
    let sharpe = base.summary.pointer("/metrics/net/sharpe").unwrap().as_f64().unwrap();
    assert!((table.numbers("net_sharpe")[0] - sharpe).abs() < 1e-9);

    // Every output states that the trades are fixed.
    let note = "FIXED TRADES";
    let text = |name: &str| fs::read_to_string(path.join("out").join(name)).unwrap();
    let (summary, report) = (text("summary.json"), text("report.html"));
    for (what, text) in [("terminal", &ended.flat()), ("summary", &summary), ("report", &report)] {
        assert!(text.contains(note), "{what}");
    }
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["trades"], "fixed");
    assert!(!report.contains("the same digest"));
    let bytes = fs::read(path.join("out/scenarios.parquet")).unwrap();
    assert!(bytes.windows(note.len()).any(|bytes| bytes == note.as_bytes()), "scenarios.parquet");
    assert!(table.all_null("digest"));
}

#[test]
fn only_costs_may_vary() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(47, 120, 5).write(path);
    let expected = &["with trades = \"fixed\"", "execution.half_spread_bps", "changes the trades"][..];
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("[grid]\n\"sizing.turnover_cap\" = [0.1]\n", &[], expected),
        ("[grid]\n\"execution.delay_bars\" = [1, 2]\n", &[], expected),
        ("[[scenario]]\n\"estimator.kind\" = \"dlm\"\n", &[], expected),
        ("[grid]\n\"world.volume_multiplier\" = [0.5]\n", &[], expected),
        (
            "[grid]\n\"world.cost_multiplier\" = [1, 2]\n",
            &["world.volatile_cost_multiplier=2"],
            &["scenario 0", "volatile_cost_multiplier", "found 2 and 0"],
        ),
        (
            "[grid]\n\"execution.half_spread_bps\" = [1, 2]\n",
            &["execution.spread_model=quotes"],
            &["scenario 0", "half_spread_bps", "found 1", "spread_model"],
        ),
        (
            "[grid]\n\"execution.commission_bps\" = [1, -2]\n",
            &[],
            &["scenario 1", "commission_bps", "found -2"],
        ),
    ];
    for (grid, settings, words) in cases {
        fs::write(path.join("grid.toml"), format!("trades = \"fixed\"\n{grid}")).unwrap();
        let arguments =
            [joined("stress", &data, settings), vec!["--grid", "grid.toml", "--out", "out"]].concat();
        let ended = call(path, &arguments);
        assert_eq!(ended.code, Some(1), "{grid}: {}", ended.out);
        assert!(ended.err.contains("grid.toml"), "{grid}: {}", ended.err);
        for word in words {
            assert!(ended.err.contains(word), "{grid}: {word}: {}", ended.err);
        }
    }
    fs::write(path.join("grid.toml"), "trades = \"fluid\"\n[grid]\n\"execution.commission_bps\" = [1]\n")
        .unwrap();
    let ended = call(path, &["stress", "--grid", "grid.toml", "--out", "out"]);
    assert!(ended.err.contains("`trades`: found \"fluid\", expected \"fixed\""), "{}", ended.err);
}
