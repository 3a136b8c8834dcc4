//! Extensions to the SDK's interface, in a header of their own: `include/iotx_coap_ext.h`.

mod settings;

pub use settings::{
    iotx_coap_callback_argument_t, iotx_coap_dtls_offer_t, iotx_coap_init_with,
    iotx_coap_settings_init, iotx_coap_settings_t, iotx_coap_sign_method_t,
};
