//! `sizing.group_bounds`: a misspelt group is named with those of the file, and the terminal counts bounds that are not met.

use crate::support::{Panel, call, flat, folder, joined};

const SETTINGS: [&str; 4] =
    ["estimator.warmup=40", "sizing.weight_min=-0.1", "sizing.gross_max=2", "universe.groups=groups.csv"];

#[test]
fn misspelt_group_is_named_with_the_groups_of_the_file() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(11, 100, 30).write(path);
    let rows: String = (0..30).map(|n| format!("S{n:02},Group {n:02}\n")).collect();
    std::fs::write(path.join("groups.csv"), format!("symbol,sector\n{rows}")).unwrap();
    let refused = |bounds: &str| {
        let ended = call(path, &joined("replay", &data, &[&SETTINGS[..], &[bounds]].concat()));
        assert_eq!(ended.code, Some(1), "{bounds}");
        flat(&ended.err)
    };
    // The groups that look like it come first; of many, some are named.
    let text = refused("sizing.group_bounds={\"sector:group 27\"={net=[-0.02,0.02]}}");
    assert!(
        text.contains("found sector:group 27 (groups: [\"Group 27\"") && text.contains("and 10 more"),
        "{text}"
    );
    let text = refused("sizing.group_bounds={\"sectors:Group 27\"={net=[-0.02,0.02]}}");
    assert!(text.contains("sectors"), "{text}");
}

#[test]
fn bounds_that_are_not_met_are_counted_in_the_terminal() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(11, 160, 8).write(path);
    let rows: String = (0..8).map(|n| format!("S{n:02},{}\n", ["A", "B"][n % 2])).collect();
    std::fs::write(path.join("groups.csv"), format!("symbol,sector\n{rows}")).unwrap();
    let bounds = ["sizing.group_bounds={sector={net=[-0.02,0.02]}}"];
    let arguments = joined("replay", &data, &[&SETTINGS[..], &bounds].concat());
    let ended = call(path, &[&arguments[..], &["--no-report", "--out", "run"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.join("run/summary.json")).unwrap()).unwrap();
    let count = |key: &str| summary["sizing"][key].as_u64().unwrap_or(0);
    let text = flat(&ended.out);
    let noun = |count: u64| if count == 1 { "1 rebalance".to_owned() } else { format!("{count} rebalances") };
    let expected = format!(
        "Bounds by group out of reach in {}; exceeded after {}",
        noun(count("group_out_of_reach")),
        noun(count("group_inherited"))
    );
    assert!(text.contains(&expected), "{expected}: {text}");
    // A run without bounds has no such line.
    let arguments = joined("replay", &data, &SETTINGS);
    let ended = call(path, &[&arguments[..], &["--no-report", "--out", "plain"]].concat());
    assert!(!ended.out.contains("Bounds by group"), "{}", ended.out);
}
