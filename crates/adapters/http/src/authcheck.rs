//! Asking what one may do (`rbac.md` 13).

mod body;
mod others;

use crate::conventions::Api;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, bad_body};
use crate::kit::json;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use body::Checks;
use doorward_domain::roles::Level;
use doorward_services::authcheck::{Entry, Explained, Further, NamedObjects, Wanted, look_up, wanted};
use doorward_services::{Error, Principal};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Api).user(__path_check, check).body_limit(BODY_LIMIT).busy();
    others::routes(routes);
}

/// Largest body of this endpoint, unless that of all endpoints is larger. Holds some 30,000 questions.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Larger bodies, of some 2,000 questions and more, are worked on aside, so that other requests need not wait.
const ASIDE: usize = 512 * 1024;

/// Questions, each under a key of the caller's choice.
#[derive(ToSchema)]
#[schema(as = AuthorizationRequest)]
#[expect(dead_code, reason = "it describes what `Checks` reads")]
pub(crate) struct CheckRequest {
    #[schema(required = false)]
    checks: BTreeMap<String, CheckObject>,
}

/// May the caller do this to that?
#[derive(ToSchema)]
#[schema(as = AuthorizationCheck)]
#[expect(dead_code, reason = "it describes what `Checks` reads")]
pub(crate) struct CheckObject {
    /// To do what; what is unknown is mostly denied.
    #[schema(required = false)]
    action: String,
    object: ObjectObject,
}

/// What is asked about.
#[derive(ToSchema)]
#[schema(as = AuthorizationObject)]
#[expect(dead_code, reason = "it describes what `Checks` reads")]
pub(crate) struct ObjectObject {
    resource_type: String,
    /// Whose it is; `me` is the caller.
    #[schema(required = false)]
    owner_id: String,
    /// In which organization it is.
    #[schema(required = false)]
    organization_id: String,
    /// A workspace, template, user or group that exists; at most 10 of a request. What is stored replaces the rest.
    #[schema(required = false)]
    resource_id: String,
    /// Whether any organization will do.
    #[schema(required = false)]
    any_org: bool,
}

/// An answer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AuthorizationVerdict)]
pub(crate) enum Verdict {
    /// Whether it is allowed.
    Allowed(bool),
    /// The same, with the reason: with `?explain=true`.
    Explained(ExplainedObject),
}

/// An answer and its reason.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationExplanation)]
pub(crate) struct ExplainedObject {
    allowed: bool,
    because: Reason,
}

/// Why the answer is as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationReason)]
pub(crate) struct Reason {
    /// A stable word, `site_allows` for instance; `app_refused` when the user may, but no app in their name.
    code: &'static str,
    /// The same for people.
    text: String,
    /// The level that decided: `scope`, `site`, `organization`, `user` or `access_list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    /// The roles whose votes decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    roles: Vec<RoleObject>,
    /// The entry of an access list that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_list: Option<EntryObject>,
    /// The scopes of the credential, when they do not permit it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    scopes: Vec<String>,
    /// What would still allow it without the above, one after the other. Without all of it, it is denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    also: Vec<FurtherObject>,
}

/// What would allow it by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthorizationReasonAlso)]
pub(crate) struct FurtherObject {
    /// `site`, `organization`, `user` or `access_list`.
    level: &'static str,
    /// The roles whose votes would decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    roles: Vec<RoleObject>,
    /// The entries of access lists that would decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    access_lists: Vec<EntryObject>,
}

/// A role that decided.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorizationReasonRole)]
pub(crate) struct RoleObject {
    name: String,
    /// The organization in which the one who asks, or is asked about, has it; none for a role of the whole site.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
}

/// An entry of an access list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorizationReasonEntry)]
pub(crate) struct EntryObject {
    /// `user` or `group`.
    kind: &'static str,
    /// The user or group; for "Everyone", the organization.
    id: String,
    /// The action in the list; `*` if every action is listed.
    action: String,
}

impl From<Explained> for ExplainedObject {
    fn from(explained: Explained) -> Self {
        let Explained { allowed, code, text, level, roles, entry, scopes, further } = explained;
        let roles = roles.into_iter().map(RoleObject::from).collect();
        let access_list = entry.map(EntryObject::from);
        let level = level.map(Level::as_str);
        let also = further.into_iter().map(FurtherObject::from).collect();
        Self { allowed, because: Reason { code, text, level, roles, access_list, scopes, also } }
    }
}

impl From<(String, Option<String>)> for RoleObject {
    fn from((name, organization_id): (String, Option<String>)) -> Self {
        Self { name, organization_id }
    }
}

impl From<Entry> for EntryObject {
    fn from(entry: Entry) -> Self {
        let kind = if entry.is_group { "group" } else { "user" };
        Self { kind, id: entry.id, action: entry.action }
    }
}

impl From<Further> for FurtherObject {
    fn from(further: Further) -> Self {
        Self {
            level: further.level.as_str(),
            roles: further.roles.into_iter().map(RoleObject::from).collect(),
            access_lists: further.entries.into_iter().map(EntryObject::from).collect(),
        }
    }
}

/// Says what the caller may do: one answer per question, under the same key.
///
/// With `explain=true` each answer comes with its reason: the level of the rule, the roles, the entry of an access list
/// or the scopes that decided, and what would still allow it without those.
#[utoipa::path(
    post, path = "/api/v2/authcheck", tag = "authorization", request_body = CheckRequest,
    params(("explain" = Option<bool>, Query, description = "Whether each answer comes with its reason")),
    responses((status = 200, body = BTreeMap<String, Verdict>)),
)]
pub(crate) async fn check(mut call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let explain = query.flag("explain");
    query.done_loosely()?;
    let limit = call.site.settings.server.body_limit.max(BODY_LIMIT);
    let body = call.bytes(limit)?;
    if body.len() > ASIDE {
        return check_aside(&call, actor, explain, body).await;
    }
    let checks = Checks::read(&body).map_err(|detail| bad_body(&detail))?;
    let known = look_up(call.context(), &actor, wanted(checks.iter())?).await?;
    Ok(answer::ok(&Answers { checks: &checks, actor: &actor, known: &known, explain }))
}

/// Does the same on another thread. Questions that name nothing are answered at once; for the others the body is read
/// again after what they name was loaded, because what is read borrows from it.
async fn check_aside(call: &Call, actor: Principal, explain: bool, body: Bytes) -> HandlerResult {
    let (bytes, who) = (body.clone(), actor.clone());
    let first = aside(move || {
        let checks = Checks::read(&bytes).map_err(Problem::Body)?;
        let wanted = wanted(checks.iter())?;
        if wanted.is_empty() {
            answers(&checks, &who, &NamedObjects::default(), explain).map(Ok)
        } else {
            Ok(Err(wanted))
        }
    });
    let text: Vec<u8> = match first.await? {
        Ok(text) => text,
        Err(wanted) => {
            let wanted: Wanted = wanted;
            let known = look_up(call.context(), &actor, wanted).await?;
            let second = aside(move || {
                let checks = Checks::read(&body).map_err(Problem::Body)?;
                answers(&checks, &actor, &known, explain)
            });
            second.await?
        }
    };
    Ok(answer::bytes(StatusCode::OK, answer::JSON, text.into()))
}

/// Why work aside has no result.
enum Problem {
    Body(String),
    Api(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Problem::Body(detail))) => Err(bad_body(&detail)),
        Ok(Err(Problem::Api(error))) => Err(error.into()),
        Err(panic) => Err(Error::Internal(Box::new(panic)).into()),
    }
}

fn answers(checks: &Checks<'_>, actor: &Principal, known: &NamedObjects, explain: bool) -> Result<Vec<u8>, Problem> {
    json::to_bytes(&Answers { checks, actor, known, explain })
        .map_err(|error| Problem::Api(Error::Internal(Box::new(error))))
}

/// The answers, each found when it is written.
struct Answers<'a> {
    checks: &'a Checks<'a>,
    actor: &'a Principal,
    known: &'a NamedObjects,
    explain: bool,
}

impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { checks, actor, known, explain } = *self;
        serializer.collect_map(checks.iter().map(|(key, check)| {
            let verdict = if explain {
                Verdict::Explained(known.explain(actor, check).into())
            } else {
                Verdict::Allowed(known.allows(actor, check))
            };
            (key, verdict)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, USER, user};
    use doorward_domain::roles::{Scope, Subject};
    use doorward_domain::sessions::ApiToken;
    use doorward_ports::mocks::people;
    use doorward_services::{Account, Origin};
    use std::fmt::Write as _;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use uuid::Uuid;

    /// What is promised for an idle machine and optimised code; the tests of CI are neither.
    const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 2 });

    #[test]
    fn all_questions_of_a_member_of_a_hundred_organizations_are_answered_in_no_time() {
        let organizations: Vec<Uuid> = (0..100).map(|n| Uuid::from_u128(0xABCD_0000 + n)).collect();
        let mut builder = Subject::for_user(USER.0).scope(Scope::all());
        let mut body = String::from("{\"checks\":{");
        for organization in &organizations {
            builder = builder.membership(*organization, ["organization-auditor"]);
            for n in 0..15 {
                let (action, kind, owner) =
                    if n % 2 == 0 { ("read", "template", "me") } else { ("update", "group", "") };
                write!(
                    body,
                    "\"{organization}-{n}\":{{\"action\":\"{action}\",\"object\":{{\"resource_type\":\"{kind}\",\
                     \"organization_id\":\"{organization}\",\"owner_id\":\"{owner}\",\"any_org\":false}}}},"
                )
                .unwrap();
            }
        }
        let body = body.trim_end_matches(',').to_owned() + "}}";
        assert!(body.len() < ASIDE, "answered without another thread");
        let token = ApiToken::parse(crate::testing::TOKEN).unwrap();
        let key = people::session(USER, &token, NOW);
        let account = Account { user: Arc::new(user(&[])), memberships: Arc::new([]), key: Arc::new(key) };
        let actor = Principal::of_account(builder.build(), account, Origin::unknown());
        let answer = || {
            let checks = Checks::read(body.as_bytes()).unwrap();
            assert!(wanted(checks.iter()).unwrap().is_empty());
            answers(&checks, &actor, &NamedObjects::default(), false).unwrap_or_else(|_| panic!())
        };
        let answered: BTreeMap<String, bool> = serde_json::from_slice(&answer()).unwrap();
        assert_eq!((answered.len(), answered.values().filter(|allowed| **allowed).count()), (1500, 800));
        let time = || {
            let began = Instant::now();
            answer();
            began.elapsed()
        };
        let mut times: Vec<Duration> = (0..21).map(|_| time()).collect();
        times.sort_unstable();
        println!("1500 questions: {:?}", times[10]);
        assert!(times[10] < LIMIT, "{times:?}");
    }
}
