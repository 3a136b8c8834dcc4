//! The objects that C holds by a pointer.

use crate::sync::{Mutex, MutexGuard};
use std::ffi::c_void;
use std::sync::{Arc, PoisonError};

/// The objects of one kind between Init and Deinit, in the order of the addresses C knows them by. C's reference to an
/// object is the one in here: a pointer that is not, or not any more, an object's is refused without being
/// followed.
pub(super) struct Live<T>(Mutex<Vec<(usize, Arc<T>)>>);

impl<T> Live<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Makes the object known to C; the pointer is its name until [`remove`](Self::remove).
    pub(super) fn register(&self, object: Arc<T>) -> *mut c_void {
        let pointer = Arc::as_ptr(&object);
        let mut objects = self.lock();
        if let Err(index) = position(&objects, pointer.addr()) {
            objects.insert(index, (pointer.addr(), object));
        }
        pointer.cast_mut().cast()
    }

    /// The object, for one call; `None` for a pointer that is no live object's. The result keeps it alive even
    /// when the program deinitialises it meanwhile, from a callback or from another thread.
    #[inline(always)]
    pub(super) fn get(&self, pointer: *mut c_void) -> Option<Arc<T>> {
        let objects = self.lock();
        let index = position(&objects, pointer.addr()).ok()?;
        Some(Arc::clone(&objects[index].1))
    }

    /// Takes C's reference back: the pointer means nothing any more. The result is to be dropped by the
    /// caller, outside this table's lock.
    pub(super) fn remove(&self, pointer: *mut c_void) -> Option<Arc<T>> {
        let mut objects = self.lock();
        let index = position(&objects, pointer.addr()).ok()?;
        Some(objects.remove(index).1)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Arc<T>)>> {
        // Nothing panics while it is locked but an allocation that fails, which ends the process.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the object of this address is, or would be.
#[inline(always)]
fn position<T>(objects: &[(usize, Arc<T>)], address: usize) -> Result<usize, usize> {
    objects.binary_search_by_key(&address, |(address, _)| *address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_good_from_register_to_remove() {
        let live = Live::new();
        let pointer = live.register(Arc::new(7));
        let held = live.get(pointer).unwrap();
        assert!(live.get(std::ptr::null_mut()).is_none());
        assert!(live.get(pointer.wrapping_byte_add(1)).is_none());
        assert_eq!(live.remove(pointer).as_deref(), Some(&7));
        assert!(live.get(pointer).is_none() && live.remove(pointer).is_none());
        assert_eq!(*held, 7, "a call under way keeps the object");
    }
}
