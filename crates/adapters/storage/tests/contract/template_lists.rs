//! A list of templates is all templates, each decided on its own: for random subjects and random access lists.

use crate::support::*;
use doorward_domain::ids::TemplateId;
use doorward_domain::roles::{Acl, Action, AllowEntry, Object, ResourceType, Scope, ScopeName, Subject};
use doorward_domain::templates::{Template, TemplateFilter};
use fastrand::Rng;
use std::collections::BTreeSet;
use uuid::Uuid;

const TEMPLATES: usize = 80;
const SUBJECTS: usize = 120;

/// Who and what there is. Some ids stand for nobody.
struct World {
    organizations: Vec<Uuid>,
    groups: Vec<Uuid>,
    users: Vec<Uuid>,
}

fn some<T: Clone>(rng: &mut Rng, all: &[T], most: usize) -> Vec<T> {
    (0..rng.usize(..=most)).filter_map(|_| rng.choice(all.iter()).cloned()).collect()
}

impl World {
    /// An access list, odd ones included: unknown actions, nobody's ids, groups of other organizations, no actions at all.
    fn acl(&self, rng: &mut Rng) -> Acl {
        let mut keys: Vec<String> =
            [&self.organizations, &self.groups, &self.users].into_iter().flatten().map(Uuid::to_string).collect();
        keys.push("not-a-uuid".to_owned());
        keys.push(String::new());
        let actions = ["read", "use", "*", "fly", "update", "", "Read", "reads"];
        some(rng, &keys, 4).into_iter().map(|key| (key, some(rng, &actions, 2))).collect()
    }

    fn subject(&self, rng: &mut Rng, templates: &[Template]) -> Subject {
        let site = ["owner", "auditor", "template-admin", "user-admin", "nothing"];
        let organization = [
            "organization-admin",
            "organization-auditor",
            "organization-template-admin",
            "organization-user-admin",
            "organization-workspace-creation-ban",
        ];
        let user = rng.choice(&self.users).unwrap();
        let mut subject = Subject::for_user(*user).groups(some(rng, &self.groups, 3));
        if rng.u8(..4) == 0 {
            subject = subject.site_roles(some(rng, &site, 2));
        }
        for id in BTreeSet::from_iter(some(rng, &self.organizations, 3)) {
            subject = subject.membership(id, if rng.bool() { some(rng, &organization, 2) } else { Vec::new() });
        }
        let listed = rng.choice(templates).unwrap().id.0;
        match rng.u8(..10) {
            0 => subject.scope(Scope::application_connect()),
            1 => subject.scope(Scope::all().limited_to(vec![AllowEntry::typed(ResourceType::Template, listed)])),
            2 => subject.scope(Scope::all().limited_to(vec![AllowEntry::any_type(listed)])),
            3 => subject.scope(Scope::from_names(&[ScopeName::parse("template:read").unwrap()])),
            4 => subject.scope(Scope::from_names(&[ScopeName::parse("workspace:read").unwrap()])),
            5 => subject,
            _ => subject.scope(Scope::all()),
        }
        .build()
    }
}

fn may_read(subject: &Subject, template: &Template) -> bool {
    let object = Object::new(ResourceType::Template)
        .id(template.id.0)
        .organization(template.organization_id.0)
        .user_acl(&template.user_acl)
        .group_acl(&template.group_acl);
    subject.allows(Action::Read, &object)
}

contract! {
    async fn what_is_listed_is_what_each_decision_says(db) {
        let seed = 20_260_203;
        let mut rng = Rng::with_seed(seed);
        let organizations = ["a", "b", "c"].map(organization);
        let maker = user("maker");
        let world = World {
            organizations: organizations.iter().map(|one| one.id.0).collect(),
            groups: (1..=6).map(Uuid::from_u128).collect(),
            users: (11..=16).map(Uuid::from_u128).collect(),
        };
        let templates: Vec<Template> = (0..TEMPLATES)
            .map(|n| Template {
                user_acl: world.acl(&mut rng),
                group_acl: world.acl(&mut rng),
                ..template(rng.choice(&organizations).unwrap().id, maker.id, &format!("t{n:03}"))
            })
            .collect();
        let stored = templates.clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &maker)?;
            organizations.iter().try_for_each(|one| repos.organizations().insert(&permit(), one))?;
            stored.iter().try_for_each(|template| repos.templates().insert(&permit(), template))
        })
        .await;
        let mut sizes = BTreeSet::new();
        for n in 0..SUBJECTS {
            let subject = world.subject(&mut rng, &templates);
            let filter = subject.list_filter(Action::Read, ResourceType::Template);
            let expected: Vec<TemplateId> =
                templates.iter().filter(|template| may_read(&subject, template)).map(|template| template.id).collect();
            let listed = db.read(move |repos| repos.templates().list(&TemplateFilter::default(), &filter)).await;
            let found: Vec<TemplateId> = listed.into_iter().map(|view| view.template.id).collect();
            assert_eq!(found, expected, "seed {seed}, subject {n}: {subject:?}");
            sizes.insert(found.len());
        }
        // All, none, and much in between.
        assert!(sizes.contains(&0) && sizes.contains(&TEMPLATES) && sizes.len() > 10, "{sizes:?}");
    }
}
