//! Names of the instruments in engine order.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names in engine order. Cloning copies a pointer. Grows when an instrument is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstrumentNames(Arc<Vec<Arc<str>>>);

impl InstrumentNames {
    /// Appends newly listed instruments; copies the list if another clone exists.
    pub fn extend(&mut self, listed: &[Arc<str>]) {
        if !listed.is_empty() {
            Arc::make_mut(&mut self.0).extend_from_slice(listed);
        }
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
