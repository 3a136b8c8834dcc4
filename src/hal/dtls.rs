//! DTLS sessions over `HAL_DTLSSession_*`.

use std::ffi::{CStr, c_uint, c_void};
use std::fmt;
use std::os::fd::RawFd;
use std::ptr::NonNull;

use zeroize::Zeroizing;

use super::dtls_offer::{Announced, announce};
use super::{CloseReason, ConnectError, Received, SendError, buffer_len, opened, sys, with_wait};

/// Which proof of identity a handshake may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offer {
    /// Certificates first, the pre-shared key (if there is one) last; the server chooses.
    #[default]
    Both,
    /// The server must show a certificate.
    CertificateOnly,
    /// The server must know the pre-shared key.
    PskOnly,
}

/// A pre-shared key and the identity it belongs to. The key is wiped on drop and never shown by
/// `Debug`.
#[derive(Clone)]
pub struct PskCredentials {
    identity: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl PskCredentials {
    /// Takes copies. `None` when either is empty or the identity holds a NUL, which no TLS library
    /// could pass on.
    #[must_use]
    pub fn new(identity: &[u8], key: &[u8]) -> Option<Self> {
        let usable = !identity.is_empty() && !identity.contains(&0) && !key.is_empty();
        usable.then(|| Self {
            identity: identity.to_vec(),
            key: Zeroizing::new(key.to_vec()),
        })
    }

    /// The identity, sent in clear.
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// The key: secret.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for PskCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskCredentials")
            .field("identity", &String::from_utf8_lossy(&self.identity))
            .finish_non_exhaustive()
    }
}

/// What a session needs.
#[derive(Debug, Clone)]
pub struct DtlsOptions<'a> {
    /// Host name or address. The server's certificate must carry it.
    pub host: &'a CStr,
    /// UDP port.
    pub port: u16,
    /// Root certificates to trust, one or more in PEM.
    pub ca_pem: &'a CStr,
    /// The pre-shared key, if the device has one. Known to the default port only: see `dtls_offer`.
    pub psk: Option<PskCredentials>,
    /// Which proof of identity to use.
    pub offer: Offer,
}

/// An established DTLS session. Closed (with close_notify) and freed on drop.
#[derive(Debug)]
pub struct DtlsSession {
    context: NonNull<c_void>,
    descriptor: Option<RawFd>,
}

// SAFETY: port promise 2: a session is not bound to the thread that made it.
unsafe impl Send for DtlsSession {}
// SAFETY: port promise 3: one thread may send while another one receives. The default port locks
// for itself; callers that must work with any port take turns.
unsafe impl Sync for DtlsSession {}

impl DtlsSession {
    /// Connects and does the whole handshake. Blocks: the default port bounds it to half a minute.
    ///
    /// # Errors
    /// [`ConnectError`] when the port returns no session; the default port has logged the reason in
    /// one line.
    pub fn create(options: DtlsOptions<'_>) -> Result<Self, ConnectError> {
        // The prototype's pointers are not const: a port may legally write there, so it gets
        // copies.
        let mut host = options.host.to_bytes_with_nul().to_vec();
        let mut ca_pem = options.ca_pem.to_bytes_with_nul().to_vec();
        let mut raw = sys::coap_dtls_options_t {
            p_ca_cert_pem: ca_pem.as_mut_ptr(),
            p_host: host.as_mut_ptr().cast(),
            port: options.port,
        };
        let _announced = announce(Announced {
            offer: options.offer,
            psk: options.psk,
        });
        let (context, descriptor) = opened::during(
            // SAFETY: `raw` and the NUL-terminated texts it points to are writable and outlive the
            // call; port promises 1, 2.
            || unsafe { sys::HAL_DTLSSession_create(&raw mut raw) },
            |context| context.addr(),
        );
        NonNull::new(context)
            .map(|context| Self {
                context,
                descriptor,
            })
            .ok_or(ConnectError)
    }

    /// The descriptor that becomes readable when there is something to receive, if the default port made the
    /// session; valid as long as the session.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        self.descriptor
    }

    /// Sends one datagram as one record.
    ///
    /// # Errors
    /// [`SendError`] for every code but SUCCESS, and when the port says it took only part of the
    /// datagram.
    pub fn send(&self, datagram: &[u8]) -> Result<(), SendError> {
        let mut length = c_uint::try_from(datagram.len()).map_err(|_| SendError::TooLong)?;
        // SAFETY: pointer and length describe `datagram`; the session is alive until drop; port
        // promises 1 and 2.
        let code = unsafe {
            sys::HAL_DTLSSession_write(self.context.as_ptr(), datagram.as_ptr(), &raw mut length)
        };
        sent_result(code, length, datagram.len())
    }

    /// Waits up to `timeout_ms` for one datagram. 0 takes what is there already, on the default port; on a
    /// firmware's own it is a wait of 1 ms, since the seam's 0 would wait for ever.
    #[must_use]
    pub fn receive(&self, buffer: &mut [u8], timeout_ms: u32) -> Received {
        let mut length = buffer_len(buffer);
        let code = with_wait(timeout_ms, |wait| {
            // SAFETY: pointer and length describe `buffer`; the session is alive until drop; port
            // promises 1 and 2.
            unsafe {
                sys::HAL_DTLSSession_read(
                    self.context.as_ptr(),
                    buffer.as_mut_ptr(),
                    &raw mut length,
                    wait,
                )
            }
        });
        read_result(code, length, buffer.len())
    }
}

impl Drop for DtlsSession {
    fn drop(&mut self) {
        // SAFETY: the context came from HAL_DTLSSession_create and is freed once; port promise 2.
        let code = unsafe { sys::HAL_DTLSSession_free(self.context.as_ptr()) };
        if code != sys::DTLS_SUCCESS {
            log::warn!("closing the DTLS session failed: the transport returned {code:#x}");
        }
    }
}

fn sent_result(code: c_uint, taken: c_uint, wanted: usize) -> Result<(), SendError> {
    if code != sys::DTLS_SUCCESS {
        return Err(SendError::Refused(code.into()));
    }
    match usize::try_from(taken) {
        Ok(sent) if sent < wanted => Err(SendError::Short { sent, wanted }),
        _ => Ok(()),
    }
}

fn read_result(code: c_uint, length: c_uint, capacity: usize) -> Received {
    match code {
        sys::DTLS_SUCCESS if length == 0 => Received::Timeout,
        sys::DTLS_SUCCESS => match usize::try_from(length) {
            Ok(length) if length <= capacity => Received::Datagram(length),
            _ => {
                log::error!("the DTLS port claims {length} bytes in a buffer of {capacity}");
                Received::Failed
            }
        },
        sys::DTLS_FATAL_ALERT_MESSAGE => Received::Closed(CloseReason::FatalAlert),
        sys::DTLS_PEER_CLOSE_NOTIFY => Received::Closed(CloseReason::CloseNotify),
        _ => Received::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_codes_keep_their_documented_meaning() {
        assert_eq!(read_result(0, 0, 8), Received::Timeout);
        assert_eq!(read_result(0, 8, 8), Received::Datagram(8));
        assert_eq!(
            read_result((1 << 24) | 5, 0, 8),
            Received::Closed(CloseReason::FatalAlert)
        );
        assert_eq!(
            read_result((1 << 24) | 6, 0, 8),
            Received::Closed(CloseReason::CloseNotify)
        );
        for other in [1, 2, 3, 4, 7, 8] {
            assert_eq!(read_result((1 << 24) | other, 0, 8), Received::Failed);
        }
        assert_eq!(read_result(u32::MAX, 4, 8), Received::Failed);
    }

    #[test]
    fn a_port_that_claims_more_than_the_buffer_holds_has_failed() {
        assert_eq!(read_result(0, 9, 8), Received::Failed);
        assert_eq!(read_result(0, c_uint::MAX, 8), Received::Failed);
    }

    #[test]
    fn every_code_but_success_is_a_failed_send() {
        assert_eq!(sent_result(0, 4, 4), Ok(()));
        assert_eq!(
            sent_result((1 << 24) | 3, 4, 4),
            Err(SendError::Refused((1 << 24) | 3))
        );
        assert_eq!(
            sent_result(u32::MAX, 4, 4),
            Err(SendError::Refused(u32::MAX.into()))
        );
        assert_eq!(
            sent_result(0, 3, 4),
            Err(SendError::Short { sent: 3, wanted: 4 })
        );
    }

    #[test]
    fn a_key_is_not_shown() {
        let psk = PskCredentials::new(b"devicename|x", b"TOPSECRET").expect("usable");
        let shown = format!("{psk:?}");
        assert!(shown.contains("devicename|x"), "{shown}");
        assert!(!shown.contains("TOPSECRET"), "{shown}");
        assert!(!shown.contains("84, 79, 80"), "{shown}");
    }

    #[test]
    fn unusable_credentials_are_refused() {
        assert!(PskCredentials::new(b"", b"key").is_none());
        assert!(PskCredentials::new(b"id", b"").is_none());
        assert!(PskCredentials::new(b"i\0d", b"key").is_none());
    }
}
