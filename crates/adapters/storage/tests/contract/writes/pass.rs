//! The permit that a call is given, and what comes of it.

use doorward_domain::licenses::LicenseId;
use doorward_domain::roles::{ActionMarker, Object, Permit, ResourceMarker, System};
use doorward_domain::sessions::Acquaintance;
use doorward_ports::maintenance::Purged;
use uuid::Uuid;

/// The permit that a call is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pass {
    /// For all of its kind.
    All,
    /// For one that is never touched here.
    Other,
    /// For all that an owner has who owns nothing here.
    OtherOwner,
    /// For all that an organization has which has nothing here.
    OtherOrganization,
    /// For all that this owner, or this organization, has.
    Of(Theirs, Uuid),
}

/// Whose a thing may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theirs {
    /// The user's.
    Ann,
    /// The organization's.
    Acme,
}

impl Theirs {
    pub(super) const ALL: [Self; 2] = [Self::Ann, Self::Acme];
}

impl Pass {
    pub(super) fn permit<A: ActionMarker, R: ResourceMarker>(self) -> Permit<A, R> {
        let (all, nobody) = (Object::of::<R>(), Uuid::from_u128(1));
        let object = match self {
            Self::All => all,
            Self::Other => all.id(nobody),
            Self::OtherOwner => all.owner(nobody),
            Self::OtherOrganization => all.organization(nobody),
            Self::Of(Theirs::Ann, id) => all.owner(id),
            Self::Of(Theirs::Acme, id) => all.organization(id),
        };
        System::because("a test").permit_on(&object)
    }
}

/// Whether a call has done something.
pub(super) trait Outcome {
    fn is_done(&self) -> bool;
}

macro_rules! outcomes {
    ($($type:ty: |$outcome:ident| $is_done:expr;)+) => {$(
        impl Outcome for $type {
            fn is_done(&self) -> bool {
                let $outcome = self;
                $is_done
            }
        }
    )+};
}

outcomes! {
    (): |_done| true;
    bool: |done| *done;
    LicenseId: |_id| true;
    usize: |number| *number > 0;
    Purged: |_purged| true;
    Acquaintance: |_known| true;
}

impl<T> Outcome for Vec<T> {
    fn is_done(&self) -> bool {
        !self.is_empty()
    }
}

impl<T> Outcome for Option<T> {
    fn is_done(&self) -> bool {
        self.is_some()
    }
}
