//! What is kept sealed: values of variables, and states that provisioners leave behind. Keys are those of the settings (`secrets.seal_keys`);
//! without any, it is kept as it is.

use crate::context::Context;
use crate::error::Error;
use doorward_domain::Secret;
use doorward_domain::ids::{BuildId, ProvisionerJobId, TemplateVersionId};
use doorward_ports::Sealer;
use doorward_ports::crypto::SealError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What seals and opens; `None` where the server keeps no keys, as in tests.
#[derive(Clone)]
pub(crate) struct Seal(Option<Arc<dyn Sealer>>);

/// Marks what is kept as it is.
const PLAIN: u8 = 0;

impl Context {
    /// What seals secrets of jobs.
    pub(crate) fn seal(&self) -> Seal {
        Seal(self.keys.sealer().ok())
    }
}

impl Seal {
    fn seal(&self, place: &str, secret: Vec<u8>) -> Result<Vec<u8>, Error> {
        match &self.0 {
            Some(sealer) => sealer.seal(place, &Secret::new(secret)).map_err(|error| Error::Internal(error.into())),
            None => Ok([&[PLAIN], secret.as_slice()].concat()),
        }
    }

    fn open(&self, place: &str, stored: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        let opened = match &self.0 {
            Some(sealer) => sealer.open(place, stored),
            None => match stored.split_first() {
                Some((&PLAIN, plain)) => Ok(Secret::new(plain.to_vec())),
                Some(_) | None => Err(SealError::UnknownForm),
            },
        };
        opened.map_err(|error| Error::Internal(error.into()))
    }
}

/// Where something sealed stands: it opens nowhere else.
pub(crate) trait Place {
    /// In one word.
    fn place(&self) -> String;
}

impl Place for ProvisionerJobId {
    fn place(&self) -> String {
        format!("provisioner_jobs.input:{self}")
    }
}

impl Place for TemplateVersionId {
    fn place(&self) -> String {
        format!("template_versions.variables:{self}")
    }
}

impl Place for BuildId {
    fn place(&self) -> String {
        format!("workspace_build_inputs.state:{self}")
    }
}

/// Seals a value.
pub(crate) fn seal_json(seal: &Seal, place: &impl Place, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_vec(value).map_err(|error| Error::Internal(error.into()))?;
    seal.seal(&place.place(), text)
}

/// Opens a value; what is not there is the usual one.
pub(crate) fn open_json<T: DeserializeOwned + Default>(
    seal: &Seal,
    place: &impl Place,
    stored: Option<Vec<u8>>,
) -> Result<T, Error> {
    let Some(stored) = stored else { return Ok(T::default()) };
    let opened = seal.open(&place.place(), &stored)?;
    serde_json::from_slice(opened.expose()).map_err(|error| Error::Internal(error.into()))
}

/// Seals a state.
pub(crate) fn seal_state(seal: &Seal, build: BuildId, state: Vec<u8>) -> Result<Vec<u8>, Error> {
    seal.seal(&build.place(), state)
}

/// Opens a state; one that is not there is empty.
pub(crate) fn open_state(seal: &Seal, build: BuildId, stored: Option<Vec<u8>>) -> Result<Vec<u8>, Error> {
    stored.map_or_else(|| Ok(Vec::new()), |stored| Ok(seal.open(&build.place(), &stored)?.into_exposed()))
}
