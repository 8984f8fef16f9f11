//! What becomes of devices that ask for access, counted since this server began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// A device got codes.
    Started,
    /// Somebody approved a device.
    Approved,
    /// Somebody approved a device that is in another network: that happens, and it is what tricked people do.
    ApprovedElsewhere,
    /// Somebody said that they did not start it.
    Denied,
    /// A code was entered that no device waits with.
    WrongCode,
    /// A code was not looked at, for too many wrong ones were entered in the whole deployment.
    Paused,
}

impl DeviceEvent {
    const COUNT: usize = 6;
}

/// The numbers of this server. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct DeviceTally(Arc<[AtomicU64; DeviceEvent::COUNT]>);

impl DeviceTally {
    fn of(&self, event: DeviceEvent) -> Option<&AtomicU64> {
        self.0.get(event as usize)
    }

    /// Counts one.
    pub(super) fn count(&self, event: DeviceEvent) {
        if let Some(number) = self.of(event) {
            number.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn number(&self, event: DeviceEvent) -> u64 {
        self.of(event).map_or(0, |number| number.load(Ordering::Relaxed))
    }
}
