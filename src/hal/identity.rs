//! The device's identity over `HAL_Set*` and `HAL_Get*`.

use std::ffi::{CStr, c_char, c_int};

use zeroize::Zeroizing;

use super::sys;

/// Longest product key, in characters.
pub const PRODUCT_KEY_LEN: usize = 20;
/// Longest device name.
pub const DEVICE_NAME_LEN: usize = 32;
/// Longest device secret and product secret.
pub const SECRET_LEN: usize = 64;
/// Longest device id.
pub const DEVICE_ID_LEN: usize = 64;
/// Longest partner id, module id and firmware version.
pub const VENDOR_TEXT_LEN: usize = 64;

/// Room given to a getter. Ports write the longest text and a NUL, and some clear more than that;
/// none was seen to go beyond twice the longest text.
const ROOM: usize = 256;

/// The port refused a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected;

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the platform refused the value")
    }
}

impl std::error::Error for Rejected {}

/// Stores the product key with the platform.
///
/// # Errors
/// [`Rejected`] when the port returns a negative value.
pub fn set_product_key(value: &CStr) -> Result<(), Rejected> {
    set(sys::HAL_SetProductKey, value)
}

/// Stores the product secret with the platform.
///
/// # Errors
/// [`Rejected`] when the port returns a negative value.
pub fn set_product_secret(value: &CStr) -> Result<(), Rejected> {
    set(sys::HAL_SetProductSecret, value)
}

/// Stores the device name with the platform.
///
/// # Errors
/// [`Rejected`] when the port returns a negative value.
pub fn set_device_name(value: &CStr) -> Result<(), Rejected> {
    set(sys::HAL_SetDeviceName, value)
}

/// Stores the device secret with the platform.
///
/// # Errors
/// [`Rejected`] when the port returns a negative value.
pub fn set_device_secret(value: &CStr) -> Result<(), Rejected> {
    set(sys::HAL_SetDeviceSecret, value)
}

/// The product key; `None` when the platform has none.
#[must_use]
pub fn product_key() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetProductKey, PRODUCT_KEY_LEN, Answer::Length)
}

/// The product secret; `None` when the platform has none.
#[must_use]
pub fn product_secret() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetProductSecret, SECRET_LEN, Answer::Length)
}

/// The device name; `None` when the platform has none.
#[must_use]
pub fn device_name() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetDeviceName, DEVICE_NAME_LEN, Answer::Length)
}

/// The device secret; `None` when the platform has none.
#[must_use]
pub fn device_secret() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetDeviceSecret, SECRET_LEN, Answer::Length)
}

/// The device id, usually "{product key}.{device name}"; `None` when the platform has none.
#[must_use]
pub fn device_id() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetDeviceID, DEVICE_ID_LEN, Answer::Length)
}

/// The partner id; `None` when the platform has none.
#[must_use]
pub fn partner_id() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetPartnerID, VENDOR_TEXT_LEN, Answer::ZeroOrNot)
}

/// The module id; `None` when the platform has none.
#[must_use]
pub fn module_id() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetModuleID, VENDOR_TEXT_LEN, Answer::Length)
}

/// The firmware's version; `None` when the platform has none.
#[must_use]
pub fn firmware_version() -> Option<Zeroizing<String>> {
    get(sys::HAL_GetFirmwareVersion, VENDOR_TEXT_LEN, Answer::Length)
}

type Setter = unsafe extern "C" fn(*mut c_char) -> c_int;
type Getter = unsafe extern "C" fn(*mut c_char) -> c_int;

/// How far a getter's return value can be believed.
#[derive(Clone, Copy)]
enum Answer {
    /// A length, or a negative error.
    Length,
    /// Zero for "none"; anything else may be half a pointer (`char *` in 2.01 ports).
    ZeroOrNot,
}

fn set(setter: Setter, value: &CStr) -> Result<(), Rejected> {
    // The prototype says `char *`: a port may legally write there, so it gets a copy, which is
    // wiped.
    let mut value = Zeroizing::new(value.to_bytes_with_nul().to_vec());
    // SAFETY: `value` is NUL-terminated, writable and outlives the call; port promises 1 and 2.
    let answer = unsafe { setter(value.as_mut_ptr().cast()) };
    if answer < 0 { Err(Rejected) } else { Ok(()) }
}

fn get(getter: Getter, longest: usize, answer: Answer) -> Option<Zeroizing<String>> {
    let mut buffer = Zeroizing::new([0u8; ROOM]);
    // SAFETY: `buffer` is several times the documented bound and outlives the call; port promises 1
    // and 2.
    let returned = unsafe { getter(buffer.as_mut_ptr().cast()) };
    let failed = match answer {
        Answer::Length => returned <= 0,
        Answer::ZeroOrNot => returned == 0,
    };
    if failed {
        None
    } else {
        text(&*buffer, longest)
    }
}

/// The text in `buffer` up to its NUL, at most `longest` bytes. `None` when empty or not UTF-8.
fn text(buffer: &[u8], longest: usize) -> Option<Zeroizing<String>> {
    let bounded = &buffer[..longest.min(buffer.len())];
    let end = bounded
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bounded.len());
    let text = std::str::from_utf8(&bounded[..end])
        .ok()
        .filter(|text| !text.is_empty())?;
    Some(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_its_nul() {
        assert_eq!(*text(b"abc\0def\0", 20).expect("text"), "abc");
    }

    #[test]
    fn unterminated_text_is_cut_at_its_documented_bound() {
        let full = [b'x'; ROOM];
        assert_eq!(
            text(&full, PRODUCT_KEY_LEN).expect("text").len(),
            PRODUCT_KEY_LEN
        );
    }

    #[test]
    fn empty_or_broken_text_is_no_identity() {
        assert!(text(&[0; 8], 8).is_none());
        assert!(text(&[], 8).is_none());
        assert!(text(&[0xff, 0xfe, 0], 8).is_none());
    }

    extern "C" fn fails(_: *mut c_char) -> c_int {
        -1
    }

    extern "C" fn writes_but_returns_nothing(out: *mut c_char) -> c_int {
        // SAFETY: the caller under test gives a buffer of ROOM bytes.
        unsafe { out.write(b'x' as c_char) };
        0
    }

    extern "C" fn returns_half_a_pointer(out: *mut c_char) -> c_int {
        // SAFETY: the caller under test gives a buffer of ROOM bytes.
        unsafe { out.write(b'p' as c_char) };
        c_int::MIN + 0x1230
    }

    extern "C" fn fills_bound_and_terminator(out: *mut c_char) -> c_int {
        // SAFETY: the caller under test gives a buffer of ROOM bytes, more than SECRET_LEN + 1.
        unsafe {
            out.write_bytes(b's', SECRET_LEN);
            out.add(SECRET_LEN).write(0);
        }
        64
    }

    #[test]
    fn getters_are_believed_as_far_as_their_releases_agree() {
        assert!(get(fails, 8, Answer::Length).is_none());
        assert!(get(writes_but_returns_nothing, 8, Answer::Length).is_none());
        assert!(get(writes_but_returns_nothing, 8, Answer::ZeroOrNot).is_none());
        assert!(get(returns_half_a_pointer, 8, Answer::Length).is_none());
        assert_eq!(
            *get(returns_half_a_pointer, 8, Answer::ZeroOrNot).expect("id"),
            "p"
        );
        let secret = get(fills_bound_and_terminator, SECRET_LEN, Answer::Length).expect("secret");
        assert_eq!(secret.len(), SECRET_LEN);
    }

    extern "C" fn scribbles(text: *mut c_char) -> c_int {
        // SAFETY: the caller under test gives a writable copy of at least one byte.
        unsafe { text.write(b'!' as c_char) };
        0
    }

    #[test]
    fn a_setter_that_scribbles_reaches_only_a_copy() {
        let value = c"keep";
        assert_eq!(set(scribbles, value), Ok(()));
        assert_eq!(value, c"keep");
        assert_eq!(set(fails, value), Err(Rejected));
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C seam")]
    fn a_plain_linux_has_no_vendor_ids() {
        assert!(partner_id().is_none());
        assert!(module_id().is_none());
        assert!(firmware_version().is_none());
    }
}
