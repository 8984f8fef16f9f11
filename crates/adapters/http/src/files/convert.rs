//! Archives that are made into others on their way: by threads that may block, piece by piece, beside a file without a name.

use super::archive::{ArchiveError, tar_to_zip, zip_to_tar};
use crate::kit::body::Arriving;
use crate::kit::call::Call;
use crate::kit::error::{Failure, api_error};
use crate::kit::places::Place;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use doorward_domain::files::{FILE_MAX, File, PIECE};
use doorward_services::files::{self, Uploaded};
use doorward_services::{Context, Error, Principal};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use std::fs;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// So many pieces wait between a thread that blocks and one that does not.
const WAITING: usize = 2;

/// What has no name on the disk and is gone when it is closed.
fn scratch() -> Result<fs::File, Error> {
    tempfile::tempfile().map_err(|error| Error::Internal(error.into()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))
}

fn not_taken(error: &ArchiveError) -> Failure {
    match error {
        ArchiveError::Output(cause) => Error::Internal(cause.to_string().into()).into(),
        ArchiveError::TooLarge(_) => api_error(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string(), "").into(),
        ArchiveError::Broken(_) | ArchiveError::TooMany | ArchiveError::Name => {
            api_error(StatusCode::BAD_REQUEST, "The archive is not taken.", &error.to_string()).into()
        }
    }
}

/// Uploads a zip archive as the tar archive of its files.
pub(super) async fn upload_zip(call: &Call, actor: &Principal, mut body: Arriving) -> Result<Uploaded, Failure> {
    let mut kept = scratch()?;
    loop {
        match body.next().await {
            Ok(Some(bytes)) => {
                let written = blocking(move || kept.write_all(&bytes).map(|()| kept)).await?;
                kept = written.map_err(|error| Error::Internal(error.into()))?;
            }
            Ok(None) => break,
            Err(problem) => return Err(call.refuse_body(&problem)),
        }
    }
    let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(WAITING);
    let converting = spawn_blocking(move || {
        kept.seek(SeekFrom::Start(0)).map_err(ArchiveError::Output)?;
        zip_to_tar(io::BufReader::new(kept), io::BufWriter::with_capacity(PIECE, Sender(sender)), FILE_MAX)
    });
    let context = call.context();
    let mut upload = files::begin(context, actor).await?;
    while let Some(piece) = pieces.recv().await {
        files::append(context, actor, &mut upload, &piece).await?;
    }
    match converting.await.map_err(|error| Error::Internal(error.into()))? {
        Ok(()) => Ok(files::finish(context, actor, upload, None).await?),
        Err(error) => {
            files::abandon(context, actor, upload).await?;
            Err(not_taken(&error))
        }
    }
}

/// Hands over what is written.
struct Sender(mpsc::Sender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(bytes.to_vec());
        sent.map(|()| bytes.len()).map_err(|_gone| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what is handed over.
struct Receiver {
    pieces: mpsc::Receiver<Vec<u8>>,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Receiver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = io::Cursor::new(piece),
                None => return Ok(0),
            }
        }
    }
}

/// A zip archive of the files of a tar archive.
pub(super) struct Packed(fs::File);

/// Packs the files of a tar archive.
pub(super) async fn packed(context: &Context, actor: &Principal, file: &File) -> Result<Packed, Failure> {
    let to = scratch()?;
    let (sender, pieces) = mpsc::channel(WAITING);
    let packing = spawn_blocking(move || {
        let mut to = to;
        let from = Receiver { pieces, piece: io::Cursor::default() };
        tar_to_zip(from, io::BufWriter::new(&mut to), FILE_MAX)?;
        to.seek(SeekFrom::Start(0)).map_err(ArchiveError::Output)?;
        Ok::<_, ArchiveError>(to)
    });
    for position in 0..file.pieces() {
        let Some(piece) = files::piece(context, actor, file.id, position).await? else { break };
        // Whoever does not take it has found out enough.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    match packing.await.map_err(|error| Error::Internal(error.into()))? {
        Ok(packed) => Ok(Packed(packed)),
        Err(error) => Err(not_taken(&error)),
    }
}

impl Packed {
    /// Its bytes, piece by piece; the place is kept until the end.
    pub(super) fn stream(self, place: Place) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
        try_unfold((self.0, place), async |(mut file, place)| {
            let read = spawn_blocking(move || {
                let mut piece = Vec::with_capacity(PIECE);
                let limit = u64::try_from(PIECE).unwrap_or(u64::MAX);
                (&mut file).take(limit).read_to_end(&mut piece).map(|_size| (piece, file))
            });
            let (piece, file) =
                read.await.map_err(actix_web::error::ErrorInternalServerError)?.map_err(actix_web::Error::from)?;
            Ok(if piece.is_empty() { None } else { Some((Bytes::from(piece), (file, place))) })
        })
    }
}
