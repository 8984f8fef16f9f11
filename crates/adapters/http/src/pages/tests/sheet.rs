//! What the style sheet must not do.

const SHEET: &str = include_str!("../../../assets/doorward.css");

/// The declarations of the rules that stand for themselves (no pseudo-element) and name this selector.
fn declarations(selector: &str) -> Vec<&'static str> {
    let rules = SHEET.split('}').filter_map(|rule| rule.rsplit_once('{'));
    let names = |selectors: &str| {
        selectors.rsplit("*/").next().is_some_and(|text| text.split(',').any(|one| one.trim() == selector))
    };
    rules.filter(|(selectors, _)| names(selectors)).map(|(_, declarations)| declarations).collect()
}

#[test]
fn sentences_are_laid_out_as_text_so_that_no_marked_word_becomes_a_column() {
    for selector in [".notice", ".notice-error", ".notice-caution", ".field .error"] {
        let rules = declarations(selector);
        assert!(!rules.is_empty(), "{selector} has no rule");
        assert!(rules.iter().all(|rule| !rule.contains("display:")), "{selector}: {rules:?}");
    }
}
