//! `betaflow diff` reports the first event that differs, and its parts add up to the gap.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Bar, Panel, call, folder, joined, paper, run};

/// Exit code and JSON of a comparison of two runs.
fn diff(path: &Path, a: &str, b: &str) -> (Option<i32>, Value) {
    let ended = call(path, &["diff", a, b, "--json"]);
    assert_eq!(ended.err, "", "{a} {b}");
    (ended.code, serde_json::from_str(&ended.out).unwrap())
}

fn part(found: &Value, name: &str) -> f64 {
    found["gap"]["parts"][name].as_f64().unwrap()
}

/// Checks that the parts add up to the gap and explain it.
fn check_parts(found: &Value, name: &str) {
    let gap = found["gap"]["nav_b"].as_f64().unwrap() - found["gap"]["nav_a"].as_f64().unwrap();
    let sum = found["gap"]["sum_of_parts"].as_f64().unwrap();
    assert!((gap - sum).abs() < 1e-5, "{name}: {found:#}");
    assert!(part(found, "not_explained").abs() < 1e-5, "{name}: {found:#}");
    assert_eq!(found["notes"].as_array().unwrap().len(), 0, "{name}: {found:#}");
}

/// Same market, with a bar at the last price for each missing one.
fn without_gaps(mut panel: Panel) -> Panel {
    let by_time = panel.by_time();
    let mut last = BTreeMap::<&str, f64>::new();
    let mut bars = Vec::new();
    for (time, traded) in &by_time {
        last.extend(traded.iter().map(|(symbol, bar)| (*symbol, bar.close)));
        bars.extend(last.iter().map(|(symbol, close)| {
            traded.get(symbol).map_or_else(|| Bar::new(*time, symbol, *close, *close), |bar| (*bar).clone())
        }));
    }
    panel.bars = bars;
    panel
}

#[test]
fn each_kind_of_difference_is_reported_and_its_parts_add_up() {
    let folder = folder();
    let path = folder.path();
    // Every instrument has a bar in every frame, so that fills depend only on settings.
    let panel = without_gaps(Panel::new(97, 170, 7)).acting();
    let data = panel.write(path);
    let mut changed = panel.clone();
    let at = changed.bars.iter().position(|bar| bar.time == panel.times[120] && bar.symbol == "S00").unwrap();
    changed.bars[at].close *= 1.01;
    crate::support::write_tidy(&path.join("changed.parquet"), &changed.bars);
    let changed = changed.arguments(path, "changed.parquet");
    let mut shorter = panel.clone();
    shorter.bars.retain(|bar| bar.time != panel.times[130]);
    crate::support::write_tidy(&path.join("shorter.parquet"), &shorter.bars);
    let shorter = shorter.arguments(path, "shorter.parquet");

    fs::write(path.join("held.csv"), "symbol,quantity\nS00,4000\nS03,-500\n,100000\n").unwrap();
    fs::write(path.join("other.csv"), "symbol,quantity\nS00,4000\nS04,700\n,100000\n").unwrap();
    const HELD: &str = "execution.holdings=held.csv";
    const SOON: &str = "estimator.warmup=40";
    const CALM: [&str; 4] =
        [SOON, "strategy.kind=equal_weight", "sizing.rebalance_every=1000", "execution.cash_interest=0"];
    // Name, data and settings of A and B, kind of the first difference, parts that are exactly 0.
    type Case<'a> = (&'a str, [(&'a [String], &'a [&'a str]); 2], &'a str, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            "commission",
            [(&data, &CALM), (&data, &[&CALM[..], &["execution.commission_bps=9"]].concat())],
            "cost",
            &["data", "decision", "fill", "interest", "start"],
        ),
        (
            "spread with decisions that follow",
            [
                (&data, &[SOON, "sizing.weight_min=-0.1"]),
                (
                    &data,
                    &[
                        SOON,
                        "sizing.weight_min=-0.1",
                        "world.spread_multiplier=3",
                        "world.sizing_knows=false",
                    ],
                ),
            ],
            "cost",
            &["data", "fill", "start"],
        ),
        (
            "participation",
            [(&data, &[SOON]), (&data, &[SOON, "execution.participation_cap=0.02"])],
            "fill",
            &["data", "start"],
        ),
        (
            "carried",
            [
                (&data, &[SOON, "execution.participation_cap=0.02", "sizing.rebalance_every=5"]),
                (
                    &data,
                    &[
                        SOON,
                        "execution.participation_cap=0.02",
                        "sizing.rebalance_every=5",
                        "execution.unfilled=carry",
                    ],
                ),
            ],
            "fill",
            &["data", "start"],
        ),
        (
            "price of the fill",
            [(&data, &[SOON]), (&data, &[SOON, "execution.fill_at=open"])],
            "fill",
            &["data", "start"],
        ),
        (
            "turnover cap",
            [(&data, &[SOON]), (&data, &[SOON, "sizing.turnover_cap=0.05"])],
            "decision",
            &["data", "fill", "start"],
        ),
        ("a price", [(&data, &[SOON]), (&changed, &[SOON])], "data", &["fill", "start"]),
        ("a frame", [(&data, &[SOON]), (&shorter, &[SOON])], "data", &["fill", "start"]),
        (
            "a later start",
            [(&data, &[SOON]), (&data, &["estimator.warmup=60"])],
            "decision",
            &["data", "fill"],
        ),
        (
            "commission of an account with positions",
            [
                (&data, &[&CALM[..], &[HELD]].concat()),
                (&data, &[&CALM[..], &[HELD, "execution.commission_bps=9"]].concat()),
            ],
            "cost",
            &["data", "decision", "fill", "interest", "start"],
        ),
        (
            "other positions",
            [
                (&data, &[&CALM[..], &[HELD]].concat()),
                (&data, &[&CALM[..], &["execution.holdings=other.csv"]].concat()),
            ],
            "value",
            &["data", "fill", "interest"],
        ),
    ];
    for (at, (name, sides, kind, none)) in cases.iter().enumerate() {
        let names = ["a", "b"].map(|side| format!("{side}{at}"));
        for ((data, settings), name) in sides.iter().zip(&names) {
            run(path, name, &[joined("replay", data, settings), vec!["--no-report"]].concat());
        }
        let (code, found) = diff(path, &names[0], &names[1]);
        assert_eq!((code, &found["first"]["kind"]), (Some(1), &Value::from(*kind)), "{name}: {found:#}");
        check_parts(&found, name);
        for zero in *none {
            assert_eq!(part(&found, zero), 0.0, "{name}: {zero} of {found:#}");
        }
        let own = if matches!(*name, "a later start" | "other positions") { "start" } else { *kind };
        assert!(part(&found, own).abs() > 1e-3, "{name}: {found:#}");
        let (_, back) = diff(path, &names[1], &names[0]);
        assert_eq!(back["first"]["seq"], found["first"]["seq"], "{name}");
        check_parts(&back, name);
        let (code, same) = diff(path, &names[0], &names[0]);
        assert_eq!((code, &same["differs"]), (Some(0), &Value::from(false)), "{name}: {same:#}");
        assert_eq!(same["gap"]["sum_of_parts"], 0.0, "{name}");
        match *name {
            "a price" => {
                assert_eq!(
                    (&found["first"]["seq"], &found["first"]["what"]),
                    (&120.into(), &"close of S00".into())
                );
                let text = call(path, &["diff", &names[0], &names[1]]).out;
                assert!(
                    crate::support::flat(&text).contains("Frame 120 at 2015-")
                        && text.contains("close of S00"),
                    "{text}"
                );
            }
            "a frame" => {
                assert_eq!(found["first"]["seq"], 130);
                assert_eq!((&found["only_in_a"], &found["only_in_b"]), (&1.into(), &0.into()));
            }
            "a later start" => {
                assert_eq!((&found["only_in_a"], &found["only_in_b"]), (&20.into(), &0.into()))
            }
            _ => {}
        }
    }
}

#[test]
fn decision_has_the_frame_of_its_rebalance_not_of_its_fill() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(101, 120, 5).write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let set = "sizing.turnover_cap=0.03";
    let other = [joined("replay", &data, &paper::SETTINGS), vec!["--set", set, "--no-report"]].concat();
    run(path, "other", &other);
    let (code, found) = diff(path, "state", "other");
    let first = crate::support::Run::at(path.join("other")).table("equity").integers("seq")[0];
    assert_eq!(
        (code, &found["first"]["kind"], &found["first"]["seq"]),
        (Some(1), &"decision".into(), &first.into())
    );
    assert!(found["first"]["time"].is_string(), "{found:#}");
    check_parts(&found, "state and run");
    // Two state folders.
    let mut arguments = paper::arguments(&serving.url, "second");
    arguments.extend(["--set", set]);
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (_, both) = diff(path, "state", "second");
    assert_eq!(both["gap"]["parts"], found["gap"]["parts"]);
    assert_eq!(both["digest_b"], found["digest_b"]);
    let (code, same) = diff(path, "second", "other");
    assert_eq!((code, &same["differs"]), (Some(0), &false.into()), "{same:#}");
}

#[test]
fn missing_or_changed_data_is_reported() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(103, 120, 5);
    let data = panel.write(path);
    let settings = ["estimator.warmup=40"];
    run(path, "a", &[joined("replay", &data, &settings), vec!["--no-report"]].concat());
    let other = ["estimator.warmup=40", "sizing.turnover_cap=0.03"];
    run(path, "b", &[joined("replay", &data, &other), vec!["--no-report"]].concat());

    // The data was changed, then removed: costs are still known, and the other parts are reported as unknown.
    let mut changed = panel.clone();
    changed.bars.iter_mut().filter(|bar| bar.symbol == "S00").for_each(|bar| bar.close *= 1.5);
    crate::support::write_tidy(&path.join("prices.parquet"), &changed.bars);
    let (code, found) = diff(path, "a", "b");
    let notes = found["notes"].to_string();
    assert!(code == Some(1) && notes.contains("it was changed since the run"), "{found:#}");
    fs::remove_file(path.join("prices.parquet")).unwrap();
    let (code, found) = diff(path, "a", "b");
    assert_eq!((code, &found["first"]["kind"]), (Some(1), &"decision".into()), "{found:#}");
    assert_eq!(found["notes"].as_array().unwrap().len(), 2, "{found:#}");
    assert!(part(&found, "not_explained").abs() > 1e-3 && part(&found, "cost") != 0.0, "{found:#}");
    assert_eq!((part(&found, "data"), part(&found, "decision")), (0.0, 0.0));
    let gap = found["gap"]["gap"].as_f64().unwrap();
    assert!((found["gap"]["sum_of_parts"].as_f64().unwrap() - gap).abs() < 1e-6, "{found:#}");
    let (code, same) = diff(path, "a", "a");
    assert_eq!((code, &same["differs"]), (Some(0), &false.into()), "{same:#}");

    fs::create_dir(path.join("empty")).unwrap();
    for name in ["absent", "empty"] {
        let ended = call(path, &["diff", "a", name]);
        let expected = "expected a run folder or a state folder";
        assert!(ended.code == Some(2) && ended.err.contains(expected), "{}", ended.err);
    }
}
