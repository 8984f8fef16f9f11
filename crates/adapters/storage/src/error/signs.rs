//! What PostgreSQL says the same in every language: the names of locks, the paths of files, and who has a hint to give. The
//! driver hands out no code for these errors.

use diesel::result::DatabaseErrorInformation;
use doorward_ports::Outage;

/// What an error is a case of, whatever its words.
pub(super) fn outage(said: &dyn DatabaseErrorInformation) -> Option<Outage> {
    if said.details().is_some_and(is_deadlock) {
        return Some(Outage::Conflict);
    }
    // Of what goes wrong with the file of a table, only that it cannot grow comes with advice: to look for space.
    (said.hint().is_some() && names_file(said.message())).then_some(Outage::Full)
}

/// Whether each line tells of a process that waits for a lock, and there are several.
fn is_deadlock(details: &str) -> bool {
    let waits = |line: &str| {
        // All modes of locks end in one of these, and are not translated.
        ["ShareLock", "ExclusiveLock"].iter().any(|lock| line.contains(lock))
            && line.contains(|c: char| c.is_ascii_digit())
    };
    details.lines().count() > 1 && details.lines().all(waits)
}

/// Whether it is about a file of the database: `base/5/2619`, `pg_tblspc/16385/PG_15_202209061/16386/16390`.
fn names_file(message: &str) -> bool {
    ["base/", "global/", "pg_tblspc/"]
        .iter()
        .any(|folder| message.split(folder).skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said(&'static str, Option<&'static str>, Option<&'static str>);

    impl DatabaseErrorInformation for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn details(&self) -> Option<&str> {
            self.1
        }

        fn hint(&self) -> Option<&str> {
            self.2
        }

        fn table_name(&self) -> Option<&str> {
            None
        }

        fn column_name(&self) -> Option<&str> {
            None
        }

        fn constraint_name(&self) -> Option<&str> {
            None
        }

        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    #[test]
    fn a_deadlock_and_a_full_disk_are_known_in_every_language() {
        let german = "Prozess 21 wartet auf ShareLock-Sperre auf Transaktion 740; blockiert von Prozess 22.\n\
                      Prozess 22 wartet auf ExclusiveLock-Sperre auf Tupel (0,1); blockiert von Prozess 21.";
        let full = "konnte Datei \u{bb}base/16384/16400\u{ab} nicht erweitern: Auf dem Ger\u{e4}t ist kein Speicherplatz \
                    mehr verf\u{fc}gbar";
        let elsewhere = "n'a pas pu \u{e9}tendre le fichier \u{ab} pg_tblspc/16385/PG_15_202209061/16386/16390 \u{bb}";
        for (said, outage) in [
            (Said("Verklemmung (Deadlock) entdeckt", Some(german), Some("Tipp")), Some(Outage::Conflict)),
            (Said(full, None, Some("Pr\u{fc}fen Sie den freien Festplattenplatz.")), Some(Outage::Full)),
            (Said(elsewhere, None, Some("V\u{e9}rifiez l'espace disque disponible.")), Some(Outage::Full)),
        ] {
            assert_eq!(super::outage(&said), outage, "{}", said.0);
        }
    }

    #[test]
    fn other_errors_are_none_of_these() {
        for said in [
            Said("konnte Block 3 in Datei \u{bb}base/16384/16400\u{ab} nicht lesen", None, None),
            Said("Spalte \u{bb}x\u{ab} existiert nicht", None, Some("Vielleicht meinten Sie base/x")),
            Said("Prozess 21 wartet auf ShareLock", None, None),
            Said("x", Some("Prozess 21 wartet auf ShareLock-Sperre"), None),
            Said("x", Some("Schl\u{fc}ssel (a)=(ShareLock 1)\nist nicht da."), None),
        ] {
            assert_eq!(outage(&said), None, "{}", said.0);
        }
    }
}
