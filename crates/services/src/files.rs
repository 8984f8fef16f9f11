//! Files that people upload, and those of provisioner daemons (`templates.md` 1, `provisioner-wire.md` 6).
//!
//! A file comes and goes in pieces of a mebibyte, each in a transaction of its own, so that nothing is held in memory or locked for as long as a
//! client takes. See `docs/adr/0020-provisioner-jobs.md`.

use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use crate::principal::Who;
use crate::templates;
use doorward_domain::Digest;
use doorward_domain::digest::Digesting;
use doorward_domain::files::{DAEMONS, FILE_MAX, File, PIECE, UNUSED_KEPT, UPLOAD_WITHIN};
use doorward_domain::ids::{FileId, UserId};
use doorward_domain::roles::{Action, Object, Permit, action, resource};
use doorward_ports::Repositories;

/// A file that is being uploaded.
#[derive(Debug)]
pub struct Upload {
    id: FileId,
    created_by: UserId,
    /// The position of the next piece.
    next: i32,
    /// How many bytes have come.
    size: u64,
    digest: Digesting,
    /// What does not fill a piece yet.
    rest: Vec<u8>,
}

impl Upload {
    /// How many bytes have come.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// What came of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// The file.
    pub id: FileId,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// What an upload must be.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// Its digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// Begins an upload. One that has not ended within an hour is given up.
///
/// Needs `file:create`, for oneself. Errors: `Forbidden`, `Refused` (neither an account nor a daemon).
pub async fn begin(ctx: &Context, by: &Principal) -> Result<Upload, Error> {
    ctx.act(by, |deed| {
        let created_by = uploader(deed.by)?;
        let permit = permit(deed, created_by)?;
        let id = deed.new_id();
        deed.repos.files().begin(&permit, id, created_by, deed.now, deed.now + UPLOAD_WITHIN)?;
        let (digest, rest) = (Digesting::default(), Vec::new());
        let upload = Upload { id, created_by, next: 0, size: 0, digest, rest };
        Ok(deed.unrecorded("a file is recorded by what is made of it", upload))
    })
    .await
}

/// Adds bytes to an upload.
///
/// Needs to be who began it. Errors: `Invalid` (larger than 100 MiB), `NotFound` (given up).
pub async fn append(ctx: &Context, by: &Principal, upload: &mut Upload, bytes: &[u8]) -> Result<(), Error> {
    let size = upload.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    if size > FILE_MAX {
        return Err(Error::invalid("A file has at most 100 MiB."));
    }
    upload.size = size;
    upload.digest.update(bytes);
    upload.rest.extend_from_slice(bytes);
    while upload.rest.len() >= PIECE {
        let rest = upload.rest.split_off(PIECE);
        let piece = std::mem::replace(&mut upload.rest, rest);
        store(ctx, by, upload, piece).await?;
    }
    Ok(())
}

/// Ends an upload. Whoever has the same bytes already gets the file that is there. One that is not as it was announced is given up.
///
/// Needs to be who began it. Errors: `Invalid` (not as announced), `NotFound` (given up).
pub async fn finish(
    ctx: &Context,
    by: &Principal,
    mut upload: Upload,
    announced: Option<Announced>,
) -> Result<Uploaded, Error> {
    let digest = upload.digest.clone().finish();
    if announced.is_some_and(|announced| announced.size != upload.size || announced.digest != digest) {
        abandon(ctx, by, upload).await?;
        return Err(Error::invalid("the file is not what was announced: its size or its SHA-256 differs"));
    }
    if !upload.rest.is_empty() {
        let last = std::mem::take(&mut upload.rest);
        store(ctx, by, &mut upload, last).await?;
    }
    let (id, created_by, size) = (upload.id, upload.created_by, upload.size);
    ctx.act(by, move |deed| {
        let permit = permit(deed, created_by)?;
        let file = File { id, created_by, created_at: deed.now, digest, size };
        let found = deed.repos.files().finish(&permit, &file, deed.now + UNUSED_KEPT)?.ok_or(Error::NotFound)?;
        let uploaded = Uploaded { id: found, is_new: found == id };
        Ok(deed.unrecorded("a file is recorded by what is made of it", uploaded))
    })
    .await
}

/// Gives an upload up.
///
/// Needs to be who began it. Errors: none of its own.
pub async fn abandon(ctx: &Context, by: &Principal, upload: Upload) -> Result<(), Error> {
    ctx.act(by, move |deed| {
        let permit = permit(deed, upload.created_by)?;
        deed.repos.files().abandon(&permit, upload.id, upload.created_by)?;
        Ok(deed.unrecorded("nothing was there yet", ()))
    })
    .await
}

async fn store(ctx: &Context, by: &Principal, upload: &mut Upload, piece: Vec<u8>) -> Result<(), Error> {
    let (id, created_by, position) = (upload.id, upload.created_by, upload.next);
    ctx.act(by, move |deed| {
        let permit = permit(deed, created_by)?;
        if !deed.repos.files().append(&permit, id, created_by, position, &piece)? {
            return Err(Error::NotFound);
        }
        Ok::<_, Error>(deed.unrecorded("a file is recorded by what is made of it", ()))
    })
    .await?;
    upload.next += 1;
    Ok(())
}

/// Whether a daemon has uploaded a file with this digest.
///
/// Needs the principal of a provisioner daemon. Errors: `Forbidden`.
pub async fn is_known(ctx: &Context, by: &Principal, digest: Digest) -> Result<bool, Error> {
    by.subject.check(Action::Read, &object(DAEMONS))?;
    ctx.look(by, move |look| Ok(look.repos.files().find_by_digest(DAEMONS, &digest)?.is_some())).await
}

/// Shows what is known of a file.
///
/// Needs `file:read`, which everybody has of their own, or `template:update` for a template that was made of it. Errors: `NotFound` (missing
/// or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, by: &Principal, id: FileId) -> Result<File, Error> {
    ctx.look(by, move |look| readable(look.repos, look.by, id)).await
}

/// A piece of a file, by its position from 0 on; `None` behind its end.
///
/// Needs what [`find`] needs. Errors: as there.
pub async fn piece(ctx: &Context, by: &Principal, id: FileId, position: i32) -> Result<Option<Vec<u8>>, Error> {
    ctx.look(by, move |look| {
        readable(look.repos, look.by, id)?;
        Ok(look.repos.files().piece(id, position)?)
    })
    .await
}

/// The file, if the caller may read it.
pub(crate) fn readable(repos: &mut dyn Repositories, by: &Principal, id: FileId) -> Result<File, Error> {
    let file = repos.files().find(id)?.ok_or(Error::NotFound)?;
    let Err(denied) = by.subject.check(Action::Read, &object(file.created_by).id(id.0)) else { return Ok(file) };
    let templates = repos.files().templates_of(id)?;
    let may_change = |template| by.subject.check(Action::Update, &templates::access::object(template)).is_ok();
    if templates.iter().any(may_change) { Ok(file) } else { Err(Error::NotFound.unless_scope_is_short(denied)) }
}

/// Whose files these are.
fn uploader(by: &Principal) -> Result<UserId, Error> {
    match &by.who {
        Who::Provisioner { .. } => Ok(DAEMONS),
        Who::User(_)
        | Who::ServiceAccount(_)
        | Who::ScimClient { .. }
        | Who::Proxy(_)
        | Who::Replica(_)
        | Who::Operator
        | Who::System(_)
        | Who::Anonymous => Ok(by.account()?.user.id),
    }
}

fn object(owner: UserId) -> Object<'static> {
    Object::of::<resource::File>().owner(owner.0)
}

fn permit(deed: &Deed<'_>, owner: UserId) -> Result<Permit<action::Create, resource::File>, Error> {
    Ok(deed.by.permit(&object(owner))?)
}
