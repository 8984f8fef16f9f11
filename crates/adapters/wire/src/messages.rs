//! The messages of the protocol (proto3; sections 4 and 5 of the specification, with the fields that minor versions to 18 have
//! added). Fields that are not known are skipped.
//!
//! Messages that hold secrets are never printed.

use bytes::Bytes;
use prost::Message;

/// Prints a message that holds secrets as its name.
macro_rules! hidden {
    ($($name:ident),* $(,)?) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

pub mod provisioner;
pub mod provisionerd;
pub mod resources;

/// A message out of its bytes. Errors: what is wrong with them.
pub fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, String> {
    M::decode(bytes).map_err(|error| error.to_string())
}

/// The bytes of a message.
pub fn write<M: Message>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::provisioner::Metadata;
    use super::provisionerd::{
        AcquiredJob, CommitQuotaResponse, CompletedJob, CompletedType, CompletedWorkspaceBuild, JobReference,
        UpdateJobRequest, UpdateJobResponse,
    };
    use super::resources::{Agent, AgentAuth, Resource};
    use super::*;
    use proptest::prelude::*;

    const JOB: &str = "11111111-2222-3333-4444-555555555555";

    #[test]
    fn messages_are_those_of_the_specification() {
        let heartbeat = UpdateJobRequest { job_id: JOB.to_owned(), ..UpdateJobRequest::default() };
        assert_eq!(write(&heartbeat), [&[0x0a, 0x24][..], JOB.as_bytes()].concat());
        let quota = CommitQuotaResponse { ok: true, budget: -1, ..CommitQuotaResponse::default() };
        let bytes = [8, 1, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(write(&quota), bytes.as_slice());
        assert_eq!(write(&UpdateJobResponse { canceled: true, variable_values: Vec::new() }), [8, 1].as_slice());
        assert!(write(&AcquiredJob::default()).is_empty());
    }

    #[test]
    fn a_job_is_found_in_each_request_about_one_and_unknown_fields_are_skipped() {
        let resource = Resource { name: "dev".to_owned(), ..Resource::default() };
        let build = CompletedWorkspaceBuild { resources: vec![resource], ..CompletedWorkspaceBuild::default() };
        let job = CompletedJob { job_id: JOB.to_owned(), r#type: Some(CompletedType::WorkspaceBuild(build)) };
        let mut bytes = write(&job).to_vec();
        bytes.extend([0xfa, 0x3f, 2, 1, 1]);
        assert_eq!(read::<CompletedJob>(&bytes).unwrap(), job);
        assert_eq!(read::<JobReference>(&bytes).unwrap().job_id, JOB);
        assert!(read::<JobReference>(&[0x0a, 200]).is_err());
    }

    #[test]
    fn what_is_secret_is_not_printed() {
        let metadata = Metadata { workspace_owner_session_token: "secret".to_owned(), ..Metadata::default() };
        let agent = Agent { auth: Some(AgentAuth::Token("secret".to_owned())), ..Agent::default() };
        let printed = format!(
            "{metadata:?} {:?} {:?}",
            Resource { agents: vec![agent.clone()], ..Resource::default() },
            agent.auth
        );
        assert!(printed.contains("Metadata") && !printed.contains("secret"), "{printed}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _job = read::<CompletedJob>(&bytes);
            let _update = read::<UpdateJobRequest>(&bytes);
        }
    }
}
