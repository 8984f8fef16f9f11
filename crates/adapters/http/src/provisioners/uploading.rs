//! Files that daemons upload (`provisioner-wire.md` 6).

use super::told::told;
use doorward_domain::Digest;
use doorward_domain::files::FILE_MAX;
use doorward_services::files::{self, Announced, Upload};
use doorward_services::{Context, Error, Principal};
use doorward_wire::messages::provisioner::{ChunkPiece, DataUpload, DataUploadType};
use doorward_wire::messages::provisionerd::{UploadFileRequest, UploadFileType};
use doorward_wire::messages::read;
use doorward_wire::{Call, Status};

/// Bytes of a digest.
const HASH: usize = 32;
/// Most pieces of a file: none of them need be smaller than this.
const PIECES_MAX: u64 = FILE_MAX.div_ceil(64 * 1024);

/// Takes a file, piece by piece. One that is not as it was announced is not kept.
pub(super) async fn upload(context: &Context, by: &Principal, call: &mut Call<'_>) -> Result<(), Status> {
    let announced = match next(call).await? {
        UploadFileType::DataUpload(announced) => read_announced(&announced)?,
        UploadFileType::ChunkPiece(_) => return Err(Status::error("a piece came before it was said of what")),
        UploadFileType::Error(_) => return Err(Status::error("the daemon has given the upload up")),
    };
    let upload = files::begin(context, by).await.map_err(told)?;
    match take_pieces(context, by, call, announced, upload).await {
        Ok(upload) => {
            let Expected { digest, size, .. } = announced;
            files::finish(context, by, upload, Some(Announced { digest, size })).await.map_err(told)?;
            Ok(())
        }
        Err((upload, status)) => {
            // What cannot be given up now is within the hour.
            let _later = files::abandon(context, by, upload).await;
            Err(status)
        }
    }
}

/// Gives an upload up because of this error, and says what the daemon is told.
pub(super) async fn given_up(context: &Context, by: &Principal, upload: Upload, error: Error) -> Status {
    let _later = files::abandon(context, by, upload).await;
    told(error)
}

/// What was announced.
#[derive(Clone, Copy)]
struct Expected {
    digest: Digest,
    size: u64,
    pieces: u64,
}

fn read_announced(upload: &DataUpload) -> Result<Expected, Status> {
    if upload.upload_type != i32::from(DataUploadType::ModuleFiles) {
        return Err(Status::error("files of this type are not taken: only those of modules are"));
    }
    let digest = Digest::from_slice(&upload.data_hash)
        .ok_or_else(|| Status::error(format!("the hash of the file has not {HASH} bytes")))?;
    let size = u64::try_from(upload.file_size).ok().filter(|size| (1..=FILE_MAX).contains(size));
    let size = size.ok_or_else(|| Status::error(format!("a file has 1 to {FILE_MAX} bytes")))?;
    let pieces = u64::try_from(upload.chunks).ok().filter(|pieces| (1..=PIECES_MAX.min(size)).contains(pieces));
    let pieces = pieces.ok_or_else(|| Status::error("the file cannot come in so many pieces"))?;
    Ok(Expected { digest, size, pieces })
}

async fn take_pieces(
    context: &Context,
    by: &Principal,
    call: &mut Call<'_>,
    expected: Expected,
    mut upload: Upload,
) -> Result<Upload, (Upload, Status)> {
    for position in 0..expected.pieces {
        let piece = match next(call).await {
            Ok(UploadFileType::ChunkPiece(piece)) => piece,
            Ok(UploadFileType::DataUpload(_)) => return Err((upload, Status::error("a second file was announced"))),
            Ok(UploadFileType::Error(_)) => {
                return Err((upload, Status::error("the daemon has given the upload up")));
            }
            Err(status) => return Err((upload, status)),
        };
        let ChunkPiece { data, full_data_hash, piece_index } = piece;
        if u64::try_from(piece_index) != Ok(position) {
            return Err((upload, Status::error(format!("piece {piece_index} came instead of piece {position}"))));
        }
        if full_data_hash != expected.digest.as_bytes() {
            return Err((upload, Status::error("a piece is of another file: it has another hash")));
        }
        let more = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if upload.size().saturating_add(more) > expected.size {
            return Err((upload, Status::error("there is more of the file than was announced")));
        }
        if let Err(error) = files::append(context, by, &mut upload, &data).await {
            return Err((upload, told(error)));
        }
    }
    Ok(upload)
}

async fn next(call: &mut Call<'_>) -> Result<UploadFileType, Status> {
    let message = call.expect().await?;
    let request: UploadFileRequest = read(&message).map_err(Status::error)?;
    request.r#type.ok_or_else(|| Status::error("a message of the upload says nothing"))
}
