//! DTLS sessions over `HAL_DTLSSession_*`.

use std::ffi::{CStr, c_uint, c_void};
use std::fmt;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::time::Duration;

use zeroize::Zeroizing;

use super::dtls_offer::{Announced, NOT_RENEWED, RENEWED, SessionExtras, announce};
use super::{CloseReason, ConnectError, Received, SendError, buffer_len, sys, with_wait};

/// The path MTU that handshakes fit unless told otherwise, IP and UDP headers included: what IPv6
/// carries everywhere (RFC 8200 5).
pub const DEFAULT_PATH_MTU: u16 = 1280;

/// How long a handshake may take altogether unless told otherwise.
pub const DEFAULT_HANDSHAKE_BOUND: Duration = Duration::from_secs(30);

/// After how long a flight is sent again at first unless told otherwise (RFC 6347 4.2.4.1). On slow
/// links RFC 7925 11 recommends 9 s.
pub const DEFAULT_FLIGHT_TIMEOUT: Duration = Duration::from_secs(1);

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
///
/// Only the first three fields fit through the C seam; the others are known to the default port only:
/// see `dtls_offer`. Not to be printed: what a session is resumed from holds its master secret.
#[derive(Clone)]
pub struct DtlsOptions<'a> {
    /// Host name or address. The server's certificate must carry it.
    pub host: &'a CStr,
    /// UDP port.
    pub port: u16,
    /// Root certificates to trust, one or more in PEM.
    pub ca_pem: &'a CStr,
    /// The pre-shared key, if the device has one.
    pub psk: Option<PskCredentials>,
    /// Which proof of identity to use.
    pub offer: Offer,
    /// What [`DtlsSession::resumable`] gave for an earlier session to the same server. What cannot be
    /// used leads to a full handshake.
    pub resume: Option<&'a [u8]>,
    /// The path MTU, IP and UDP headers included, that handshake datagrams fit.
    pub path_mtu: u16,
    /// How long a handshake may take altogether.
    pub handshake_bound: Duration,
    /// After how long without an answer a flight is sent again at first; doubled each time.
    pub flight_timeout: Duration,
}

impl<'a> DtlsOptions<'a> {
    /// Certificates only, a full handshake, the default limits.
    #[must_use]
    pub fn new(host: &'a CStr, port: u16, ca_pem: &'a CStr) -> Self {
        Self {
            host,
            port,
            ca_pem,
            psk: None,
            offer: Offer::default(),
            resume: None,
            path_mtu: DEFAULT_PATH_MTU,
            handshake_bound: DEFAULT_HANDSHAKE_BOUND,
            flight_timeout: DEFAULT_FLIGHT_TIMEOUT,
        }
    }
}

/// What [`DtlsSession::receive`] came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// What any transport can come back with.
    Network(Received),
    /// A renewal has succeeded: the new session carries everything from now on.
    Renewed,
    /// A renewal has failed; a session that was alive goes on.
    NotRenewed,
}

/// An established DTLS session. Closed (with close_notify) and freed on drop.
#[derive(Debug)]
pub struct DtlsSession {
    context: NonNull<c_void>,
    /// What the default port can do beyond the seam; a firmware's own port has none.
    extras: Option<&'static dyn SessionExtras>,
}

// SAFETY: port promise 2: a session is not bound to the thread that made it.
unsafe impl Send for DtlsSession {}
// SAFETY: port promise 3: one thread may send while another one receives. The default port locks
// for itself; callers that must work with any port take turns.
unsafe impl Sync for DtlsSession {}

impl DtlsSession {
    /// Connects and does the whole handshake. Blocks; the default port keeps the bound.
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
        let announced = announce(Announced {
            offer: options.offer,
            psk: options.psk,
            resume: options.resume.map(|bytes| Zeroizing::new(bytes.to_vec())),
            path_mtu: options.path_mtu,
            handshake_bound: options.handshake_bound,
            flight_timeout: options.flight_timeout,
        });
        // SAFETY: `raw` and the NUL-terminated texts it points to are writable and outlive the
        // call; port promises 1, 2.
        let context = unsafe { sys::HAL_DTLSSession_create(&raw mut raw) };
        let context = NonNull::new(context).ok_or(ConnectError)?;
        Ok(Self {
            context,
            extras: announced.extras(context),
        })
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
    /// firmware's own it is a wait of 1 ms, since the seam's 0 would wait for ever. While a renewal is under way,
    /// this drives it.
    #[must_use]
    pub fn receive(&self, buffer: &mut [u8], timeout_ms: u32) -> Arrival {
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
        match (code, self.extras) {
            (RENEWED, Some(_)) => Arrival::Renewed,
            (NOT_RENEWED, Some(_)) => Arrival::NotRenewed,
            _ => Arrival::Network(read_result(code, length, buffer.len())),
        }
    }

    /// Begins a handshake for a new session with the same server, resuming this one if it can be, and
    /// returns at once. This session goes on until [`Self::receive`] reports the end of the
    /// handshake. `false` when the port cannot do that.
    #[must_use]
    pub fn renew(&self) -> bool {
        // SAFETY: the extras came with this context, which is alive until drop.
        self.extras
            .is_some_and(|extras| unsafe { extras.renew(self.context) })
    }

    /// Gives up a renewal under way.
    pub fn cancel_renewal(&self) {
        if let Some(extras) = self.extras {
            // SAFETY: the extras came with this context, which is alive until drop.
            unsafe { extras.cancel_renewal(self.context) };
        }
    }

    /// How long until [`Self::receive`] has something to do by itself.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        // SAFETY: the extras came with this context, which is alive until drop.
        unsafe { self.extras?.next_timeout(self.context) }
    }

    /// What [`DtlsOptions::resume`] takes. Secret: it holds the master secret.
    #[must_use]
    pub fn resumable(&self) -> Option<Zeroizing<Vec<u8>>> {
        // SAFETY: the extras came with this context, which is alive until drop.
        unsafe { self.extras?.resumable(self.context) }
    }

    /// A descriptor that becomes readable when there is something to receive; the same as long as the
    /// session.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        // SAFETY: the extras came with this context, which is alive until drop.
        unsafe { self.extras?.descriptor(self.context) }
    }

    /// The longest datagram to [`send`](Self::send) that fits the path MTU as a record. A longer one
    /// is sent all the same, and may travel as IP fragments: DTLS cannot cut it.
    #[must_use]
    pub fn largest_datagram(&self) -> Option<usize> {
        // SAFETY: the extras came with this context, which is alive until drop.
        unsafe { self.extras?.largest_datagram(self.context) }
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
