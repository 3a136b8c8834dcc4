//! The `iotx-cloud` command.
fn main() {}
