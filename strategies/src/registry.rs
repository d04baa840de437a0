//! Registry of strategies by name, with their own settings.

use betaflow_engine::settings::{Invalid, Setting, SettingsTable};
use betaflow_engine::strategy::{Strategy, TargetKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    EqualWeight, FactorMomentum, Flat, Forecasts, MaxSharpe, MinVariance, QuarterKelly, ResidualReversal,
    StatArb, Weights,
};

/// Error of a strategy that cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// A number out of its range.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A value of the wrong type.
    #[error(transparent)]
    Type(#[from] toml::de::Error),
    /// Settings that cannot be serialized.
    #[error(transparent)]
    Write(#[from] toml::ser::Error),
}

/// A strategy with its settings: settings are its serialized fields, state its skipped fields.
pub trait Shipped: Strategy + SettingsTable + Serialize + DeserializeOwned + 'static {
    /// Value of `strategy.kind`.
    const KIND: &'static str;
    /// One sentence for the user.
    const ABOUT: &'static str;
    /// Kind of its targets on a rebalance with targets.
    const TARGETS: TargetKind;

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()
    }
}

/// Implements `name`, `save` and `load` of a shipped strategy from the fields of its state. A state can only
/// be loaded under equal settings: those of the whole strategy, or of the field after `under`.
macro_rules! shipped_state {
    (@under $strategy:ident) => { $strategy };
    (@under $strategy:ident $settings:ident) => { &$strategy.$settings };
    ($($field:ident),* $(; under $settings:ident)?) => {
        fn name(&self) -> &'static str {
            <Self as $crate::Shipped>::KIND
        }

        fn save(&self) -> Result<Vec<u8>, betaflow_engine::state::StateError> {
            let strategy = self;
            let settings = $crate::registry::shipped_state!(@under strategy $($settings)?);
            betaflow_engine::state::save_under(<Self as $crate::Shipped>::KIND, settings, &($(&strategy.$field),*))
        }

        fn load(&mut self, state: &[u8]) -> Result<(), betaflow_engine::state::StateError> {
            let strategy = &*self;
            let settings = $crate::registry::shipped_state!(@under strategy $($settings)?);
            ($(self.$field),*) = betaflow_engine::state::restore_under(<Self as $crate::Shipped>::KIND, settings, state)?;
            Ok(())
        }
    };
}
pub(crate) use shipped_state;

/// Builds a strategy from its own settings, and returns all settings with defaults filled in.
type Resolve = fn(toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError>;

/// A strategy that a user can select.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Value of `strategy.kind`.
    pub kind: &'static str,
    /// One sentence for the user.
    pub about: &'static str,
    /// Kind of its targets on a rebalance with targets.
    pub targets: TargetKind,
    /// Declarations of its own settings.
    pub settings: &'static [Setting],
    resolve: Resolve,
}

impl Entry {
    const fn of<S: Shipped>() -> Self {
        Self {
            kind: S::KIND,
            about: S::ABOUT,
            targets: S::TARGETS,
            settings: S::SETTINGS,
            resolve: resolve::<S>,
        }
    }

    /// Builds the strategy from its own settings, and returns all of them with defaults filled in.
    ///
    /// # Errors
    /// Fails on a value of the wrong type or out of its range.
    pub fn build(&self, own: toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError> {
        (self.resolve)(own)
    }
}

fn resolve<S: Shipped>(own: toml::Table) -> Result<(toml::Table, Box<dyn Strategy>), StrategyError> {
    let strategy: S = own.try_into()?;
    strategy.check()?;
    Ok((toml::Table::try_from(&strategy)?, Box::new(strategy)))
}

/// All strategies, the default first.
#[must_use]
pub fn entries() -> &'static [Entry] {
    const ENTRIES: &[Entry] = &[
        Entry::of::<QuarterKelly>(),
        Entry::of::<Forecasts>(),
        Entry::of::<Weights>(),
        Entry::of::<MaxSharpe>(),
        Entry::of::<MinVariance>(),
        Entry::of::<FactorMomentum>(),
        Entry::of::<ResidualReversal>(),
        Entry::of::<StatArb>(),
        Entry::of::<EqualWeight>(),
        Entry::of::<Flat>(),
    ];
    ENTRIES
}

/// Returns the strategy of a name.
#[must_use]
pub fn find(kind: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.kind == kind)
}
