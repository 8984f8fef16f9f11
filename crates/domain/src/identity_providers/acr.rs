//! How strong an authentication was.

use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};

text_enum! {
    /// How strongly somebody authenticated; a later one is stronger.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    Acr {
        /// By a password, or in a way of which nothing is known.
        #[default]
        Pwd = "pwd",
        /// By more than one factor.
        Mfa = "mfa",
        /// In a way that cannot be phished.
        Phr = "phr",
    }
}
