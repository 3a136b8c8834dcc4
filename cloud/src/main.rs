//! The `iotx-cloud` command.

fn main() -> std::process::ExitCode {
    iotx_cloud::cli::main()
}
