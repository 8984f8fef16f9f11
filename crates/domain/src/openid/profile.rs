//! What people are shown of an app: its name in their language, where it lives, its logo.

use crate::Digest;
use crate::names::hidden_in_name;
use crate::oauth2::is_web_uri;
use crate::text_enum::text_enum;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Longest name that people are shown, in characters.
pub const DISPLAY_NAME_MAX: usize = 64;
/// Largest logo, in bytes.
pub const LOGO_MAX: usize = 128 * 1024;

/// What people are shown of an app. All may be empty: then it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppProfile {
    /// Its name, in any language.
    pub display_name: String,
    /// Where it lives.
    pub homepage_uri: String,
    /// What it does with what it learns.
    pub policy_uri: String,
    /// Under which terms it works.
    pub terms_uri: String,
    /// Its logo, which is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<LogoMark>,
}

/// By what a logo that is kept here is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoMark {
    /// Where it was fetched from.
    pub fetched_from: String,
    /// Tells it from others.
    pub version: String,
}

/// A logo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The picture.
    pub bytes: Vec<u8>,
}

text_enum! {
    /// Kinds of pictures that are only drawn, by their media types.
    LogoKind {
        /// PNG.
        Png = "image/png",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// WebP.
        Webp = "image/webp",
        /// GIF.
        Gif = "image/gif",
    }
}

/// Why something is no logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoError {
    /// It is too large.
    #[error("has more than {LOGO_MAX} bytes")]
    TooLarge,
    /// It is no picture that is only drawn, whatever it calls itself.
    #[error("is no PNG, JPEG, WebP or GIF")]
    Kind,
}

impl Logo {
    /// Takes a picture for what its first bytes say.
    ///
    /// ```
    /// use doorward_domain::openid::{Logo, LogoError, LogoKind};
    /// assert_eq!(Logo::read(b"GIF89a..".to_vec()).unwrap().kind, LogoKind::Gif);
    /// assert_eq!(Logo::read(b"<svg/>".to_vec()), Err(LogoError::Kind));
    /// ```
    pub fn read(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > LOGO_MAX {
            return Err(LogoError::TooLarge);
        }
        let kind = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => LogoKind::Png,
            [0xFF, 0xD8, 0xFF, ..] => LogoKind::Jpeg,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => LogoKind::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => LogoKind::Webp,
            _ => return Err(LogoError::Kind),
        };
        Ok(Self { kind, bytes })
    }

    /// Tells it from others.
    #[must_use]
    pub fn version(&self) -> String {
        let digest = Digest::of(&self.bytes);
        let first: &[u8] = digest.as_bytes().first_chunk::<12>().map_or(&[], |first| first.as_slice());
        URL_SAFE_NO_PAD.encode(first)
    }
}

/// What is wrong with a name that people are to be shown; `None` if it is one. Empty is none, which is right too.
#[must_use]
pub fn display_name_defect(text: &str) -> Option<String> {
    if text.chars().count() > DISPLAY_NAME_MAX {
        return Some(format!("at most {DISPLAY_NAME_MAX} characters are allowed"));
    }
    if text.trim() != text {
        return Some("must not begin or end with a blank".to_owned());
    }
    hidden_in_name(text).map(|hidden| format!("must not hold the hidden character {}", hidden.escape_unicode()))
}

/// What is wrong with a link that people are to be shown; `None` if it is one, or empty.
#[must_use]
pub fn link_defect(text: &str) -> Option<&'static str> {
    (!text.is_empty() && !is_web_uri(text)).then_some("must be an absolute URL with http or https, or empty")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_what_their_first_bytes_say() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n.."[..], LogoKind::Png),
            (b"\xff\xd8\xff\xe0..", LogoKind::Jpeg),
            (b"GIF87a", LogoKind::Gif),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", LogoKind::Webp),
        ] {
            assert_eq!(Logo::read(bytes.to_vec()).map(|logo| logo.kind), Ok(kind));
        }
        for bytes in
            [&b""[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG", b"RIFF....WAVE", b"<!doctype html>"]
        {
            assert_eq!(Logo::read(bytes.to_vec()), Err(LogoError::Kind));
        }
        let mut large = b"GIF89a".to_vec();
        large.resize(LOGO_MAX, 0);
        let fits = Logo::read(large.clone()).unwrap();
        large.push(0);
        assert_eq!(Logo::read(large), Err(LogoError::TooLarge));
        assert_ne!(fits.version(), Logo::read(b"GIF89a".to_vec()).unwrap().version());
    }

    #[test]
    fn names_are_of_any_language_and_hide_nothing() {
        for good in ["", "Ünïcode", "日本語アプリ", "عربي", "My app 2"] {
            assert_eq!(display_name_defect(good), None, "{good}");
        }
        for bad in ["ann\u{202E}x", " x", "x ", "a\u{0}b", "a\nb", &"x".repeat(65)] {
            assert!(display_name_defect(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn links_lead_to_the_web() {
        for (text, good) in
            [("", true), ("https://a.example/x", true), ("javascript:alert(1)", false), ("a.example", false)]
        {
            assert_eq!(link_defect(text).is_none(), good, "{text}");
        }
    }
}
