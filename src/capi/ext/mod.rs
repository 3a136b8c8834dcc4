//! Extensions to the SDK's interface, in a header of their own: `include/iotx_coap_ext.h`.

mod choices;

// From here on in the order of the header; blank lines keep rustfmt from sorting them.
mod settings;

mod polling;

mod events;

mod snapshot;

pub use events::{iotx_coap_failure_reason_t, iotx_coap_failure_t, iotx_coap_more_events_t};
pub use polling::{
    iotx_coap_authenticate_begin, iotx_coap_descriptor, iotx_coap_is_authenticated,
    iotx_coap_next_timeout, iotx_coap_process,
};
pub use settings::{
    iotx_coap_callback_argument_t, iotx_coap_dtls_offer_t, iotx_coap_init_with, iotx_coap_preset_t,
    iotx_coap_settings_init, iotx_coap_settings_preset, iotx_coap_settings_t,
    iotx_coap_sign_method_t,
};
pub use snapshot::{iotx_coap_init_restored, iotx_coap_save};
