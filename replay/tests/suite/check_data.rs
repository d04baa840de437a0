//! Findings of `betaflow check` in recorded data with known defects. Needs the shared data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{DAY_NS, Table, call, folder};

/// Folder of the data.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")
}

/// Days since 1970-01-01 of a date.
fn day(date: &str) -> i64 {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let (year, month) = if parts[1] <= 2 { (parts[0] - 1, parts[1] + 9) } else { (parts[0], parts[1] - 3) };
    let of_year = (153 * month + 2) / 5 + parts[2] - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

struct Findings(Vec<(i64, String, String)>);

impl Findings {
    fn of(data: &Path, file: &str) -> Self {
        let folder = folder();
        let path = data.join(file).display().to_string();
        let ended = call(folder.path(), &["check", &path, "--out", "findings.parquet"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let table = Table::read(&folder.path().join("findings.parquet"));
        let keys = table.times().into_iter().map(|time| time / DAY_NS).zip(table.texts("symbol"));
        Self(
            keys.zip(table.texts("problem")).map(|((day, symbol), problem)| (day, symbol, problem)).collect(),
        )
    }

    fn count(&self, problem: &str) -> usize {
        self.0.iter().filter(|row| row.2 == problem).count()
    }

    fn at(&self, symbol: &str, date: &str) -> Vec<&str> {
        let day = day(date);
        self.0.iter().filter(|row| row.0 == day && row.1 == symbol).map(|row| row.2.as_str()).collect()
    }

    fn names(&self, moves: &[(&str, &str)]) {
        for (symbol, date) in moves {
            assert!(!self.at(symbol, date).is_empty(), "no finding for {symbol} on {date}");
        }
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn bars_copied_from_later_days_are_found() {
    let data = data();
    let findings = Findings::of(&data, "us_stocks_5yr.parquet");
    let key = std::fs::read_to_string(data.join("us_stocks_5yr_lookahead_rows.csv")).unwrap();
    let flagged: BTreeSet<(i64, &str)> = findings.0.iter().map(|row| (row.0, row.1.as_str())).collect();
    let rows = key.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let (mut known, mut hit) = (0, 0);
    for row in rows {
        known += 1;
        hit += usize::from(flagged.contains(&(day(row[0]), row[1])));
    }
    assert!(known == 1_060 && hit * 100 >= known * 97, "{hit} of {known}");
    let copied = findings.count("copied_bar");
    assert!((1_000..1_150).contains(&copied), "{copied}");
    // 12 bars out of order and 11 null opens; 51 missing days.
    assert_eq!((findings.count("broken_bar"), findings.count("missing_day")), (23, 51));
    findings.names(&[
        ("DISCA", "2014-08-07"),
        ("DISCK", "2014-08-07"),
        ("NI", "2015-07-02"),
        ("EBAY", "2015-07-20"),
        ("LNT", "2016-05-20"),
    ]);
    for (symbol, date) in [("VRTX", "2013-04-19"), ("AMD", "2016-04-22")] {
        assert_eq!(findings.at(symbol, date), Vec::<&str>::new());
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn clean_panel_has_few_findings() {
    let data = data();
    let findings = Findings::of(&data, "us_stocks_5yr_adj.parquet");
    // 0.05 % of 606,405 rows would be 303.
    assert!(findings.0.len() <= 30, "{}", findings.0.len());
    assert_eq!(findings.count("missing_day"), 7);
    findings.names(&[
        ("DXC", "2015-11-30"),
        ("DHR", "2016-07-05"),
        ("UA", "2016-03-23"),
        ("DLPH", "2017-11-21"),
    ]);
    for (symbol, date) in [("VRTX", "2013-04-19"), ("AMD", "2016-04-22")] {
        assert_eq!(findings.at(symbol, date), Vec::<&str>::new());
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn artefacts_of_a_long_panel_are_found() {
    let data = data();
    let findings = Findings::of(&data, "us_stocks_2000_2016.parquet");
    assert!(findings.0.len() <= 200, "{}", findings.0.len());
    findings.names(&[
        ("KSU", "2000-07-13"),
        ("PWR", "2002-07-02"),
        ("JCI", "2007-07-02"),
        ("WY", "2010-07-20"),
        ("DXC", "2015-11-30"),
        ("UA", "2016-03-23"),
        ("DHR", "2016-07-05"),
    ]);
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn other_data_has_few_findings() {
    let data = data();
    for (file, most) in [
        ("crypto_1m_2026-02.parquet", 10),
        ("us_equity_1m_2013-10.parquet", 5),
        ("ff25_size_bm_daily.parquet", 10),
        ("factor_etfs.parquet", 0),
        ("sp500_index.parquet", 0),
        ("skfolio_sp500_20.parquet", 300),
    ] {
        let found = Findings::of(&data, file).0.len();
        assert!(found <= most, "{file}: {found}");
    }
}
