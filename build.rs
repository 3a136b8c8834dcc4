//! Compiles the weak C shim of the default HAL.
//!
//! The shim is C because stable Rust can define neither weak symbols nor C-variadic functions. It
//! is compiled without link-time optimisation on purpose: nothing may look through a weak function.
//!
//! Warnings are no errors here, for compilers yet to come; `scripts/check-headers.sh` is where they are.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/hal_default/shim.c");
    println!("cargo:rerun-if-changed=src/hal_default/shim.h");
    println!("cargo:rerun-if-changed=src/hal_default/port");
    println!("cargo:rerun-if-changed=include");

    cc::Build::new()
        .file("src/hal_default/shim.c")
        .file("src/hal_default/port/shim.c")
        .file("src/hal_default/port/threads.c")
        .file("src/hal_default/port/timer.c")
        .file("src/hal_default/port/net.c")
        .file("src/hal_default/port/trouble.c")
        .file("src/hal_default/port/file.c")
        .file("src/hal_default/port/kv.c")
        .file("src/hal_default/port/board.c")
        .include("include")
        .std("c99")
        .warnings(true)
        .extra_warnings(true)
        .flag("-fvisibility=default")
        .flag("-ffunction-sections")
        .flag("-fno-lto")
        .compile("iotx_hal_shim");
}
