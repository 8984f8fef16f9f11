//! Versions of templates.

use crate::files::{file, upload};
use crate::provisioner_jobs::provisioner_job;
use crate::support::*;
use doorward_domain::names::TemplateVersionName;
use doorward_domain::page::Page;
use doorward_domain::provisioner_jobs::ProvisionerJob;
use doorward_domain::template_versions::{
    ExternalAuth, FormType, Preset, PresetParameter, RichParameter, TemplateVersion,
};
use doorward_domain::templates::Template;
use doorward_ports::{Conflict, Repositories, StoreError};
use std::collections::BTreeMap;
use time::Duration;

/// A version without a template, which this job imports.
pub(crate) fn template_version(job: &ProvisionerJob, name: &str) -> TemplateVersion {
    TemplateVersion {
        id: job.template_version_id,
        template_id: None,
        organization_id: job.organization_id,
        name: TemplateVersionName::from_storage(name.to_owned()),
        message: "first".to_owned(),
        readme: "# Dev".to_owned(),
        created_by: job.initiator_id,
        created_at: NOW,
        updated_at: NOW,
        archived: false,
        job_id: job.id,
        file_id: job.file_id,
        workspace_tags: BTreeMap::from([("zone".to_owned(), "\"eu\"".to_owned())]),
        parameters: vec![RichParameter {
            name: "size".to_owned(),
            form_type: FormType::Slider,
            validation_max: Some(9),
            ..RichParameter::default()
        }],
        presets: vec![Preset {
            name: "small".to_owned(),
            parameters: vec![PresetParameter { name: "size".to_owned(), value: "1".to_owned() }],
            ..Preset::default()
        }],
        external_auth: vec![ExternalAuth { id: "github".to_owned(), optional: true }],
        has_ai_tasks: true,
    }
}

/// A version of a template, with its job, made so many seconds later.
fn version_of(
    repos: &mut dyn Repositories,
    dev: &Template,
    name: &str,
    later: i64,
) -> Result<TemplateVersion, StoreError> {
    let source = file(dev.created_by, name);
    upload(repos, &source, name)?;
    let job = provisioner_job(dev.organization_id, dev.created_by, source.id);
    repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
    let created_at = NOW + Duration::seconds(later);
    let version = TemplateVersion { template_id: Some(dev.id), created_at, ..template_version(&job, name) };
    repos.template_versions().insert(&permit(), &version)?;
    Ok(version)
}

contract! {
    async fn a_version_is_stored_found_and_changed(db) {
        let (_, ann, dev) = templated(&db).await;
        db.write(move |repos| {
            let version = version_of(repos, &dev, "V1", 0)?;
            assert_eq!(repos.template_versions().find(version.id)?, Some(version.clone()));
            assert_eq!(repos.template_versions().find_by_name(dev.id, "v1")?, Some(version.clone()));
            let changed = TemplateVersion { archived: true, readme: "more".to_owned(), template_id: None, ..version };
            assert!(repos.template_versions().update(&permit(), &changed)?);
            assert_eq!(repos.template_versions().find_for_update(changed.id)?, Some(changed.clone()));
            let view = repos.template_versions().view(changed.id)?.unwrap();
            assert_eq!((view.version.id, view.created_by_name, view.job.job.id), (changed.id, ann.username, changed.job_id));
            assert_eq!(view.job.template_version_name, "V1");
            assert_eq!(repos.template_versions().variables(changed.id)?, None);
            assert!(repos.template_versions().update_variables(&permit(), changed.id, &[0, 255])?);
            assert_eq!(repos.template_versions().variables(changed.id)?, Some(vec![0, 255]));
            assert!(!repos.template_versions().update_variables(&permit(), id(), &[])?);
            assert!(!repos.template_versions().update(&permit(), &TemplateVersion { id: id(), ..changed })?);
            Ok(())
        })
        .await;
    }

    async fn names_are_unique_in_their_template(db) {
        let (_, _, dev) = templated(&db).await;
        let same = dev.clone();
        db.write(move |repos| version_of(repos, &dev, "one", 0).map(drop)).await;
        let refused = db.refused(move |repos| version_of(repos, &same, "ONE", 0)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::TemplateVersionName)), "{refused:?}");
    }

    async fn versions_are_listed_newest_first_in_pages(db) {
        let (_, _, dev) = templated(&db).await;
        db.write(move |repos| {
            let versions = [("a", 0), ("b", 1), ("c", 1), ("d", 2)]
                .map(|(name, later)| version_of(repos, &dev, name, later).unwrap());
            let archived = TemplateVersion { archived: true, ..versions[3].clone() };
            assert!(repos.template_versions().update(&permit(), &archived)?);
            let mut names = |all, page| -> Result<String, StoreError> {
                let found = repos.template_versions().list(dev.id, all, page)?;
                Ok(found.into_iter().map(|view| view.version.name.to_string()).collect())
            };
            assert_eq!((names(false, Page::default())?.as_str(), names(true, Page::default())?.as_str()), ("cba", "dcba"));
            let page = |limit, offset, after| Page { limit, offset, after_id: after };
            assert_eq!(names(true, page(Some(2), 1, None))?, "cb");
            assert_eq!(names(true, page(None, 0, Some(versions[2].id.0)))?, "ba");
            assert_eq!(names(true, page(None, 0, Some(id::<doorward_domain::ids::UserId>().0)))?, "");
            Ok(())
        })
        .await;
    }

    async fn what_is_not_used_is_archived(db) {
        let (_, _, dev) = templated(&db).await;
        db.write(move |repos| {
            let made = ["active", "used", "failed", "spare", "unread"].map(|name| version_of(repos, &dev, name, 0).unwrap());
            let [active, used, failed, spare, unread] = &made;
            for version in [active, used, failed, spare] {
                let job = repos.provisioner_jobs().find(version.job_id)?.unwrap();
                let error = if version.id == failed.id { "no" } else { "" };
                repos.provisioner_jobs().update(&permit(), &job.ended(NOW, error, ""))?;
            }
            repos.templates().update(&permit(), &Template { active_version_id: Some(active.id.0), ..dev.clone() })?;
            let desk = workspace(&dev, "desk");
            repos.workspaces().insert(&permit(), &desk)?;
            let built = doorward_domain::workspaces::Build { template_version_id: Some(used.id.0), ..build(&desk, 1, 0) };
            repos.workspaces().insert_build(&permit(), &built)?;
            assert_eq!(repos.template_versions().archive_unused(&permit(), dev.id, false, NOW)?, vec![failed.id]);
            let mut rest = repos.template_versions().archive_unused(&permit(), dev.id, true, NOW)?;
            rest.sort();
            assert_eq!(rest, [spare.id, unread.id]);
            assert_eq!(repos.template_versions().archive_unused(&permit(), dev.id, true, NOW)?, vec![]);
            Ok(())
        })
        .await;
    }
}
