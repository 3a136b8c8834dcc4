//! A C program's view of the library, from Rust: the exported functions behind a small wrapper.

use iotx_coap::capi::types::*;
use iotx_coap::capi::*;
use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::time::Instant;

/// One answer as a callback saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub code: u8,
    pub payload: Vec<u8>,
    pub token: u32,
}

/// A client with the test device's identity.
pub struct Device {
    pub context: *mut iotx_coap_context_t,
    answers: Box<RefCell<Vec<Answer>>>,
}

/// The test device's info.
pub fn info() -> iotx_device_info_t {
    info_of(super::PRODUCT_KEY, super::DEVICE_NAME, super::DEVICE_SECRET)
}

pub fn info_of(product_key: &str, device_name: &str, device_secret: &str) -> iotx_device_info_t {
    let mut info = iotx_device_info_t {
        product_key: [0; 21],
        device_name: [0; 33],
        device_id: [0; 65],
        device_secret: [0; 65],
    };
    let fill = |member: &mut [c_char], text: &str| {
        for (to, from) in member.iter_mut().zip(text.bytes()) {
            *to = from as c_char;
        }
    };
    fill(&mut info.product_key, product_key);
    fill(&mut info.device_name, device_name);
    fill(&mut info.device_id, &format!("{product_key}.{device_name}"));
    fill(&mut info.device_secret, device_secret);
    info
}

/// IOT_CoAP_Init with this URL; NULL for `None`.
pub fn init(url: Option<&str>) -> *mut iotx_coap_context_t {
    init_with(url, &mut info(), 2000)
}

pub fn init_with(
    url: Option<&str>,
    info: &mut iotx_device_info_t,
    wait_time_ms: c_int,
) -> *mut iotx_coap_context_t {
    let url = url.map(|url| CString::new(url).expect("no NUL in the URL"));
    let mut config = config(url.as_ref(), info, wait_time_ms);
    // SAFETY: a configuration whose strings live until the call returns.
    unsafe { IOT_CoAP_Init(&raw mut config) }
}

pub fn config(
    url: Option<&CString>,
    info: &mut iotx_device_info_t,
    wait_time_ms: c_int,
) -> iotx_coap_config_t {
    iotx_coap_config_t {
        p_url: url.map_or(ptr::null_mut(), |url| url.as_ptr().cast_mut()),
        wait_time_ms,
        p_devinfo: info,
        event_handle: None,
    }
}

/// A message with no callback.
pub fn message(payload: &[u8]) -> iotx_message_t {
    iotx_message_t {
        p_payload: payload.as_ptr().cast_mut(),
        payload_len: payload.len() as u16,
        content_type: 0,
        msg_type: 0,
        user_data: ptr::null_mut(),
        resp_callback: None,
    }
}

/// Stores the answer in the `RefCell<Vec<Answer>>` that `user_data` points to.
pub unsafe extern "C" fn store_answer(user_data: *mut c_void, message: *mut c_void) {
    let (mut code, mut payload, mut len, mut token) = (0, ptr::null_mut(), 0, 0);
    // SAFETY: called by the library with the pointer given to SendMessage and a live message.
    unsafe {
        assert_eq!(IOT_CoAP_GetMessageCode(message, &raw mut code), 0);
        assert_eq!(
            IOT_CoAP_GetMessagePayload(message, &raw mut payload, &raw mut len),
            0
        );
        assert_eq!(IOT_CoAP_GetMessageToken(message, &raw mut token), 0);
        let payload = if payload.is_null() {
            assert_eq!(len, 0);
            Vec::new()
        } else {
            assert_eq!(
                *payload.add(len as usize),
                0,
                "a NUL stands behind the payload"
            );
            std::slice::from_raw_parts(payload, len as usize).to_vec()
        };
        let answers = &*user_data.cast::<RefCell<Vec<Answer>>>();
        answers.borrow_mut().push(Answer {
            code: code as u8,
            payload,
            token,
        });
    }
}

impl Device {
    /// Initialises a client; it must succeed.
    pub fn connect(url: &str) -> Self {
        let context = init(Some(url));
        assert!(!context.is_null(), "IOT_CoAP_Init failed for {url}");
        Self::from_context(context)
    }

    /// The same, with settings changed.
    pub fn connect_with(url: &str, change: impl FnOnce(&mut iotx_coap_settings_t)) -> Self {
        let url = CString::new(url).expect("no NUL in the URL");
        let mut info = info();
        let mut config = config(Some(&url), &mut info, 2000);
        let mut settings = iotx_coap_settings_t::default();
        // SAFETY: whole structs that live until the calls return.
        let context = unsafe {
            iotx_coap_settings_init(&raw mut settings, size_of::<iotx_coap_settings_t>());
            change(&mut settings);
            iotx_coap_init_with(&raw mut config, &raw const settings)
        };
        assert!(!context.is_null(), "iotx_coap_init_with failed");
        Self::from_context(context)
    }

    pub fn from_context(context: *mut iotx_coap_context_t) -> Self {
        Self {
            context,
            answers: Box::default(),
        }
    }

    pub fn authenticate(&self) -> c_int {
        // SAFETY: a live context.
        unsafe { IOT_CoAP_DeviceNameAuth(self.context) }
    }

    /// Sends; the answer will be in [`answers`](Self::answers).
    pub fn send(&self, path: &str, payload: &[u8]) -> c_int {
        self.send_message(path, message(payload))
    }

    pub fn send_non(&self, path: &str, payload: &[u8]) -> c_int {
        self.send_message(
            path,
            iotx_message_t {
                msg_type: 1,
                ..message(payload)
            },
        )
    }

    pub fn send_message(&self, path: &str, mut message: iotx_message_t) -> c_int {
        let path = CString::new(path).expect("no NUL in the path");
        message.user_data = (&raw const *self.answers).cast_mut().cast();
        message.resp_callback = Some(store_answer);
        // SAFETY: a live context, a terminated path, and a message whose payload lives on.
        unsafe { IOT_CoAP_SendMessage(self.context, path.as_ptr().cast_mut(), &raw mut message) }
    }

    pub fn run(&self) -> c_int {
        // SAFETY: a live context.
        unsafe { IOT_CoAP_Yield(self.context) }
    }

    pub fn answers(&self) -> Vec<Answer> {
        self.answers.borrow().clone()
    }

    /// Yields until `count` answers have come.
    pub fn wait_for_answers(&self, count: usize) -> Vec<Answer> {
        let start = Instant::now();
        while self.answers.borrow().len() < count {
            assert!(
                start.elapsed() < super::PATIENCE,
                "no answer: {:?}",
                self.answers()
            );
            assert_eq!(self.run(), 0);
        }
        self.answers()
    }

    /// Sends and waits for the answer.
    pub fn post(&self, path: &str, payload: &[u8]) -> Answer {
        let before = self.answers.borrow().len();
        assert_eq!(self.send(path, payload), 0);
        self.wait_for_answers(before + 1).pop().expect("an answer")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: a live context or NULL.
        unsafe { IOT_CoAP_Deinit(&raw mut self.context) };
        assert!(self.context.is_null());
    }
}

/// The topic the test device may publish to.
pub fn topic() -> String {
    format!(
        "/topic/{}/{}/update/",
        super::PRODUCT_KEY,
        super::DEVICE_NAME
    )
}
