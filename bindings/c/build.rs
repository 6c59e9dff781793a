//! What the linker and the library have to know: the ABI's version and where the default indexes are.

/// The ABI's version, by which the library is named: `libtollgate.so.1`. `bindings/c/abi/` holds what
/// belongs to it, and a test compares.
const ABI: u32 = 1;

/// Where an operator's own index is, and where `make install` puts the one that is shipped, if nobody says
/// otherwise.
const INDEXES: [(&str, &str); 2] = [
    ("TOLLGATE_OWN_INDEX", "/etc/tollgate/policy.tgx"),
    ("TOLLGATE_SHIPPED_INDEX", "/usr/local/share/tollgate/default.tgx"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for (name, default) in INDEXES {
        println!("cargo:rerun-if-env-changed={name}");
        let path = std::env::var(name).unwrap_or_else(|_| default.to_owned());
        println!("cargo:rustc-env={name}={path}");
    }
    // src/panic.rs: whether the standard library is nobody else's, as dist/build links it.
    println!("cargo:rustc-check-cfg=cfg(own_std)");
    println!("cargo:rerun-if-env-changed=TOLLGATE_OWN_STD");
    if std::env::var_os("TOLLGATE_OWN_STD").is_some_and(|value| value == "1") {
        println!("cargo:rustc-cfg=own_std");
    }
    println!("cargo:rustc-env=TOLLGATE_ABI_VERSION={ABI}");

    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let is_elf = matches!(target.as_str(), "linux" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" | "android");
    // cargo-c names the library itself.
    if is_elf && std::env::var_os("CARGO_FEATURE_CAPI").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libtollgate.so.{ABI}");
    }
    if is_elf {
        // Once loaded it stays: what a thread that ends still has to call must be there, and what
        // threads share (arc-swap's nodes) must not be lost at dlclose and made anew at dlopen.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
    }
}
