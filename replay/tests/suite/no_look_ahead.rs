//! No output depends on later data: deleted, changed or added.

use std::path::Path;

use proptest::prelude::*;

use crate::support::{Bar, Panel, Random, Run, TABLES, folder, joined, run};

const DAYS: usize = 130;
const WARMUP: usize = 40;
const ANY_RF: &str = "data.rf_max=1e9";

/// All rows of the tables up to a time, bit by bit.
fn past(run: &Run, tables: &[&str], time: i64) -> Vec<String> {
    let lines = |table: &&str| {
        let lines = run.table(table).lines_until(time);
        let traded = ["fills", "weights"].contains(table);
        assert!(!lines.is_empty() || traded, "{table} has rows up to {time}");
        lines
    };
    tables.iter().flat_map(lines).collect()
}

/// Removes all data after the frame at `cut`.
fn cut_off(panel: &Panel, cut: usize) -> Panel {
    let last = panel.times[cut];
    let mut panel = panel.clone();
    panel.times.truncate(cut + 1);
    panel.factors.truncate(cut + 1);
    panel.bars.retain(|bar| bar.time <= last);
    panel
}

/// Changes all data after the frame at `cut`: prices, gaps and factors; removes an instrument, and adds one
/// that is first in alphabetical order.
fn change_after(panel: &Panel, cut: usize, seed: u64) -> Panel {
    let last = panel.times[cut];
    let mut random = Random(seed);
    let mut panel = panel.clone();
    let gone = format!("S{:02}", random.next() % 6);
    panel.bars.retain(|bar| bar.time <= last || (bar.symbol != gone && random.share() > 0.05));
    for bar in panel.bars.iter_mut().filter(|bar| bar.time > last) {
        let factor = 0.5 + 1.5 * random.share();
        bar.open *= factor;
        bar.close *= factor;
        bar.volume *= factor;
        bar.split = bar.split.map(|ratio| 2.0 * ratio);
        bar.dividend = bar.dividend.map(|dividend| 3.0 * dividend);
    }
    for factors in &mut panel.factors[cut + 1..] {
        factors.iter_mut().for_each(|factor| *factor += 0.05 * (random.share() - 0.5));
    }
    for &time in &panel.times[cut + 1..] {
        let close = 50.0 + 10.0 * random.share();
        panel.bars.push(Bar::new(time, "A", close, close));
    }
    panel.bars.sort_by(|a, b| (a.time, &a.symbol).cmp(&(b.time, &b.symbol)));
    panel
}

/// Checks a command with its settings: outputs up to a cut are equal whatever follows.
fn check(command: &str, settings: &[&str], tables: &[&str]) -> impl Fn(u64, usize) {
    let warmup = format!("estimator.warmup={WARMUP}");
    // The changed data has implausible risk-free returns.
    let own = [warmup, "record.betas=all".into(), ANY_RF.into()];
    let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).chain(own).collect();
    let (command, tables) = (command.to_owned(), tables.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    move |seed, cut| {
        let folder = folder();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        let of = |name: &str, panel: &Panel| {
            let folder = folder.path().join(name);
            std::fs::create_dir_all(&folder).expect("create the folder");
            let data = panel.write(&folder);
            run(&folder, "out", &joined(&command, &data, &settings))
        };
        let panel = Panel::new(seed, DAYS, 6).acting();
        let time = panel.times[cut];
        let known = past(&of("known", &panel), &tables, time);
        for (name, other) in
            [("cut", cut_off(&panel, cut)), ("changed", change_after(&panel, cut, seed ^ 0xa5a5))]
        {
            let other = past(&of(name, &other), &tables, time);
            let first = known.iter().zip(&other).find(|(a, b)| a != b);
            assert_eq!(first, None, "{name} after frame {cut}, seed {seed}");
            assert_eq!(known.len(), other.len(), "{name} after frame {cut}, seed {seed}: rows");
        }
    }
}

fn cases(check: impl Fn(u64, usize)) {
    let config =
        ProptestConfig { cases: 8, failure_persistence: None, max_shrink_iters: 20, ..Default::default() };
    proptest!(config, |(seed in any::<u64>(), cut in WARMUP + 5..DAYS - 1)| check(seed, cut));
}

#[test]
fn no_output_of_a_strategy_depends_on_the_future() {
    // Strategies on a file of the user are in `own_files.rs`.
    let reads_no_file =
        |entry: &&betaflow_strategies::Entry| entry.settings.iter().all(|setting| setting.key != "path");
    for strategy in betaflow_strategies::entries().iter().filter(reads_no_file) {
        let kind = format!("strategy.kind={}", strategy.kind);
        cases(check("replay", &[&kind, "record.weights=all", "sizing.weight_min=-0.1"], &TABLES));
    }
}

#[test]
fn no_fill_depends_on_the_future_in_any_execution_mode() {
    let settings = "execution.fill_at=open execution.delay_bars=2 execution.unfilled=carry execution.lot=1 \
                    sizing.rebalance_every=5 execution.delist_after=3 execution.delisting_haircut=0.3 \
                    execution.cash_interest=0.03 record.weights=all";
    cases(check("replay", &settings.split_whitespace().collect::<Vec<_>>(), &TABLES));
    let settings = "execution.fill_at=typical execution.unfilled=carry execution.participation_cap=0.2 \
                    execution.impact_coefficient=1 execution.spread_model=quotes sizing.rebalance_every=3 \
                    record.weights=all";
    cases(check("replay", &settings.split_whitespace().collect::<Vec<_>>(), &TABLES));
}

#[test]
fn no_beta_depends_on_the_future() {
    cases(check("estimate", &[], &["betas"]));
}

#[test]
fn check_detects_a_change_of_the_past() {
    // Proves that the comparison is not empty: the same panels differ one day later.
    let panel = Panel::new(3, DAYS, 6);
    let folder = folder();
    let of = |name: &str, panel: &Panel| {
        let folder: &Path = &folder.path().join(name);
        std::fs::create_dir_all(folder).expect("create the folder");
        run(folder, "out", &joined("replay", &panel.write(folder), &["estimator.warmup=40", ANY_RF]))
    };
    let (known, changed) = (of("known", &panel), of("changed", &change_after(&panel, 80, 1)));
    let [today, tomorrow] = [80, 81].map(|at| panel.times[at]);
    assert_eq!(past(&known, &TABLES, today), past(&changed, &TABLES, today));
    assert_ne!(past(&known, &TABLES, tomorrow), past(&changed, &TABLES, tomorrow));
}
