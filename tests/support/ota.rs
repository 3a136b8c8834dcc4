//! A C program's view of firmware updates, from Rust.

use super::device::Device;
use iotx_coap::capi::ota::types::*;
use iotx_coap::capi::*;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::time::Instant;

pub const INVALID_PARAM: c_int = -2;
pub const INVALID_STATE: c_int = -3;

pub const FETCHED_SIZE: c_int = IOT_OTA_CmdType_t::IOT_OTAG_FETCHED_SIZE as c_int;
pub const FILE_SIZE: c_int = IOT_OTA_CmdType_t::IOT_OTAG_FILE_SIZE as c_int;
pub const MD5SUM: c_int = IOT_OTA_CmdType_t::IOT_OTAG_MD5SUM as c_int;
pub const VERSION: c_int = IOT_OTA_CmdType_t::IOT_OTAG_VERSION as c_int;
pub const CHECK_FIRMWARE: c_int = IOT_OTA_CmdType_t::IOT_OTAG_CHECK_FIRMWARE as c_int;
pub const RESET: c_int = IOT_OTA_CmdType_t::IOT_OTAG_RESET_FETCHED_SIZE as c_int;

/// An OTA handle, released when it is dropped.
pub struct Ota(pub *mut c_void);

impl Ota {
    /// A handle for the test device. The names are gone when it is used.
    pub fn new(device: &Device) -> Self {
        let ota = Self(init(super::PRODUCT_KEY, super::DEVICE_NAME, device.context));
        assert!(!ota.0.is_null(), "IOT_OTA_Init failed");
        ota
    }

    pub fn report_version(&self, version: &str) -> c_int {
        let version = CString::new(version).expect("no NUL");
        // SAFETY: a live handle, a terminated text.
        unsafe { IOT_OTA_ReportVersion(self.0, version.as_ptr()) }
    }

    pub fn report_progress(&self, step: c_int, message: Option<&str>) -> c_int {
        let message = message.map(|text| CString::new(text).expect("no NUL"));
        let message = message.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        // SAFETY: a live handle, NULL or a terminated text.
        unsafe { IOT_OTA_ReportProgress(self.0, step, message) }
    }

    pub fn is_fetching(&self) -> bool {
        IOT_OTA_IsFetching(self.0) != 0
    }

    pub fn is_finished(&self) -> bool {
        IOT_OTA_IsFetchFinish(self.0) != 0
    }

    pub fn last_error(&self) -> c_int {
        IOT_OTA_GetLastError(self.0)
    }

    /// One FetchYield: the bytes, or the error.
    pub fn fetch(&self, len: usize, timeout_s: u32) -> Result<Vec<u8>, c_int> {
        let mut buffer = vec![0_u8; len];
        // SAFETY: a live handle, a buffer of that length.
        let got = unsafe {
            IOT_OTA_FetchYield(self.0, buffer.as_mut_ptr().cast(), len as u32, timeout_s)
        };
        match usize::try_from(got) {
            Ok(got) => {
                buffer.truncate(got);
                Ok(buffer)
            }
            Err(_) => Err(got),
        }
    }

    /// Fetches up to the end of the image; no call may fail.
    pub fn fetch_all(&self, piece: usize) -> Vec<u8> {
        let start = Instant::now();
        let mut image = Vec::new();
        while !self.is_finished() {
            assert!(start.elapsed() < super::PATIENCE, "the image does not end");
            let bytes = self.fetch(piece, 60).expect("bytes");
            image.extend_from_slice(&bytes);
        }
        image
    }

    pub fn number(&self, command: c_int) -> Result<u32, c_int> {
        let mut number = u32::MAX;
        // SAFETY: a live handle, an aligned number.
        let result = unsafe { IOT_OTA_Ioctl(self.0, command, (&raw mut number).cast(), 4) };
        if result == 0 { Ok(number) } else { Err(result) }
    }

    /// Begins the image anew; no buffer is needed for that.
    pub fn reset(&self) {
        // SAFETY: a live handle; nothing is stored.
        let result = unsafe { IOT_OTA_Ioctl(self.0, RESET, ptr::null_mut(), 0) };
        assert_eq!(result, 0);
    }

    pub fn text(&self, command: c_int) -> Result<String, c_int> {
        let (result, text) = self.text_in(command, 200);
        if result == 0 { Ok(text) } else { Err(result) }
    }

    /// What Ioctl returns and stores when it has so much room.
    pub fn text_in(&self, command: c_int, room: usize) -> (c_int, String) {
        let mut buffer = vec![b'?'; room + 1];
        // SAFETY: a live handle, a buffer of one byte more.
        let result = unsafe { IOT_OTA_Ioctl(self.0, command, buffer.as_mut_ptr().cast(), room) };
        assert_eq!(buffer[room], b'?', "a byte behind the buffer was written");
        let len = buffer.iter().position(|byte| *byte == 0).unwrap_or(0);
        let text = String::from_utf8(buffer[..len].to_vec()).expect("UTF-8");
        (result, text)
    }

    /// Reports the version and waits until an image is ordered.
    pub fn await_order(&self, device: &Device) {
        let start = Instant::now();
        while !self.is_fetching() {
            assert!(start.elapsed() < super::PATIENCE, "no order");
            assert_eq!(self.report_version("1.0"), 0);
            assert_eq!(device.run(), 0);
        }
    }
}

impl Drop for Ota {
    fn drop(&mut self) {
        assert_eq!(IOT_OTA_Deinit(self.0), 0);
    }
}

/// IOT_OTA_Init with names that are overwritten afterwards.
pub fn init(product_key: &str, device_name: &str, context: *mut c_void) -> *mut c_void {
    let text = |text: &str| -> Vec<c_char> {
        let bytes = text.bytes().chain([0]);
        bytes.map(|byte| byte as c_char).collect()
    };
    let (mut pk, mut dn) = (text(product_key), text(device_name));
    // SAFETY: terminated texts, a live client or NULL.
    let handle = unsafe { IOT_OTA_Init(pk.as_ptr(), dn.as_ptr(), context) };
    pk.fill(1);
    dn.fill(1);
    handle
}

/// An order as the cloud writes it.
pub fn order(url: &str, image: &[u8]) -> String {
    let md5 = openssl::hash::hash(openssl::hash::MessageDigest::md5(), image).expect("MD5");
    let md5: String = md5.iter().map(|byte| format!("{byte:02x}")).collect();
    let size = image.len();
    format!(
        r#"{{"message":"success","data":{{"version":"1.1","url":"{url}","md5":"{md5}","size":{size}}}}}"#
    )
}
