//! A hint for those who set the variables of `redirect` for a library that was built without it.

use std::env;
use std::sync::Once;

/// What `redirect` would honour.
const VARIABLES: [&str; 2] = ["IOTX_CONNECT_TO", "IOTX_EXTRA_CA"];

/// Says once that the variables mean nothing here, if one is set.
pub(super) fn warn() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        for name in VARIABLES.into_iter().filter(|name| is_set(name)) {
            log::warn!("{name} is set and ignored: built without test redirections");
        }
    });
}
