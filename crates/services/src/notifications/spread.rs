//! From a notice to what each person gets.

use super::{INBOX, switch};
use crate::deed::Deed;
use crate::jobs::Lease;
use crate::settings::Settings;
use crate::{Context, Error, Principal};
use doorward_domain::ids::{NotificationTemplateId, UserId};
use doorward_domain::notifications::{
    Audience, Delivery, InboxNotification, Method, Notice, NotificationTemplate, Recipient, find, render, wants,
};
use doorward_domain::roles::{System, action, resource};
use doorward_domain::users::User;
use doorward_ports::bus::Event;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// So many notices are looked at in one transaction.
const BATCH: u32 = 50;
const WHY: &str = "people are told what was done";

/// What came of a look at the notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// Notifications are paused.
    Paused,
    /// There may be more.
    More,
    /// There are no more.
    Done,
}

/// Makes of the first notices what each person gets, in one transaction.
pub(super) async fn spread(ctx: &Context, lease: Option<&Lease>) -> Result<Spread, Error> {
    let (spread, told) = spread_some(ctx, lease).await?;
    for user in told {
        match Event::new(INBOX, &user.to_string()) {
            Ok(event) => ctx.bus.publish(event),
            Err(error) => tracing::debug!(%error, "whoever watches an inbox sees it at the next look"),
        }
    }
    Ok(spread)
}

/// The same, and whose inboxes have something new.
async fn spread_some(ctx: &Context, lease: Option<&Lease>) -> Result<(Spread, BTreeSet<UserId>), Error> {
    let (outlets, settings, lease) = (ctx.outlets.clone(), Arc::clone(&ctx.settings), lease.cloned());
    ctx.act(&Principal::system(WHY), move |deed| {
        if switch::current(deed.repos)?.notifier_paused {
            return Ok(
                deed.unrecorded("nothing is done while notifications are paused", (Spread::Paused, BTreeSet::new()))
            );
        }
        let permit = System::because(WHY).permit::<action::Delete, resource::NotificationMessage>();
        let notices = deed.repos.notifications().take(&permit, BATCH)?;
        let spread =
            if notices.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) { Spread::Done } else { Spread::More };
        let mut told = BTreeSet::new();
        if !notices.is_empty() {
            let chosen = deed.repos.notifications().list_methods()?.into_iter().collect();
            let usual = outlets.usual(&settings);
            let can = |method| outlets.can(method, &settings);
            told = Spreading { settings: &settings, chosen, usual, can: &can, admins: None, willing: HashMap::new() }
                .all(deed, notices)?;
        }
        if let Some(lease) = lease {
            lease.confirm(deed.repos)?;
        }
        Ok(deed.unrecorded("what was done is recorded", (spread, told)))
    })
    .await
}

/// Gives the ids so that those of notices that came later are larger: of one moment, they are random.
fn in_order(inbox: &mut [InboxNotification]) {
    let mut ids: Vec<_> = inbox.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    for (one, id) in inbox.iter_mut().zip(ids) {
        one.id = id;
    }
}

struct Spreading<'s> {
    settings: &'s Settings,
    chosen: HashMap<NotificationTemplateId, Method>,
    usual: Option<Method>,
    can: &'s dyn Fn(Method) -> bool,
    /// Those who look after accounts, once they were asked for.
    admins: Option<Vec<User>>,
    /// Those of them who want to be told of a template: a directory makes many accounts at once.
    willing: HashMap<NotificationTemplateId, Vec<User>>,
}

impl Spreading<'_> {
    fn all(mut self, deed: &mut Deed<'_>, notices: Vec<Notice>) -> Result<BTreeSet<UserId>, Error> {
        let (mut inbox, mut deliveries) = (Vec::new(), Vec::new());
        for notice in notices {
            let Some(template) = find(notice.template_id) else {
                tracing::warn!(template = %notice.template_id, "a notice is of a template that this version does not know");
                continue;
            };
            if notice.expires_at.is_some_and(|at| at <= deed.now) {
                continue;
            }
            let way = template.way(self.chosen.get(&template.id).copied(), self.usual).filter(|way| (self.can)(*way));
            // What goes to a mail address goes there only.
            let is_mail = notice.matter.address.is_some();
            let way = if is_mail { Some(Method::Smtp).filter(|way| (self.can)(*way)) } else { way };
            for user in self.people(deed, template, notice.audience)? {
                if !is_mail && template.goes_to_inbox() && (self.can)(Method::Inbox) {
                    inbox.extend(self.in_inbox(deed, template, &notice, &user));
                }
                let way = way.filter(|way| *way != Method::Smtp || user.email.is_some());
                deliveries.extend(way.map(|method| Delivery {
                    id: deed.new_id(),
                    template_id: template.id,
                    user_id: user.id,
                    method,
                    matter: notice.matter.clone(),
                    created_at: notice.created_at,
                    expires_at: notice.expires_at,
                    attempts: 0,
                }));
            }
        }
        in_order(&mut inbox);
        if !inbox.is_empty() {
            let permit = System::because(WHY).permit::<action::Create, resource::InboxNotification>();
            deed.repos.inbox().insert(&permit, &inbox)?;
        }
        if !deliveries.is_empty() {
            let permit = System::because(WHY).permit::<action::Create, resource::NotificationMessage>();
            deed.repos.notifications().insert_deliveries(&permit, &deliveries)?;
        }
        Ok(inbox.iter().map(|notification| notification.user_id).collect())
    }

    /// Those who are told, and want to be.
    fn people(
        &mut self,
        deed: &mut Deed<'_>,
        template: &NotificationTemplate,
        audience: Audience,
    ) -> Result<Vec<User>, Error> {
        let people = match audience {
            Audience::User(id) => Vec::from_iter(deed.repos.users().find(id)?),
            Audience::UserAdmins => {
                if let Some(willing) = self.willing.get(&template.id) {
                    return Ok(willing.clone());
                }
                if self.admins.is_none() {
                    self.admins = Some(deed.repos.notifications().list_user_admins()?);
                }
                let admins = self.admins.clone().unwrap_or_default();
                let willing = willing(deed, template, admins)?;
                self.willing.insert(template.id, willing.clone());
                return Ok(willing);
            }
            Audience::TemplateAdmins { organization, except } => {
                let mut admins = deed.repos.notifications().list_template_admins(organization)?;
                admins.retain(|user| Some(user.id) != except);
                admins
            }
            Audience::WorkspaceOwners(template) => deed.repos.notifications().list_workspace_owners(template)?,
        };
        willing(deed, template, people)
    }

    fn in_inbox(
        &self,
        deed: &Deed<'_>,
        template: &NotificationTemplate,
        notice: &Notice,
        user: &User,
    ) -> Option<InboxNotification> {
        let to = Recipient { user, base_url: self.settings.issuer() };
        match render(template, to, &notice.matter) {
            Ok(words) => Some(InboxNotification {
                id: deed.new_id(),
                user_id: user.id,
                template_id: template.id,
                targets: notice.matter.targets.clone(),
                title: words.title,
                content: words.text,
                actions: words.actions,
                read_at: None,
                created_at: deed.now,
            }),
            Err(error) => {
                tracing::error!(template = template.name, %error, "a template cannot be read");
                None
            }
        }
    }
}

/// Those of these people who can be told, and want to be.
fn willing(deed: &mut Deed<'_>, template: &NotificationTemplate, mut people: Vec<User>) -> Result<Vec<User>, Error> {
    people.retain(|user| !user.deleted && !user.is_system && !user.is_service_account());
    if people.is_empty() {
        return Ok(people);
    }
    let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
    let said: HashMap<_, _> = deed.repos.notifications().list_refusals(template.id, &ids)?.into_iter().collect();
    people.retain(|user| wants(template, said.get(&user.id).copied()));
    Ok(people)
}
