//! Many change the same user at once: no change is lost, and each record in the audit log tells what was really there
//! before. On both databases.

use crate::audited::{new_user, origin};
use crate::last_ones::{Town, names};
use crate::support::*;
use doorward_domain::audit::{AuditFilter, AuditRecord};
use doorward_domain::ids::UserId;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::sessions::KeyRefresh;
use doorward_services::sessions::{CreateToken, authenticate, create_key, create_token};
use doorward_services::users::{self, Appearance, UpdateProfile, UserRef};
use time::Duration;

/// So many act at once.
const CROWD: usize = 8;

impl Town {
    /// The records of changes of a user, oldest first.
    async fn changes(&self, user: UserId) -> Vec<AuditRecord> {
        let filter = AuditFilter { resource_id: Some(user.0), ..AuditFilter::default() };
        let visible = self.first.subject.list_filter(Action::Read, ResourceType::AuditLog);
        let page = self.walk.db.read(move |repos| repos.audit().list(&filter, &visible, Page::default())).await;
        page.entries
            .into_iter()
            .rev()
            .map(|entry| entry.record)
            .filter(|record| record.action.as_str() == "write")
            .collect()
    }

    /// Each change of `field` begins where another one ended, from `first` to `last`.
    async fn is_chain(&self, user: UserId, field: &str, first: &str, last: &str) {
        let records = self.changes(user).await;
        let side = |record: &AuditRecord, side: &str| record.diff[field][side].as_str().map(str::to_owned);
        let steps = records.iter().filter_map(|record| Some((side(record, "old")?, side(record, "new")?)));
        let mut left: Vec<(String, String)> = steps.collect();
        let mut now = first.to_owned();
        while let Some(at) = left.iter().position(|(old, _)| *old == now) {
            now = left.remove(at).1;
        }
        assert!(left.is_empty() && now == last, "{field}: at {now:?}, not {last:?}; {left:?} hang in the air");
    }
}

contract! {
    async fn changes_of_a_profile_follow_each_other(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let ann = town.person(&[], &[]).await;
        let id = UserRef::Id(ann.user_id().unwrap());
        let change = async |n: usize| {
            let profile = UpdateProfile { username: format!("name-{n}"), name: format!("Name {n}") };
            users::update_profile(&ctx, &ann, &id, profile).await.unwrap();
            let look = Appearance { theme_preference: format!("theme-{n}"), terminal_font: "fira-code".to_owned() };
            users::update_appearance(&ctx, &ann, &id, look).await.unwrap();
        };
        futures(CROWD, change).await;
        let now = users::find(&ctx, &town.first, &id).await.unwrap().user;
        town.is_chain(now.id, "username", ann.account().unwrap().user.username.as_str(), now.username.as_str()).await;
        town.is_chain(now.id, "name", "", now.name.as_str()).await;
        town.is_chain(now.id, "theme_preference", "", &now.theme_preference).await;
        assert_eq!(now.username.as_str().replace("name-", ""), now.name.as_str().replace("Name ", ""), "one change is written whole");
    }

    async fn a_status_and_roles_change_once_each(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let target = town.person(&[], &[]).await.user_id().unwrap();
        let (first, id) = (town.first.clone(), UserRef::Id(target));
        let before = town.changes(target).await.len();
        futures(CROWD, async |_| users::suspend(&ctx, &first, &id).await.map(drop).unwrap()).await;
        assert_eq!(town.changes(target).await.len(), before + 1, "suspended once");
        futures(CROWD, async |_| users::activate(&ctx, &first, &id).await.map(drop).unwrap()).await;
        assert_eq!(town.changes(target).await.len(), before + 2, "activated once");
        // Each set of roles once, so that the order can be told from the records.
        let roles = ["auditor", "template-admin", "user-admin"];
        let give = async |n: usize| {
            let some: Vec<&str> = (0..3).filter(|bit| ((n + 1) >> bit) & 1 == 1).map(|bit| roles[bit]).collect();
            users::update_roles(&ctx, &first, &id, names(&some)).await.map(drop).unwrap();
        };
        futures(7, give).await;
        let steps: Vec<_> = town.changes(target).await;
        let mut held = serde_json::json!([]);
        let mut left: Vec<_> = steps.iter().map(|record| &record.diff["rbac_roles"]).filter(|diff| diff.is_object()).collect();
        while let Some(at) = left.iter().position(|diff| diff["old"] == held) {
            held = left.remove(at)["new"].clone();
        }
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(held, serde_json::json!(users::find(&ctx, &first, &id).await.unwrap().user.roles));
    }

    async fn of_many_requests_of_a_dormant_user_one_wakes_them(db) {
        let town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let id = users::create(&ctx, &town.first, new_user("sleeper")).await.unwrap().user.id;
        let token = create_key(&ctx, &town.first, &UserRef::Id(id)).await.unwrap().token;
        let before = town.changes(id).await.len();
        let origin = origin();
        futures(CROWD, async |_| drop(authenticate(&ctx, token.expose(), &origin).await.unwrap())).await;
        assert_eq!(town.changes(id).await.len(), before + 1);
    }

    async fn the_use_of_a_token_does_not_bring_back_a_life_that_was_shortened(db) {
        let mut town = Town::begin(db).await;
        let ctx = town.walk.ctx.clone();
        let ann = town.person(&[], &[]).await;
        let ask = CreateToken { lifetime: Duration::days(10_000), ..CreateToken::default() };
        let long = create_token(&ctx, &ann, &UserRef::Me, ask).await.unwrap().key;
        users::update_roles(&ctx, &town.first, &UserRef::Id(ann.user_id().unwrap()), names(&["owner"])).await.unwrap();
        let week = Duration::hours(168);
        let read = async || {
            let id = long.id.clone();
            town.walk.db.read(move |repos| repos.api_keys().find(&id)).await.unwrap()
        };
        let short = read().await;
        assert_eq!(short.lifetime_seconds, week.whole_seconds());
        assert!(short.expires_at < long.expires_at);
        // Somebody has read it before, and writes its use only now.
        let refresh = KeyRefresh { last_used: Some(NOW), expires_at: long.expires_at };
        let stale = long.clone();
        town.walk.db.write(move |repos| repos.api_keys().refresh(&permit(), &stale, refresh, "", NOW)).await;
        assert_eq!(read().await, short);
    }
}

/// Runs it so many times at once.
pub(crate) async fn futures(count: usize, run: impl AsyncFn(usize)) {
    let all: Vec<_> = (0..count).map(|n| Box::pin(run(n))).collect();
    futures_util::future::join_all(all).await;
}
