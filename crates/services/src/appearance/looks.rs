//! What a server remembers of how pages look.

use doorward_domain::appearance::Appearance;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For so long pages of another server may look as before.
const FRESH: Duration = Duration::from_secs(2);

/// How pages look, as this server has read it last, so that a page does not ask the database for it. Cheap to clone; all clones are
/// one.
#[derive(Clone, Debug, Default)]
pub struct Looks(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    chosen: Option<(Arc<Appearance>, Instant)>,
    /// How often it was forgotten.
    changes: u64,
}

impl Looks {
    /// What is known, or what to give [`Looks::keep`] with what is read now.
    pub(super) fn known(&self) -> Result<Arc<Appearance>, u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &known.chosen {
            Some((chosen, at)) if at.elapsed() < FRESH => Ok(Arc::clone(chosen)),
            _ => Err(known.changes),
        }
    }

    /// What was read last, however long ago.
    pub(super) fn last(&self) -> Option<Arc<Appearance>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.chosen.as_ref().map(|(chosen, _)| Arc::clone(chosen))
    }

    /// Remembers what was read, unless it was changed meanwhile.
    pub(super) fn keep(&self, chosen: Arc<Appearance>, begun_at: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.changes == begun_at {
            known.chosen = Some((chosen, Instant::now()));
        }
    }

    /// Somebody has chosen anew.
    pub(super) fn forget(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.changes += 1;
        known.chosen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let looks = Looks::default();
        let (before, acme) =
            (looks.known().unwrap_err(), Appearance { application_name: "Acme".into(), ..Appearance::default() });
        looks.forget();
        looks.keep(Arc::default(), before);
        let now = looks.known().unwrap_err();
        looks.keep(Arc::new(acme.clone()), now);
        assert_eq!(*looks.known().unwrap(), acme);
        assert_eq!(looks.last().as_deref(), Some(&acme));
        looks.forget();
        assert!(looks.known().is_err() && looks.last().is_none());
    }
}
