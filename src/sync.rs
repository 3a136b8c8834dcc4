//! The locks of this crate: those of std.
//!
//! In builds for ThreadSanitizer (`--cfg iotx_tsan`, `docs/event-loops.md`) they tell it what they do. The std that
//! comes with a compiler is not instrumented, and would hide from it that a lock was waited for.

#[cfg(iotx_tsan)]
pub(crate) use announced::{Condvar, Mutex, MutexGuard};
#[cfg(not(iotx_tsan))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(iotx_tsan)]
#[allow(unreachable_pub, missing_docs)] // they stand for types of std
mod announced {
    use core::cell::UnsafeCell;
    use core::ffi::{c_int, c_uint, c_void};
    use core::ops::{Deref, DerefMut};
    use core::time::Duration;
    use std::sync::{LockResult, PoisonError, WaitTimeoutResult};

    // <sanitizer/tsan_interface.h>.
    unsafe extern "C" {
        fn __tsan_mutex_destroy(address: *mut c_void, flags: c_uint);
        fn __tsan_mutex_pre_lock(address: *mut c_void, flags: c_uint);
        fn __tsan_mutex_post_lock(address: *mut c_void, flags: c_uint, recursion: c_int);
        fn __tsan_mutex_pre_unlock(address: *mut c_void, flags: c_uint) -> c_int;
        fn __tsan_mutex_post_unlock(address: *mut c_void, flags: c_uint);
    }

    /// [`std::sync::Mutex`].
    #[derive(Debug, Default)]
    pub struct Mutex<T> {
        name: Name,
        inner: std::sync::Mutex<T>,
    }

    /// What the sanitizer knows a lock by: its address.
    #[derive(Debug, Default)]
    struct Name(u8);

    // The address may be another lock's next.
    impl Drop for Name {
        fn drop(&mut self) {
            // SAFETY: the sanitizer only notes the address.
            unsafe { __tsan_mutex_destroy((&raw mut self.0).cast(), 0) }
        }
    }

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Self {
            Self {
                name: Name(0),
                inner: std::sync::Mutex::new(value),
            }
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            self.before_lock();
            let locked = self.inner.lock();
            self.after_lock();
            wrapped(locked, |guard| MutexGuard::new(self, guard))
        }

        pub fn get_mut(&mut self) -> LockResult<&mut T> {
            self.inner.get_mut()
        }

        pub fn into_inner(self) -> LockResult<T> {
            self.inner.into_inner()
        }

        fn address(&self) -> *mut c_void {
            (&raw const self.name.0).cast_mut().cast()
        }

        fn before_lock(&self) {
            // SAFETY: the sanitizer only notes the address.
            unsafe { __tsan_mutex_pre_lock(self.address(), 0) }
        }

        fn after_lock(&self) {
            // SAFETY: as above.
            unsafe { __tsan_mutex_post_lock(self.address(), 0, 0) }
        }

        fn unlocks(&self) {
            // SAFETY: as above.
            unsafe {
                __tsan_mutex_pre_unlock(self.address(), 0);
                __tsan_mutex_post_unlock(self.address(), 0);
            }
        }
    }

    /// [`std::sync::MutexGuard`].
    pub struct MutexGuard<'a, T> {
        mutex: &'a Mutex<T>,
        /// Taken only while it waits.
        guard: Option<std::sync::MutexGuard<'a, T>>,
    }

    impl<'a, T> MutexGuard<'a, T> {
        const fn new(mutex: &'a Mutex<T>, guard: std::sync::MutexGuard<'a, T>) -> Self {
            Self {
                mutex,
                guard: Some(guard),
            }
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.guard.as_ref().expect("not waiting")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.guard.as_mut().expect("not waiting")
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            // Before it is unlocked, which the member's own drop does.
            if self.guard.is_some() {
                self.mutex.unlocks();
            }
        }
    }

    /// [`std::sync::Condvar`].
    #[derive(Debug, Default)]
    pub struct Condvar(std::sync::Condvar);

    impl Condvar {
        pub const fn new() -> Self {
            Self(std::sync::Condvar::new())
        }

        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }

        pub fn wait_timeout_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            timeout: Duration,
            mut condition: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
            let mutex = guard.mutex;
            let inner = guard.guard.take().expect("not waiting");
            mutex.unlocks();
            let waited = self.0.wait_timeout_while(inner, timeout, |value| {
                // It is asked under the lock.
                mutex.before_lock();
                mutex.after_lock();
                let wait_on = condition(value);
                mutex.unlocks();
                wait_on
            });
            mutex.before_lock();
            mutex.after_lock();
            wrapped(waited, |(inner, result)| {
                (MutexGuard::new(mutex, inner), result)
            })
        }

        pub fn wait_timeout<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            timeout: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
            let mutex = guard.mutex;
            let inner = guard.guard.take().expect("not waiting");
            mutex.unlocks();
            let waited = self.0.wait_timeout(inner, timeout);
            mutex.before_lock();
            mutex.after_lock();
            wrapped(waited, |(inner, result)| {
                (MutexGuard::new(mutex, inner), result)
            })
        }
    }

    fn wrapped<A, B>(result: LockResult<A>, wrap: impl FnOnce(A) -> B) -> LockResult<B> {
        match result {
            Ok(inner) => Ok(wrap(inner)),
            Err(poisoned) => Err(PoisonError::new(wrap(poisoned.into_inner()))),
        }
    }

    /// A number that [`iotx_tsan_proof`] may count without a lock.
    struct Unguarded(UnsafeCell<u32>);

    // SAFETY: it is not: that is the point of it. Nothing but `iotx_tsan_proof` has it.
    unsafe impl Sync for Unguarded {}

    /// Counts, with a lock or without. Called by two threads, the sanitizer must see a race in the latter and none
    /// in the former: `tests/c/sanitizer_proof.c` shows by it that the setup can find one.
    #[unsafe(no_mangle)]
    extern "C" fn iotx_tsan_proof(locked: c_int) {
        static LOCK: Mutex<()> = Mutex::new(());
        static NUMBER: Unguarded = Unguarded(UnsafeCell::new(0));
        let _guard = (locked != 0).then(|| LOCK.lock());
        // SAFETY: without the lock, none: a race of two adds to a number that nobody reads.
        unsafe { *NUMBER.0.get() += 1 };
    }
}
