//! Compiles the weak C shim of the default HAL.
fn main() {}
