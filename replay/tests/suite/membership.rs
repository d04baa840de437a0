//! `universe.membership`: spells of members are computed again from the run folder; restarts with a longer file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::{Span, civil};

use crate::support::{DAY_NS, Panel, Run, call, folder, joined, paper, run};

const SETTINGS: [&str; 6] = [
    "estimator.warmup=40",
    "sizing.weight_min=-0.1",
    "sizing.turnover_cap=0.05",
    "record.weights=all",
    "universe.membership=members.csv",
    "record.betas=none",
];

/// Text of a date in days since 1970.
fn date(day: i64) -> String {
    civil::date(1970, 1, 1).saturating_add(Span::new().days(day)).to_string()
}

/// Spell: symbol, first and last date.
type Spell = (&'static str, Option<i64>, Option<i64>);

fn write(path: &Path, spells: &[Spell]) {
    let text = |day: Option<i64>| day.map(date).unwrap_or_default();
    let rows = spells.iter().map(|(symbol, from, to)| format!("{symbol},{},{}\n", text(*from), text(*to)));
    fs::write(path, format!("symbol,from,to\n{}", rows.collect::<String>())).unwrap();
}

fn is_member(spells: &[Spell], symbol: &str, day: i64) -> bool {
    let within = |spell: &Spell| {
        spell.0 == symbol && spell.1.is_none_or(|from| from <= day) && spell.2.is_none_or(|to| day <= to)
    };
    spells.iter().any(within)
}

/// Spells of a panel: S05 leaves and comes back, S06 leaves, S07 joins late, S08 is unknown to the data, S04 has none.
fn spells(panel: &Panel) -> Vec<Spell> {
    let day = |frame: usize| panel.times[frame] / DAY_NS;
    vec![
        ("S00", None, None),
        ("S01", None, None),
        ("S02", None, None),
        ("S03", None, None),
        ("S05", None, Some(day(90))),
        ("S05", Some(day(130)), None),
        ("S06", None, Some(day(110))),
        ("S07", Some(day(100)), None),
        ("S08", None, Some(day(150))),
    ]
}

/// Checks fills and weights of a run folder against the spells.
fn check(run: &Run, spells: &[Spell]) {
    let (fills, weights, equity) = (run.table("fills"), run.table("weights"), run.table("equity"));
    let mut held: BTreeMap<String, f64> = BTreeMap::new();
    let mut sold = 0;
    let rows = fills.times().into_iter().zip(fills.texts("symbol")).zip(fills.numbers("quantity"));
    for (((time, symbol), quantity), reason) in rows.zip(fills.texts("reason")) {
        let before = held.get(&symbol).copied().unwrap_or(0.0);
        if reason == "order" && !is_member(spells, &symbol, time / DAY_NS) {
            let after = before + quantity;
            assert!(after.abs() <= before.abs() + 1e-9 && after * before >= -1e-9, "{symbol} at {time}");
            sold += 1;
        }
        *held.entry(symbol).or_default() += quantity;
    }
    assert!(sold > 0);
    let turnover: BTreeMap<i64, f64> = equity.times().into_iter().zip(equity.numbers("turnover")).collect();
    let cap = run.number("sizing", "turnover_cap");
    assert!(turnover.values().all(|turnover| *turnover <= cap + 1e-9));
    let rows = weights.times().into_iter().zip(weights.texts("symbol")).zip(weights.numbers("target_weight"));
    let mut outside = 0;
    for (((time, symbol), target), held) in rows.zip(weights.numbers("held_weight")) {
        if is_member(spells, &symbol, time / DAY_NS) || held == 0.0 {
            continue;
        }
        outside += 1;
        let kept = target != 0.0 && (target - held).abs() > 1e-12;
        assert!(!kept || turnover[&time] >= cap - 1e-9, "{symbol} at {time}: {target} of {held}");
    }
    assert_eq!(run.summary["membership"]["held_outside"], outside, "rows of weights.parquet held outside");
}

#[test]
fn spells_follow_from_the_run_folder() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(61, 220, 8);
    let data = panel.write(path);
    let spells = spells(&panel);
    write(&path.join("members.csv"), &spells);
    let whole = run(path, "whole", &joined("replay", &data, &SETTINGS));
    check(&whole, &spells);
    let membership = &whole.summary["membership"];
    assert_eq!((&membership["never"], &membership["never_first"][0]), (&1.into(), &"S04".into()));
    // S01 and S02 join when they are listed within their spells.
    assert_eq!((&membership["left"], &membership["joined"]), (&2.into(), &4.into()));
    let codes = whole.summary["warning_codes"].to_string();
    assert!(codes.contains("survivorship") && codes.contains("never_members"), "{codes}");

    // Member-days with a price, from the data.
    let (mut days, mut priced) = (0, 0);
    let by_time = panel.by_time();
    for time in &panel.times {
        let members = ["S00", "S01", "S02", "S03", "S05", "S06", "S07", "S08"].into_iter();
        for symbol in members.filter(|symbol| is_member(&spells, symbol, time / DAY_NS)) {
            days += 1;
            priced += u64::from(by_time[time].contains_key(symbol));
        }
    }
    assert_eq!((&membership["member_days"], &membership["priced_days"]), (&days.into(), &priced.into()));

    let changes = whole.table("membership");
    let found: Vec<(i64, String, String)> = changes
        .times()
        .into_iter()
        .zip(changes.texts("symbol"))
        .zip(changes.texts("change"))
        .map(|((time, symbol), change)| (time, symbol, change))
        .collect();
    let left = (panel.times[111], "S06".to_owned(), "left".to_owned());
    assert!(found.contains(&left), "{found:?}");

    // Later spells change nothing before their dates.
    let cut = panel.times[120] / DAY_NS;
    let mut later: Vec<Spell> =
        spells.iter().filter(|spell| spell.1.is_none_or(|from| from <= cut)).copied().collect();
    later.push(("S04", Some(cut + 1), None));
    write(&path.join("members.csv"), &later);
    let other = run(path, "other", &joined("replay", &data, &SETTINGS));
    let navs = |run: &Run| {
        let equity = run.table("equity");
        equity.times().into_iter().zip(equity.numbers("nav")).collect::<Vec<_>>()
    };
    let (one, two) = (navs(&whole), navs(&other));
    let until = one.iter().take_while(|(time, _)| time / DAY_NS <= cut).count();
    assert!(until > 60 && one[..until] == two[..until] && one != two);

    // All strategies obey.
    write(&path.join("members.csv"), &spells);
    for kind in ["equal_weight", "max_sharpe", "min_variance", "factor_momentum"] {
        let strategy = format!("strategy.kind={kind}");
        let settings = [&SETTINGS[..], &[&strategy, "sizing.turnover_cap=0.3"]].concat();
        check(&run(path, kind, &joined("replay", &data, &settings)), &spells);
    }
}

#[test]
fn contradictory_rows_are_located() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(61, 120, 4).write(path);
    for (rows, place, found) in [
        ("symbol,from,to\nS00,2015-02-01,2015-01-01\n", "line 2", "2015-01-01"),
        ("symbol,from,to\nS00,2015-01-01,\nS01,,\nS00,2015-02-01,2015-03-01\n", "line 4", "S00"),
        ("symbol,from,to\nS00,soon,\n", "line 2", "soon"),
        ("symbol,since\n", "members.csv", ""),
    ] {
        fs::write(path.join("members.csv"), rows).unwrap();
        let ended = call(path, &joined("replay", &data, &SETTINGS));
        assert_eq!(ended.code, Some(1), "{rows}");
        assert!(ended.err.contains(place) && ended.err.contains(found), "{}", ended.err);
    }
}

#[test]
fn state_folder_accepts_later_rows_and_refuses_other_earlier_ones() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(83, 200, 8);
    let data = panel.write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let arguments = || {
        let own = ["--set", "universe.membership=members.csv"];
        [paper::arguments(&serving.url, "state"), own.to_vec()].concat()
    };
    let first = spells(&panel);
    write(&path.join("members.csv"), &first);
    let ended = call(path, &arguments());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let again = call(path, &["replay", "--session", "state", "--out", "again", "--no-report"]);
    assert!(again.out.contains("Same result as the recorded session"), "{} {}", again.out, again.err);

    let last = panel.times.last().unwrap() / DAY_NS;
    let mut longer = first.clone();
    longer.push(("S04", Some(last + 1), None));
    write(&path.join("members.csv"), &longer);
    let ended = call(path, &arguments());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let again = call(path, &["replay", "--session", "state", "--out", "longer", "--no-report"]);
    assert!(again.out.contains("Same result as the recorded session"), "{} {}", again.out, again.err);

    let mut other = first.clone();
    other.push(("S04", Some(last), None));
    write(&path.join("members.csv"), &other);
    let ended = call(path, &arguments());
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    for part in ["universe.membership", "`S04`", &date(last), "no row"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let again = call(path, &["replay", "--session", "state", "--out", "other", "--no-report"]);
    assert!(again.out.contains("not compared with"), "{} {}", again.out, again.err);
    for part in ["universe.membership", "`S04`", &date(last), "no row"] {
        assert!(again.flat().contains(part), "{part}: {}", again.out);
    }
}

/// Shared data, beside the repository.
fn shared(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name).display().to_string()
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn members_of_the_index_are_held_within_their_spells() {
    let folder = folder();
    let path = folder.path();
    let members = format!("universe.membership={}", shared("sp500_membership.parquet"));
    let (prices, factors) = (shared("us_stocks_2000_2016.parquet"), shared("ff5_mom_daily.parquet"));
    let data = ["--prices", &prices, "--factors", &factors, "--set", &members];
    let settings = ["data.return_price=adj_close", "record.weights=all", "record.betas=none"];
    let all = [vec!["replay"], data.to_vec(), crate::support::sets(&settings)].concat();
    let run = run(path, "run", &all);
    let membership = &run.summary["membership"];
    let share = membership["priced_share"].as_f64().unwrap();
    assert!((0.3..0.95).contains(&share), "{share}");
    assert_eq!(membership["never"], 4);
    assert_eq!(run.summary["execution"]["delistings"], 0);
}
