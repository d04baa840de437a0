//! Key `kind` of `summary.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Command that wrote a folder; a run of `replay`, `score` or `estimate` has no such key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FolderKind {
    #[default]
    Stress,
    Tune,
    Luck,
    Signal,
    Factors,
}
