//! What a firmware asks of the board itself.

use std::ffi::{CStr, c_char, c_int};

use crate::hal_default::boundary::guard;

/// Longest text, without its terminator (`HAL_CID_LEN` counts it).
const LONGEST: usize = 64;

/// Boards with a device tree have their serial number here; PCs have nothing that an ordinary
/// program may read.
const SERIAL_NUMBER: &str = "/sys/firmware/devicetree/base/serial-number";

/// The printable start of what the device tree holds.
fn chip_id(property: &[u8]) -> &[u8] {
    let end = property
        .iter()
        .position(|byte| !byte.is_ascii_graphic())
        .unwrap_or(property.len());
    &property[..end.min(LONGEST)]
}

/// `HAL_GetChipID`: the length written, 0 where the board has no number; -1 for NULL.
///
/// # Safety
/// `out` is NULL or has room for 65 bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_chip_id(out: *mut c_char) -> c_int {
    guard("HAL_GetChipID", -1, || {
        if out.is_null() {
            return -1;
        }
        let property = std::fs::read(SERIAL_NUMBER).unwrap_or_default();
        let id = chip_id(&property);
        // SAFETY: at most 64 characters and the NUL, for which the caller has room.
        unsafe {
            std::ptr::copy_nonoverlapping(id.as_ptr().cast(), out, id.len());
            out.add(id.len()).write(0);
        }
        c_int::try_from(id.len()).unwrap_or(-1)
    })
}

/// Logs that a function has no default here.
///
/// # Safety
/// `function` is NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_unsupported(function: *const c_char) {
    guard("HAL", (), || {
        // SAFETY: promised by the caller.
        let function = unsafe { CStr::from_ptr(function) }.to_string_lossy();
        log::error!(
            "{function}: not available on this platform; the firmware's port must define it"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_id_is_cut_at_its_terminator_and_at_its_room() {
        assert_eq!(chip_id(b"10000000abcdef01\0"), b"10000000abcdef01");
        assert_eq!(chip_id(b""), b"");
        assert_eq!(chip_id(b"two words"), b"two");
        assert_eq!(chip_id(&[b'x'; 80]).len(), LONGEST);
    }
}
