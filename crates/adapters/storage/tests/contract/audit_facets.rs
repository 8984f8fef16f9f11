//! The audit log counted, and read as a whole.

use crate::support::*;
use doorward_domain::audit::{AuditAction, AuditFilter, AuditRecord, AuditResource};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

fn record() -> AuditRecord {
    AuditRecord {
        id: id(),
        time: NOW,
        user_id: None,
        organization_id: None,
        ip: String::new(),
        user_agent: String::new(),
        resource_type: AuditResource::Group,
        resource_id: Uuid::nil().to_string(),
        resource_target: String::new(),
        action: AuditAction::Write,
        diff: json!({}),
        status_code: 200,
        additional_fields: json!({}),
        request_id: None,
    }
}

fn visible(role: &str) -> ListFilter {
    let subject = Subject::for_user(Uuid::nil()).site_roles([role]).scope(Scope::all()).build();
    subject.list_filter(Action::Read, ResourceType::AuditLog)
}

fn everything() -> ListFilter {
    visible("auditor")
}

async fn insert(db: &Fixture, records: &[AuditRecord]) {
    let records = records.to_vec();
    db.write(move |repos| records.iter().try_for_each(|record| repos.audit().insert(&permit(), record))).await;
}

contract! {
    async fn what_occurs_how_often_is_counted_over_what_matches(db) {
        let ann = user("ann");
        let at = |minutes: i64| NOW + Duration::minutes(minutes);
        let of_ann = AuditRecord { user_id: Some(ann.id), action: AuditAction::Create, ..record() };
        let records = [
            AuditRecord { time: at(0), ..record() },
            AuditRecord { time: at(1), id: id(), ..of_ann.clone() },
            AuditRecord { time: at(2), id: id(), resource_type: AuditResource::User, ..of_ann.clone() },
            AuditRecord { time: at(3), user_id: Some(id()), ..record() },
        ];
        let made = ann.clone();
        db.write(move |repos| repos.users().insert(&permit(), &made)).await;
        insert(&db, &records).await;
        let facets = async |filter: AuditFilter, visible: ListFilter| {
            db.read(move |repos| repos.audit().facets(&filter, &visible)).await
        };
        let all = facets(AuditFilter::default(), everything()).await;
        assert_eq!(all.count, 4);
        assert_eq!(all.actions, [(AuditAction::Create, 2), (AuditAction::Write, 2)]);
        assert_eq!(all.resource_types, [(AuditResource::Group, 3), (AuditResource::User, 1)]);
        assert_eq!(all.users[0], (Some((ann.id, "ann".to_owned())), 2));
        assert_eq!(all.users.len(), 3, "nobody, and somebody who is unknown: {:?}", all.users);
        assert!(all.users.contains(&(None, 1)));
        let since = AuditFilter { since: Some(at(2)), ..AuditFilter::default() };
        assert_eq!(facets(since, everything()).await.count, 2);
        assert_eq!(facets(AuditFilter::default(), visible("member")).await.count, 0);
    }

    async fn the_log_is_read_to_its_end_page_by_page(db) {
        let records: Vec<AuditRecord> =
            (0..5).map(|n| AuditRecord { id: id(), time: NOW + Duration::seconds(n / 2), ..record() }).collect();
        insert(&db, &records).await;
        let whole = db
            .read(|repos| repos.audit().list(&AuditFilter::default(), &everything(), Page::default()))
            .await
            .entries;
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = db
                .read(move |repos| repos.audit().list_behind(&AuditFilter::default(), &everything(), after, 2))
                .await;
            after = page.last().map(|entry| entry.record.id);
            read.extend(page);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(read, whole);
        let unknown = Some(id());
        let behind = db.read(move |repos| {
            repos.audit().list_behind(&AuditFilter::default(), &everything(), unknown, 2)
        });
        assert_eq!(behind.await, []);
    }
}
