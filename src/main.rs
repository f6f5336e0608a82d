//! The program's entry: everything lives in the library, so that tests reach it.
fn main() -> std::process::ExitCode {
    broker_courier::main()
}
