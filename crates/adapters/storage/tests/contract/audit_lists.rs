//! What is read of the audit log.

use crate::support::*;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditFilter, AuditRecord, AuditResource, BuildReason};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, AllowEntry, ListFilter, Object, ResourceType, Scope, Subject};
use doorward_domain::users::User;
use doorward_ports::audit::AuditPage;
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

fn visible(subject: &Subject) -> ListFilter {
    subject.list_filter(Action::Read, ResourceType::AuditLog)
}

fn everything() -> ListFilter {
    visible(&Subject::for_user(Uuid::nil()).site_roles(["auditor"]).scope(Scope::all()).build())
}

async fn insert(db: &Fixture, records: &[AuditRecord]) {
    let records = records.to_vec();
    db.write(move |repos| records.iter().try_for_each(|record| repos.audit().insert(&permit(), record))).await;
}

async fn list(db: &Fixture, filter: AuditFilter, visible: ListFilter, page: Page) -> AuditPage {
    db.read(move |repos| repos.audit().list(&filter, &visible, page)).await
}

/// Places of the records in `all` that a filter finds, in the order of the list.
async fn places(db: &Fixture, all: &[AuditRecord], filter: AuditFilter, visible: ListFilter) -> Vec<usize> {
    let page = list(db, filter, visible, Page::default()).await;
    assert_eq!(page.count, page.entries.len() as u64);
    let place = |record: &AuditRecord| all.iter().position(|known| known == record).unwrap();
    page.entries.iter().map(|entry| place(&entry.record)).collect()
}

contract! {
    async fn the_newest_come_first_with_whom_and_what_they_name(db) {
        let (ann, gone) = (user("ann"), User { deleted: true, ..user("gone") });
        let acme = organization("acme");
        let (ann_id, gone_id, acme_id) = (ann.id, gone.id, acme.id);
        let at = |minutes: i64, user_id| AuditRecord { time: NOW + Duration::minutes(minutes), user_id, ..record() };
        let mut all = vec![at(0, None), at(1, Some(ann_id)), at(1, Some(gone_id)), at(-1, Some(id()))];
        all[1].organization_id = Some(acme_id);
        all[2].organization_id = Some(id());
        let (first, second) = (ann.clone(), gone.clone());
        let place = acme.clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &first)?;
            repos.users().insert(&permit(), &second)?;
            repos.organizations().insert(&permit(), &place)
        })
        .await;
        insert(&db, &all).await;
        let page = list(&db, AuditFilter::default(), everything(), Page::default()).await;
        let found: Vec<_> = page.entries.iter().map(|entry| entry.record.clone()).collect();
        assert_eq!(found, [2, 1, 0, 3].map(|n: usize| all[n].clone()), "of the same moment, the higher id is newer");
        let people: Vec<_> = page.entries.iter().map(|entry| entry.user.clone()).collect();
        assert_eq!(people, [Some(gone), Some(ann), None, None]);
        let organizations: Vec<_> = page.entries.into_iter().map(|entry| entry.organization).collect();
        assert_eq!(organizations, [None, Some(acme), None, None]);
    }

    async fn each_filter_narrows(db) {
        let (one, two): (Uuid, Uuid) = (id(), id());
        let day = Duration::DAY;
        let all = [
            AuditRecord { request_id: Some(one), user_id: Some(UserId(one)), time: NOW - day, ..record() },
            AuditRecord { resource_id: one.to_string(), organization_id: Some(OrganizationId(one)), time: NOW, ..record() },
            AuditRecord { resource_target: "Front-Döor".to_owned(), action: AuditAction::Login, time: NOW + day, ..record() },
            AuditRecord {
                resource_type: AuditResource::WorkspaceBuild,
                additional_fields: json!({ "build_reason": "autostop", "workspace_name": "w" }),
                time: NOW + 2 * day,
                ..record()
            },
        ];
        insert(&db, &all).await;
        let none = AuditFilter::default();
        let target = |text: &str| AuditFilter { resource_target: Some(text.to_owned()), ..AuditFilter::default() };
        for (filter, expected) in [
            (none.clone(), vec![3, 2, 1, 0]),
            (AuditFilter { request_id: Some(one), ..none.clone() }, vec![0]),
            (AuditFilter { request_id: Some(two), ..none.clone() }, vec![]),
            (AuditFilter { user_id: Some(UserId(one)), ..none.clone() }, vec![0]),
            (AuditFilter { resource_id: Some(one), ..none.clone() }, vec![1]),
            (AuditFilter { organization_id: Some(OrganizationId(one)), ..none.clone() }, vec![1]),
            (target("front-döor"), vec![2]),
            (target("FRONT-DÖOR"), vec![2]),
            (target("front"), vec![]),
            (target("'"), vec![]),
            (AuditFilter { action: Some(AuditAction::Login), ..none.clone() }, vec![2]),
            (AuditFilter { resource_type: Some(AuditResource::WorkspaceBuild), ..none.clone() }, vec![3]),
            (AuditFilter { build_reason: Some(BuildReason::Autostop), ..none.clone() }, vec![3]),
            (AuditFilter { build_reason: Some(BuildReason::Autostart), ..none.clone() }, vec![]),
            (AuditFilter { since: Some(NOW), ..none.clone() }, vec![3, 2, 1]),
            (AuditFilter { until: Some(NOW), ..none.clone() }, vec![0]),
            (AuditFilter { since: Some(NOW), until: Some(NOW + 2 * day), ..none.clone() }, vec![2, 1]),
            (AuditFilter { resource_type: Some(AuditResource::Group), action: Some(AuditAction::Write), ..none.clone() }, vec![1, 0]),
            (AuditFilter { since: Some(time::macros::datetime!(0000-01-01 0:00 UTC)), ..none.clone() }, vec![3, 2, 1, 0]),
        ] {
            assert_eq!(places(&db, &all, filter.clone(), everything()).await, expected, "{filter:?}");
        }
    }

    async fn pages_and_counts(db) {
        let all: Vec<AuditRecord> =
            (0..7).map(|n| AuditRecord { time: NOW - Duration::seconds(n), ..record() }).collect();
        insert(&db, &all).await;
        let page = |limit, offset| Page { limit, offset, after_id: None };
        for (page, expected) in [
            (page(None, 0), 0..7),
            (page(Some(3), 0), 0..3),
            (page(Some(3), 5), 5..7),
            (page(Some(7), 0), 0..7),
            (page(Some(2), 5), 5..7),
            (page(Some(3), 7), 7..7),
            (page(Some(3), 8), 7..7),
            (page(None, 100), 7..7),
            (page(Some(i32::MAX as u32), i32::MAX as u32), 7..7),
        ] {
            let found = list(&db, AuditFilter::default(), everything(), page).await;
            let records: Vec<_> = found.entries.into_iter().map(|entry| entry.record).collect();
            assert_eq!((records.as_slice(), found.count), (&all[expected], 7), "{page:?}");
        }
    }

    async fn paging_goes_on_behind_a_record(db) {
        let at = |seconds: i64| AuditRecord { time: NOW - Duration::seconds(seconds), ..record() };
        let mut all = vec![at(0), at(1), at(1), at(1), at(2), at(3)];
        // Of the same moment, the higher id is newer.
        all.sort_by_key(|record| std::cmp::Reverse((record.time, record.id.0)));
        insert(&db, &all).await;
        for (after, limit, offset, expected, count) in [
            (0, None, 0, 1..6, 5),
            (1, None, 0, 2..6, 4),
            (2, Some(2), 0, 3..5, 3),
            (2, Some(2), 2, 5..6, 3),
            (3, Some(1), 0, 4..5, 2),
            (5, None, 0, 6..6, 0),
        ] {
            let page = Page { limit, offset, after_id: Some(all[after].id.0) };
            let found = list(&db, AuditFilter::default(), everything(), page).await;
            let records: Vec<_> = found.entries.into_iter().map(|entry| entry.record).collect();
            assert_eq!((records.as_slice(), found.count), (&all[expected], count), "{page:?}");
        }
        // Whoever pages while records are written sees each once.
        insert(&db, &[at(-1)]).await;
        let behind = Page { limit: Some(2), offset: 0, after_id: Some(all[1].id.0) };
        let found = list(&db, AuditFilter::default(), everything(), behind).await;
        assert_eq!(found.entries.first().map(|entry| entry.record.clone()), Some(all[2].clone()));
        // What was removed was older than all that is there.
        db.write(|repos| repos.audit().purge(&permit(), NOW - Duration::seconds(1), 9)).await;
        for gone in [all[4].id.0, Uuid::nil()] {
            let behind = Page { after_id: Some(gone), ..Page::default() };
            assert_eq!(list(&db, AuditFilter::default(), everything(), behind).await, AuditPage::default());
        }
    }

    async fn what_is_visible_is_what_the_engine_says(db) {
        let organizations: Vec<Uuid> = (0..4).map(|_| id()).collect();
        let times: Vec<Instant> = (0..40).map(|n| NOW - Duration::seconds(n)).collect();
        let place = |n: usize| organizations.get(n % 5).copied().map(OrganizationId);
        let all: Vec<AuditRecord> = times
            .iter()
            .enumerate()
            .map(|(n, time)| AuditRecord { time: *time, organization_id: place(n), ..record() })
            .collect();
        insert(&db, &all).await;
        let mut dice = Dice(7);
        let mut counts = Vec::new();
        for n in 0..80 {
            let mut builder = Subject::for_user(id::<Uuid>());
            if dice.roll(4) == 0 {
                builder = builder.site_roles([["owner", "auditor", "user-admin", "template-admin"][dice.roll(4)]]);
            }
            for organization in organizations.iter().take(dice.roll(5)) {
                let roles = ["organization-admin", "organization-auditor", "organization-user-admin", "nothing"];
                builder = builder.membership(*organization, [roles[dice.roll(4)]]);
            }
            let scope = match dice.roll(6) {
                0 => Scope::all().limited_to(vec![AllowEntry::typed(ResourceType::AuditLog, all[dice.roll(40)].id.0)]),
                1 => Scope::application_connect(),
                _ => Scope::all(),
            };
            let filter = visible(&builder.scope(scope).build());
            let matches = |record: &AuditRecord| {
                let object = Object::new(ResourceType::AuditLog).id(record.id.0);
                let object = record.organization_id.map_or(object.clone(), |id| object.organization(id.0));
                filter.matches(&object)
            };
            let expected: Vec<usize> = (0..all.len()).filter(|n| matches(&all[*n])).collect();
            let found = places(&db, &all, AuditFilter::default(), filter.clone()).await;
            assert_eq!(found, expected, "subject {n}: {filter:?}");
            counts.push(expected.len());
        }
        counts.sort_unstable();
        counts.dedup();
        assert!(counts.len() > 5 && counts.contains(&0) && counts.contains(&1) && counts.contains(&40), "{counts:?}");
    }

    async fn what_is_gone_is_found_with_one_query_for_each_kind(db) {
        let granted = Granted::in_store(&db).await;
        let gone = User { deleted: true, ..user("gone") };
        let (gone_id, nobody): (Uuid, Uuid) = (gone.id.0, id());
        db.write(move |repos| repos.users().insert(&permit(), &gone)).await;
        let kinds = [AuditResource::User, AuditResource::Oauth2ProviderApp, AuditResource::Oauth2ProviderAppSecret];
        let mut asked = kinds.map(|kind| (kind, nobody)).to_vec();
        asked.push((AuditResource::User, gone_id));
        let expected = asked.clone();
        asked.extend([
            (AuditResource::User, granted.user.id.0),
            (AuditResource::Oauth2ProviderApp, granted.app.id.0),
            (AuditResource::Oauth2ProviderAppSecret, granted.secret.id.0),
            (AuditResource::ApiKey, nobody),
        ]);
        let mut found = db.read(move |repos| repos.audit().list_deleted(&asked)).await;
        assert_eq!(found.len(), expected.len());
        found.retain(|thing| !expected.contains(thing));
        assert_eq!(found, []);
        assert_eq!(db.read(|repos| repos.audit().list_deleted(&[])).await, []);
    }

    async fn old_records_are_removed_in_batches(db) {
        let at = |seconds: i64| AuditRecord { time: NOW + Duration::seconds(seconds), ..record() };
        insert(&db, &[at(-3), at(-2), at(-1), at(0), at(1)]).await;
        let mut batches = Vec::new();
        for _ in 0..3 {
            batches.push(db.write(|repos| repos.audit().purge(&permit(), NOW, 2)).await);
        }
        assert_eq!(batches, [2, 1, 0]);
        let page = list(&db, AuditFilter::default(), everything(), Page::default()).await;
        assert_eq!(page.entries.last().unwrap().record.time, NOW);
        assert_eq!(page.count, 2);
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}
