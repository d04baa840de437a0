//! Announcement of a large run folder.

use std::path::Path;

use crate::support::{Panel, call, folder, joined};

/// Size in an announcement, in bytes.
fn announced(err: &str) -> Option<f64> {
    let line = err.lines().find_map(|line| line.strip_prefix("the run folder will take about "))?;
    let mut words = line.split([' ', ':']);
    let number: f64 = words.next()?.parse().ok()?;
    Some(number * if words.next()? == "GB" { 1e9 } else { 1e6 })
}

#[test]
fn large_folder_is_announced_before_the_run() {
    let folder = folder();
    let mut panel = Panel::new(7, 3_000, 500);
    // The second frame ends the run: only its beginning matters here.
    panel.bars[600].close = -1.0;
    let data = panel.write(folder.path());
    let of = |command: &str, more: &[&str]| {
        let ended =
            call(folder.path(), &[joined(command, &data, &["estimator.warmup=100"]), more.to_vec()].concat());
        assert!(ended.code == Some(1) && ended.err.contains("close"), "{}", ended.err);
        ended.err
    };
    // The rows after the warm-up, with 11 numbers of 8 bytes: alpha and two betas, their deviations, and five more.
    let rebalances = of("replay", &["--set", "record.betas=rebalances"]);
    let (bytes, expected) = (announced(&rebalances).unwrap(), 2_900.0 * 500.0 * 11.0 * 8.0);
    assert!((0.9..1.25).contains(&(bytes / expected)), "{bytes} announced, {expected} expected");
    for part in ["betas.parquet", "record.betas = \"monthly\""] {
        assert!(rebalances.contains(part), "{part}: {rebalances}");
    }
    assert!(!rebalances.contains("fills.parquet"), "small tables are not named: {rebalances}");
    assert_eq!(announced(&of("replay", &[])), None, "the betas of each month are few");
    // A strategy that trades every instrument on every frame has as many fills.
    let dense = of("replay", &["--set", "strategy.kind=equal_weight"]);
    assert!(announced(&dense).unwrap() > expected && dense.contains("sizing.rebalance_every"), "{dense}");
    let smoothed = of("estimate", &["--smooth", "--compare", "rolling"]);
    assert!(announced(&smoothed).unwrap() > announced(&of("estimate", &[])).unwrap());
    for part in ["betas.parquet", "smoothed.parquet", "omit --smooth", "omit --compare"] {
        assert!(smoothed.contains(part), "{part}: {smoothed}");
    }
}

/// Bytes of the files in a folder.
fn bytes(folder: &Path) -> f64 {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len() as f64).sum()
}

#[test]
#[ignore = "needs ../shared/data, and minutes without optimisation"]
fn announced_size_of_real_data_is_right_to_a_factor_of_two() {
    let folder = folder();
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = |name: &str| shared.join(name).display().to_string();
    let (factors, cases) = (
        path("ff5_mom_daily.parquet"),
        [
            ("us_stocks_2000_2016.parquet", "record.betas=rebalances"),
            ("us_stocks_5yr_adj.parquet", "record.betas=all estimator.warmup=20"),
            ("ff25_size_bm_daily.parquet", "record.betas=rebalances data.price=close sizing.weight_min=-0.1"),
        ],
    );
    let mut compared = 0;
    for (number, (prices, settings)) in cases.into_iter().enumerate() {
        let (prices, out) = (path(prices), number.to_string());
        let data = ["--prices", &prices, "--factors", &factors].map(str::to_owned);
        let settings: Vec<&str> = settings.split_whitespace().collect();
        let arguments = [joined("replay", &data, &settings), vec!["--no-report", "--out", &out]].concat();
        let ended = call(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let written = bytes(&folder.path().join(&out));
        match announced(&ended.err) {
            Some(bytes) => {
                compared += 1;
                assert!((0.5..2.0).contains(&(bytes / written)), "{bytes} announced, {written} written");
            }
            None => assert!(written < 2e8, "{written} written without an announcement"),
        }
    }
    assert!(compared > 0);
}
