//! Files in pieces.

use crate::provisioner_jobs::provisioner_job;
use crate::support::*;
use crate::template_versions::template_version;
use doorward_domain::Digest;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, UserId};
use doorward_domain::template_versions::TemplateVersion;
use doorward_ports::{Repositories, StoreError};
use time::Duration;

/// A file with these bytes.
pub(crate) fn file(created_by: UserId, bytes: &str) -> File {
    File { id: id(), created_by, created_at: NOW, digest: Digest::of(bytes), size: u64::try_from(bytes.len()).unwrap() }
}

/// An upload that has begun.
pub(crate) fn uploading(repos: &mut dyn Repositories, created_by: UserId) -> Result<FileId, StoreError> {
    let id = id();
    repos.files().begin(&permit(), id, created_by, NOW, NOW + Duration::HOUR)?;
    Ok(id)
}

/// Uploads a file with these bytes; the id of the one that is there.
pub(crate) fn upload(repos: &mut dyn Repositories, file: &File, bytes: &str) -> Result<Option<FileId>, StoreError> {
    repos.files().begin(&permit(), file.id, file.created_by, NOW, NOW + Duration::HOUR)?;
    assert!(repos.files().append(&permit(), file.id, file.created_by, 0, bytes.as_bytes())?);
    repos.files().finish(&permit(), file, NOW + Duration::DAY)
}

contract! {
    async fn a_file_comes_in_pieces_and_is_there_at_its_end(db) {
        let bob: UserId = id();
        db.write(move |repos| {
            let mine = File { size: 6, ..file(bob, "onetwo") };
            repos.files().begin(&permit(), mine.id, bob, NOW, NOW + Duration::HOUR)?;
            assert!(repos.files().append(&permit(), mine.id, bob, 0, b"one")?);
            assert!(repos.files().append(&permit(), mine.id, bob, 1, b"two")?);
            let other: UserId = id();
            assert!(!repos.files().append(&permit(), mine.id, other, 2, b"not mine")?);
            assert!(!repos.files().abandon(&permit(), mine.id, other)?);
            assert_eq!(repos.files().find(mine.id)?, None, "it has not ended");
            assert_eq!(repos.files().finish(&permit(), &mine, NOW + Duration::DAY)?, Some(mine.id));
            assert_eq!(repos.files().find(mine.id)?, Some(mine.clone()));
            assert_eq!(repos.files().find_by_digest(bob, &mine.digest)?, Some(mine.clone()));
            let mut piece = |position| repos.files().piece(mine.id, position);
            assert_eq!((piece(0)?, piece(1)?, piece(2)?), (Some(b"one".to_vec()), Some(b"two".to_vec()), None));
            // What is there is no upload any more.
            assert!(!repos.files().append(&permit(), mine.id, bob, 2, b"more")? && !repos.files().abandon(&permit(), mine.id, bob)?);
            assert_eq!(repos.files().finish(&permit(), &mine, NOW)?, Some(mine.id));
            assert_eq!(repos.files().find(mine.id)?, Some(mine));
            Ok(())
        })
        .await;
    }

    async fn one_user_has_the_same_bytes_once(db) {
        let (ann, bob): (UserId, UserId) = (id(), id());
        let (first, again, other) = (file(ann, "tar"), file(ann, "tar"), file(bob, "tar"));
        db.write(move |repos| {
            assert_eq!(upload(repos, &first, "tar")?, Some(first.id));
            assert_eq!(upload(repos, &again, "tar")?, Some(first.id));
            assert_eq!(upload(repos, &other, "tar")?, Some(other.id));
            assert_eq!((repos.files().find(again.id)?, repos.files().piece(again.id, 0)?), (None, None));
            Ok(())
        })
        .await;
        assert_eq!((db.rows("files"), db.rows("file_pieces")), (2, 2));
    }

    async fn what_nothing_refers_to_goes_and_what_a_job_needs_stays(db) {
        let (acme, ann, dev) = templated(&db).await;
        db.write(move |repos| {
            let (used, unused, upload_given_up) = (file(ann.id, "used"), file(ann.id, "unused"), uploading(repos, ann.id)?);
            upload(repos, &used, "used")?;
            upload(repos, &unused, "unused")?;
            let job = provisioner_job(acme.id, ann.id, used.id);
            assert!(repos.provisioner_jobs().insert(&permit(), &job, b"", None)?);
            let version = TemplateVersion { template_id: Some(dev.id), ..template_version(&job, "v1") };
            repos.template_versions().insert(&permit(), &version)?;
            let templates = repos.files().templates_of(used.id)?;
            assert_eq!(templates.iter().map(|template| template.id).collect::<Vec<_>>(), [dev.id]);
            assert_eq!(repos.files().templates_of(unused.id)?, vec![]);

            assert_eq!(repos.maintenance().purge(&permit(), NOW + Duration::HOUR, 9)?.of("files"), 1);
            assert!(!repos.files().append(&permit(), upload_given_up, ann.id, 0, b"late")?);
            assert_eq!(repos.maintenance().purge(&permit(), NOW + Duration::days(365), 9)?.of("files"), 1);
            assert_eq!((repos.files().find(unused.id)?, repos.files().find(used.id)?), (None, Some(used.clone())));
            // A file that is not there makes no job.
            let other = provisioner_job(acme.id, ann.id, unused.id);
            assert!(!repos.provisioner_jobs().insert(&permit(), &other, b"", None)?);
            Ok(())
        })
        .await;
        assert_eq!(db.rows("file_pieces"), 1);
    }
}
