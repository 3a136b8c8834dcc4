//! The C types of the CoAP client API, with the names and layouts of the SDK.
//!
//! `include/iotx_coap.h` is generated from this file and from the exported functions beside it
//! (`cbindgen.toml`, `tests/header_fresh.rs`), so the documentation comments here are written for a
//! reader of that header: plain C vocabulary, no Markdown links.
//!
//! Two rules keep values that arrive from C sound:
//!
//! * **No Rust enum is ever read from C memory.** A C enum object can hold any `int`, a Rust enum
//!   only its variants. Fields, parameters and out-pointers therefore use the `…_int` aliases:
//!   plain `c_int` for Rust, the enum's own name in the generated header (`[export.rename]`). The
//!   enums themselves only supply the constants: `iotx_ret_code_t::IOTX_SUCCESS as c_int`.
//! * **The device-info struct ends where the shortest caller's does.** Rust sees its first 184
//!   bytes, all that firmware built with SDK 2.01 or 3.10 owns; the member behind them exists in C
//!   only (`[export.body]`).
//!
//! Sizes and offsets are asserted at the end of this file for LP64 and ILP32, and once more from C
//! in `tests/c/headers/`.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int, c_uchar, c_ushort, c_void};

/// Longest product key, in bytes without the terminator.
pub const IOTX_PRODUCT_KEY_LEN: usize = 20;
/// Longest product secret, in bytes without the terminator.
pub const IOTX_PRODUCT_SECRET_LEN: usize = 64;
/// Longest device name, in bytes without the terminator.
pub const IOTX_DEVICE_NAME_LEN: usize = 32;
/// Longest device id (the "clientId" of the cloud), in bytes without the terminator.
pub const IOTX_DEVICE_ID_LEN: usize = 64;
/// Longest device secret, in bytes without the terminator.
pub const IOTX_DEVICE_SECRET_LEN: usize = 64;
/// Longest module identifier kept by IOT_Ioctl, in bytes without the terminator.
pub const IOTX_MODULE_LEN: usize = 64;
/// Longest path that IOT_CoAP_SendMessage accepts, in bytes without the terminator.
pub const IOTX_URI_MAX_LEN: usize = 135;

// Array sizes: the terminator included. cbindgen renders each as `IOTX_…_LEN + 1`.
const PRODUCT_KEY_SIZE: usize = IOTX_PRODUCT_KEY_LEN + 1;
const PRODUCT_SECRET_SIZE: usize = IOTX_PRODUCT_SECRET_LEN + 1;
const DEVICE_NAME_SIZE: usize = IOTX_DEVICE_NAME_LEN + 1;
const DEVICE_ID_SIZE: usize = IOTX_DEVICE_ID_LEN + 1;
const DEVICE_SECRET_SIZE: usize = IOTX_DEVICE_SECRET_LEN + 1;
const MODULE_SIZE: usize = IOTX_MODULE_LEN + 1;

/// Results of the CoAP functions. Two names keep a spelling mistake of the SDK: it is the API.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_ret_code_t {
    /// An answer did not arrive in time.
    IOTX_ERR_RECV_MSG_TIMEOUT = -9,
    /// The transport refused to send.
    IOTX_ERR_SEND_MSG_FAILED = -8,
    /// The payload, or the encoded message, is larger than one datagram may be.
    IOTX_ERR_MSG_TOO_LOOG = -7,
    /// The path is longer than IOTX_URI_MAX_LEN.
    IOTX_ERR_URI_TOO_LOOG = -6,
    /// No valid token: authenticate first.
    IOTX_ERR_NOT_AUTHED = -5,
    /// The cloud refused the device, or did not answer.
    IOTX_ERR_AUTH_FAILED = -4,
    /// A buffer is too small.
    IOTX_ERR_BUFF_TOO_SHORT = -3,
    /// Out of memory. Not returned by this library: it asks for little at a time, and where even that
    /// cannot be had, the program ends with SIGABRT.
    IOTX_ERR_NO_MEM = -2,
    /// An argument is NULL or out of range.
    IOTX_ERR_INVALID_PARAM = -1,
    /// Done.
    IOTX_SUCCESS = 0,
}

/// Format of a payload, sent to the cloud as the Content-Format option (RFC 7252, 5.10.3).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_content_type_t {
    /// application/json (50).
    IOTX_CONTENT_TYPE_JSON = 0,
    /// application/cbor (60).
    IOTX_CONTENT_TYPE_CBOR = 1,
}

/// Message types of RFC 7252, 4.2 and 4.3, with their numbers on the wire.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_msg_type_t {
    /// Confirmable: repeated until the peer acknowledges it.
    IOTX_MESSAGE_CON = 0,
    /// Non-confirmable: sent once.
    IOTX_MESSAGE_NON = 1,
    /// Acknowledgement. Not a type that an application can send.
    IOTX_MESSAGE_ACK = 2,
    /// Reset. Not a type that an application can send.
    IOTX_MESSAGE_RST = 3,
}

/// Events of iotx_event_handle_t.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_event_t {
    /// A message could not be sent.
    IOTX_COAP_EVENT_SEND_FAILED = 0,
    /// Receiving failed.
    IOTX_COAP_EVENT_RECV_FAILED = 1,
    /// The device is not, or no longer, authenticated.
    IOTX_COAP_EVENT_AUTH_FAILED = 2,
}

/// Response codes as one byte, class in the upper three bits (RFC 7252, 12.1.2). The list is not
/// complete: IOT_CoAP_GetMessageCode stores whatever byte arrived, such as 0x82 for 4.02.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_coap_resp_code_t {
    /// 2.05 Content: the request was served.
    IOTX_COAP_RESP_CODE_CONTENT = 0x45,
    /// 4.00 Bad Request.
    IOTX_COAP_RESP_CODE_BAD_REQUEST = 0x80,
    /// 4.01 Unauthorized: the token is void.
    IOTX_COAP_RESP_CODE_UNAUTHORIZED = 0x81,
    /// 4.04 Not Found.
    IOTX_COAP_RESP_CODE_NOT_FOUND = 0x84,
    /// 4.14: the cloud's own code for a path that is too long.
    IOTX_COAP_RESP_CODE_URL_TOO_LONG = 0x8E,
    /// 5.00 Internal Server Error.
    IOTX_COAP_RESP_CODE_INTERNAL_SERVER_ERROR = 0xA0,
}

/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_CONTENT: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_CONTENT;
/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_BAD_REQUEST: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_BAD_REQUEST;
/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_UNAUTHORIZED: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_UNAUTHORIZED;
/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_NOT_FOUND: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_NOT_FOUND;
/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_URL_TOO_LONG: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_URL_TOO_LONG;
/// The spelling of SDK 2.00.
pub const IOXT_COAP_RESP_CODE_INTERNAL_SERVER_ERROR: iotx_coap_resp_code_t =
    iotx_coap_resp_code_t::IOTX_COAP_RESP_CODE_INTERNAL_SERVER_ERROR;

/// Log levels, each including the ones above it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IOT_LogLevel {
    /// Nothing.
    IOT_LOG_NONE = 0,
    /// The library cannot go on.
    IOT_LOG_CRIT = 1,
    /// A call failed.
    IOT_LOG_ERROR = 2,
    /// Something is odd, the call went on.
    IOT_LOG_WARNING = 3,
    /// Milestones of a session.
    IOT_LOG_INFO = 4,
    /// Every message.
    IOT_LOG_DEBUG = 5,
}

/// The name that IOT_LOG_NONE had up to SDK 2.21.
pub const IOT_LOG_EMERG: IOT_LogLevel = IOT_LogLevel::IOT_LOG_NONE;

/// Options of IOT_Ioctl, numbered as in SDK 3.2.0. Those without a meaning for a CoAP client are
/// listed so that sources compile; IOT_Ioctl documents which ones it serves.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum iotx_ioctl_option_t {
    /// `int *`: region of the cloud, a value of iotx_cloud_region_types_t.
    IOTX_IOCTL_SET_REGION = 0,
    /// `int *`: receives the region.
    IOTX_IOCTL_GET_REGION = 1,
    /// MQTT only.
    IOTX_IOCTL_SET_MQTT_DOMAIN = 2,
    /// HTTP only.
    IOTX_IOCTL_SET_HTTP_DOMAIN = 3,
    /// `int *`: 1 if the device secret is to be obtained from the product secret, else 0.
    IOTX_IOCTL_SET_DYNAMIC_REGISTER = 4,
    /// `int *`: receives that setting.
    IOTX_IOCTL_GET_DYNAMIC_REGISTER = 5,
    /// Device model only.
    IOTX_IOCTL_RECV_PROP_REPLY = 6,
    /// Device model only.
    IOTX_IOCTL_RECV_EVENT_REPLY = 7,
    /// Device model only.
    IOTX_IOCTL_SEND_PROP_SET_REPLY = 8,
    /// Gateways only.
    IOTX_IOCTL_SET_SUBDEV_SIGN = 9,
    /// Gateways only.
    IOTX_IOCTL_GET_SUBDEV_LOGIN = 10,
    /// Device model only.
    IOTX_IOCTL_SET_OTA_DEV_ID = 11,
    /// Device model only.
    IOTX_IOCTL_FOTA_TIMEOUT_MS = 12,
    /// MQTT only.
    IOTX_IOCTL_SET_CUSTOMIZE_INFO = 13,
    /// MQTT only.
    IOTX_IOCTL_SET_MQTT_PORT = 14,
    /// Wi-Fi provisioning only.
    IOTX_IOCTL_SET_AWSS_ENABLE_INTERVAL = 15,
    /// Wi-Fi provisioning only.
    IOTX_IOCTL_SET_AWSS_CHANNEL_SCAN_INTERVAL = 16,
    /// Gateways only.
    IOTX_IOCTL_SET_PROXY_REGISTER = 17,
    /// Device model only.
    IOTX_IOCTL_QUERY_DEVID = 18,
    /// Device model only.
    IOTX_IOCTL_SUB_USER_TOPIC = 19,
    /// `const char *`: product key, at most IOTX_PRODUCT_KEY_LEN bytes and a terminator.
    IOTX_IOCTL_SET_PRODUCT_KEY = 20,
    /// `char *`: receives the product key.
    IOTX_IOCTL_GET_PRODUCT_KEY = 21,
    /// `const char *`: product secret, at most IOTX_PRODUCT_SECRET_LEN bytes and a terminator.
    IOTX_IOCTL_SET_PRODUCT_SECRET = 22,
    /// `char *`: receives the product secret.
    IOTX_IOCTL_GET_PRODUCT_SECRET = 23,
    /// `const char *`: device name, at most IOTX_DEVICE_NAME_LEN bytes and a terminator.
    IOTX_IOCTL_SET_DEVICE_NAME = 24,
    /// `char *`: receives the device name.
    IOTX_IOCTL_GET_DEVICE_NAME = 25,
    /// `const char *`: device secret, at most IOTX_DEVICE_SECRET_LEN bytes and a terminator.
    IOTX_IOCTL_SET_DEVICE_SECRET = 26,
    /// `char *`: receives the device secret.
    IOTX_IOCTL_GET_DEVICE_SECRET = 27,
    /// `const char *`: module identifier, at most IOTX_MODULE_LEN bytes and a terminator.
    IOTX_IOCTL_SET_MODULE = 28,
    /// `char *`: receives the module identifier.
    IOTX_IOCTL_GET_MODULE = 29,
}

/// The name that IOTX_IOCTL_SET_REGION had in SDK 2.21.
pub const IOTX_IOCTL_SET_DOMAIN: iotx_ioctl_option_t = iotx_ioctl_option_t::IOTX_IOCTL_SET_REGION;
/// The name that IOTX_IOCTL_GET_REGION had in SDK 2.21.
pub const IOTX_IOCTL_GET_DOMAIN: iotx_ioctl_option_t = iotx_ioctl_option_t::IOTX_IOCTL_GET_REGION;

/// An iotx_content_type_t as C stores it: any `int`.
pub type iotx_content_type_int = c_int;
/// An iotx_msg_type_t as C stores it: any `int`.
pub type iotx_msg_type_int = c_int;
/// An iotx_coap_event_t as C stores it: any `int`.
pub type iotx_coap_event_int = c_int;
/// An iotx_coap_resp_code_t as C stores it: any `int`, here 0 to 255.
pub type iotx_coap_resp_code_int = c_int;
/// An IOT_LogLevel as C stores it: any `int`.
pub type IOT_LogLevel_int = c_int;

/// One CoAP client: what IOT_CoAP_Init returns and IOT_CoAP_Deinit releases. Opaque to the
/// application.
pub type iotx_coap_context_t = c_void;

/// Identity of the device. Every member is a NUL-terminated string.
///
/// One struct serves the three names that the SDK used for it. The library reads the first four
/// members only, the whole struct of SDK 2.01.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_device_info_t {
    /// Product key, as issued by the cloud.
    pub product_key: [c_char; PRODUCT_KEY_SIZE],
    /// Device name, unique within the product.
    pub device_name: [c_char; DEVICE_NAME_SIZE],
    /// Client id that the device chooses for itself, by custom "product_key.device_name".
    pub device_id: [c_char; DEVICE_ID_SIZE],
    /// Device secret: it signs the authentication and never leaves the device.
    pub device_secret: [c_char; DEVICE_SECRET_SIZE],
}

/// The name in SDK 2.00 to 3.01.
pub type iotx_deviceinfo_t = iotx_device_info_t;
/// The name in SDK 3.10 and 3.2.0.
pub type iotx_coap_device_info_t = iotx_device_info_t;

/// Event callback of iotx_coap_config_t: the client, an iotx_coap_event_t, and what it is about. Called only
/// for programs that ask for it: see iotx_coap_failure_t in iotx_coap_ext.h.
pub type iotx_event_handle_t = Option<
    unsafe extern "C" fn(context: *mut c_void, event: iotx_coap_event_int, p_data: *mut c_void),
>;

/// Called with the answer to a message.
///
/// `p_arg` is the `user_data` of that message. `p_message` is the answer: hand it to
/// IOT_CoAP_GetMessageCode and IOT_CoAP_GetMessagePayload. It ends with the callback, and so does
/// the payload.
///
/// The callback runs on the thread that is in IOT_CoAP_Yield or IOT_CoAP_DeviceNameAuth. It may call every
/// function of this library, IOT_CoAP_Deinit included. It must return: a C++ exception or a pthread_exit
/// that leaves it ends the program, and after a longjmp the client cannot be used any more.
pub type iotx_response_callback_t =
    Option<unsafe extern "C" fn(p_arg: *mut c_void, p_message: *mut c_void)>;

/// What IOT_CoAP_Init needs. The caller keeps it; nothing of it is used after Init has returned.
///
/// Set the whole struct to zero before filling it in.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_coap_config_t {
    /// Server, as "scheme://host:port" with the scheme coap, coaps or coap-psk. NULL selects the
    /// cloud's default server for the product key.
    pub p_url: *mut c_char,
    /// How long one IOT_CoAP_Yield waits for messages, in milliseconds. 0 and negative values select 2000;
    /// values above 60000 count as 60000.
    pub wait_time_ms: c_int,
    /// Identity of the device, copied by Init. Must not be NULL.
    pub p_devinfo: *mut iotx_device_info_t,
    /// Called with events, for clients made by iotx_coap_init_with with report_events set to 1
    /// (iotx_coap_ext.h). Otherwise not read: no SDK release ever called it, and firmware in the field leaves
    /// it uninitialised.
    pub event_handle: iotx_event_handle_t,
}

/// A message to be sent. The caller keeps it; payload and members are copied before
/// IOT_CoAP_SendMessage returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_message_t {
    /// The payload. May be NULL when `payload_len` is 0.
    pub p_payload: *mut c_uchar,
    /// Length of the payload in bytes.
    pub payload_len: c_ushort,
    /// Format of the payload.
    pub content_type: iotx_content_type_int,
    /// IOTX_MESSAGE_CON or IOTX_MESSAGE_NON.
    pub msg_type: iotx_msg_type_int,
    /// Handed to `resp_callback` as its first argument. The library never looks behind it, so it
    /// may stay uninitialised when the callback does not use it.
    pub user_data: *mut c_void,
    /// Called with the answer. NULL: the answer is taken and forgotten.
    pub resp_callback: iotx_response_callback_t,
}

/// Identity kept by the library for IOT_Ioctl, IOTX_IOCTL_SET_PRODUCT_KEY and its neighbours.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_dev_meta_info_t {
    /// Product key.
    pub product_key: [c_char; PRODUCT_KEY_SIZE],
    /// Product secret: only needed to obtain a device secret.
    pub product_secret: [c_char; PRODUCT_SECRET_SIZE],
    /// Device name.
    pub device_name: [c_char; DEVICE_NAME_SIZE],
    /// Device secret.
    pub device_secret: [c_char; DEVICE_SECRET_SIZE],
    /// Module identifier. Last member, since SDK 3.2.0.
    pub module: [c_char; MODULE_SIZE],
}

/// MQTT connection data, what IOT_SetupConnInfo can point its last argument at. A CoAP client has
/// none: port 0 and empty strings. The library owns it; it lives as long as the program.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct iotx_conn_info_t {
    /// TCP port.
    pub port: u16,
    /// 1 once the connection data are known.
    pub init: u8,
    /// Host.
    pub host_name: *mut c_char,
    /// MQTT client id.
    pub client_id: *mut c_char,
    /// MQTT user name.
    pub username: *mut c_char,
    /// MQTT password.
    pub password: *mut c_char,
    /// CA certificate in PEM.
    pub pub_key: *const c_char,
}

/// Layouts of SDK 2.01 to 3.2.0 as compiled by its own headers (`-m64` and `-m32`).
const _: () = {
    use std::mem::{offset_of, size_of};

    macro_rules! offsets {
        ($t:ty, $size:expr; $($field:ident $offset:expr),+ $(,)?) => {
            assert!(size_of::<$t>() == $size);
            $(assert!(offset_of!($t, $field) == $offset);)+
        };
    }

    // One column per data model: LP64 first.
    const fn by_model(lp64: usize, ilp32: usize) -> usize {
        if cfg!(target_pointer_width = "64") {
            lp64
        } else {
            ilp32
        }
    }

    offsets!(iotx_device_info_t, 184;
        product_key 0, device_name 21, device_id 54, device_secret 119);
    offsets!(iotx_coap_config_t, by_model(32, 16);
        p_url 0, wait_time_ms by_model(8, 4), p_devinfo by_model(16, 8),
        event_handle by_model(24, 12));
    offsets!(iotx_message_t, by_model(40, 24);
        p_payload 0, payload_len by_model(8, 4), content_type by_model(12, 8),
        msg_type by_model(16, 12), user_data by_model(24, 16), resp_callback by_model(32, 20));
    offsets!(iotx_dev_meta_info_t, 249;
        product_key 0, product_secret 21, device_name 86, device_secret 119, module 184);
    offsets!(iotx_conn_info_t, by_model(48, 24);
        port 0, init 2, host_name by_model(8, 4), client_id by_model(16, 8),
        username by_model(24, 12), password by_model(32, 16), pub_key by_model(40, 20));

    // `…_int` stands for the enum in the ABI only if both have the same size.
    assert!(size_of::<iotx_ret_code_t>() == size_of::<c_int>());
    assert!(size_of::<iotx_content_type_t>() == size_of::<iotx_content_type_int>());
    assert!(size_of::<iotx_msg_type_t>() == size_of::<iotx_msg_type_int>());
    assert!(size_of::<iotx_coap_event_t>() == size_of::<iotx_coap_event_int>());
    assert!(size_of::<iotx_coap_resp_code_t>() == size_of::<iotx_coap_resp_code_int>());
    assert!(size_of::<IOT_LogLevel>() == size_of::<IOT_LogLevel_int>());
};
