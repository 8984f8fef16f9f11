//! The permit that a call is given, and what comes of it.

use crate::support::permit;
use doorward_domain::licenses::LicenseId;
use doorward_domain::roles::{ActionMarker, Object, Permit, ResourceMarker, System};
use doorward_domain::sessions::Acquaintance;
use doorward_ports::maintenance::Purged;
use uuid::Uuid;

/// The permit that a call is given.
#[derive(Clone, Copy)]
pub(super) enum Pass {
    /// For all of its kind.
    All,
    /// For one that is never touched here.
    Other,
}

impl Pass {
    pub(super) fn permit<A: ActionMarker, R: ResourceMarker>(self) -> Permit<A, R> {
        match self {
            Self::All => permit(),
            Self::Other => System::because("a test").permit_on(&Object::of::<R>().id(Uuid::from_u128(1))),
        }
    }

    /// For what is of one organization.
    pub(super) fn permit_on<A: ActionMarker, R: ResourceMarker>(self, object: &Object<'_>) -> Permit<A, R> {
        match self {
            Self::All => System::because("a test").permit_on(object),
            Self::Other => self.permit(),
        }
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
