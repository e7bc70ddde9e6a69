//! libpcap, opened at run time: neither building nor starting needs it, only what asks for it does.
//!
//! The `pcap` crate 2.5.0 (pinned) imports the symbols below. `build.rs` satisfies its link attribute with an empty
//! archive; here each symbol is defined and forwards to the library that [`load`] has opened: libpcap 1.7.2 or newer
//! (`libpcap.so.1`, `libpcap.so.0.8`), on Windows Npcap. macOS always has libpcap and links it plainly.
//! Who raises the pinned version compares `extern "C"` in that crate's `src/raw.rs` with the list here; a symbol
//! that is missing fails the link of whatever uses it.
#![expect(
    unsafe_code,
    reason = "calling a C library opened at run time; everything else in the crate is safe"
)]

use pcap::BpfProgram;
use std::ffi::c_int;

/// A filter as libpcap has compiled it.
pub struct Program(BpfProgram);

// SAFETY: `pcap_offline_filter` is an interpreter that only reads the program and the packet and keeps its state on
// the stack; nothing changes a program once it is compiled, so threads may share it.
unsafe impl Sync for Program {}

impl Program {
    pub fn new(program: BpfProgram) -> Self {
        Self(program)
    }

    /// Does a packet of `original` bytes on the wire, of which `bytes` were captured, match?
    /// (`BpfProgram::filter` takes both lengths for the same, so that `greater 1000` would miss packets cut short.)
    pub fn matches(&self, bytes: &[u8], original: u32) -> bool {
        // SAFETY: integers only, for which zero is a value.
        let mut header: pcap::PacketHeader = unsafe { std::mem::zeroed() };
        header.caplen = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        header.len = original.max(header.caplen);
        // SAFETY: `BpfProgram` is `repr(transparent)` over libpcap's `struct bpf_program`, `PacketHeader` is `repr(C)`
        // like `struct pcap_pkthdr`, and `caplen` bytes are readable.
        unsafe { pcap_offline_filter(&raw const self.0, &raw const header, bytes.as_ptr()) > 0 }
    }
}

unsafe extern "C" {
    fn pcap_offline_filter(program: *const BpfProgram, header: *const pcap::PacketHeader, bytes: *const u8) -> c_int;
}

#[cfg(any(target_os = "macos", target_os = "ios"))]
pub fn load() -> Result<(), String> {
    Ok(())
}

#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub use forward::load;

#[cfg(not(any(target_os = "macos", target_os = "ios")))]
mod forward {
    use libloading::Library;
    use std::ffi::{c_char, c_int, c_uint, c_void};
    use std::ptr::null_mut;
    use std::sync::OnceLock;

    static API: OnceLock<Result<Api, String>> = OnceLock::new();

    fn api() -> &'static Result<Api, String> {
        API.get_or_init(|| Api::open(open))
    }

    /// Opens libpcap, once.
    ///
    /// # Errors
    /// What is missing, as part of a sentence.
    pub fn load() -> Result<(), String> {
        api().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    #[cfg(not(windows))]
    fn open() -> Option<Library> {
        ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"]
            .iter()
            // SAFETY: libpcap has no initialiser that expects anything of the process.
            .find_map(|name| unsafe { Library::new(name) }.ok())
    }

    /// Npcap's own folder, with its Packet.dll looked for there too; else System32, but never the current folder.
    #[cfg(windows)]
    fn open() -> Option<Library> {
        use libloading::os::windows::Library as Dll;
        const LOAD_WITH_ALTERED_SEARCH_PATH: u32 = 0x8;
        const LOAD_LIBRARY_SEARCH_SYSTEM32: u32 = 0x800;
        let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
        let npcap = std::path::Path::new(&root).join(r"System32\Npcap\wpcap.dll");
        // SAFETY: wpcap.dll has no initialiser that expects anything of the process.
        unsafe { Dll::load_with_flags(npcap, LOAD_WITH_ALTERED_SEARCH_PATH) }
            .or_else(|_| unsafe { Dll::load_with_flags("wpcap.dll", LOAD_LIBRARY_SEARCH_SYSTEM32) })
            .ok()
            .map(Into::into)
    }

    /// What `pcap_geterr` says of a library that is not there.
    fn not_loaded() -> *mut c_char {
        c"libpcap is not loaded".as_ptr().cast_mut()
    }

    /// Defines each symbol, and the table that they forward to. All are looked up when the library is opened, because
    /// a panic may not leave an `extern "C"` function; what is called without a library returns what follows `=`.
    macro_rules! forward {
        ($($(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)? = $missing:expr;)*) => {
            struct Api {
                $($(#[$meta])* $name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
                _library: Library,
            }

            impl Api {
                fn open(library: impl FnOnce() -> Option<Library>) -> Result<Self, String> {
                    let library = library().ok_or("it is not installed")?;
                    Ok(Self {
                        // SAFETY: these are the signatures of pcap/pcap.h, and the library is never closed.
                        $($(#[$meta])* $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                            .map_err(|_| concat!("the installed one is too old: it has no ", stringify!($name)))?,)*
                        _library: library,
                    })
                }
            }

            $(
                $(#[$meta])*
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
                    match api() {
                        // SAFETY: the caller keeps the contract of the libpcap function of this name.
                        Ok(api) => unsafe { (api.$name)($($arg),*) },
                        Err(_) => $missing,
                    }
                }
            )*
        };
    }

    /// `pcap_t`, `pcap_dumper_t`, `struct bpf_program` and the like: passed on, never looked into.
    type Any = *mut c_void;
    type Text = *const c_char;
    const FAILED: c_int = -1;

    forward! {
        pcap_create(device: Text, error: Any) -> Any = null_mut();
        pcap_set_snaplen(p: Any, length: c_int) -> c_int = FAILED;
        pcap_set_promisc(p: Any, on: c_int) -> c_int = FAILED;
        pcap_set_timeout(p: Any, ms: c_int) -> c_int = FAILED;
        pcap_set_buffer_size(p: Any, bytes: c_int) -> c_int = FAILED;
        pcap_activate(p: Any) -> c_int = FAILED;
        pcap_open_dead(link: c_int, snaplen: c_int) -> Any = null_mut();
        pcap_open_offline(path: Text, error: Any) -> Any = null_mut();
        #[cfg(not(windows))] pcap_fopen_offline(file: Any, error: Any) -> Any = null_mut();
        pcap_close(p: Any) = ();
        pcap_loop(p: Any, count: c_int, handler: Any, user: Any) -> c_int = FAILED;
        pcap_dispatch(p: Any, count: c_int, handler: Any, user: Any) -> c_int = FAILED;
        pcap_next_ex(p: Any, header: Any, bytes: Any) -> c_int = FAILED;
        pcap_breakloop(p: Any) = ();
        pcap_stats(p: Any, stats: Any) -> c_int = FAILED;
        pcap_setfilter(p: Any, program: Any) -> c_int = FAILED;
        pcap_setdirection(p: Any, direction: c_uint) -> c_int = FAILED;
        pcap_setnonblock(p: Any, on: c_int, error: Any) -> c_int = FAILED;
        pcap_sendpacket(p: Any, bytes: Any, length: c_int) -> c_int = FAILED;
        pcap_geterr(p: Any) -> *mut c_char = not_loaded();
        pcap_compile(p: Any, program: Any, text: Text, optimise: c_int, netmask: c_uint) -> c_int = FAILED;
        pcap_freecode(program: Any) = ();
        pcap_offline_filter(program: Any, header: Any, bytes: Any) -> c_int = 0;
        pcap_datalink(p: Any) -> c_int = FAILED;
        pcap_list_datalinks(p: Any, links: Any) -> c_int = FAILED;
        pcap_set_datalink(p: Any, link: c_int) -> c_int = FAILED;
        pcap_free_datalinks(links: Any) = ();
        pcap_datalink_name_to_val(name: Text) -> c_int = FAILED;
        pcap_datalink_val_to_name(link: c_int) -> Any = null_mut();
        pcap_datalink_val_to_description(link: c_int) -> Any = null_mut();
        pcap_major_version(p: Any) -> c_int = FAILED;
        pcap_minor_version(p: Any) -> c_int = FAILED;
        pcap_fileno(p: Any) -> c_int = FAILED;
        pcap_dump_open(p: Any, path: Text) -> Any = null_mut();
        #[cfg(not(windows))] pcap_dump_fopen(p: Any, file: Any) -> Any = null_mut();
        pcap_dump_flush(dumper: Any) -> c_int = FAILED;
        pcap_dump_close(dumper: Any) = ();
        pcap_dump(dumper: Any, header: Any, bytes: Any) = ();
        pcap_findalldevs(list: Any, error: Any) -> c_int = FAILED;
        pcap_freealldevs(list: Any) = ();
        #[cfg(unix)] pcap_get_selectable_fd(p: Any) -> c_int = FAILED;
        pcap_set_tstamp_type(p: Any, kind: c_int) -> c_int = FAILED;
        #[cfg(not(windows))] pcap_fopen_offline_with_tstamp_precision(file: Any, unit: c_uint, error: Any) -> Any = null_mut();
        pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, unit: c_uint) -> Any = null_mut();
        pcap_open_offline_with_tstamp_precision(path: Text, unit: c_uint, error: Any) -> Any = null_mut();
        pcap_set_immediate_mode(p: Any, on: c_int) -> c_int = FAILED;
        pcap_set_tstamp_precision(p: Any, unit: c_int) -> c_int = FAILED;
        pcap_dump_open_append(p: Any, path: Text) -> Any = null_mut();
        #[cfg(unix)] pcap_set_rfmon(p: Any, on: c_int) -> c_int = FAILED;
        #[cfg(windows)] pcap_setmintocopy(p: Any, bytes: c_int) -> c_int = FAILED;
        #[cfg(windows)] pcap_getevent(p: Any) -> Any = null_mut();
        #[cfg(windows)] pcap_sendqueue_alloc(bytes: c_uint) -> Any = null_mut();
        #[cfg(windows)] pcap_sendqueue_destroy(queue: Any) = ();
        #[cfg(windows)] pcap_sendqueue_queue(queue: Any, header: Any, bytes: Any) -> c_int = FAILED;
        #[cfg(windows)] pcap_sendqueue_transmit(p: Any, queue: Any, sync: c_int) -> c_uint = 0;
    }

    /// Npcap does not export these (it has `pcap_hopen_offline` and the like instead, because a `FILE` means something only to
    /// its own C library). The crate names them; nothing here calls them.
    #[cfg(windows)]
    mod absent {
        use super::{Any, null_mut};
        use std::ffi::c_uint;

        #[unsafe(no_mangle)]
        extern "C" fn pcap_fopen_offline(_: Any, _: Any) -> Any {
            null_mut()
        }

        #[unsafe(no_mangle)]
        extern "C" fn pcap_fopen_offline_with_tstamp_precision(_: Any, _: c_uint, _: Any) -> Any {
            null_mut()
        }

        #[unsafe(no_mangle)]
        extern "C" fn pcap_dump_fopen(_: Any, _: Any) -> Any {
            null_mut()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_missing_library_is_said_not_died_of() {
            assert_eq!(Api::open(|| None).err().as_deref(), Some("it is not installed"));
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn a_library_without_the_symbols_is_too_old() {
            // SAFETY: the C library is loaded already.
            let other = || unsafe { Library::new("libc.so.6") }.ok();
            let said = Api::open(other).err().unwrap();
            assert!(
                said.contains("it has no pcap_create") || said == "it is not installed",
                "{said}"
            );
        }
    }
}
