//! What is said of values of parameters that are refused.

use crate::error::{Error, FieldError};
use doorward_domain::template_versions::ValueDefect;

/// Values that break a rule of their parameter.
pub(crate) fn refused_values(defects: Vec<ValueDefect>) -> Error {
    let fields = defects.into_iter().map(|defect| FieldError::new(defect.name, defect.detail)).collect();
    Error::invalid_fields("Unable to validate parameters", fields)
}
