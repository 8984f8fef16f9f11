//! Tokens of the directories of organizations.

use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::ids::OrganizationId;
use doorward_domain::scim::ScimToken;
use doorward_ports::{Conflict, StoreError};
use time::Duration;

/// A token of an organization, good until it is revoked.
pub(crate) fn scim_token(organization_id: OrganizationId, name: &str) -> ScimToken {
    ScimToken {
        id: id(),
        organization_id,
        name: name.to_owned(),
        prefix: random_text(),
        digest: Digest::of(name),
        created_by: Some(id()),
        created_at: NOW,
        lifetime: None,
        expires_at: None,
        last_used_at: None,
    }
}

contract! {
    async fn a_token_is_found_used_ended_and_deleted(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        let (first, second) = (scim_token(acme.id, "first"), ScimToken { created_by: None, ..scim_token(acme.id, "second") });
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            repos.scim_tokens().insert(&permit(), &first)?;
            repos.scim_tokens().insert(&permit(), &second)?;
            assert_eq!(repos.scim_tokens().list(acme.id)?, vec![first.clone(), second.clone()]);
            assert_eq!(repos.scim_tokens().list(zoo.id)?, vec![]);
            assert_eq!(repos.scim_tokens().find_by_prefix(&first.prefix)?, Some(first.clone()));
            assert_eq!(repos.scim_tokens().find_by_prefix("nothing")?, None);

            let later = NOW + Duration::HOUR;
            repos.scim_tokens().touch(&permit(), first.id, later)?;
            assert!(repos.scim_tokens().expire(&permit(), acme.id, first.id, later)?);
            let ended = ScimToken { expires_at: Some(later), last_used_at: Some(later), ..first.clone() };
            assert_eq!(repos.scim_tokens().find_by_prefix(&first.prefix)?, Some(ended));

            // Not those of another organization.
            assert!(!repos.scim_tokens().expire(&permit(), zoo.id, second.id, later)?);
            assert!(!repos.scim_tokens().delete(&permit(), zoo.id, second.id)?);
            assert!(repos.scim_tokens().delete(&permit(), acme.id, second.id)?);
            assert!(!repos.scim_tokens().delete(&permit(), acme.id, second.id)?);
            // What is of a deleted organization lets nobody in.
            assert!(repos.organizations().delete(&permit(), acme.id, NOW)?);
            assert_eq!(repos.scim_tokens().find_by_prefix(&first.prefix)?, None);
            Ok(())
        })
        .await;
    }

    async fn a_public_part_that_comes_out_twice_is_refused(db) {
        let acme = organization("acme");
        let one = scim_token(acme.id, "one");
        let other = ScimToken { prefix: one.prefix.clone(), ..scim_token(acme.id, "other") };
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.scim_tokens().insert(&permit(), &one)
        })
        .await;
        let refused = db.refused(move |repos| repos.scim_tokens().insert(&permit(), &other)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::Random)));
    }
}
