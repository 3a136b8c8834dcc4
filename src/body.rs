//! A closure by reference, for functions that are compiled once for all closures.
//!
//! Every function that C calls does the same around its body: it raises a shield, catches panics, reports them. In
//! place that is some 150 bytes each time, of code and of tables for the unwinder, in more than a hundred functions.

use std::marker::PhantomData;
use std::ptr::NonNull;

/// What `&mut dyn FnMut()` is, without the table behind it, which would cost each closure a hundred bytes of constants and
/// relocations.
pub(crate) struct Body<'a> {
    call: unsafe fn(NonNull<()>),
    closure: NonNull<()>,
    borrowed: PhantomData<&'a mut ()>,
}

impl<'a> Body<'a> {
    #[inline(always)]
    pub(crate) fn new<F: FnMut()>(closure: &'a mut F) -> Self {
        /// # Safety
        /// `closure` is an `F` that nobody else uses meanwhile.
        unsafe fn call<F: FnMut()>(closure: NonNull<()>) {
            // SAFETY: promised by the caller.
            (unsafe { closure.cast::<F>().as_mut() })();
        }
        Self {
            call: call::<F>,
            closure: NonNull::from(closure).cast(),
            borrowed: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn call(self) {
        // SAFETY: both come from `new`, of the same closure, which is borrowed mutably for `'a`.
        unsafe { (self.call)(self.closure) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closure_is_called_with_what_it_borrows() {
        let mut count = 1;
        let mut add = || count += 1;
        Body::new(&mut add).call();
        Body::new(&mut add).call();
        assert_eq!(count, 3);
    }
}
