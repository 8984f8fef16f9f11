//! What a daemon is started with.

use doorward_domain::Secret;
use doorward_domain::provisioners::{ApiVersion, ProvisionerType};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use url::Url;

/// What a daemon is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server, where people reach it.
    pub url: Url,
    /// By what it comes in.
    pub credential: Credential,
    /// Id or name of the organization. A key says itself which it is.
    pub organization: String,
    /// What it is called.
    pub name: String,
    /// Tags; with a key there are none.
    pub tags: BTreeMap<String, String>,
    /// Jobs of which templates it takes.
    pub provisioners: BTreeSet<ProvisionerType>,
    /// The version of its program, as it says it.
    pub build_version: String,
    /// Pauses.
    pub poll: Poll,
}

/// By what a daemon comes in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A provisioner key.
    Key(Secret<String>),
    /// The key that all share.
    Shared(Secret<String>),
    /// A session, or an API key, of a user.
    Session(Secret<String>),
}

/// How long it waits before it asks for a job again when there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// So long at least.
    pub interval: Duration,
    /// And a random part of this longer.
    pub jitter: Duration,
}

impl Credential {
    /// The header that shows it.
    pub(crate) fn header(&self) -> (&'static str, Secret<String>) {
        match self {
            Self::Key(secret) => ("coder-provisioner-daemon-key", secret.clone()),
            Self::Shared(secret) => ("coder-provisioner-daemon-psk", secret.clone()),
            Self::Session(secret) => ("coder-session-token", secret.clone()),
        }
    }
}

impl Options {
    /// All headers.
    pub(crate) fn headers(&self) -> Vec<(&'static str, Secret<String>)> {
        vec![self.credential.header(), ("x-coder-build-version", Secret::new(self.build_version.clone()))]
    }

    /// Where daemons connect.
    pub(crate) fn serve_url(&self) -> Url {
        // With a key the organization is that of the key.
        let organization = match self.credential {
            Credential::Key(_) => "default",
            Credential::Shared(_) | Credential::Session(_) => &self.organization,
        };
        let mut url = self.at(&["api", "v2", "organizations", organization, "provisionerdaemons", "serve"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("version", &ApiVersion::CURRENT.to_string()).append_pair("name", &self.name);
            for provisioner in &self.provisioners {
                query.append_pair("provisioner", provisioner.as_str());
            }
            if !matches!(self.credential, Credential::Key(_)) {
                for (name, value) in &self.tags {
                    query.append_pair("tag", &format!("{name}={value}"));
                }
            }
        }
        url
    }

    /// Where a key is looked at.
    pub(crate) fn key_url(&self) -> Url {
        // Nobody reads the last part: the key is in a header, and need not be in any log.
        self.at(&["api", "v2", "provisionerkeys", "own"])
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::wire;

    fn options(credential: Credential) -> Options {
        Options {
            url: "https://door.example.com/coder/?x#y".parse().unwrap(),
            credential,
            organization: "ac me/x".to_owned(),
            name: "rack 1".to_owned(),
            tags: BTreeMap::from([("gpu".to_owned(), "a=b&c".to_owned())]),
            provisioners: BTreeSet::from([ProvisionerType::Echo]),
            build_version: "v2.24.4".to_owned(),
            poll: Poll { interval: Duration::from_secs(1), jitter: Duration::ZERO },
        }
    }

    #[test]
    fn a_daemon_goes_where_its_credential_leads() {
        let secret = || Secret::from("secret");
        let by_key = options(Credential::Key(secret()));
        assert_eq!(
            by_key.serve_url().as_str(),
            "https://door.example.com/coder/api/v2/organizations/default/provisionerdaemons/serve\
             ?version=1.18&name=rack+1&provisioner=echo"
        );
        assert_eq!(by_key.key_url().as_str(), "https://door.example.com/coder/api/v2/provisionerkeys/own");
        let by_session = options(Credential::Session(secret()));
        assert_eq!(
            by_session.serve_url().as_str(),
            "https://door.example.com/coder/api/v2/organizations/ac%20me%2Fx/provisionerdaemons/serve\
             ?version=1.18&name=rack+1&provisioner=echo&tag=gpu%3Da%3Db%26c"
        );
        assert!(!format!("{by_key:?}{by_session:?}").contains("\"secret\""));
    }

    #[test]
    fn the_headers_are_those_that_servers_read() {
        let names = [
            (Credential::Key(Secret::from("x")), wire::PROVISIONER_KEY_HEADER),
            (Credential::Shared(Secret::from("x")), wire::PROVISIONER_PSK_HEADER),
            (Credential::Session(Secret::from("x")), wire::SESSION_HEADER),
        ];
        for (credential, name) in names {
            let headers = options(credential).headers();
            assert!(headers[0].0.eq_ignore_ascii_case(name), "{name}");
            assert!(headers[1].0.eq_ignore_ascii_case(wire::BUILD_VERSION_HEADER));
        }
    }
}
