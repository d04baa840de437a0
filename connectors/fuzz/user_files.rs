//! Files of forecasts, weights and risk models. The first line of an input names the content.

use betaflow_connectors::live::UserFile;
use betaflow_connectors::parquet::GivenKind;

use super::harness::{Target, kind_and_rest};
use super::inputs::{NAME, assert_located};

const WORDS: [&str; 18] = [
    "forecasts\n",
    "weights\n",
    "betas\n",
    "factor_cov\n",
    "date",
    "timestamp",
    "symbol",
    "forecast",
    "score",
    "sd",
    "weight",
    "known_at",
    "factor",
    "mkt",
    "smb",
    "residual_sd",
    "alpha",
    "2020-01-01T00:00:00-05:00",
];

#[test]
fn user_files() {
    Target::new("user_files").memory_mib(256).words(&WORDS).run(|input| {
        let (kind, bytes) = kind_and_rest(input);
        let factors = || vec!["mkt".to_owned(), "smb".to_owned()];
        let kind = match kind {
            "forecasts" => GivenKind::Forecasts,
            "weights" => GivenKind::Weights,
            "betas" => GivenKind::Betas(factors()),
            _ => GivenKind::FactorCov(factors()),
        };
        match UserFile::read(&kind, NAME, bytes.to_vec().into(), None) {
            Err(error) => assert_located(&error),
            Ok(parts) => {
                let all = UserFile::read(&kind, NAME, bytes.to_vec().into(), None)
                    .map_err(|error| error.to_string());
                assert_eq!(
                    format!("{:?}", Ok::<_, String>(parts)),
                    format!("{all:?}"),
                    "a file is read alike twice"
                );
            }
        }
    });
}
