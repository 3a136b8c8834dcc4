//! Somebody else's Rust library, with its own copy of the standard library: threads, a hash map, and a panic that has to
//! find its way to the handler in here.

use std::collections::HashMap;
use std::panic;
use std::thread;

/// 42, if all of it works.
#[unsafe(no_mangle)]
pub extern "C" fn other_library() -> i32 {
    let caught = panic::catch_unwind(|| {
        let squares: HashMap<i32, i32> = (0..7).map(|n| (n, n * n)).collect();
        let sum = thread::spawn(move || squares.values().sum::<i32>())
            .join()
            .expect("thread");
        panic!("{sum}"); // 91
    });
    match caught.expect_err("panics").downcast_ref::<String>() {
        Some(text) if text == "91" => 42,
        _ => -1,
    }
}
