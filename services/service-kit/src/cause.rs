//! What an error comes from.

use std::error::Error;

/// The innermost reason, which is what an operator needs: "Connection refused", not "error sending request".
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
