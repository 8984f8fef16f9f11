use crate::support::*;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_ports::{Conflict, StoreError};

pub(crate) fn record() -> AuditRecord {
    AuditRecord {
        id: id(),
        time: NOW,
        user_id: Some(UserId::NIL),
        organization_id: Some(OrganizationId::NIL),
        ip: "192.0.2.1".to_owned(),
        user_agent: "curl/8".to_owned(),
        resource_type: AuditResource::ApiKey,
        resource_id: "0123456789".to_owned(),
        resource_target: "ci".to_owned(),
        action: AuditAction::Create,
        diff: serde_json::json!({"scope": {"old": "", "new": "all \u{1f511}"}}),
        status_code: 201,
        additional_fields: serde_json::json!({"n": [1, null]}),
        request_id: Some(id()),
    }
}

contract! {
    async fn records_are_kept_whole(db) {
        let record = record();
        let bare = AuditRecord { id: id(), user_id: None, organization_id: None, request_id: None, ..record.clone() };
        db.write(move |repos| {
            repos.audit().insert(&permit(), &record)?;
            repos.audit().insert(&permit(), &bare)
        })
        .await;
        assert_eq!(
            db.number(
                "SELECT count(*) FROM audit_logs WHERE ip = '192.0.2.1' AND user_agent = 'curl/8' \
                 AND resource_type = 'api_key' AND resource_id = '0123456789' AND resource_target = 'ci' \
                 AND action = 'create' AND status_code = 201 AND diff -> 'scope' ->> 'old' = '' \
                 AND CAST(additional_fields -> 'n' ->> 0 AS integer) = 1"
            ),
            2
        );
        assert_eq!(
            db.number("SELECT count(*) FROM audit_logs WHERE user_id IS NULL AND organization_id IS NULL AND request_id IS NULL"),
            1
        );
    }

    async fn an_id_is_taken_once(db) {
        let record = record();
        let twin = record.clone();
        db.write(move |repos| repos.audit().insert(&permit(), &record)).await;
        let error = db.refused(move |repos| repos.audit().insert(&permit(), &twin)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
    }
}
