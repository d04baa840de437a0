//! Every invalid input ends in an error that names cause and place, and leaves no files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};

use crate::support::{
    Bar, Columns, DAY_NS, Ended, Panel, call, folder, numbers, sets, texts, times, write, write_tidy,
};

/// Damaged row: S04 on a day in the middle.
const ROW: usize = 200;

fn panel() -> Panel {
    Panel::new(5, 120, 5)
}

fn date_of(time: i64) -> String {
    (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(time / DAY_NS)).to_string()
}

/// Valid bars as columns, for inputs that `write_tidy` cannot write.
fn columns(bars: &[Bar]) -> Columns<'static> {
    vec![
        times(bars.iter().map(|bar| bar.time)),
        ("symbol", texts(bars.iter().map(|bar| &bar.symbol))),
        ("close", numbers(bars.iter().map(|bar| Some(bar.close)))),
    ]
}

fn replaced(name: &'static str, array: ArrayRef) -> Columns<'static> {
    let mut columns = columns(&panel().bars);
    columns.iter_mut().filter(|(column, _)| *column == name).for_each(|column| column.1 = Arc::clone(&array));
    columns
}

/// Writes prices with one damaged close.
fn with_close(close: f64) -> impl Fn(&Path) {
    move |path| {
        let mut bars = panel().bars;
        bars[ROW].close = close;
        write_tidy(path, &bars);
    }
}

fn with_columns(columns: impl Fn() -> Columns<'static>) -> impl Fn(&Path) {
    move |path| write(path, columns())
}

/// Writes the changed bytes of a valid file.
fn with_bytes(change: impl Fn(Vec<u8>) -> Vec<u8>) -> impl Fn(&Path) {
    move |path| {
        write_tidy(path, &panel().bars);
        fs::write(path, change(fs::read(path).unwrap())).unwrap();
    }
}

fn with_panel(change: impl Fn(&mut Panel)) -> impl Fn(&Path) {
    move |path| {
        let mut panel = panel();
        change(&mut panel);
        match path.file_name().is_some_and(|name| name == "prices.parquet") {
            true => write_tidy(path, &panel.bars),
            false => panel.write_factors(path),
        }
    }
}

fn assert_refused(ended: &Ended, words: &[&str], what: &str) {
    let Ended { code, out, err } = ended;
    assert!(matches!(code, Some(1 | 2)), "{what}: ended with {code:?}: {err}");
    assert!(err.contains("error: ") && !err.contains("panicked"), "{what}: {err}");
    assert_eq!(out, "", "{what}");
    for word in words {
        assert!(err.contains(word), "{what}: the error does not contain `{word}`: {err}");
    }
}

/// All files and folders below a folder.
fn listing(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(
            |path| if path.is_dir() { [vec![path.clone()], listing(&path)].concat() } else { vec![path] },
        )
        .collect()
}

/// Direct entries of a folder that may change meanwhile.
fn listing_of_names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// Replays `prices.parquet` and `factors.parquet` of a folder; the error must leave no files.
fn refused(folder: &Path, arguments: &[&str], words: &[&str], what: &str) {
    fs::create_dir_all(folder.join("parent")).unwrap();
    let before = listing(folder);
    let data =
        ["replay", "--prices", "prices.parquet", "--factors", "factors.parquet", "--out", "parent/run"];
    let ended = call(folder, &[&data, arguments].concat());
    assert_refused(&ended, words, what);
    assert_eq!(listing(folder), before, "{what}: files are left");
}

#[test]
fn invalid_data_is_refused_with_its_place() {
    let bars = panel().bars;
    let Bar { time, symbol, .. } = bars[ROW].clone();
    let date = date_of(time);
    let row = format!("row {ROW} (counting from 0)");
    let at: Vec<&str> = vec!["prices.parquet", &row, "`close`", &symbol, &date, "expected"];
    let at_with = |found| [at.clone(), vec![found]].concat();
    type Damage = Box<dyn Fn(&Path)>;
    let text_of = |close: &Bar| close.close.to_string();
    let second = bars[ROW].clone();
    let unsorted: usize = bars.iter().rposition(|bar| bar.time < time).unwrap();
    let unsorted_row = format!("row {unsorted} (counting from 0)");
    let prices: Vec<(&str, Damage, Vec<&str>)> = vec![
        (
            "no column close",
            Box::new(with_columns(|| columns(&panel().bars)[..2].to_vec())),
            vec!["prices.parquet", "`close`", "`date`, `symbol`"],
        ),
        (
            "no time column",
            Box::new(with_columns(|| columns(&panel().bars)[1..].to_vec())),
            vec!["prices.parquet", "`date`", "`symbol`, `close`"],
        ),
        (
            "closes as text",
            Box::new(with_columns(move || replaced("close", texts(panel().bars.iter().map(text_of))))),
            vec!["prices.parquet", "`close`", "Utf8", "expected"],
        ),
        (
            "dates as text",
            Box::new(with_columns(|| {
                replaced("date", texts(panel().bars.iter().map(|bar| format!("on {}", date_of(bar.time)))))
            })),
            vec!["prices.parquet: row 0", "`date`", "expected an ISO date"],
        ),
        (
            "symbols as numbers",
            Box::new(with_columns(|| {
                replaced("symbol", Arc::new(Int64Array::from_iter_values(0..panel().bars.len() as i64)))
            })),
            vec!["prices.parquet", "`symbol`", "Int64", "expected"],
        ),
        (
            "unsorted",
            Box::new(with_panel(move |panel| {
                let early = panel.bars.remove(0);
                panel.bars.insert(unsorted, early);
            })),
            vec!["prices.parquet", &unsorted_row, "column `date`", "2015-01-01", "expected", "sort"],
        ),
        (
            "twice",
            Box::new(with_panel(move |panel| panel.bars.insert(ROW, second.clone()))),
            vec!["prices.parquet", "row 201 (counting from 0)", &symbol, &date, "second row"],
        ),
        ("NaN", Box::new(with_close(f64::NAN)), at_with("NaN")),
        ("infinite", Box::new(with_close(f64::INFINITY)), at_with("inf")),
        ("minus infinite", Box::new(with_close(f64::NEG_INFINITY)), at_with("-inf")),
        ("zero", Box::new(with_close(0.0)), at_with("found 0.0 ")),
        ("negative", Box::new(with_close(-12.5)), at_with("-12.5")),
        (
            "a null date",
            Box::new(with_columns(|| {
                let days = panel()
                    .bars
                    .iter()
                    .enumerate()
                    .map(|(row, bar)| (row != ROW).then_some((bar.time / DAY_NS) as i32))
                    .collect::<arrow_array::Date32Array>();
                replaced("date", Arc::new(days))
            })),
            vec!["prices.parquet", &row, "`date`", "null", "expected"],
        ),
        (
            "truncated",
            Box::new(with_bytes(|bytes| bytes[..bytes.len() / 2].to_vec())),
            vec!["prices.parquet", "truncated"],
        ),
        (
            "damaged in the middle",
            Box::new(with_bytes(|mut bytes| {
                let middle = bytes.len() / 2;
                bytes[middle..middle + 64].fill(0xff);
                bytes
            })),
            vec!["prices.parquet"],
        ),
        (
            "not Parquet",
            Box::new(with_bytes(|_| b"date,symbol,close\n2015-01-02,A,1\n".repeat(50))),
            vec!["prices.parquet", "not a Parquet file", "expected `PAR1`"],
        ),
        ("0 bytes", Box::new(with_bytes(|_| Vec::new())), vec!["prices.parquet", "0 bytes", "expected"]),
        (
            "0 rows",
            Box::new(with_panel(|panel| panel.bars.clear())),
            vec!["prices.parquet", "0 rows", "expected"],
        ),
        (
            "absent",
            Box::new(|path: &Path| fs::write(path.with_file_name("price.parquet"), "").unwrap()),
            vec!["prices.parquet", "no such file", "did you mean `price.parquet`"],
        ),
        (
            "an empty folder",
            Box::new(|path: &Path| fs::create_dir(path).unwrap()),
            vec!["prices.parquet", "expected at least one"],
        ),
    ];
    for (what, damage, words) in prices {
        let folder = folder();
        panel().write_factors(&folder.path().join("factors.parquet"));
        damage(&folder.path().join("prices.parquet"));
        refused(folder.path(), &[], &words, what);
    }

    let gap_date = date_of(panel().times[60]);
    let factors: Vec<(&str, Damage, Vec<&str>)> = vec![
        (
            "do not overlap",
            Box::new(with_panel(|panel| panel.times.iter_mut().for_each(|time| *time -= 3_000 * DAY_NS))),
            vec!["factors.parquet", "do not overlap", "2006", "2015"],
        ),
        (
            "a gap",
            Box::new(with_panel(|panel| {
                panel.times.remove(60);
                panel.factors.remove(60);
            })),
            vec!["factors.parquet", "no factor row", &gap_date, "factor_gap"],
        ),
        (
            "NaN",
            Box::new(with_panel(|panel| panel.factors[60][1] = f64::NAN)),
            vec!["factors.parquet", "row 60", "`mom`", "NaN", "expected"],
        ),
        (
            "in percent",
            Box::new(with_panel(|panel| panel.factors[60][0] = -1.3)),
            vec!["factors.parquet", "row 60", "`mkt`", "-1.3", "percent"],
        ),
        (
            "0 rows",
            Box::new(with_panel(|panel| {
                panel.times.clear();
                panel.factors.clear();
            })),
            vec!["factors.parquet", "0 rows"],
        ),
        ("absent", Box::new(|_: &Path| ()), vec!["factors.parquet", "no such file"]),
    ];
    for (what, damage, words) in factors {
        let folder = folder();
        write_tidy(&folder.path().join("prices.parquet"), &panel().bars);
        damage(&folder.path().join("factors.parquet"));
        refused(folder.path(), &[], &words, &format!("factors: {what}"));
    }
}

#[test]
fn invalid_settings_are_refused_with_their_place() {
    let folder = folder();
    let folder = folder.path();
    panel().write(folder);
    let sets: [(&str, &[&str]); 31] = [
        ("sizing.turnover_capp=0.1", &["sizing.turnover_capp", "did you mean `sizing.turnover_cap`"]),
        ("sizeing.turnover_cap=0.1", &["`sizeing`", "did you mean `sizing`"]),
        ("estimator.discount=0.9", &["estimator.discount", "did you mean `estimator.discount_"]),
        ("strategy.alpha_shink=0.1", &["did you mean `strategy.alpha_shrink`"]),
        ("sizing.turnover_cap", &["found no `=`", "expected"]),
        ("turnover_cap=0.1", &["no table", "expected"]),
        ("sizing.turnover_cap=-0.1", &["`sizing.turnover_cap`", "found -0.1", "expected"]),
        ("sizing.turnover_cap=nan", &["`sizing.turnover_cap`", "found NaN", "expected"]),
        ("sizing.turnover_cap=much", &["`sizing.turnover_cap`", "found \"much\"", "expected a number"]),
        ("estimator.discount_factor=0", &["`estimator.discount_factor`", "found 0,", "expected"]),
        ("estimator.discount_factor=1.2", &["`estimator.discount_factor`", "found 1.2", "expected"]),
        ("universe.include=S01", &["`universe.include`", "found \"S01\"", "expected a list"]),
        ("sizing.kelly_fraction=0", &["`sizing.kelly_fraction`", "found 0,", "expected"]),
        ("sizing.weight_max=0", &["`sizing.weight_max`", "found 0,", "expected"]),
        ("execution.nav=0", &["`execution.nav`", "found 0,", "expected"]),
        ("execution.nav=inf", &["`execution.nav`", "found inf", "expected"]),
        ("execution.delay_bars=0", &["`execution.delay_bars`", "found 0,", "expected"]),
        ("execution.delisting_haircut=1.5", &["`execution.delisting_haircut`", "found 1.5", "expected"]),
        ("pipeline.capacity=0", &["`pipeline.capacity`", "found 0,", "expected"]),
        ("pipeline.placement=[2, 2]", &["pipeline.placement", "[2, 2]", "\"threaded\""]),
        ("pipeline.placement=foo", &["pipeline.placement", "foo", "\"inline\""]),
        ("execution.cash_interest=foo", &["execution.cash_interest", "foo", "\"rf\""]),
        ("strategy.kind=quarter_kely", &["quarter_kely", "expected", "quarter_kelly"]),
        ("data.from=2015-13-45", &["`data.from`", "2015-13-45", "expected"]),
        ("data.price=adjclose", &["prices.parquet", "adjclose", "close"]),
        ("execution.participation_cap=2", &["`execution.participation_cap`", "found 2", "expected"]),
        ("execution.impact_exponent=0", &["`execution.impact_exponent`", "found 0", "expected"]),
        ("execution.half_spreads={S00=-1}", &["`execution.half_spreads`", "S00 = -1", "expected"]),
        ("execution.spread_file=absent.parquet", &["absent.parquet", "no such file"]),
        ("execution.spread_model=tight", &["execution.spread_model", "tight", "\"quotes\""]),
        ("data.volume=none", &["prices.parquet", "no column `volume`", "execution.participation_cap"]),
    ];
    for (set, words) in sets {
        match set {
            "data.volume=none" => {
                refused(folder, &["--set", set, "--set", "execution.participation_cap=0.1"], words, set);
            }
            _ => refused(folder, &["--set", set], words, set),
        }
    }
    // Opens have the scale of the close, not of another price.
    let mixed = ["--set", "data.price=bid", "--set", "execution.fill_at=open"];
    refused(folder, &mixed, &["`data.price`", "\"bid\"", "`open`", "data.return_price"], "two scales");
    let delay = ["--set", "execution.fill_at=same_close", "--set", "execution.delay_bars=2"];
    refused(
        folder,
        &delay,
        &["`execution.delay_bars`", "found 2", "same_close"],
        "a delay of the same close",
    );
    let files: [(&str, &str, &[&str]); 4] = [
        ("key", "[sizing]\nturnover_capp = 0.1\n", &["my.toml", "did you mean `sizing.turnover_cap`"]),
        (
            "range",
            "[sizing]\nturnover_cap = -1\n",
            &["my.toml", "`sizing.turnover_cap`", "found -1", "expected"],
        ),
        ("type", "[sizing]\nturnover_cap = \"much\"\n", &["my.toml", "`sizing.turnover_cap`", "\"much\""]),
        ("syntax", "sizing: {turnover_cap: 1}\n", &["my.toml", "not valid TOML"]),
    ];
    for (what, text, words) in files {
        fs::write(folder.join("my.toml"), text).unwrap();
        refused(folder, &["--config", "my.toml"], words, what);
    }
    refused(folder, &["--config", "absent.toml"], &["absent.toml"], "no such configuration");
    let range = ["--from", "2016-01-01", "--to", "2015-01-01"];
    refused(folder, &range, &["--to", "2015-01-01", "expected"], "a range that ends before it starts");
    refused(
        folder,
        &["--from", "2030-01-01"],
        &["prices.parquet", "2030-01-01", "overlaps the data"],
        "a range without data",
    );
}

#[test]
fn settings_without_an_effect_are_refused_with_the_one_that_they_need() {
    let folder = folder();
    let path = folder.path();
    panel().write(path);
    // (settings, the one without an effect, the one that it needs, its value)
    let cases: [(&[&str], &str, &str, &str); 9] = [
        (&["estimator.betas=absent.csv"], "estimator.betas", "estimator.kind", "\"given\""),
        (
            &["estimator.kind=dlm", "estimator.factor_cov=absent.csv"],
            "estimator.factor_cov",
            "estimator.kind",
            "\"given\"",
        ),
        (
            &["estimator.transition_variance=1e-6"],
            "estimator.transition_variance",
            "estimator.kind",
            "\"fixed\"",
        ),
        (
            &["estimator.alpha_transition_variance=1e-6"],
            "estimator.alpha_transition_variance",
            "estimator.kind",
            "\"fixed\"",
        ),
        (
            &["execution.spread_model=edge", "execution.half_spreads={S00=3}"],
            "execution.half_spreads",
            "execution.spread_model",
            "\"constant\"",
        ),
        (
            &["execution.spread_model=quotes", "execution.spread_file=absent.csv"],
            "execution.spread_file",
            "execution.spread_model",
            "\"constant\"",
        ),
        (&["world.gap_from=2015-02-02"], "world.gap_from", "world.gap_frames", "the number"),
        (&["world.reverse_from=2015-02-02"], "world.reverse_from", "world.reverse_factor", "the name"),
        // An unused file of groups must exist.
        (&["universe.groups=absent.csv"], "absent.csv", "no such file", "check the spelling"),
    ];
    for (settings, idle, needed, value) in cases {
        refused(path, &sets(settings), &[idle, needed, value], settings[0]);
    }
    // A file keeps what another setting leaves idle, and so does the run.toml of such a run.
    let data = [
        &["replay", "--prices", "prices.parquet", "--factors", "factors.parquet", "--no-report"][..],
        &sets(&["estimator.warmup=40"]),
    ]
    .concat();
    fs::write(path.join("idle.toml"), "[execution]\nhalf_spreads = { S00 = 3.0 }\n").unwrap();
    let idle = ["--config", "idle.toml", "--set", "execution.spread_model=corwin_schultz", "--out", "idle"];
    let zero = sets(&["world.gap_from=2015-02-02", "world.gap_frames=0"]);
    let again = ["replay", "--config", "idle/run.toml", "--no-report", "--out", "again"];
    for arguments in
        [[&data[..], &idle].concat(), again.to_vec(), [&data[..], &zero, &["--out", "zero"]].concat()]
    {
        let ended = call(path, &arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    }
    // A grid may vary either of the two.
    let grids = [
        ("world.gap_from=2015-02-02", "\"world.gap_frames\" = [0, 5]"),
        ("execution.half_spreads={S00=3}", "\"execution.spread_model\" = [\"constant\", \"corwin_schultz\"]"),
    ];
    for (set, line) in grids {
        fs::write(path.join("grid.toml"), format!("[grid]\n{line}\n")).unwrap();
        let study = ["--grid", "grid.toml", "--force", "--out", "study", "--set", set];
        let ended = call(path, &[&["stress"], &data[1..], &study].concat());
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
    }
}

#[test]
fn non_empty_folder_is_kept_unless_forced() {
    let folder = folder();
    let out = folder.path().join("run");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine.txt"), "mine").unwrap();
    let before = listing(folder.path());
    let ended = call(folder.path(), &["replay", "--out", "run"]);
    assert_refused(&ended, &["run", "not empty", "--out", "--force"], "a folder with a file");
    assert_eq!(listing(folder.path()), before);
    // A failed run does not replace the folder.
    let ended = call(folder.path(), &["replay", "--out", "run", "--force", "--prices", "absent.parquet"]);
    assert_refused(&ended, &["absent.parquet"], "--force and no prices");
    assert_eq!(listing(folder.path()), before);
    let ended = call(folder.path(), &["replay", "--out", "run", "--force"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(out.join("equity.parquet").exists());
    assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "mine", "a file of the user was removed");
    let ended = call(folder.path(), &["replay", "--out", "run", "--force", "--set", "record.weights=none"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!out.join("weights.parquet").exists() && out.join("mine.txt").exists());
    fs::write(folder.path().join("file"), "mine").unwrap();
    let ended = call(folder.path(), &["replay", "--out", "file"]);
    assert_refused(&ended, &["file", "expected a folder"], "a file");
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "mine");
}

/// Small file system, unmounted at the end of its scope.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Mounts a file system of this size, which needs root.
    fn mount(size: &str, at: &'a Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        assert!(
            mounted.is_ok_and(|mounted| mounted.status.success()),
            "mounting a small disk is not permitted"
        );
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()), "umount");
    }
}

#[test]
#[ignore = "mounts a small disk, which needs root"]
fn full_disk_ends_the_run_and_leaves_no_files() {
    let folder = folder();
    // Each size fills up at a different stage; small tables stay in memory until the end.
    for size in ["4k", "64k", "256k", "1m"] {
        let at = folder.path().join(size);
        let disk = SmallDisk::mount(size, &at);
        let ended = call(
            &at,
            &["replay", "--out", "run", "--set", "record.betas=all", "--set", "record.weights=all"],
        );
        assert_refused(&ended, &["No space left", ".parquet"], size);
        assert!(listing(&at).is_empty(), "{size}: files are left: {:?}", listing(&at));
        drop(disk);
    }
}

#[test]
fn interrupted_run_leaves_no_files() {
    let folder = folder();
    Panel::new(5, 4_000, 60).write(folder.path());
    let before = listing(folder.path());
    for signal in ["-INT", "-TERM"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(["replay", "--prices", "prices.parquet", "--factors", "factors.parquet", "--out", "run"])
            .args(["--set", "record.betas=all", "--set", "record.weights=all"])
            .current_dir(folder.path())
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let has_started =
            |entries: Vec<PathBuf>| entries.iter().any(|path| path.to_string_lossy().contains(".partial-"));
        while !has_started(listing_of_names(folder.path())) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            // The run ended before the signal.
            child.wait().unwrap();
            fs::remove_dir_all(folder.path().join("run")).unwrap();
            continue;
        }
        let status = child.wait().unwrap();
        if status.success() {
            fs::remove_dir_all(folder.path().join("run")).unwrap();
        } else {
            assert_eq!(status.code(), Some(130), "{signal}");
        }
        assert_eq!(listing(folder.path()), before, "{signal}");
    }
}

#[test]
fn settings_of_another_version_are_refused() {
    let folder = folder();
    let path = folder.path();
    let own = env!("CARGO_PKG_VERSION");
    crate::support::run(path, "run", &["replay", "--no-report"]);
    let toml = fs::read_to_string(path.join("run/run.toml")).unwrap();
    let of_run = "# All settings of a run of betaflow ";
    let line = format!("{}\n", toml.lines().find(|line| line.starts_with(of_run)).unwrap());
    let schema = line.trim_end().rsplit_once(' ').unwrap().1.trim_end_matches('.');
    assert!(line.contains(own), "{line}");
    let config = |name: &'static str| ["replay", "--config", name, "--out", "again", "--no-report"];
    for (old, found) in [
        (format!("{of_run}0.1.0.\n"), ["run of betaflow 0.1.0", "schema 1"]),
        (format!("{of_run}{own}.\n"), [own, "schema 1"]),
        (format!("{of_run}{own}, schema 99.\n"), [own, "schema 99"]),
    ] {
        fs::write(path.join("old.toml"), toml.replace(&line, &old)).unwrap();
        let expected = format!("schema {schema}");
        let named = ["old.toml", found[0], found[1], own, &expected, "results differ", "delete the line"];
        assert_refused(&call(path, &config("old.toml")), &named, &old);
    }
    // Settings without a version are accepted, and a patch release does not change results.
    let patch = own.rsplit_once('.').map(|(release, _)| format!("{release}.99")).unwrap();
    for (name, text) in [("own.toml", toml.replace(&line, "")), ("patch.toml", toml.replace(own, &patch))] {
        fs::write(path.join(name), text).unwrap();
        let again = crate::support::run(
            path,
            name.trim_end_matches(".toml"),
            &["replay", "--config", name, "--no-report"],
        );
        assert_eq!(again.digest(), crate::support::Run::at(path.join("run")).digest(), "{name}");
    }
}

#[test]
fn error_names_grid_file_empty_column_and_current_folder() {
    let folder = folder();
    let path = folder.path();
    write_tidy(&path.join("prices.parquet"), &panel().bars);
    fs::write(path.join("grid.toml"), "[grid]\n\"sizing.turnover_cp\" = [0.1]\n").unwrap();
    let error = |arguments: &[&str]| {
        let Ended { code, err, .. } = call(path, arguments);
        assert!(code != Some(0), "{arguments:?}");
        crate::support::flat(&err)
    };
    let grid = error(&["stress", "--grid", "grid.toml"]);
    let question = "set by grid.toml; did you mean `sizing.turnover_cap`?";
    assert!(grid.contains(question) && !grid.contains("--set") && !grid.contains("one of"), "{grid}");
    let far = error(&["replay", "--set", "sizing.zzz=1"]);
    assert!(far.contains("expected one of") && !far.contains("did you mean"), "{far}");
    let prices = ["replay", "--prices", "prices.parquet", "--factors", "none"];
    let empty = error(&[&prices[..], &["--set", "data.return_price="]].concat());
    assert!(empty.contains("`data.return_price`") && empty.contains("leave the key out"), "{empty}");
    let here = path.canonicalize().unwrap();
    let here = here.to_str().unwrap();
    for arguments in [
        &["replay", "--prices", "absent.parquet", "--factors", "none"][..],
        &["replay", "--config", "a.toml"],
    ] {
        let absent = error(arguments);
        assert!(absent.contains(&format!("the current folder {here}")), "{absent}");
    }
}
