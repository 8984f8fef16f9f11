//! The state of a workspace between its builds.

use super::{Defect, Plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest state that is read, in bytes.
const STATE_MAX: usize = 1024 * 1024;

/// What is known of what a build made. The server keeps it, and nobody looks into it but the next build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct State {
    /// How many builds there were.
    serial: u64,
    /// What there is.
    resources: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
struct Known {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

impl State {
    /// What the last build left; nothing is the state of a workspace without builds. Errors: it is of another provisioner.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Defect> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if bytes.len() > STATE_MAX {
            return Err(Defect::new(format!("the state of the workspace is longer than {STATE_MAX} bytes")));
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Defect::new(format!("the state of the workspace is none that the provisioner echo has written: {error}"))
        })
    }

    /// After this plan was carried out.
    pub(crate) fn after(&self, plan: &Plan) -> Self {
        let known = |resource: &doorward_wire::messages::resources::Resource| Known {
            kind: resource.r#type.clone(),
            name: resource.name.clone(),
        };
        Self { serial: self.serial.saturating_add(1), resources: plan.resources.iter().map(known).collect() }
    }

    /// After a build that failed on the way: what there was is there still.
    pub(crate) fn after_failure(&self) -> Self {
        Self { serial: self.serial.saturating_add(1), ..self.clone() }
    }

    /// What there is and will not be, and what will be: a line for the log each.
    pub(crate) fn differences(&self, plan: &Plan) -> Vec<String> {
        let after = self.after(plan);
        let (last, next): (BTreeSet<_>, BTreeSet<_>) =
            (self.resources.iter().collect(), after.resources.iter().collect());
        let (gone, new) = (last.difference(&next), next.difference(&last));
        let gone = gone.map(|known| format!("{}.{}: destroyed", known.kind, known.name));
        gone.chain(new.map(|known| format!("{}.{}: created", known.kind, known.name))).collect()
    }

    /// As it is kept.
    pub(crate) fn write(&self) -> Vec<u8> {
        // Texts and numbers cannot fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
