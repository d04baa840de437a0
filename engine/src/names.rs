//! Names of the instruments in engine order.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::frame::Frame;

/// Names in engine order. Cloning copies a pointer. Grows when an instrument is listed; a symbol change replaces the
/// name at its index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstrumentNames(Arc<Vec<Arc<str>>>);

impl InstrumentNames {
    /// Appends newly listed instruments; copies the list if another clone exists.
    pub fn extend(&mut self, listed: &[Arc<str>]) {
        if !listed.is_empty() {
            Arc::make_mut(&mut self.0).extend_from_slice(listed);
        }
    }

    /// Takes the instruments that a frame lists, and its symbol changes. A change copies the list: names that are the
    /// same place in memory are the same names.
    pub fn take(&mut self, frame: &Frame) {
        self.extend(&frame.listed);
        if frame.renamed.is_empty() {
            return;
        }
        let mut names = self.0.to_vec();
        for renamed in &frame.renamed {
            if let Some(name) = names.get_mut(renamed.instrument as usize) {
                *name = Arc::clone(&renamed.name);
            }
        }
        self.0 = Arc::new(names);
    }

    /// Returns true if the two are clones of one another without a change since.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for InstrumentNames {
    type Target = [Arc<str>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Serialize for InstrumentNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(|name| &**name))
    }
}

impl<'de> Deserialize<'de> for InstrumentNames {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        Ok(Self(Arc::new(names.into_iter().map(Arc::from).collect())))
    }
}
