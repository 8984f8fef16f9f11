//! Users.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::names::{Email, RealName, Username};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, RoleNames, action, resource};
use doorward_domain::users::{LoginType, PasswordHash, User, UserFilter, UserStatus};

/// One page of users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserPage {
    /// The users of the page.
    pub users: Vec<User>,
    /// How many match after `after_id`, before limit and offset; 0 when the page is empty.
    pub count: u64,
}

/// Stores users.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait UserRepository {
    /// Whether any user exists that is not part of the server itself; deleted ones count.
    fn any_exists(&mut self) -> Result<bool, StoreError>;
    /// The user with this id, deleted ones included.
    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user with this id, deleted ones included, and a row lock (`FOR NO KEY UPDATE`) until the transaction ends: whoever
    /// wants to change the user meanwhile waits for that. Of several users, the one with the lower id is to be locked first.
    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The same with a shared row lock (`FOR SHARE`), for one whom the transaction does not change: several may have it at once,
    /// and whoever wants to change the user waits for all of them.
    fn find_for_share(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// Whether the user is the last active owner.
    fn is_last_owner(&mut self, id: UserId) -> Result<bool, StoreError>;
    /// The same with a lock on the user, and an advisory lock until the transaction ends: if the user is an active owner, nobody else
    /// ends owners. To be asked before anything but users is locked.
    fn is_last_owner_for_update(&mut self, id: UserId) -> Result<bool, StoreError>;
    /// The user with this name, without regard to letter case; deleted ones are not found.
    fn find_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError>;
    /// The user with this address, without regard to letter case; deleted ones are not found.
    fn find_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError>;
    /// The user with this name or address, without regard to letter case, among those who are deleted; the last one of
    /// several. For finding what they did.
    fn find_deleted(&mut self, name_or_email: &str) -> Result<Option<User>, StoreError>;
    /// The users with these ids, deleted ones included, by lower-cased name.
    fn list_by_id(&mut self, ids: &[UserId]) -> Result<Vec<User>, StoreError>;
    /// The groups that a user was put into, sorted: neither those of all members nor those in which these lie.
    fn list_group_ids(&mut self, id: UserId) -> Result<Vec<GroupId>, StoreError>;
    /// The groups in which several users are, by user and group id: also by groups within them, but for those of all members.
    fn list_group_ids_of(&mut self, ids: &[UserId]) -> Result<Vec<(UserId, GroupId)>, StoreError>;
    /// A page of users, ordered by lower-cased name; `after_id` as in `identity.md` 3.1. Deleted users and those that
    /// are part of the server are left out, and so are those that `visible` does not let through.
    fn list(&mut self, filter: &UserFilter, visible: &ListFilter, page: Page) -> Result<UserPage, StoreError>;

    /// Adds a user. May answer `Conflict::Username` or `Conflict::Email`.
    fn insert(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError>;
    /// Adds the first user, and only if no other exists: `Conflict::FirstUser` otherwise, also when two try at once.
    fn insert_first(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError>;
    /// Changes name and real name. May answer `Conflict::Username`. `false` when there is no such user.
    fn update_profile(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        username: &Username,
        name: &RealName,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Writes what an identity provider says of the user: address, real name, URL of a picture. May answer `Conflict::Email`.
    /// `false` when there is no such user.
    fn update_contact(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        email: &Email,
        name: &RealName,
        avatar_url: &str,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Changes how the user signs in, forgets the password, and deletes all keys, codes and grants of the user, who is written first.
    /// `false` when there is no such user, or one who already signs in so.
    fn update_login_type(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        login_type: LoginType,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Changes how the user signs in, and nothing else: for one whose ways to sign in have changed. `false` when there is no such
    /// user, or one who already signs in so.
    fn follow_login_type(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        login_type: LoginType,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Changes theme and font.
    fn update_appearance(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        theme_preference: &str,
        terminal_font: &str,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Changes the password and deletes all keys, codes and grants of the user. The user is written first, so that
    /// whoever locks it ([`find_for_update`](Self::find_for_update)) has either added a key, which is deleted, or finds the new password.
    /// `false` when there is no such user, or one who does not sign in with a password.
    fn update_password(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        hash: &PasswordHash,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Changes the state. Suspending deletes all keys, codes and grants of the user, who is written first. Answers
    /// `Conflict::LastOwner` when no active owner would be left, whatever others do at the same moment.
    fn update_status(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        id: UserId,
        status: UserStatus,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Replaces the stored site roles. Answers `Conflict::LastOwner` when no active owner would be left, whatever others
    /// do at the same moment.
    fn update_roles(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignRole>,
        id: UserId,
        roles: &RoleNames,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Marks a user as deleted: frees name and address, deletes keys, codes, grants, known places and what directories have
    /// stored, and removes the user from organizations and groups. The user is written first. Answers `Conflict::LastOwner` when no active owner
    /// would be left, whatever others do at the same moment.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::User>,
        id: UserId,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Writes that a user was seen, which changes the user; a dormant one becomes active.
    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        id: UserId,
        now: Instant,
    ) -> Result<(), StoreError>;
}
