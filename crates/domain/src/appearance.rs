//! What the deployment is called and what it announces (`enterprise-platform.md` 3).

use crate::roles::resource;
use crate::runtime_settings::RuntimeSetting;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Longest name of the deployment, in bytes.
pub const NAME_MAX: usize = 256;
/// Longest address of a logo, in bytes: a small picture may stand in it.
pub const LOGO_MAX: usize = 64 * 1024;
/// Most banners.
pub const BANNERS_MAX: usize = 16;

/// What owners may choose of how the deployment looks. Empty texts stand for what the product has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Appearance {
    /// What it is called.
    pub application_name: String,
    /// Where its logo is.
    pub logo_url: String,
    /// What it announces, in this order.
    pub announcement_banners: Vec<Banner>,
}

impl RuntimeSetting for Appearance {
    const NAME: &'static str = "appearance";
    type Resource = resource::DeploymentConfig;
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Banner {
    /// Whether it is shown.
    pub enabled: bool,
    /// What it says.
    pub message: String,
    /// The colour behind it.
    pub background_color: Color,
}

/// A colour as `#` and six hexadecimal digits, which keep their letter case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    text: String,
    channels: [u8; 3],
}

/// Why a text is no [`Color`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColorError {
    /// It is shorter or longer.
    #[error("expected # and six hexadecimal digits, which are 7 bytes, not {0}")]
    Length(usize),
    /// It begins with something else.
    #[error("expected # at the beginning")]
    Beginning,
    /// Something else stands among the digits.
    #[error("expected six hexadecimal digits after #")]
    Digits,
}

impl Color {
    /// The text, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether white stands out from it more than black does, by the relative luminance of sRGB.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        // The two contrasts are the same at this luminance.
        const MIDDLE: f64 = 0.179;
        let linear = self.channels.map(|channel| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let [red, green, blue] = linear;
        0.2126 * red + 0.7152 * green + 0.0722 * blue < MIDDLE
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, ColorError> {
        if text.len() != 7 {
            return Err(ColorError::Length(text.len()));
        }
        let digits = text.strip_prefix('#').ok_or(ColorError::Beginning)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ColorError::Digits);
        }
        let number = u32::from_str_radix(digits, 16).unwrap_or_default();
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { text: text.to_owned(), channels: [red, green, blue] })
    }
}

impl TryFrom<String> for Color {
    type Error = ColorError;

    fn try_from(text: String) -> Result<Self, ColorError> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.text
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether this is the address of a picture that any page may show: `http` or `https` with a host, a path of this server, or a bitmap
/// in the address itself. Nothing may stand in it that does not show.
#[must_use]
pub fn is_picture_url(text: &str) -> bool {
    const BITMAPS: [&str; 4] = ["data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"];
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return false;
    }
    if text.starts_with('/') {
        return !text.starts_with("//");
    }
    let lower = text.to_ascii_lowercase();
    let bitmap = BITMAPS.iter().filter_map(|kind| lower.strip_prefix(kind)).any(|rest| rest.starts_with([';', ',']));
    // Without `//` a browser takes it for a path beside the page.
    let absolute = lower.starts_with("https://") || lower.starts_with("http://");
    let remote = || absolute && Url::parse(text).is_ok_and(|url| url.has_host());
    bitmap || remote()
}

/// A link under which people find help.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SupportLink {
    /// What it is called.
    pub name: String,
    /// Where it leads.
    pub target: String,
    /// Its picture: one of [`SupportLink::ICONS`].
    pub icon: String,
}

impl SupportLink {
    /// The pictures that clients know.
    pub const ICONS: [&'static str; 4] = ["bug", "chat", "docs", "star"];

    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn defect(&self) -> Option<String> {
        let is_target = |url: &Url| matches!(url.scheme(), "http" | "https" | "mailto");
        if self.name.trim().is_empty() || self.name.len() > NAME_MAX || self.name.contains(char::is_control) {
            return Some(format!("must have names of 1 to {NAME_MAX} bytes"));
        }
        if !Url::parse(&self.target).is_ok_and(|url| is_target(&url)) {
            return Some(format!(
                "must have targets that are URLs with http, https or mailto, unlike `{}`",
                self.target
            ));
        }
        if !Self::ICONS.contains(&self.icon.as_str()) {
            return Some(format!("must have one of the icons {}, unlike `{}`", Self::ICONS.join(", "), self.icon));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_colour_is_seven_bytes_of_hexadecimal_digits() {
        for text in ["#000000", "#FFFFFF", "#aB09fF"] {
            assert_eq!(text.parse::<Color>().unwrap().to_string(), text);
        }
        for (text, error) in [
            ("", ColorError::Length(0)),
            ("#fff", ColorError::Length(4)),
            ("#ffffff0", ColorError::Length(8)),
            ("0ffffff", ColorError::Beginning),
            ("#fffffg", ColorError::Digits),
            ("#+fffff", ColorError::Digits),
            ("#\u{e9}\u{e9}\u{e9}", ColorError::Digits),
        ] {
            assert_eq!(text.parse::<Color>(), Err(error), "{text}");
        }
    }

    #[test]
    fn white_is_written_on_what_is_dark() {
        for (color, is_dark) in [
            ("#000000", true),
            ("#004852", true),
            ("#ff0000", false),
            ("#777777", false),
            ("#ffffff", false),
            ("#0000ff", true),
        ] {
            assert_eq!(color.parse::<Color>().unwrap().is_dark(), is_dark, "{color}");
        }
    }

    #[test]
    fn a_logo_is_a_picture_that_is_only_drawn() {
        for good in [
            "https://cdn.example/logo.svg",
            "HTTP://10.0.0.7:8080/logo.png",
            "/icons/logo.png",
            "data:image/png;base64,iVBORw0KGgo=",
        ] {
            assert!(is_picture_url(good), "{good}");
        }
        for bad in [
            "",
            "logo.png",
            "https:example.com/a.png",
            "//evil.example/a.png",
            "/\\evil.example",
            "javascript:alert(1)",
            "data:image/svg+xml,<svg/>",
            "data:text/html,a",
            "ftp://a.example/logo.png",
            "https://",
            "https://a.example/a b",
            "https://a.example/\u{0}",
        ] {
            assert!(!is_picture_url(bad), "{bad}");
        }
    }

    #[test]
    fn a_link_for_help_leads_away_and_has_a_known_picture() {
        let link = |name: &str, target: &str, icon: &str| SupportLink {
            name: name.to_owned(),
            target: target.to_owned(),
            icon: icon.to_owned(),
        };
        assert_eq!(link("Help", "https://help.example/?a=b", "chat").defect(), None);
        assert_eq!(link("Mail", "mailto:help@example.com", "bug").defect(), None);
        for (bad, told) in [
            (link(" ", "https://a.example", "chat"), "names"),
            (link("a\nb", "https://a.example", "chat"), "names"),
            (link("a", "javascript:alert(1)", "chat"), "targets"),
            (link("a", "help", "chat"), "targets"),
            (link("a", "https://a.example", "heart"), "icons"),
        ] {
            assert!(bad.defect().unwrap().contains(told), "{bad:?}");
        }
    }

    #[test]
    fn what_was_stored_without_a_member_is_read() {
        let read = Appearance::from_document(r#"{"application_name":"Acme"}"#).unwrap();
        assert_eq!(read, Appearance { application_name: "Acme".to_owned(), ..Appearance::default() });
    }

    proptest! {
        #[test]
        fn whatever_is_a_colour_is_stored_and_read_as_the_same(text in "#[0-9a-fA-F]{6}", message in ".*") {
            let banner = Banner { enabled: true, message, background_color: text.parse().unwrap() };
            let appearance = Appearance { announcement_banners: vec![banner], ..Appearance::default() };
            let document = appearance.to_document().unwrap();
            prop_assert_eq!(Appearance::from_document(&document).unwrap(), appearance);
        }

        #[test]
        fn no_text_breaks_the_parsers(text in ".*") {
            let _ = text.parse::<Color>();
            let _ = is_picture_url(&text);
        }
    }
}
