//! `HAL_TCP_*`: the handle is the descriptor.

use std::ffi::{c_char, c_int};
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, RawFd};
use std::time::Duration;

use super::stream::{Attempt, CLOSED, Direction, connect, transfer};
use crate::hal_default::boundary::{bytes, bytes_mut, guard, text};

/// `(uintptr_t)-1`, what the SDK's callers take for failure.
const NO_HANDLE: usize = usize::MAX;

/// The descriptor behind a handle. 0 to 2 are never given out.
fn descriptor(handle: usize) -> Option<RawFd> {
    c_int::try_from(handle).ok().filter(|fd| *fd > 2)
}

/// Borrows the stream behind a handle for one call.
///
/// # Safety
/// `fd` comes from [`iotx_hal_default_tcp_establish`] and is not destroyed while the result lives.
/// (A descriptor that is not open gives errors, no more; but one that has been given out again since
/// is somebody else's.)
unsafe fn borrowed(fd: RawFd) -> ManuallyDrop<TcpStream> {
    // SAFETY: promised by the caller; and it is not closed here.
    ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(fd) })
}

fn attempt(result: io::Result<usize>, wait_for: Direction) -> Attempt {
    match result {
        Ok(0) => Attempt::Closed,
        Ok(moved) => Attempt::Moved(moved),
        // An interrupted attempt is simply made again: the wait in between returns at once.
        Err(error) => match (error.kind(), wait_for) {
            (io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted, Direction::Read) => {
                Attempt::WantRead
            }
            (io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted, Direction::Write) => {
                Attempt::WantWrite
            }
            _ => Attempt::failed(error),
        },
    }
}

/// `HAL_TCP_Establish`.
///
/// # Safety
/// `host` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tcp_establish(host: *const c_char, port: u16) -> usize {
    guard("HAL_TCP_Establish", NO_HANDLE, || {
        // SAFETY: promised by the caller.
        let Some(host) = (unsafe { text(host) }) else {
            log::error!("HAL_TCP_Establish: no host, or not UTF-8");
            return NO_HANDLE;
        };
        match connect(host, port) {
            Ok(stream) => usize::try_from(stream.into_raw_fd()).unwrap_or(NO_HANDLE),
            Err(error) => {
                log::error!("HAL_TCP_Establish: {host}:{port}: {error}");
                NO_HANDLE
            }
        }
    })
}

/// `HAL_TCP_Destroy`: 0; -1 for what is no handle.
///
/// # Safety
/// `handle` comes from [`iotx_hal_default_tcp_establish`] and has not been destroyed, or is none.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tcp_destroy(handle: usize) -> i32 {
    guard("HAL_TCP_Destroy", CLOSED, || {
        let Some(fd) = descriptor(handle) else {
            return CLOSED;
        };
        // Not through an owning type: closing what is not open must be an error here, not an abort.
        // SAFETY: the descriptor is the caller's to close, as promised.
        match unsafe { libc::close(fd) } {
            0 => 0,
            _ => CLOSED,
        }
    })
}

/// `HAL_TCP_Write`: the bytes sent within the time, -1 for bad arguments, -2 if the connection has
/// failed.
///
/// # Safety
/// `handle` is as for [`iotx_hal_default_tcp_destroy`], and is not destroyed meanwhile. `data`
/// is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tcp_write(
    handle: usize,
    data: *const c_char,
    len: u32,
    timeout_ms: u32,
) -> i32 {
    guard("HAL_TCP_Write", CLOSED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(data)) = (descriptor(handle), unsafe { bytes(data.cast(), len) })
        else {
            return CLOSED;
        };
        // SAFETY: promised by the caller.
        let stream = unsafe { borrowed(fd) };
        let timeout = Duration::from_millis(timeout_ms.into());
        transfer(
            "HAL_TCP_Write",
            stream.as_raw_fd(),
            data.len(),
            timeout,
            &mut |sent| attempt((&*stream).write(&data[sent..]), Direction::Write),
        )
    })
}

/// `HAL_TCP_Read`: waits until `len` bytes are there or the time is over. The bytes received; -1
/// for bad arguments and after the peer's end, -2 if the connection has failed.
///
/// # Safety
/// `handle` is as for [`iotx_hal_default_tcp_destroy`], and is not destroyed meanwhile. `data`
/// is NULL or readable and writable for `len` bytes, and nobody else uses it meanwhile.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_tcp_read(
    handle: usize,
    data: *mut c_char,
    len: u32,
    timeout_ms: u32,
) -> i32 {
    guard("HAL_TCP_Read", CLOSED, || {
        // SAFETY: promised by the caller.
        let (Some(fd), Some(data)) = (descriptor(handle), unsafe { bytes_mut(data.cast(), len) })
        else {
            return CLOSED;
        };
        // SAFETY: promised by the caller.
        let stream = unsafe { borrowed(fd) };
        let timeout = Duration::from_millis(timeout_ms.into());
        transfer(
            "HAL_TCP_Read",
            stream.as_raw_fd(),
            data.len(),
            timeout,
            &mut |got| attempt((&*stream).read(&mut data[got..]), Direction::Read),
        )
    })
}
