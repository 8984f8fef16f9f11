//! QR codes as inline pictures.

use qrcode::types::QrError;
use qrcode::{Color, QrCode};
use std::fmt::Write as _;

/// Modules of empty space around a code (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// A picture of a text as SVG. Errors: the text is too long for a code.
pub(crate) fn svg(text: &str) -> Result<String, QrError> {
    let code = QrCode::new(text)?;
    let width = code.width();
    let size = width + 2 * QUIET;
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // Writing to a string does not fail.
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET);
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"232\" height=\"232\" role=\"img\" \
         aria-label=\"QR code\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path fill=\"#000\" \
         d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_modules_of_the_code_and_nothing_of_the_text() {
        let picture = svg("otpauth://totp/<script>").unwrap();
        let code = QrCode::new("otpauth://totp/<script>").unwrap();
        let dark = code.to_colors().into_iter().filter(|color| *color == Color::Dark).count();
        assert_eq!(picture.matches("h1v1h-1z").count(), dark);
        // The corner of the first pattern by which readers find the code.
        assert!(picture.contains("M4 4h1v1h-1z") && picture.starts_with("<svg ") && !picture.contains("script"));
        assert!(svg(&"x".repeat(8_000)).is_err());
    }
}
