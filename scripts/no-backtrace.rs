//! What `link-object.sh` puts in the place of the function that prints the stack of a panic: it prints nothing, and says that
//! this went well (`fmt::Result`; `Ok` is 0).
#![no_std]

#[unsafe(no_mangle)]
pub extern "C" fn iotx_no_backtrace() -> usize {
    0
}
