//! A price out of range ends a replay with its bar and instrument, and halts a paper run permanently.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::support::paper::{Serving, arguments};
use crate::support::{DAY_NS, Panel, call, folder, joined};

/// Frame with the price.
const BAD: usize = 90;

/// Panel in which S00 has a price of 1e308 on one day.
fn panel() -> Panel {
    let mut panel = Panel::new(41, 130, 5);
    let time = panel.times[BAD];
    panel
        .bars
        .iter_mut()
        .filter(|bar| bar.time == time && bar.symbol == "S00")
        .for_each(|bar| bar.close = 1e308);
    panel
}

fn date_of(time: i64) -> String {
    (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(time / DAY_NS)).to_string()
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn commands_fail_with_bar_and_instrument_and_leave_no_folder() {
    let place = folder();
    let panel = panel();
    let data = panel.write(place.path());
    fs::write(place.path().join("grid.toml"), "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.1]\n").unwrap();
    let settings = ["estimator.warmup=40"];
    let grid = ["--grid", "grid.toml", "--trials", "none"];
    for (command, more) in [("replay", &[][..]), ("estimate", &[]), ("stress", &grid), ("tune", &grid)] {
        let arguments = [&joined(command, &data, &settings)[..], more, &["--out", "out"]].concat();
        let ended = call(place.path(), &arguments);
        assert_eq!(ended.code, Some(1), "{command}: {} {}", ended.out, ended.err);
        for word in ["S00", &date_of(panel.times[BAD]), &format!("seq {BAD}")] {
            assert!(
                ended.err.contains(word),
                "{command}: the error does not contain `{word}`: {}",
                ended.err
            );
        }
        assert!(names(place.path()).iter().all(|name| !name.contains("out")), "{:?}", names(place.path()));
    }
}

#[test]
fn paper_halts_permanently_across_restarts() {
    let place = folder();
    let panel = panel();
    let data = panel.write(place.path());
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(place.path(), &files[1..], &[]);
    for start in ["first", "second"] {
        let mut typed = arguments(&serving.url, "state");
        typed.extend(["--set", "limits.drawdown_max=0.5"]);
        let ended = call(place.path(), &typed);
        assert_eq!(ended.code, Some(0), "{start}: {}", ended.err);
        assert!(!ended.out.contains("NaN"), "{start}: {}", ended.out);
        let state = Connection::open(place.path().join("state/state.db")).unwrap();
        let number = |sql: &str| state.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("SELECT max(seq) FROM equity"), 129, "{start}: the run ended early");
        assert_eq!(number(&format!("SELECT count(*) FROM equity WHERE seq >= {BAD} AND turnover != 0")), 0);
        // Orders in flight still fill.
        let after = BAD + 2;
        assert_eq!(
            number(&format!("SELECT count(*) FROM fills WHERE seq > {after} AND reason = 'order'")),
            0,
            "{start}"
        );
        let text = state
            .query_row("SELECT text FROM events WHERE kind = 'halted' ORDER BY id DESC", [], |row| {
                row.get::<_, String>(0)
            })
            .unwrap();
        assert!(text.contains("S00") && text.contains(&date_of(panel.times[BAD])), "{start}: {text}");
    }
}
