//! Tells the program where to find libtorch: beside it as shipped, and where it was at build time.
//!
//! A link argument does not travel from festoon-wan to this binary, so it is printed here.

fn main() {
    let lib = std::env::var("DEP_FESTOON_WAN_LIBTORCH_LIB").expect("festoon-wan publishes the libtorch folder it links");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/libtorch/lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo::rerun-if-changed=build.rs");
}
