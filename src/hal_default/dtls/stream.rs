//! OpenSSL's object of one handshake and of the session that comes of it, with the wire it is on.
//!
//! The openssl crate's `SslStream` would do, but for three things: its verdict about a call that failed is that of the
//! thread's error queue, where the program's own use of OpenSSL may have left entries; what is on the wire it reaches by way
//! of OpenSSL; and each stream has a table of functions to itself.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use foreign_types::ForeignTypeRef;
use once_cell::sync::OnceCell;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslRef};
use openssl_sys::{BIO, BIO_METHOD};

use super::timers;
use super::wire::Wire;

/// A call of OpenSSL that gave nothing.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What it came to.
    pub(super) code: ErrorCode,
    /// What it left in the error queue, after what others had left there before.
    pub(super) stack: ErrorStack,
}

impl Trouble {
    /// Whether something has to arrive first.
    pub(super) fn wants_to_wait(&self) -> bool {
        matches!(self.code, ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stack.errors().is_empty() {
            write!(f, "OpenSSL gives up, with code {}", self.code.as_raw())
        } else {
            self.stack.fmt(f)
        }
    }
}

/// OpenSSL on a wire.
#[derive(Debug)]
pub(super) struct Stream {
    /// Goes first: it holds what points to the wire.
    ssl: Ssl,
    wire: OnHeap,
}

impl Stream {
    /// Puts OpenSSL on a wire.
    pub(super) fn new(ssl: Ssl, wire: Wire) -> Result<Self, ErrorStack> {
        let wire = OnHeap::new(wire);
        // SAFETY: the method lives as long as the process.
        let bio = unsafe { openssl_sys::BIO_new(method()?) };
        if bio.is_null() {
            return Err(ErrorStack::get());
        }
        // SAFETY: both are live; `ssl` takes the BIO over. Its functions find the wire behind it, which is freed after
        // `ssl`, and use it during calls of OpenSSL only, for which the stream is borrowed for writing.
        unsafe {
            openssl_sys::BIO_set_data(bio, wire.0.as_ptr().cast());
            openssl_sys::BIO_set_init(bio, 1);
            openssl_sys::SSL_set_bio(ssl.as_ptr(), bio, bio);
        }
        Ok(Self { ssl, wire })
    }

    pub(super) fn ssl(&self) -> &SslRef {
        &self.ssl
    }

    pub(super) fn wire(&self) -> &Wire {
        // SAFETY: alive until drop; OpenSSL does not use it now.
        unsafe { self.wire.0.as_ref() }
    }

    pub(super) fn wire_mut(&mut self) -> &mut Wire {
        // SAFETY: as for `wire`.
        unsafe { self.wire.0.as_mut() }
    }

    /// Goes on with the handshake.
    pub(super) fn connect(&mut self) -> Result<(), Trouble> {
        drop(ErrorStack::get());
        // SAFETY: the object is live and borrowed for writing.
        let result = unsafe { openssl_sys::SSL_connect(self.ssl.as_ptr()) };
        if result == 1 {
            return Ok(());
        }
        // With nobody else's entries in the queue it is as OpenSSL's manual has it.
        let code = self.code();
        let stack = ErrorStack::get();
        Err(Trouble { code, stack })
    }

    /// Opens the next record; a longer one is left to be read on.
    #[inline(always)]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let (data, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        let mut length = 0;
        // SAFETY: the object is live and borrowed for writing; pointer and length describe `buffer`.
        let result =
            unsafe { openssl_sys::SSL_read_ex(self.ssl.as_ptr(), data, room, &raw mut length) };
        if result > 0 {
            Ok(length)
        } else {
            Err(self.trouble())
        }
    }

    /// Sends one record.
    #[inline(always)]
    pub(super) fn write(&mut self, datagram: &[u8]) -> Result<(), Trouble> {
        let (data, mut written) = (datagram.as_ptr().cast(), 0);
        // SAFETY: the object is live and borrowed for writing; pointer and length describe `datagram`.
        let result = unsafe {
            openssl_sys::SSL_write_ex(self.ssl.as_ptr(), data, datagram.len(), &raw mut written)
        };
        if result > 0 {
            Ok(())
        } else {
            Err(self.trouble())
        }
    }

    /// Says goodbye.
    pub(super) fn shut_down(&mut self) -> Result<(), Trouble> {
        // SAFETY: the object is live and borrowed for writing.
        let result = unsafe { openssl_sys::SSL_shutdown(self.ssl.as_ptr()) };
        if result >= 0 {
            Ok(())
        } else {
            Err(self.trouble())
        }
    }

    /// Is freed without a goodbye, and may be resumed all the same, which OpenSSL forbids otherwise.
    pub(super) fn abandon(self) {
        const BOTH_WAYS: c_int = 1 | 2;
        // SAFETY: the object is live and ours.
        unsafe { openssl_sys::SSL_set_shutdown(self.ssl.as_ptr(), BOTH_WAYS) };
    }

    /// Sends the last flight again if it is due.
    pub(super) fn retransmit_if_due(&mut self) -> Result<(), ErrorStack> {
        timers::retransmit_if_due(&self.ssl)
    }

    /// What a call of a session that failed came to.
    ///
    /// OpenSSL's verdict is that of the error queue, if there is anything in it, whoever put it there. With an empty queue it
    /// is that of the session's state. So the queue is emptied first: here, where something failed. (To do it before
    /// each call, as OpenSSL's manual has it, would cost more than all else that we do for a record.)
    fn trouble(&self) -> Trouble {
        unsafe extern "C" {
            // <openssl/ssl.h>, OpenSSL 1.1.0 and later; not in the bindings.
            fn SSL_in_init(ssl: *const openssl_sys::SSL) -> c_int;
        }
        let stack = ErrorStack::get();
        // SAFETY: the object is live and the call only looks.
        let broken = || unsafe { SSL_in_init(self.ssl.as_ptr()) == 1 };
        let code = match self.code() {
            // A session that a fatal alert has ended looks closed too, but is also back in the state of one that
            // has yet to begin, as after any failure.
            ErrorCode::ZERO_RETURN if broken() => ErrorCode::SSL,
            code => code,
        };
        Trouble { code, stack }
    }

    /// OpenSSL's verdict about the call that has just failed.
    fn code(&self) -> ErrorCode {
        // SAFETY: the object is live and the call only looks.
        ErrorCode::from_raw(unsafe { openssl_sys::SSL_get_error(self.ssl.as_ptr(), -1) })
    }
}

/// A box whose content OpenSSL points to as well.
#[derive(Debug)]
struct OnHeap(NonNull<Wire>);

// SAFETY: it owns a wire, which may be sent and shared.
unsafe impl Send for OnHeap {}
// SAFETY: as above.
unsafe impl Sync for OnHeap {}

impl OnHeap {
    fn new(wire: Wire) -> Self {
        Self(NonNull::from(Box::leak(Box::new(wire))))
    }
}

impl Drop for OnHeap {
    fn drop(&mut self) {
        // SAFETY: made from a box, and freed once; nobody points to it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The functions by which OpenSSL reads and writes a wire.
fn method() -> Result<*const BIO_METHOD, ErrorStack> {
    type Read = unsafe extern "C" fn(*mut BIO, *mut c_char, usize, *mut usize) -> c_int;
    type Write = unsafe extern "C" fn(*mut BIO, *const c_char, usize, *mut usize) -> c_int;
    unsafe extern "C" {
        // <openssl/bio.h>, OpenSSL 1.1.1 and later; not in the bindings.
        fn BIO_meth_set_read_ex(method: *mut BIO_METHOD, read: Read) -> c_int;
        fn BIO_meth_set_write_ex(method: *mut BIO_METHOD, write: Write) -> c_int;
    }
    struct Method(*const BIO_METHOD);
    // SAFETY: it is not changed once it is here.
    unsafe impl Send for Method {}
    // SAFETY: as above.
    unsafe impl Sync for Method {}
    static METHOD: OnceCell<Method> = OnceCell::new();
    let made = METHOD.get_or_try_init(|| {
        // SAFETY: the name is static; the method is new and ours, and the functions are of the types that the header
        // demands. They fail for want of memory, or never.
        unsafe {
            let method = openssl_sys::BIO_meth_new(openssl_sys::BIO_TYPE_NONE, c"iotx".as_ptr());
            if method.is_null()
                || BIO_meth_set_read_ex(method, read) != 1
                || BIO_meth_set_write_ex(method, write) != 1
                || openssl_sys::BIO_meth_set_ctrl__fixed_rust(method, Some(control)) != 1
            {
                return Err(ErrorStack::get());
            }
            Ok(Method(method))
        }
    })?;
    Ok(made.0)
}

/// Runs what OpenSSL wants of the wire behind `bio`. A panic must not unwind into OpenSSL: it becomes `on_panic`.
///
/// # Safety
/// `bio` is one of a [`Stream`] in a call of OpenSSL.
unsafe fn on_wire<T>(bio: *mut BIO, on_panic: T, work: impl FnOnce(&mut Wire) -> T) -> T {
    // SAFETY: promised by the caller: the wire is there, and nobody else uses it during the call.
    let wire = unsafe { &mut *openssl_sys::BIO_get_data(bio).cast::<Wire>() };
    catch_unwind(AssertUnwindSafe(|| work(wire))).unwrap_or(on_panic)
}

unsafe extern "C" fn read(
    bio: *mut BIO,
    data: *mut c_char,
    room: usize,
    length: *mut usize,
) -> c_int {
    // SAFETY: OpenSSL calls with a stream's BIO.
    let taken = unsafe {
        on_wire(bio, None, |wire| {
            let record = wire.next_record()?;
            // OpenSSL's buffer holds the longest record.
            let length = record.len().min(room);
            // SAFETY: there is room for so many bytes, and it is OpenSSL's.
            ptr::copy_nonoverlapping(record.as_ptr(), data.cast(), length);
            Some(length)
        })
    };
    match taken {
        Some(taken) => {
            // SAFETY: OpenSSL calls with a place for the length.
            unsafe { *length = taken };
            1
        }
        None => {
            // SAFETY: the BIO is live.
            unsafe { openssl_sys::BIO_set_retry_read(bio) };
            0
        }
    }
}

unsafe extern "C" fn write(
    bio: *mut BIO,
    data: *const c_char,
    length: usize,
    written: *mut usize,
) -> c_int {
    // SAFETY: OpenSSL calls with a stream's BIO, a datagram of this length, and a place for what was written of it.
    unsafe {
        let datagram = std::slice::from_raw_parts(data.cast::<u8>(), length);
        on_wire(bio, (), |wire| wire.write(datagram));
        *written = length;
    }
    1
}

unsafe extern "C" fn control(_: *mut BIO, command: c_int, _: c_long, _: *mut c_void) -> c_long {
    // Nothing is kept that would have to be flushed; everything else is not for this kind of BIO.
    (command == openssl_sys::BIO_CTRL_FLUSH).into()
}
