//! Files: uploaded as they arrive, and sent as they are read.

mod archive;
mod convert;

use crate::conventions::Api;
use crate::kit::answer::{created, ok};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, api_error};
use crate::kit::limits::Limit;
use crate::kit::places::Place;
use crate::kit::routes::Routes;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use doorward_domain::files::FILE_MAX;
use doorward_domain::ids::FileId;
use doorward_services::files::{self, Uploaded};
use doorward_services::{Context, Error, FieldError, Principal};
use futures_util::stream::try_unfold;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

const TAR: &str = "application/x-tar";
const ZIP: &str = "application/zip";
const OLD_ZIP: &str = "application/x-zip-compressed";

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_upload, upload).streams();
    r.user(__path_download, download).limit(Limit::Files);
}

/// An archive of files.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it is only described: files are not held in memory")]
struct Archive(Vec<u8>);

/// A file that is there.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadResponse)]
pub(crate) struct UploadedObject {
    /// Its id.
    hash: Uuid,
}

/// Uploads a file of at most 100 MiB. The same bytes of the same user are one file.
#[utoipa::path(
    post, path = "/api/v2/files", tag = "files",
    request_body(
        content((inline(Archive) = "application/x-tar"), (inline(Archive) = "application/zip")),
        description = "A tar archive, or a zip archive",
    ),
    responses((status = 201, body = UploadedObject), (status = 200, body = UploadedObject, description = "It was there already")),
)]
pub(crate) async fn upload(mut call: Call, actor: Principal) -> HandlerResult {
    let kind = call.request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), TAR | ZIP | OLD_ZIP) {
        let message = format!("Unsupported content type header \"{kind}\".");
        return Err(api_error(StatusCode::BAD_REQUEST, &message, "Send application/x-tar or application/zip.").into());
    }
    let _place = place(&call, &actor)?;
    let mut body = call.stream(FILE_MAX)?;
    let context = call.context().clone();
    let uploaded = if kind == TAR {
        let mut upload = files::begin(&context, &actor).await?;
        loop {
            match body.next().await {
                Ok(Some(bytes)) => files::append(&context, &actor, &mut upload, &bytes).await?,
                Ok(None) => break files::finish(&context, &actor, upload, None).await?,
                Err(problem) => {
                    files::abandon(&context, &actor, upload).await?;
                    return Err(call.refuse_body(&problem));
                }
            }
        }
    } else {
        convert::upload_zip(&call, &actor, body).await?
    };
    let Uploaded { id, is_new } = uploaded;
    let object = UploadedObject { hash: id.0 };
    Ok(if is_new { created(&object) } else { ok(&object) })
}

/// Sends a file: a tar archive, or a zip archive of its files with `format=zip`.
#[utoipa::path(
    get, path = "/api/v2/files/{file}", tag = "files",
    params(
        ("file" = Uuid, Path, description = "Id"),
        ("format" = Option<String>, Query, description = "`zip`; a tar archive without it"),
    ),
    responses((status = 200, content_type = "application/x-tar", body = inline(Archive))),
)]
pub(crate) async fn download(call: Call, actor: Principal) -> HandlerResult {
    let id: FileId = call.id("file")?;
    let mut query = call.query();
    let format = query.text("format");
    query.done_loosely()?;
    let is_zip = match format.as_deref() {
        None => false,
        Some("zip") => true,
        Some(other) => {
            let detail = format!("Query param \"format\" must be `zip` or absent: `{other}` is neither");
            let fields = vec![FieldError::new("format", detail)];
            return Err(Error::invalid_fields("Query parameters have invalid values.", fields).into());
        }
    };
    let file = files::find(call.context(), &actor, id).await?;
    let context = call.context().clone();
    let mut answer = HttpResponse::Ok();
    if is_zip {
        let place = place(&call, &actor)?;
        let packed = convert::packed(&context, &actor, &file).await?;
        answer.insert_header((header::CONTENT_TYPE, ZIP));
        answer.insert_header((header::CONTENT_DISPOSITION, attachment(id, "zip")?));
        return Ok(answer.streaming(packed.stream(place)));
    }
    answer.insert_header((header::CONTENT_TYPE, TAR));
    answer.insert_header((header::CONTENT_DISPOSITION, attachment(id, "tar")?));
    answer.no_chunking(file.size);
    Ok(answer.streaming(pieces(context, actor, id)))
}

/// The pieces of a file, each of which is read when the one before it has been taken.
fn pieces(
    context: Context,
    actor: Principal,
    id: FileId,
) -> impl futures_util::Stream<Item = Result<Bytes, actix_web::Error>> + 'static {
    try_unfold(0_i32, move |position| {
        let (context, actor) = (context.clone(), actor.clone());
        async move {
            let piece = files::piece(&context, &actor, id, position).await.map_err(|error| {
                // The head of the answer has been sent: all that is left is to break off.
                tracing::warn!(%error, %id, "a file cannot be read to its end");
                actix_web::error::ErrorInternalServerError("the file cannot be read")
            })?;
            Ok(piece.map(|piece| (Bytes::from(piece), position + 1)))
        }
    })
}

/// What a browser is to call the file.
fn attachment(id: FileId, ending: &str) -> Result<HeaderValue, Failure> {
    let text = format!("attachment; filename=\"{id}.{ending}\"");
    HeaderValue::from_str(&text).map_err(|error| Error::Internal(error.into()).into())
}

/// A place among those who upload, or have something packed.
fn place(call: &Call, actor: &Principal) -> Result<Place, Failure> {
    Ok(call.site.uploads.take_for(actor)?)
}
