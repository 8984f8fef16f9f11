//! Groups on their way into an answer.

use super::objects::GroupHead;
use crate::kit::answer::{self, JSON};
use crate::kit::json;
use crate::users::ReducedUserObject;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use doorward_domain::users::ReducedUser;
use doorward_services::Error;
use doorward_services::groups::{FoundGroup, GroupSink};

/// How long a piece of an answer is, in bytes, at least.
const PIECE: usize = 64 * 1024;

/// Writes groups as JSON while they are read, so that of many members only a page is held as rows.
///
/// The whole is written before anything is sent: what goes wrong halfway is an error with its status, and the connection
/// to the database is given back as soon as all is read, however slowly the client takes the answer. It is kept in pieces,
/// for one buffer would be copied whenever it grows, and once more when it is sent.
#[derive(Debug)]
pub(super) struct GroupWriter {
    done: Vec<Bytes>,
    body: Vec<u8>,
    list: bool,
    groups: usize,
    members: usize,
}

impl GroupWriter {
    /// For a list of any length.
    pub(super) fn list() -> Self {
        Self { done: Vec::new(), body: b"[".to_vec(), list: true, groups: 0, members: 0 }
    }

    /// For one group.
    pub(super) fn single() -> Self {
        Self { done: Vec::new(), body: Vec::new(), list: false, groups: 0, members: 0 }
    }

    /// 200 with what was written.
    pub(super) fn answer(mut self) -> HttpResponse {
        self.body.extend_from_slice(if self.list { b"]\n" } else { b"\n" });
        self.done.push(self.body.into());
        answer::pieces(StatusCode::OK, JSON, self.done)
    }

    /// Puts a full piece aside.
    fn cut(&mut self) {
        if self.body.len() >= PIECE {
            let next = Vec::with_capacity(PIECE + PIECE / 8);
            self.done.push(std::mem::replace(&mut self.body, next).into());
        }
    }
}

impl GroupSink for GroupWriter {
    fn begin(&mut self, group: &FoundGroup) -> Result<(), Error> {
        if self.groups > 0 {
            self.body.push(b',');
        }
        self.groups += 1;
        self.members = 0;
        json::append(&mut self.body, &GroupHead::from(group)).map_err(internal)?;
        // The object goes on.
        self.body.pop();
        self.body.extend_from_slice(b",\"members\":[");
        Ok(())
    }

    fn members(&mut self, members: Vec<ReducedUser>) -> Result<(), Error> {
        for member in members {
            if self.members > 0 {
                self.body.push(b',');
            }
            self.members += 1;
            json::append(&mut self.body, &ReducedUserObject::from(member)).map_err(internal)?;
            self.cut();
        }
        Ok(())
    }

    fn end(&mut self, total_member_count: u64) -> Result<(), Error> {
        self.body.extend_from_slice(b"],\"total_member_count\":");
        json::append(&mut self.body, &total_member_count).map_err(internal)?;
        self.body.push(b'}');
        self.cut();
        Ok(())
    }
}

fn internal(error: serde_json::Error) -> Error {
    Error::Internal(error.into())
}

#[cfg(test)]
mod tests {
    use super::super::GroupObject;
    use super::*;
    use crate::testing::{NOW, body_of, user};
    use doorward_domain::groups::{Group, GroupSource};
    use doorward_domain::ids::{GroupId, OrganizationId};
    use doorward_services::groups::GroupView;
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn found(id: u128) -> FoundGroup {
        let group = Group {
            id: GroupId(Uuid::from_u128(id)),
            organization_id: OrganizationId(Uuid::from_u128(9)),
            name: "devs".parse().unwrap(),
            display_name: "<Devs> & \"co\"".parse().unwrap(),
            avatar_url: String::new(),
            quota_allowance: -3,
            source: GroupSource::Oidc,
            created_at: NOW,
            updated_at: NOW,
        };
        FoundGroup {
            group,
            organization_name: "acme".parse().unwrap(),
            organization_display_name: "Acme".parse().unwrap(),
        }
    }

    /// Writes a group with so many members, one page each, and keeps it as well.
    fn write(writer: &mut GroupWriter, views: &mut Vec<GroupView>, id: u128, members: usize) {
        for sink in [writer as &mut dyn GroupSink, views] {
            sink.begin(&found(id)).unwrap();
            for _ in 0..members {
                sink.members(vec![user(&[]).into()]).unwrap();
            }
            sink.members(Vec::new()).unwrap();
            sink.end(7).unwrap();
        }
    }

    #[actix_web::test]
    async fn what_is_written_bit_by_bit_is_the_object() {
        let (mut list, mut views) = (GroupWriter::list(), Vec::new());
        for (id, members) in [(1, 2), (2, 0), (3, 1)] {
            write(&mut list, &mut views, id, members);
        }
        let text = body_of(list.answer()).await;
        assert!(text.starts_with("[{\"id\":") && text.ends_with("}]\n"), "{text}");
        assert!(text.contains("\\u003cDevs\\u003e \\u0026 \\\"co\\\""), "{text}");
        let objects: Vec<GroupObject> = views.clone().into_iter().map(GroupObject::from).collect();
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written, serde_json::to_value(objects).unwrap());
        let keys: Vec<&String> = written[1].as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 11, "all keys are always there: {keys:?}");
        assert_eq!(written[1]["members"], json!([]));

        // Of many pieces.
        let mut long = GroupWriter::single();
        write(&mut long, &mut views, 5, 1_000);
        assert!(long.done.len() > 1 && long.done.iter().all(|piece| piece.len() < PIECE + 1_000));
        let object = GroupObject::from(views.pop().unwrap());
        let text = body_of(long.answer()).await;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), serde_json::to_value(object).unwrap());

        let mut single = GroupWriter::single();
        write(&mut single, &mut views, 4, 2);
        let text = body_of(single.answer()).await;
        let object = GroupObject::from(views.pop().unwrap());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), serde_json::to_value(object).unwrap());
        assert_eq!(body_of(GroupWriter::list().answer()).await, "[]\n");
    }
}
