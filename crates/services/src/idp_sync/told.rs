//! What a sync did, as the audit log and the log of syncs say it.

use doorward_domain::idp_sync::{Effect, Plan, Unsyncable};
use serde_json::{Value, json};

/// The most entries that are told of what was gained, and of what was lost.
const EFFECTS_MAX: usize = 200;
/// The most entries that are told of what was ignored. With one claim for many organizations that is most of it, in each of them.
const NOTES_MAX: usize = 50;

fn told(effects: &[Effect]) -> &[Effect] {
    effects.get(..EFFECTS_MAX).unwrap_or(effects)
}

/// What was gained and lost, for the audit log.
pub(super) fn changes(plan: &Plan) -> Value {
    json!({
        "gained": told(&plan.gained),
        "gained_more": plan.gained.len().saturating_sub(EFFECTS_MAX),
        "lost": told(&plan.lost),
        "lost_more": plan.lost.len().saturating_sub(EFFECTS_MAX),
    })
}

/// The same with what was ignored, for the log of syncs.
pub(super) fn all(plan: &Plan) -> Value {
    let mut all = changes(plan);
    if let Value::Object(members) = &mut all {
        let told = plan.ignored.get(..NOTES_MAX).unwrap_or(&plan.ignored);
        members.insert("ignored".to_owned(), json!(told));
        let more = plan.ignored.len().saturating_sub(told.len()) + plan.ignored_more;
        members.insert("ignored_more".to_owned(), json!(more));
    }
    all
}

/// Why nobody was signed in.
pub(super) fn refusal(refused: &Unsyncable) -> Value {
    json!({ "refused": refused.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::idp_sync::{Because, Followed, Ignored, Note};

    #[test]
    fn records_stay_small_and_say_how_much_is_left_out() {
        let effect = Effect {
            kind: Followed::Group,
            organization_id: None,
            group_id: None,
            name: "x".to_owned(),
            because: Because::LeftOrganization,
        };
        let note = Note { kind: Followed::Group, organization_id: None, value: None, because: Ignored::Filtered };
        let plan = Plan {
            gained: vec![effect.clone(); 3],
            lost: vec![effect; EFFECTS_MAX + 4],
            ignored: vec![note; NOTES_MAX + 5],
            ignored_more: 6,
        };
        let told = all(&plan);
        let count = |member: &str| told[member].as_array().unwrap().len();
        assert_eq!((count("gained"), count("lost"), count("ignored")), (3, EFFECTS_MAX, NOTES_MAX));
        let more = |member: &str| told[member].as_u64().unwrap();
        assert_eq!((more("gained_more"), more("lost_more"), more("ignored_more")), (0, 4, 11));
        assert!(changes(&plan).get("ignored").is_none(), "the audit log is about what changed");
    }
}
