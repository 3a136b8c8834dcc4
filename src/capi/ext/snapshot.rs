//! A client's session across a loss of power.

use super::choices;
use super::settings::iotx_coap_settings_t;
use crate::capi::client::{self, Saved, refuse_null};
use crate::capi::context::Context;
use crate::capi::types::{iotx_coap_config_t, iotx_coap_context_t, iotx_ret_code_t};
use std::ffi::{c_int, c_longlong};
use std::ptr;
use std::time::Duration;

/// Copies out what a device must keep to go on with this session after a loss of power: the DTLS session, the
/// token with what is left of its time, and which message ids and sequence numbers have been used up. One wake is
/// then iotx_coap_init_restored, one report and its answer, iotx_coap_save and IOT_CoAP_Deinit.
///
/// Save as the last thing before IOT_CoAP_Deinit, when no answer is awaited any more: reports that are still under
/// way are not among what is kept, and what is sent afterwards makes the bytes stale. Use the bytes of one save
/// once.
///
/// The bytes are secret: who can read them can speak for the device until the token is too old, and read what its DTLS
/// session carries. And they are trusted: who can change them can make the next session theirs. Where others may
/// reach the storage, encrypt and authenticate them. A checksum finds accidental damage only.
///
/// From any thread.
///
/// @param p_context  the client
/// @param p_buffer   receives the bytes; NULL asks for their number only
/// @param p_len      in: size of the buffer, ignored when it is NULL; out: number of bytes. Less than 4096 with
///                   the servers seen so far; ask, or give more
///
/// @retval IOTX_SUCCESS             done
/// @retval IOTX_ERR_BUFF_TOO_SHORT  `*p_len` was too small and is the number needed now; nothing was copied.
///                                  Also for a session that cannot be saved, with 0 in `*p_len`
/// @retval IOTX_ERR_INVALID_PARAM   `p_len` is NULL, or `p_context` is NULL or no client's (any more)
///
/// # Safety
///
/// `p_context` may be any pointer. `p_len` is NULL or valid; `p_buffer` is NULL or has `*p_len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_save(
    p_context: *mut iotx_coap_context_t,
    p_buffer: *mut u8,
    p_len: *mut usize,
) -> c_int {
    boundary!(on_panic => iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int, {
        if p_len.is_null() {
            log::error!("iotx_coap_save: no length (NULL)");
            return iotx_ret_code_t::IOTX_ERR_INVALID_PARAM as c_int;
        }
        let Some(context) = Context::acquire(p_context) else {
            return refuse_null("iotx_coap_save");
        };
        let saved = context.client.save();
        let needed = saved.as_ref().map_or(0, |saved| saved.len());
        // SAFETY: not NULL, so it is valid, as our caller promises.
        let room = unsafe { p_len.replace(needed) };
        let Some(saved) = saved else {
            log::error!("iotx_coap_save: the session cannot be saved");
            return iotx_ret_code_t::IOTX_ERR_BUFF_TOO_SHORT as c_int;
        };
        if p_buffer.is_null() {
            return iotx_ret_code_t::IOTX_SUCCESS as c_int;
        }
        if room < needed {
            log::error!("iotx_coap_save: a buffer of {room} bytes, where {needed} are needed");
            return iotx_ret_code_t::IOTX_ERR_BUFF_TOO_SHORT as c_int;
        }
        // SAFETY: not NULL, so `room` bytes are writable, as our caller promises, and that is enough.
        unsafe { ptr::copy_nonoverlapping(saved.as_ptr(), p_buffer, needed) };
        iotx_ret_code_t::IOTX_SUCCESS as c_int
    })
}

/// iotx_coap_init_with, going on with a saved session: with coaps one abbreviated handshake, and then, while the
/// token lives, reports without IOT_CoAP_DeviceNameAuth (iotx_coap_is_authenticated tells). A server that does not know the
/// DTLS session any more leads to a full handshake. A token that the cloud does not accept any more is
/// renewed by the client itself (reauthenticate), also when `seconds_asleep` was wrong.
///
/// @param p_config        as for IOT_CoAP_Init: the same device and server as when it was saved
/// @param settings        as for iotx_coap_init_with
/// @param p_saved         what iotx_coap_save gave; not used after the call
/// @param len             its number of bytes
/// @param seconds_asleep  how long ago it was saved, as far as the device knows; negative: it does not
///
/// @return as iotx_coap_init_with; also NULL, with a log line, when the bytes are damaged, of another release, or
///         another device's or server's: then nothing has been sent, and iotx_coap_init_with and
///         IOT_CoAP_DeviceNameAuth are the way on. After another failure, such as a server that cannot be reached, the
///         bytes are as good as before
///
/// # Safety
///
/// `p_config` and `settings` as for iotx_coap_init_with; `p_saved` is NULL or has `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iotx_coap_init_restored(
    p_config: *mut iotx_coap_config_t,
    settings: *const iotx_coap_settings_t,
    p_saved: *const u8,
    len: usize,
    seconds_asleep: c_longlong,
) -> *mut iotx_coap_context_t {
    boundary!(on_panic => ptr::null_mut(), {
        if p_saved.is_null() {
            log::error!("iotx_coap_init_restored: no saved session (NULL)");
            return ptr::null_mut();
        }
        // SAFETY: not NULL, so it has that many bytes, as our caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(p_saved, len) };
        let elapsed = u64::try_from(seconds_asleep).ok().map(Duration::from_secs);
        // SAFETY: promised by our caller.
        match unsafe { choices::read(settings) } {
            // SAFETY: promised by our caller.
            Ok(choices) => unsafe {
                client::init(p_config, choices, Some(Saved { bytes, elapsed }))
            },
            Err(member) => {
                log::error!("iotx_coap_init_restored: {member} has a value it cannot have");
                ptr::null_mut()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_refused() {
        let (mut len, nothing) = (7, ptr::null_mut());
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(iotx_coap_save(nothing, ptr::null_mut(), &raw mut len), -1);
            assert_eq!(
                iotx_coap_save(nothing, ptr::null_mut(), ptr::null_mut()),
                -1
            );
            let (config, settings) = (ptr::null_mut(), ptr::null());
            assert!(iotx_coap_init_restored(config, settings, ptr::null(), 0, -1).is_null());
            let bytes = [0; 4];
            assert!(iotx_coap_init_restored(config, settings, bytes.as_ptr(), 4, -1).is_null());
        }
        assert_eq!(len, 7);
    }
}
