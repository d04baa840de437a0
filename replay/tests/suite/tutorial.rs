//! First steps of a user: the embedded data, its terminal output and its files.

use std::fs;

use arrow_schema::{DataType, TimeUnit};
use serde_json::Value;

use crate::support::{DAY_NS, Run, TABLES, call, folder, run};

const FACTORS: &str = "mkt mom qual size vol val";
const BETAS: [&str; 2] = ["alpha", "forecast_mean forecast_sd forecast_dof forecast_error residual_sd"];

/// Documented columns: `<` marks a time, `#` an integer, `"` a text, no mark a number.
fn contract(table: &str) -> Vec<(String, DataType)> {
    let names = match table {
        "equity" => {
            "<timestamp #seq nav nav_gross cash gross_exposure net_exposure turnover cap_multiplier \
             gross_multiplier net_multiplier commission spread impact borrow financing interest dividends predicted_volatility benchmark_nav"
                .to_owned()
        }
        "fills" => "<timestamp #seq #decided_seq \"symbol quantity price decision_price notional commission \
                    spread impact \"reason permanent_impact delay shortfall half_spread_bps volatility daily_volume"
            .to_owned(),
        "attribution" => {
            let prefixed = |prefix: &str| FACTORS.split(' ').map(|name| format!("{prefix}_{name} ")).collect::<String>();
            format!(
                "<timestamp #seq {}change alpha residual {}risk_free trading interest commission spread impact \
                 borrow financing",
                prefixed("exposure"),
                prefixed("factor")
            )
        }
        "weights" => "<timestamp #seq \"symbol target_weight held_weight expected_return".to_owned(),
        _ => {
            let deviations: String = format!("alpha {FACTORS}").split(' ').map(|c| format!(" {c}_sd")).collect();
            format!("<timestamp #seq \"symbol {} {FACTORS} {}{deviations}", BETAS[0], BETAS[1])
        }
    };
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let column = |name: &str| match name.split_at(1) {
        ("<", name) => (name.to_owned(), utc.clone()),
        ("#", name) => (name.to_owned(), DataType::Int64),
        ("\"", name) => (name.to_owned(), DataType::Utf8),
        _ => (name.to_owned(), DataType::Float64),
    };
    names.split_whitespace().map(column).collect()
}

fn files(run: &Run) -> Vec<String> {
    let entries = fs::read_dir(&run.path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // The report only shows the tables.
    names.retain(|name| name != "report.html");
    names.sort();
    names
}

fn assert_contract(run: &Run, tables: &[&str]) {
    for name in tables {
        let table = run.table(name);
        assert_eq!(table.columns(), contract(name), "{name}");
        assert!(table.rows() > 0, "{name}");
        assert!(table.times().is_sorted() && table.integers("seq").is_sorted(), "{name}");
    }
}

#[test]
fn replay_prints_the_summary_and_writes_the_documented_files() {
    let folder = folder();
    // Without --out, the next unused folder.
    for number in [1, 2] {
        let ended = call(folder.path(), &["replay"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let run = Run::at(folder.path().join(format!("runs/replay-{number}")));
        let names = "attribution.parquet betas.parquet contributions.parquet equity.parquet fills.parquet \
                     instruments.parquet orders.parquet premia.parquet risk.parquet run.toml summary.json weights.parquet";
        assert_eq!(files(&run).join(" "), names);
        assert_contract(&run, &TABLES);
        assert!(ended.out.contains("\nPerformance of quarter_kelly against equal weight\n"), "{}", ended.out);
        let header = ended.out.lines().find(|line| line.contains("Net  ")).expect("a table");
        assert!(header.contains("Gross") && header.contains("Equal weight"), "{header}");
        let sharpe = ended.out.lines().find(|line| line.starts_with("  Sharpe ratio ")).unwrap();
        let cells: Vec<&str> = sharpe.split_whitespace().skip(2).collect();
        let sharpe = |kind: &str| run.summary["metrics"][kind]["sharpe"].as_f64().unwrap();
        let figure = |kind: &str| format!("{:.2}", sharpe(kind));
        let difference = format!("{:+.2}", sharpe("net") - sharpe("benchmark"));
        assert_eq!(cells, [figure("net"), figure("gross"), figure("benchmark"), difference]);
        assert!(ended.flat().contains("The strategy earned less than the equal-weight benchmark"));
        assert!(ended.out.contains("[survivorship]") && ended.out.contains("report.html"), "{}", ended.out);
        for part in [run.digest(), &format!("runs/replay-{number}"), "2014-01-02", "2022-12-28"] {
            assert!(ended.out.contains(part), "{part} is missing:\n{}", ended.out);
        }
        assert!(run.digest().len() == 64 && run.digest().bytes().all(|byte| byte.is_ascii_hexdigit()));
        for path in
            ["/cost_analysis/annual_drag", "/cost_analysis/break_even_bps", "/kelly/predicted_volatility"]
        {
            assert!(run.summary.pointer(path).is_some_and(serde_json::Value::is_f64), "{path}");
        }
        let uncertain = "sharpe_standard_error probabilistic_sharpe min_track_record_years ";
        let keys = &(uncertain.to_owned()
            + "sharpe sortino calmar max_drawdown omega tail_ratio annual_return annual_volatility \
                    value_at_risk conditional_value_at_risk total_return stability_of_timeseries skew kurtosis \
                    alpha beta up_capture down_capture best_return worst_return");
        for kind in ["net", "gross", "benchmark"] {
            for key in keys.split_whitespace() {
                assert!(run.summary["metrics"][kind][key].is_f64(), "metrics.{kind}.{key}");
            }
        }
        // Figures of the same equity are consistent.
        let all = |key: &str| run.summary[key].as_array().unwrap().clone();
        let net = |key: &str| run.summary["metrics"]["net"][key].as_f64().unwrap();
        for periods in [all("monthly"), all("yearly")] {
            let grown: f64 = periods.iter().map(|period| 1.0 + period["net"].as_f64().unwrap()).product();
            assert!((grown - 1.0 - net("total_return")).abs() < 1e-9);
        }
        assert!((all("drawdowns")[0]["depth"].as_f64().unwrap() - net("max_drawdown")).abs() < 1e-12);
        assert_eq!(all("drawdowns").len(), 5);
        let counts = run.summary["distribution"]["counts"].as_array().unwrap();
        let returns: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(returns as usize, run.table("equity").rows() - 1);
        for key in ["rows", "frames", "instruments", "first", "last", "skipped", "left_out"] {
            assert!(!run.summary["data"][key].is_null(), "data.{key}");
        }
        for path in
            ["/turnover/mean", "/turnover/max", "/turnover/cap", "/costs/commission", "/version", "/timing"]
        {
            assert!(run.summary.pointer(path).is_some_and(|value| !value.is_null()), "{path}");
        }
    }
    let [first, second] = [1, 2].map(|number| Run::at(folder.path().join(format!("runs/replay-{number}"))));
    for table in TABLES {
        assert!(first.bytes(table) == second.bytes(table), "{table}.parquet differs");
    }
}

#[test]
fn estimate_writes_betas_of_every_bar_and_no_trades() {
    let folder = folder();
    let ended = call(folder.path(), &["estimate"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let run = Run::at(folder.path().join("runs/estimate-1"));
    assert_eq!(files(&run).join(" "), "betas.parquet instruments.parquet run.toml summary.json");
    assert_contract(&run, &["betas"]);
    // 20 instruments, 2,264 frames, no return in the first.
    assert_eq!(run.table("betas").rows(), 20 * 2_263);
    assert_eq!(run.summary["digest"], Value::Null);
    assert!(run.summary["estimator"]["hedged_r2"].as_f64().unwrap() > 0.3);
    assert!(ended.out.contains("Hedged R²"), "{}", ended.out);
}

#[test]
fn run_toml_reproduces_the_same_bytes() {
    let folder = folder();
    let arguments = "replay --set sizing.turnover_cap=0.03 --set strategy.alpha_shrink=0.5 --set record.weights=all \
                     --set estimator.warmup=100 --from 2015-03-02 --to 2019-12-30";
    let first = run(folder.path(), "first", &arguments.split_whitespace().collect::<Vec<_>>());
    let again = run(folder.path(), "again", &["replay", "--config", "first/run.toml"]);
    assert_eq!(first.digest(), again.digest());
    assert_eq!(first.config, again.config);
    for table in TABLES {
        assert!(first.bytes(table) == again.bytes(table), "{table}.parquet");
    }
    // `--from` and `--to` are inclusive; sequence numbers start at the first frame read.
    assert_eq!(first.summary["data"]["first"], "2015-03-02");
    assert_eq!(first.summary["data"]["last"], "2019-12-30");
    let equity = first.table("equity");
    assert_eq!(equity.times().last(), Some(&(18_260 * DAY_NS)), "2019-12-30");
    assert_eq!(equity.integers("seq").first(), Some(&100), "100 returns before the first rebalance");
    assert!(first.summary["turnover"]["max"].as_f64().unwrap() <= 0.03 + 1e-9);
    let changed =
        run(folder.path(), "changed", &["replay", "--config", "first/run.toml", "--to", "2019-12-27"]);
    assert_ne!(first.digest(), changed.digest());
}

#[test]
fn flags_override_set_and_set_overrides_the_file() {
    let folder = folder();
    let file = "[data]\nfrom = 2016-01-04\nto = 2018-01-31\n[sizing]\nturnover_cap = 0.01\nkelly_fraction = 0.5\n\
                [strategy]\nkind = \"equal_weight\"\n";
    fs::write(folder.path().join("my.toml"), file).unwrap();
    let arguments = "replay --config my.toml --set data.from=2017-01-03 --set sizing.turnover_cap=0.02 \
                     --set strategy.kind=flat --from 2016-06-01 --set estimator.warmup=20";
    let run = run(folder.path(), "out", &arguments.split_whitespace().collect::<Vec<_>>());
    assert_eq!(run.setting("data", "from").as_str(), Some("2016-06-01"));
    assert_eq!(run.setting("data", "to").as_str(), Some("2018-01-31"));
    assert_eq!(run.number("sizing", "turnover_cap"), 0.02);
    assert_eq!(run.number("sizing", "kelly_fraction"), 0.5);
    assert_eq!(run.setting("strategy", "kind").as_str(), Some("flat"));
    assert_eq!(run.table("fills").rows(), 0, "flat does not trade");
    assert_eq!(run.summary["data"]["first"], "2016-06-01");
}
