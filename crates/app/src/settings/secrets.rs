//! The keys with which secrets are sealed in the database.

use anyhow::{Context as _, bail};
use doorward_crypto::SealKeys;
use doorward_domain::Secret;
use doorward_domain::settings::{Defects, Section};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The section `secrets`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SecretsSettings {
    #[serde(deserialize_with = "untold")]
    seal_keys: Vec<Secret<String>>,
    seal_keys_file: PathBuf,
}

impl SecretsSettings {
    /// Those of the settings, then those of the file, one a line.
    pub(crate) fn seal_keys(&self) -> anyhow::Result<SealKeys> {
        if self.seal_keys_file.as_os_str().is_empty() {
            return SealKeys::parse(&self.seal_keys).context("the setting `secrets.seal_keys`");
        }
        let name = self.seal_keys_file.display();
        let text = std::fs::read_to_string(&self.seal_keys_file)
            .with_context(|| format!("cannot read the file {name} (secrets.seal_keys_file)"))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::from);
        let keys: Vec<_> = self.seal_keys.iter().cloned().chain(lines).collect();
        if keys.is_empty() {
            bail!("the file {name} holds no key (secrets.seal_keys_file)");
        }
        SealKeys::parse(&keys).with_context(|| format!("the setting `secrets.seal_keys` and the file {name}"))
    }
}

impl Section for SecretsSettings {
    const NAME: &'static str = "secrets";

    fn check(&self, defects: &mut Defects) {
        if let Err(error) = self.seal_keys() {
            defects.note(format!("{error:#}"));
        }
    }
}

/// Reads a list of secrets. A text in its place may be one, and is not told in the error.
fn untold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret<String>>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Secret<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Err(E::invalid_type(Unexpected::Other("a text"), &self))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(entries))
        }
    }

    deserializer.deserialize_seq(List)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_ports::Sealer as _;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn read(keys: &[&str], file: &str) -> SecretsSettings {
        serde_json::from_value(serde_json::json!({"seal_keys": keys, "seal_keys_file": file})).unwrap()
    }

    #[test]
    fn keys_of_the_file_come_behind_those_of_the_settings() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().to_str().unwrap();
        std::fs::write(name, format!("{TWO}\n\n")).unwrap();
        let first = |settings: &SecretsSettings| settings.seal_keys().unwrap().seals_with();
        assert_eq!(first(&read(&[], "")), None);
        assert_eq!(first(&read(&[ONE], name)), first(&read(&[ONE], "")));
        assert_eq!(first(&read(&[], name)), first(&read(&[TWO], "")));
    }

    #[test]
    fn what_is_wrong_is_told_and_no_key_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().to_str().unwrap();
        for (settings, words) in [
            (read(&[ONE, "hunter2"], ""), "the setting `secrets.seal_keys`: seal key 2 is not 32 bytes"),
            (read(&[], name), "holds no key (secrets.seal_keys_file)"),
            (read(&[], "/nowhere/at/all"), "cannot read the file /nowhere/at/all (secrets.seal_keys_file)"),
        ] {
            let defects = settings.defects().join("; ");
            assert!(defects.contains(words) && !defects.contains("hunter2") && !defects.contains(ONE), "{defects}");
        }
    }
}
