//! Memory statistics: a counting allocator, and the function that prints what it counted.

use super::log as capi_log;
use super::types::{IOT_LogLevel, IOT_LogLevel_int};
use crate::hal::console;

#[cfg(feature = "memory-stats")]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    static IN_USE: AtomicUsize = AtomicUsize::new(0);
    static PEAK: AtomicUsize = AtomicUsize::new(0);
    static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
    static FREES: AtomicUsize = AtomicUsize::new(0);

    /// The C library's allocator, counted.
    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    fn count(size: usize) {
        ALLOCATIONS.fetch_add(1, Relaxed);
        PEAK.fetch_max(IN_USE.fetch_add(size, Relaxed) + size, Relaxed);
    }

    fn discount(size: usize) {
        FREES.fetch_add(1, Relaxed);
        IN_USE.fetch_sub(size, Relaxed);
    }

    // SAFETY: every call is passed on unchanged to the system allocator; the counters touch no memory
    // that is allocated or freed.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: our caller keeps GlobalAlloc's contract, which is System's.
            let pointer = unsafe { System.alloc(layout) };
            if !pointer.is_null() {
                count(layout.size());
            }
            pointer
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as in `alloc`.
            let pointer = unsafe { System.alloc_zeroed(layout) };
            if !pointer.is_null() {
                count(layout.size());
            }
            pointer
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: as in `alloc`.
            unsafe { System.dealloc(pointer, layout) };
            discount(layout.size());
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: as in `alloc`.
            let moved = unsafe { System.realloc(pointer, layout, size) };
            if !moved.is_null() {
                discount(layout.size());
                count(size);
            }
            moved
        }
    }

    /// What has been counted since the program began.
    pub(super) fn report() -> String {
        format!(
            "memory of the CoAP library: {} bytes in use, {} at most, {} allocations, {} frees\r\n",
            IN_USE.load(Relaxed),
            PEAK.load(Relaxed),
            ALLOCATIONS.load(Relaxed),
            FREES.load(Relaxed)
        )
    }
}

#[cfg(not(feature = "memory-stats"))]
mod counting {
    pub(super) fn report() -> String {
        "memory of the CoAP library: built without the memory-stats feature\r\n".to_owned()
    }
}

/// Prints how much memory the library holds, has held at most, and how often it has asked for some.
/// The figures are those of the library's own allocator; memory of OpenSSL is not among them.
///
/// @param level  the line is printed if this level is logged. Above IOT_LOG_DEBUG counts as IOT_LOG_DEBUG
#[unsafe(no_mangle)]
pub extern "C" fn IOT_DumpMemoryStats(level: IOT_LogLevel_int) {
    boundary!(on_panic => (), {
        if capi_log::prints(level.min(IOT_LogLevel::IOT_LOG_DEBUG as i32)) {
            console::print(&counting::report());
        }
    })
}
