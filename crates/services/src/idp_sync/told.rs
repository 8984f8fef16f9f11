//! What a sync did, as the audit log and the log of syncs say it.

use doorward_domain::idp_sync::{Effect, Plan, Unsyncable};
use serde_json::{Value, json};

/// The most entries that are told of what was gained, and of what was lost.
pub(super) const EFFECTS_MAX: usize = 500;

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
        members.insert("ignored".to_owned(), json!(plan.ignored));
        members.insert("ignored_more".to_owned(), json!(plan.ignored_more));
    }
    all
}

/// Why nobody was signed in.
pub(super) fn refusal(refused: &Unsyncable) -> Value {
    json!({ "refused": refused.to_string() })
}
