//! `flat`: no position, ever.

use betaflow_engine::state::{StateError, restore_under, save_under};
use betaflow_engine::strategy::{Context, Strategy, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;

/// Holds nothing; what comes out is what cash earns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flat {}

impl Shipped for Flat {
    const KIND: &'static str = "flat";
    const ABOUT: &'static str = "no position at all; earns what cash earns";
    const TARGETS: TargetKind = TargetKind::Weights;
}

impl Strategy for Flat {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(Self::KIND, self, &())
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        restore_under(Self::KIND, self, state)
    }

    fn decide(&mut self, _: Context<'_>, targets: &mut Targets) {
        targets.kind = TargetKind::Weights;
    }
}
