//! The C interface: every exported `IOT_*` and `iotx_*` name, and nothing but checking and translating.
//!
//! Rules of this layer:
//!
//! * each export's body stands inside [`boundary!`], which names the value returned should the library
//!   panic: no panic crosses into C;
//! * NULL is checked before anything is read; C memory is read through raw pointers, never through
//!   references to structs the caller may not have filled in;
//! * nothing in the crate imports this module.
//!
//! `include/iotx_coap.h` is generated from here, `include/iotx_coap_ext.h` and
//! `include/exports/iot_export_ota.h` from [`ext`] and [`ota`].

#[macro_use]
mod boundary;
mod client;
mod context;
/// cbindgen:ignore
mod ext;
mod identity;
mod ioctl;
mod legacy;
mod live;
mod log;
mod memory;
mod message;
/// cbindgen:ignore
pub mod ota;
mod sign;
mod text;
pub mod types;

pub use client::{
    IOT_CoAP_Deinit, IOT_CoAP_DeviceNameAuth, IOT_CoAP_GetCurToken, IOT_CoAP_Init,
    IOT_CoAP_SendMessage, IOT_CoAP_Yield, iotx_get_well_known,
};
pub use ext::{
    iotx_coap_authenticate_begin, iotx_coap_callback_argument_t, iotx_coap_descriptor,
    iotx_coap_dtls_offer_t, iotx_coap_failure_reason_t, iotx_coap_failure_t,
    iotx_coap_init_restored, iotx_coap_init_with, iotx_coap_is_authenticated,
    iotx_coap_more_events_t, iotx_coap_next_timeout, iotx_coap_preset_t, iotx_coap_process,
    iotx_coap_save, iotx_coap_settings_init, iotx_coap_settings_preset, iotx_coap_settings_t,
    iotx_coap_sign_method_t,
};
pub use ioctl::{IOT_Ioctl, IOT_SetupConnInfo};
pub use legacy::{IOT_SetupConnInfoSecure, IOT_SetupDomain, iotx_event_post, iotx_event_regist_cb};
pub use log::{IOT_CloseLog, IOT_OpenLog, IOT_SetLogLevel};
pub use memory::IOT_DumpMemoryStats;
pub use message::{IOT_CoAP_GetMessageCode, IOT_CoAP_GetMessagePayload, IOT_CoAP_GetMessageToken};
pub use ota::{
    IOT_OTA_Deinit, IOT_OTA_FetchYield, IOT_OTA_GetConfig, IOT_OTA_GetLastError, IOT_OTA_Init,
    IOT_OTA_Ioctl, IOT_OTA_IsFetchFinish, IOT_OTA_IsFetching, IOT_OTA_ReportProgress,
    IOT_OTA_ReportVersion, IOT_OTA_RequestImage,
};
pub use sign::{iotx_calc_sign, iotx_calc_sign_with_seq};
