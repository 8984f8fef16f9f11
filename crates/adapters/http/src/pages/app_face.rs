//! What pages show of an app.

use crate::oauth2::logos::logo_path;
use doorward_services::oauth2::{AppPicture, ShownApp};

/// The name and the picture of an app, for templates: those take it and no text, so that each page shows the same of an app.
#[derive(Debug, Clone)]
pub(crate) struct AppFace {
    name: String,
    picture: Option<String>,
}

impl From<&ShownApp> for AppFace {
    fn from(app: &ShownApp) -> Self {
        let picture = match app.picture() {
            AppPicture::Logo(logo) => Some(logo_path(app.id(), logo)),
            AppPicture::Icon(icon) => Some(icon.clone()),
            AppPicture::None => None,
        };
        Self { name: app.name().to_owned(), picture }
    }
}

impl AppFace {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As stored; pages leave out what is not fit for an `img`.
    pub(crate) fn picture(&self) -> Option<&str> {
        self.picture.as_deref()
    }

    /// For pages that are made without an app.
    #[cfg(test)]
    pub(crate) fn sample(name: &str, picture: Option<&str>) -> Self {
        Self { name: name.to_owned(), picture: picture.map(str::to_owned) }
    }
}
