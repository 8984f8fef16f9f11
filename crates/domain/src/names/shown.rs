//! What people are shown of names and texts, which stand beside those of others: every character shows, and is read where
//! it stands. One that does not would let two names look the same, or one text hide another.
//!
//! Which characters show nothing is Unicode's `Default_Ignorable_Code_Point`. Some of them make others look as they should:
//! joiners in scripts whose letters join and in emoji, and selectors of variants. These may stand where they do so, as
//! RFC 5892 A.1 and A.2 have it for host names.

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, Ideographic,
    JoiningType,
};
use icu_properties::{CodePointMapData, CodePointSetData};

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
const AS_EMOJI: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';

/// The first character of a name that does not show, or that says in which order others are read.
///
/// ```
/// use doorward_domain::names::hidden_in_name;
/// assert_eq!(hidden_in_name("Zoë 👩‍💻"), None);
/// assert_eq!(hidden_in_name("ann\u{202E}nimda"), Some('\u{202E}'));
/// assert_eq!(hidden_in_name("ad\u{AD}min"), Some('\u{AD}'));
/// ```
#[must_use]
pub fn hidden_in_name(text: &str) -> Option<char> {
    first_hidden(text, &[])
}

/// The same of a text of several lines, in which tabs and ends of lines may stand too.
///
/// ```
/// use doorward_domain::names::hidden_in_text;
/// assert_eq!(hidden_in_text("one:\r\n\ttwo"), None);
/// assert_eq!(hidden_in_text("one\u{1B}[31m"), Some('\u{1B}'));
/// ```
#[must_use]
pub fn hidden_in_text(text: &str) -> Option<char> {
    first_hidden(text, &['\n', '\r', '\t'])
}

fn first_hidden(text: &str, layout: &[char]) -> Option<char> {
    let mut before = Before::default();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = rest.clone().next();
        let shows = match c {
            NON_JOINER | JOINER => before.joins(c, next),
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => before.varies(c, next),
            // Selectors of Mongolian.
            '\u{180B}'..='\u{180D}' | '\u{180F}' => before.last.is_some_and(|last| joining(last) != NONE),
            _ => layout.contains(&c) || !hides(c),
        };
        if !shows {
            return Some(c);
        }
        before.push(c);
    }
    None
}

/// Whether a character never shows, or orders others.
fn hides(c: char) -> bool {
    c.is_control()
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(
            c,
            // Ends of lines and paragraphs, notes between lines.
            '\u{2028}' | '\u{2029}' | '\u{FFF9}'
                ..='\u{FFFB}'
            // These have a place and nothing in it: Braille, Khitan, music.
            | '\u{2800}' | '\u{16FE4}' | '\u{1D159}'
        )
}

/// What stands before a character.
#[derive(Default)]
struct Before {
    last: Option<char>,
    /// The last one that is no mark on another.
    base: Option<char>,
}

impl Before {
    /// Whether a joiner does something here: it stands between letters that join, or between emoji.
    fn joins(&self, joiner: char, next: Option<char>) -> bool {
        let (Some(last), Some(next)) = (self.last, next) else { return false };
        if last == AS_EMOJI || has_emoji_form(last) {
            return joiner == JOINER && CodePointSetData::new::<ExtendedPictographic>().contains(next);
        }
        let after_virama =
            CodePointMapData::<CanonicalCombiningClass>::new().get(last) == CanonicalCombiningClass::Virama;
        let is_letter = next.is_alphabetic() && !next.is_ascii();
        let connects = |c: char| {
            matches!(joining(c), JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::RightJoining)
        };
        is_letter && (after_virama || self.base.is_some_and(connects) && connects(next))
    }

    /// Whether a selector does something here: what stands before it has variants.
    fn varies(&self, selector: char, next: Option<char>) -> bool {
        let Some(last) = self.last else { return false };
        if last.is_ascii() {
            // `1`, `#` and `*` become keys.
            return selector == AS_EMOJI && next == Some(KEYCAP) && CodePointSetData::new::<Emoji>().contains(last);
        }
        CodePointSetData::new::<Emoji>().contains(last) || CodePointSetData::new::<Ideographic>().contains(last)
    }

    fn push(&mut self, c: char) {
        self.last = Some(c);
        if joining(c) != JoiningType::Transparent {
            self.base = Some(c);
        }
    }
}

const NONE: JoiningType = JoiningType::NonJoining;

fn joining(c: char) -> JoiningType {
    CodePointMapData::<JoiningType>::new().get(c)
}

fn has_emoji_form(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c) || CodePointSetData::new::<EmojiModifier>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_found_wherever_it_stands() {
        for hidden in [
            "\0",
            "\t",
            "\n",
            "\u{1B}",
            "\u{7F}",
            "\u{85}",
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{115F}",
            "\u{1160}",
            "\u{17B4}",
            "\u{180B}",
            "\u{180E}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{200E}",
            "\u{200F}",
            "\u{2028}",
            "\u{2029}",
            "\u{202A}",
            "\u{202E}",
            "\u{2060}",
            "\u{2061}",
            "\u{2064}",
            "\u{2065}",
            "\u{2066}",
            "\u{2069}",
            "\u{206F}",
            "\u{2800}",
            "\u{3164}",
            "\u{FE00}",
            "\u{FE0F}",
            "\u{FEFF}",
            "\u{FFA0}",
            "\u{FFF0}",
            "\u{FFF9}",
            "\u{FFFB}",
            "\u{16FE4}",
            "\u{1BCA0}",
            "\u{1D159}",
            "\u{1D173}",
            "\u{E0000}",
            "\u{E0001}",
            "\u{E0020}",
            "\u{E0041}",
            "\u{E007F}",
            "\u{E0100}",
            "\u{E01F0}",
        ] {
            for text in
                [format!("ad{hidden}min"), format!("{hidden}admin"), format!("admin{hidden}"), format!("é{hidden}é")]
            {
                assert_eq!(hidden_in_name(&text), hidden.chars().next(), "{text:?}");
            }
        }
    }

    #[test]
    fn names_of_all_scripts_and_emoji_are_plain() {
        for name in [
            "",
            "Ann Lee",
            "O\u{2019}Hara",
            "Zoe\u{308}",
            "Nguyễn Thị",
            "李小龍",
            "Влади́мир",
            "יוֹסֵף",
            "مُحَمَّد",
            "علی\u{200C}ها",
            "کار\u{200C}ها",
            "क्\u{200D}ष",
            "ക്\u{200D}ക",
            "ශ්\u{200D}රී",
            "นายสมชาย",
            "한국",
            "葛\u{E0100}城",
            "ᠮᠣᠩᠭᠣᠯ\u{180B}",
            "👩\u{200D}💻",
            "👩🏽\u{200D}🚀",
            "🏳\u{FE0F}\u{200D}🌈",
            "❤\u{FE0F}\u{200D}🔥",
            "👨\u{200D}👩\u{200D}👧",
            "🇩🇪",
            "1\u{FE0F}\u{20E3}",
            "©\u{FE0F}",
            "☎\u{FE0E}",
            "a\u{A0}b",
        ] {
            assert_eq!(hidden_in_name(name), None, "{name:?}");
            assert_eq!(hidden_in_text(name), None, "{name:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_stand_only_where_they_do_something() {
        for text in [
            "a\u{200D}b",
            "a\u{301}\u{200D}b",
            "ann\u{200D}",
            "é\u{200C}é",
            "李\u{200D}李",
            "علی\u{200C}",
            "\u{200C}ها",
            "علی\u{200C} ها",
            "علی\u{200C}\u{200C}ها",
            "क्\u{200D}a",
            "👩\u{200D}",
            "👩\u{200D}ann",
            "👩\u{200C}💻",
            "👩\u{200D}\u{200D}💻",
            "1\u{FE0F}",
            "1\u{FE0F}2",
            "a\u{FE0F}",
            "a\u{FE0F}\u{20E3}",
            "é\u{FE0F}",
            "❤\u{FE0F}\u{FE0F}",
            "a\u{E0100}",
            "葛\u{E0100}\u{E0101}",
            "a\u{180B}",
            // The flag of England: tags spell text that nobody sees elsewhere.
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        ] {
            assert!(hidden_in_name(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn texts_have_lines() {
        assert_eq!(hidden_in_text("a\n\tb\r\nc"), None);
        for (text, hidden) in [("a\n\u{202E}b", '\u{202E}'), ("a\u{B}b", '\u{B}'), ("a\u{2028}b", '\u{2028}')] {
            assert_eq!(hidden_in_text(text), Some(hidden), "{text:?}");
        }
    }
}
