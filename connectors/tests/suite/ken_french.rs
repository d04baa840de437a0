//! Ken French's files as downloaded, and several factor files joined by time.

use betaflow_connectors::DataError;
use betaflow_connectors::import::{ImportError, ImportOptions};
use betaflow_connectors::parquet::{Input, Settings, import_files};
use betaflow_engine::assembly::FactorGap;

use crate::support::{Folder, days, floats, read, run, tidy};

const FIVE: &str = "This file was created by hand.\r\nIt has no meaning, and a comma.\r\n\r\n,Mkt-RF,SMB,RF\r\n\
                    20200102,   -0.67,    0.00,    0.01\r\n20200103,    0.79,   -0.26,    0.01\r\n\
                    20200106,    0.63, -99.99,    0.01\r\n\r\nCopyright 2025\r\n";
const MOMENTUM: &str =
    "Prose.\n\n,Mom\n20191231,  0.10\n20200102,   0.54\n20200103,  -0.51\n20200106,   1.17\n\nCopyright\n";
const STACKED: &str = "Prose, with a comma.\n\n\n  Average Value Weighted Returns -- Monthly\n,NoDur,Hlth \n202001,   1.45,  15.55\n\
                       202002,   -99.99,   3.68\n\n  Average Equal Weighted Returns -- Monthly\n,NoDur,Hlth \n202001,   2.00,   1.00\n\
                       202002,   3.00,   4.00\n\n  Number of Firms in Portfolios\n,NoDur,Hlth \n202001,   101,  12\n202002,   102,   -999\n\n\
                       Annual Factors: January-December\n,NoDur,Hlth\n  2019,   7.00,   8.00\nCopyright 2023\n";

fn text_file(folder: &Folder, name: &str, text: &str) -> Input {
    let path = folder.path(name);
    std::fs::write(&path, text).unwrap();
    Input::Path(path)
}

/// Prices on the dates of the factors: 2020-01-02, 03 and 06.
fn prices(folder: &Folder) -> Input {
    let rows: Vec<_> = [18_263, 18_264, 18_267].map(|day| (day, "A", Some(10.0))).to_vec();
    folder.write("prices.parquet", tidy(&rows))
}

fn fault(prices: &Input, factors: &Input, settings: Settings) -> DataError {
    crate::support::fault(prices, Some(factors), settings)
}

#[test]
fn daily_files_are_recognised_and_joined() {
    let folder = Folder::new();
    let prices = prices(&folder);
    let five = text_file(&folder, "five.csv", &FIVE.replace("-99.99", "  0.50"));
    let momentum = text_file(&folder, "mom.csv", MOMENTUM);
    let both = run(&prices, Some(&Input::Several(vec![five.clone(), momentum.clone()])), Settings::default())
        .unwrap();
    assert_eq!(both.factor_names, ["mkt_rf", "smb", "mom"]);
    let factors: Vec<Vec<f64>> = both.frames.iter().map(|frame| frame.factors.clone()).collect();
    assert_eq!(
        factors,
        [[-0.67, 0.0, 0.54], [0.79, -0.26, -0.51], [0.63, 0.5, 1.17]]
            .map(|row| row.map(|x| format!("{x}e-2").parse::<f64>().unwrap()).to_vec())
    );
    assert!(both.frames.iter().all(|frame| frame.rf == 1e-4));
    let one = run(&prices, Some(&momentum), Settings::default()).unwrap();
    assert_eq!((one.factor_names, one.frames.len()), (vec!["mom".to_owned()], 3));
    // −99.99 is missing; the error names the line of the file, also behind a join.
    let missing = text_file(&folder, "missing.csv", FIVE);
    for factors in [missing.clone(), Input::Several(vec![momentum.clone(), missing.clone()])] {
        let error = fault(&prices, &factors, Settings::default());
        let DataError::BadFactor { place, found, .. } = error else { panic!("{error}") };
        assert_eq!((place.line, place.column.as_str(), found.as_str()), (Some(7), "smb", "null"));
        assert!(place.file.ends_with("missing.csv"), "{}", place.file);
    }
}

#[test]
fn factor_files_that_do_not_fit_together_are_refused() {
    let folder = Folder::new();
    let prices = prices(&folder);
    let momentum = text_file(&folder, "mom.csv", MOMENTUM);
    let gap = text_file(
        &folder,
        "gap.csv",
        &FIVE.replace("-99.99", "0.1").replace("20200103,    0.79,   -0.26,    0.01\r\n", ""),
    );
    let several = |files: &[&Input]| Input::Several(files.iter().map(|file| (*file).clone()).collect());
    let error = fault(&prices, &several(&[&momentum, &gap]), Settings::default());
    let DataError::Import(ImportError::FactorRow { file, other, row, .. }) = error else { panic!("{error}") };
    assert!(file.ends_with("gap.csv") && other.ends_with("mom.csv") && row == 6, "{file} {other} {row}");
    let carry = Settings { factor_gap: FactorGap::Carry, ..Settings::default() };
    let carried = run(&prices, Some(&several(&[&momentum, &gap])), carry).unwrap();
    assert!(carried.frames[1].factors[0].is_nan() && !carried.frames[2].factors[0].is_nan());
    let again = text_file(&folder, "again.csv", &MOMENTUM.replace("Mom", "MOM"));
    let error = fault(&prices, &several(&[&momentum, &again]), Settings::default());
    let DataError::Import(ImportError::SameFactor { first, second, .. }) = error else { panic!("{error}") };
    assert!(first.ends_with("mom.csv") && second.ends_with("again.csv"));
    let late = folder.write("late.parquet", vec![("date", days(&[20_000])), ("x", floats(&[0.1]))]);
    let error = fault(&prices, &several(&[&momentum, &late]), Settings::default());
    assert!(matches!(error, DataError::Import(ImportError::FactorRanges { .. })), "{error}");
    let cut = text_file(&folder, "cut.csv", "Prose.\n\n,Mkt-RF,SMB\n20200102, 1, 2\n20200103, 1");
    let error = fault(&prices, &cut, Settings::default());
    let DataError::Import(ImportError::Fields { line: 5, is_last: true, .. }) = error else {
        panic!("{error}")
    };
}

#[test]
fn stacked_sections_are_chosen_by_name() {
    let folder = Folder::new();
    let stacked = text_file(&folder, "stacked.csv", STACKED);
    let import = |section: Option<&str>| {
        let options = ImportOptions { section: section.map(str::to_owned), ..ImportOptions::default() };
        let out = folder.path("out.parquet");
        let report = import_files(std::slice::from_ref(&stacked), &options, Some(&out))?;
        let settings =
            Settings { values: betaflow_engine::assembly::Values::ReturnsOfAnySize, ..Settings::default() };
        let frames = run(&Input::Path(out), None, settings).unwrap().frames;
        let rows: Vec<(i64, Vec<f64>)> =
            frames.iter().map(|frame| (frame.timestamp.date(), frame.returns.clone())).collect();
        Ok::<_, DataError>((report, rows))
    };
    let error = import(None).unwrap_err();
    let DataError::Import(ImportError::Section { sections, .. }) = error else { panic!("{error}") };
    assert_eq!(sections.len(), 4);
    assert_eq!(sections[2], "3: Number of Firms in Portfolios (2 rows, 202001 to 202002)");
    for name in ["2", "average equal weighted returns -- monthly", "Equal"] {
        let (report, rows) = import(Some(name)).unwrap();
        assert_eq!(report.files[0].section.as_deref(), Some("Average Equal Weighted Returns -- Monthly"));
        assert_eq!(rows[0].0, 18_292, "2020-01-31");
        assert_eq!(rows[1].0, 18_321, "2020-02-29");
    }
    let report = import(Some("Value")).unwrap().0;
    assert_eq!((report.files[0].is_percent, report.files[0].nulls), (true, 1));
    let report = import(Some("Firms")).unwrap().0;
    assert_eq!((report.files[0].is_percent, report.files[0].nulls), (false, 1));
    let report = import(Some("Annual")).unwrap().0;
    assert_eq!((report.rows, report.range.unwrap().0), (1, crate::support::day(18_261)));
    assert!(matches!(import(Some("Monthly")), Err(DataError::Import(ImportError::Section { .. }))));
    assert!(matches!(import(Some("Weekly")), Err(DataError::Import(ImportError::Section { .. }))));
    let mut path = folder.path("stacked.csv").into_os_string();
    path.push("#Equal");
    let settings = Settings { values: betaflow_engine::assembly::Values::Returns, ..Settings::default() };
    assert_eq!(read(&Input::from(path), settings).len(), 2);
}

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn downloaded_files_equal_the_parquet_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let raw = |name: &str| Input::from(folder.join("ken_french_raw").join(name));
    let both = vec![raw("F-F_Research_Data_5_Factors_2x3_daily.csv"), raw("F-F_Momentum_Factor_daily.csv")];
    let prices = Input::from(folder.join("us_stocks_2000_2016.parquet"));
    let read = |factors: &Input| run(&prices, Some(factors), Settings::default()).unwrap();
    let (csv, parquet) =
        (read(&Input::Several(both)), read(&Input::from(folder.join("ff5_mom_daily.parquet"))));
    let by_name = |run: &crate::support::Run| {
        let mut names: Vec<(String, usize)> = run.factor_names.iter().cloned().zip(0..).collect();
        names.sort();
        names
    };
    let (a, b) = (by_name(&csv), by_name(&parquet));
    assert_eq!(csv.frames.len(), parquet.frames.len());
    for (x, y) in csv.frames.iter().zip(&parquet.frames) {
        assert!((x.rf - y.rf).abs() <= 1e-12);
        for ((name, i), (other, j)) in a.iter().zip(&b) {
            assert_eq!(name, other);
            assert!((x.factors[*i] - y.factors[*j]).abs() <= 1e-12, "{name} at {:?}", x.timestamp);
        }
    }
    let stacked = raw("10_Industry_Portfolios.CSV");
    let sections = match import_files(std::slice::from_ref(&stacked), &ImportOptions::default(), None) {
        Err(DataError::Import(ImportError::Section { sections, .. })) => sections,
        other => panic!("{other:?}"),
    };
    assert_eq!(sections.len(), 8);
    for section in 1..=8 {
        let options = ImportOptions { section: Some(section.to_string()), ..ImportOptions::default() };
        let report = import_files(std::slice::from_ref(&stacked), &options, None).unwrap();
        assert_eq!(report.columns.len(), 11);
    }
}
