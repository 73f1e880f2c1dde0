//! Compiles the C++ shim against the libtorch that torch-sys found, and tells binaries where to find it.
//!
//! A link argument does not travel from a library to the binaries that use it. This script covers the tests, examples
//! and benches of this package; a binary elsewhere reads `DEP_FESTOON_WAN_LIBTORCH_LIB` in its own build script and
//! prints the same two `-rpath` lines.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=shim/shim.cpp");
    let lib = PathBuf::from(
        std::env::var_os("DEP_TCH_LIBTORCH_LIB").expect("torch-sys, a direct dependency, publishes its libtorch folder"),
    );
    let include = lib.parent().unwrap_or(Path::new("/")).join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("shim/shim.cpp")
        .compile("festoon_wan_shim");
    println!("cargo::metadata=libtorch_lib={}", lib.display());
    // The shipped layout (bin/ beside lib/libtorch/lib), then the folder of this build.
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/libtorch/lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
}
