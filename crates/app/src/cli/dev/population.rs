//! A made-up deployment of any size, the same for the same numbers: what there is, without where it is put.

use anyhow::ensure;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::ids::{AuditId, GroupId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, Email, GroupName, OrganizationName, RealName, Username};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{DefaultRoles, Permission, RoleNames};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_storage::seed::SeedRole;
use serde_json::json;
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

/// When the deployment began. Everything happens in the year that follows.
const BEGAN: Instant = datetime!(2025-01-01 00:00 UTC);
const YEAR: Duration = Duration::days(365);

/// How many organizations the one user is in who stands for those of many organizations.
const MANY_ORGANIZATIONS: usize = 100;

/// Where the users of the plan stand who get a token.
pub(super) const OWNER: usize = 0;
/// The member of many organizations.
pub(super) const MEMBER_OF_MANY: usize = 1;
/// A user like most.
pub(super) const PLAIN: usize = 2;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Users, besides one who may be there already.
    pub(super) users: usize,
    /// Organizations, the default one included.
    pub(super) organizations: usize,
    /// Groups, besides those of all members.
    pub(super) groups: usize,
    /// Memberships of users in organizations.
    pub(super) memberships: usize,
    /// Audit records.
    pub(super) audit_rows: usize,
}

impl Sizes {
    /// Checks that a deployment can have these sizes.
    pub(super) fn check(self) -> anyhow::Result<Self> {
        let range = |what, value: usize, least, most| {
            ensure!(
                (least..=most).contains(&value),
                "the number of {what} must be from {least} to {most}, not {value}"
            );
            Ok(())
        };
        range("users", self.users, 3, 999_999)?;
        range("organizations", self.organizations, 1, 9_999)?;
        range("groups", self.groups, 1, 999_999)?;
        let least = self.users + self.extra_of_many();
        let most = least + (self.users - 1) * (self.organizations - 1);
        range("memberships", self.memberships, least, most)?;
        Ok(self)
    }

    /// In how many organizations the member of many is, besides the default one.
    fn extra_of_many(self) -> usize {
        self.organizations.min(MANY_ORGANIZATIONS) - 1
    }

    /// Members of the largest group: half of the users.
    pub(super) const fn largest_group(self) -> usize {
        self.users / 2
    }
}

/// The numbers behind it all: `SplitMix64`, which a seed determines.
#[derive(Clone, Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be zero; even enough for bounds far below 2^64.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<'a>(&mut self, items: &'a [&'a str]) -> &'a str {
        let n = self.below(items.len());
        items.get(n).copied().unwrap_or_default()
    }

    /// An id that sorts by its time.
    fn id<T: From<Uuid>>(&mut self, at: Instant) -> T {
        let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let mut random = [0; 10];
        for (place, byte) in
            random.iter_mut().zip(self.next().to_le_bytes().into_iter().chain(self.next().to_le_bytes()))
        {
            *place = byte;
        }
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into()
    }

    /// `amount` of the numbers below `of`, each once, sorted.
    fn sample(&mut self, of: usize, amount: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(amount.min(of));
        for n in 0..of {
            let left = amount.min(of) - chosen.len();
            if left == 0 {
                break;
            }
            if self.below(of - n) < left {
                chosen.push(n);
            }
        }
        chosen
    }
}

/// A deployment: its users and who is where. Rows are made of it one after another, for there are many.
pub(super) struct Population {
    sizes: Sizes,
    numbers: Numbers,
    pub(super) users: Vec<User>,
    /// The default organization first, which exists.
    pub(super) organizations: Vec<OrganizationId>,
    /// The users of each organization, sorted.
    members: Vec<Vec<usize>>,
    pub(super) groups: Vec<Group>,
}

impl Population {
    /// Makes up a deployment around the default organization.
    pub(super) fn new(sizes: Sizes, seed: u64, default_organization: OrganizationId) -> Self {
        let mut numbers = Numbers(seed);
        let users: Vec<User> = (0..sizes.users).map(|n| user(&mut numbers, n, sizes.users)).collect();
        let mut organizations = vec![default_organization];
        organizations
            .extend((1..sizes.organizations).map(|n| numbers.id::<OrganizationId>(moment(n, sizes.organizations))));
        let members = members(&mut numbers, sizes);
        let groups = (0..sizes.groups).map(|n| group(&mut numbers, n, &organizations)).collect();
        Self { sizes, numbers, users, organizations, members, groups }
    }

    /// The organizations to be added.
    pub(super) fn new_organizations(&self) -> impl Iterator<Item = Organization> {
        let all = self.sizes.organizations;
        self.organizations.iter().enumerate().skip(1).map(move |(n, id)| Organization {
            id: *id,
            name: OrganizationName::from_storage(format!("org-{n:04}")),
            display_name: DisplayName::from_storage(format!("Organization {n}")),
            description: format!("Team {n} of the made-up company"),
            icon: String::new(),
            created_at: moment(n, all),
            updated_at: moment(n, all),
            is_default: false,
            default_roles: DefaultRoles::default(),
        })
    }

    /// The custom roles of every tenth organization.
    pub(super) fn roles(&mut self) -> Vec<SeedRole> {
        let (numbers, all) = (&mut self.numbers, self.sizes.organizations);
        let with_role = self.organizations.iter().enumerate().filter_map(|(n, id)| Some((n, id, custom_role(n)?)));
        let role = |(n, organization, name): (usize, &OrganizationId, String)| SeedRole {
            id: numbers.id(moment(n, all)),
            organization_id: *organization,
            name,
            display_name: "Release manager".to_owned(),
            permissions: [("template", "read"), ("template", "update"), ("workspace", "read"), ("group", "read")]
                .map(|(resource, action)| Permission::named(false, resource, action))
                .to_vec(),
            created_at: moment(n, all),
        };
        with_role.map(role).collect()
    }

    /// Who is in which organization, with which roles: organization by organization.
    pub(super) fn memberships(&mut self) -> impl Iterator<Item = Membership> {
        let Self { numbers, users, organizations, members, .. } = self;
        let of_organization = organizations.iter().zip(&*members).enumerate();
        of_organization.flat_map(|(n, (organization, members))| {
            let custom = custom_role(n);
            let rows: Vec<Membership> = members
                .iter()
                .enumerate()
                .filter_map(|(place, number)| {
                    let user = users.get(*number)?;
                    let is_last = place + 1 == members.len();
                    Some(Membership {
                        organization_id: *organization,
                        user_id: user.id,
                        roles: organization_roles(numbers, *number, is_last, custom.as_deref()),
                        created_at: user.created_at,
                        updated_at: user.created_at,
                    })
                })
                .collect();
            rows
        })
    }

    /// Who is in which group: group by group, the largest first.
    pub(super) fn group_members(&mut self) -> impl Iterator<Item = (GroupId, OrganizationId, UserId)> {
        let Self { sizes, numbers, users, groups, members, .. } = self;
        let others = sizes.groups.saturating_sub(1).max(1);
        let (base, more) = (sizes.memberships / 2 / others, sizes.memberships / 2 % others);
        groups.iter().enumerate().flat_map(move |(n, group)| {
            let members = members.get(n % members.len()).map(Vec::as_slice).unwrap_or_default();
            let amount = match n {
                0 => sizes.largest_group(),
                // Every other group is as much larger as the one before it is smaller.
                n if n % 2 == 0 => base + base / 2 + usize::from(n <= more),
                n if n + 1 < sizes.groups => base - base / 2 + usize::from(n <= more),
                n => base + usize::from(n <= more),
            };
            let chosen = numbers.sample(members.len(), amount);
            let user =
                |place: usize| users.get(*members.get(place)?).map(|user| (group.id, group.organization_id, user.id));
            chosen.into_iter().filter_map(user).collect::<Vec<_>>()
        })
    }

    /// What was done, in the order of time.
    pub(super) fn audit(&mut self) -> impl Iterator<Item = AuditRecord> {
        let Self { sizes, numbers, users, organizations, .. } = self;
        let rows = sizes.audit_rows;
        (0..rows).filter_map(move |n| {
            let time = moment(n, rows);
            let (actor, target) = (users.get(numbers.below(users.len()))?, users.get(numbers.below(users.len()))?);
            let organization = organizations.get(numbers.below(organizations.len()))?;
            let (action, status_code, diff) = match numbers.below(3) {
                0 => (AuditAction::Login, 201, json!({})),
                1 => (
                    AuditAction::Create,
                    201,
                    json!({"username": {"old": "", "new": target.username, "secret": false}}),
                ),
                _ => (AuditAction::Write, 200, json!({"status": {"old": "dormant", "new": "active", "secret": false}})),
            };
            Some(AuditRecord {
                id: numbers.id::<AuditId>(time),
                time,
                user_id: Some(actor.id),
                organization_id: numbers.one_in(2).then_some(*organization),
                ip: format!("192.0.2.{}", numbers.below(256)),
                user_agent: "doorward-seed".to_owned(),
                resource_type: AuditResource::User,
                resource_id: target.id.to_string(),
                resource_target: target.username.to_string(),
                action,
                diff,
                status_code,
                additional_fields: json!({}),
                request_id: None,
            })
        })
    }
}

/// The n-th of so many moments of the year.
fn moment(n: usize, of: usize) -> Instant {
    let share = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    BEGAN.saturating_add(Duration::seconds(YEAR.whole_seconds() / share(of.max(1)).max(1) * share(n)))
}

/// Every tenth organization has a custom role; names are not shared by organizations.
fn custom_role(organization: usize) -> Option<String> {
    (organization % 10 == 1).then(|| format!("release-manager-{organization:04}"))
}

fn user(numbers: &mut Numbers, n: usize, of: usize) -> User {
    const FIRST: [&str; 20] = [
        "Ada",
        "Alan",
        "Anita",
        "Barbara",
        "Dennis",
        "Donald",
        "Edsger",
        "Frances",
        "Grace",
        "Hedy",
        "Jean",
        "John",
        "Katherine",
        "Ken",
        "Leslie",
        "Margaret",
        "Niklaus",
        "Radia",
        "Shafi",
        "Tony",
    ];
    const LAST: [&str; 20] = [
        "Allen",
        "Borg",
        "Dijkstra",
        "Goldwasser",
        "Hamilton",
        "Hoare",
        "Hopper",
        "Johnson",
        "Kay",
        "Knuth",
        "Lamarr",
        "Lamport",
        "Liskov",
        "Lovelace",
        "Perlman",
        "Ritchie",
        "Sammet",
        "Thompson",
        "Turing",
        "Wirth",
    ];
    let created_at = moment(n, of);
    let status = match numbers.below(100) {
        0..88 => UserStatus::Active,
        88..95 => UserStatus::Dormant,
        _ => UserStatus::Suspended,
    };
    let status = if n <= PLAIN { UserStatus::Active } else { status };
    let role = match numbers.below(4_000) {
        _ if n == OWNER => Some("owner"),
        _ if n <= PLAIN => None,
        0 => Some("owner"),
        1..4 => Some("auditor"),
        4..6 => Some("user-admin"),
        6..8 => Some("template-admin"),
        _ => None,
    };
    let seen = created_at.saturating_add(Duration::seconds(i64::try_from(numbers.below(5_000_000)).unwrap_or(0)));
    let username = format!("user-{:06}", n + 1);
    User {
        id: numbers.id(created_at),
        email: Some(Email::from_storage(format!("{username}@example.com"))),
        username: Username::from_storage(username),
        name: RealName::from_storage(format!("{} {}", numbers.pick(&FIRST), numbers.pick(&LAST))),
        avatar_url: String::new(),
        password_hash: None,
        status,
        login_type: LoginType::None,
        roles: role.into_iter().collect(),
        created_at,
        updated_at: created_at,
        last_seen_at: (status != UserStatus::Dormant).then_some(seen),
        deleted: false,
        is_system: false,
        theme_preference: String::new(),
        terminal_font: String::new(),
    }
}

/// Everybody is in the default organization, one user in many, and the others share the rest of the memberships.
fn members(numbers: &mut Numbers, sizes: Sizes) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); sizes.organizations];
    let elsewhere = sizes.organizations - 1;
    let rest = sizes.memberships - sizes.users - sizes.extra_of_many();
    let (base, more) = (rest / (sizes.users - 1), rest % (sizes.users - 1));
    // Some are in fewer organizations and their neighbours in as many more.
    let spread = (base / 2).min(elsewhere.saturating_sub(base + 1));
    let mut owed = None;
    let mut others = 0;
    for user in 0..sizes.users {
        let amount = if user == MEMBER_OF_MANY {
            sizes.extra_of_many()
        } else {
            let even = base + usize::from(others < more);
            others += 1;
            match owed.take() {
                Some(owed) => even + owed,
                None if others < sizes.users - 1 => {
                    let fewer = numbers.below(spread + 1);
                    owed = Some(fewer);
                    even - fewer
                }
                None => even,
            }
        };
        if let Some(default) = members.first_mut() {
            default.push(user);
        }
        for organization in numbers.sample(elsewhere, amount) {
            if let Some(organization) = members.get_mut(organization + 1) {
                organization.push(user);
            }
        }
    }
    members
}

/// The last member administers the organization, and few others have a role.
fn organization_roles(numbers: &mut Numbers, user: usize, is_last: bool, custom: Option<&str>) -> RoleNames {
    let role = match numbers.below(200) {
        _ if user == MEMBER_OF_MANY || user == PLAIN => return RoleNames::default(),
        _ if is_last => "organization-admin",
        0 => "organization-admin",
        1 => "organization-user-admin",
        2 => "organization-auditor",
        3 => "organization-template-admin",
        4..14 => match custom {
            Some(name) => name,
            None => return RoleNames::default(),
        },
        _ => return RoleNames::default(),
    };
    [role].into_iter().collect()
}

fn group(numbers: &mut Numbers, n: usize, organizations: &[OrganizationId]) -> Group {
    const KINDS: [&str; 8] = ["backend", "data", "design", "frontend", "infra", "mobile", "security", "support"];
    let kind = numbers.pick(&KINDS);
    let created_at = moment(n % 1_000, 1_000);
    let organization_id = organizations.get(n % organizations.len()).copied().unwrap_or(OrganizationId::NIL);
    Group {
        id: numbers.id(created_at),
        organization_id,
        name: GroupName::from_storage(if n == 0 { "everybody-else".to_owned() } else { format!("{kind}-{n:06}") }),
        display_name: DisplayName::from_storage(format!("Group {n}")),
        avatar_url: String::new(),
        quota_allowance: i32::try_from(numbers.below(10)).unwrap_or(0),
        source: GroupSource::User,
        created_at,
        updated_at: created_at,
    }
}
