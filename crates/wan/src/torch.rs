//! The door to libtorch: the only module that names tch, torch-sys or the C++ shim.
//!
//! One binary serves machines with and without CUDA. It links only the CPU library; [`Device::open`] loads
//! `libtorch_cuda.so` at run time, before the first call that mentions CUDA, because libtorch looks for its CUDA half
//! only once. The library that the loader found must be the version that this package was built for: another one starts
//! and computes without complaint, so [`check_version`] compares and refuses.
//!
//! No call panics on a C++ exception: each returns [`WanError`], classified, with the first line of the message.

mod tensor;

use crate::error::{Result, WanError};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
pub use tensor::Tensor;

/// Where tensors live and are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The n-th CUDA device.
    Cuda(usize),
}

/// The element types of weights and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit IEEE float: the reference's precision.
    F32,
    /// 16-bit IEEE float (read from files; not computed in).
    F16,
    /// bfloat16: what the large checkpoints are computed in on a GPU.
    Bf16,
}

impl DType {
    fn kind(self) -> tch::Kind {
        match self {
            DType::F32 => tch::Kind::Float,
            DType::F16 => tch::Kind::Half,
            DType::Bf16 => tch::Kind::BFloat16,
        }
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F16 | DType::Bf16 => 2,
        }
    }
}

impl Device {
    fn tch(self) -> tch::Device {
        match self {
            Device::Cpu => tch::Device::Cpu,
            Device::Cuda(index) => tch::Device::Cuda(index),
        }
    }

    /// The first CUDA device if this machine has one that works, else the CPU.
    pub fn best() -> Device {
        match Device::Cuda(0).open() {
            Ok(()) => Device::Cuda(0),
            Err(reason) => {
                tracing::info!(%reason, "no CUDA device, using the CPU");
                Device::Cpu
            }
        }
    }

    /// Makes the device usable in this process, or says why it is not. Cheap when repeated.
    pub fn open(self) -> Result<()> {
        check_version()?;
        let Device::Cuda(index) = self else { return Ok(()) };
        load_cuda()?;
        // SAFETY: no arguments; errors come back as -1.
        let devices = unsafe { shim::festoon_cuda_devices() };
        if devices < 0 {
            return Err(shim::error());
        }
        if index >= devices as usize {
            return Err(WanError::Device(format!("cuda:{index} asked for, {devices} CUDA device(s) found")));
        }
        // The first allocation makes the context: a broken driver is noticed here and not inside a job.
        Tensor::zeros(&[1], self).map(drop).map_err(|error| WanError::Device(error.to_string()))
    }

    /// What the hardware calls itself, for people and for records of what painted a plate.
    pub fn name(self) -> String {
        let name = match self {
            Device::Cpu => cpu_name(),
            Device::Cuda(index) => cuda_name(index as c_int),
        };
        name.unwrap_or_else(|| self.to_string())
    }

    /// Bytes in use, at the peak, free and in all. `None` on the CPU, where the process's own figures are the answer.
    pub fn memory(self) -> Result<Option<Memory>> {
        let Device::Cuda(index) = self else { return Ok(None) };
        let mut out = [0i64; 4];
        // SAFETY: `out` has the four places that the shim writes.
        if unsafe { shim::festoon_cuda_memory(index as c_int, out.as_mut_ptr()) } < 0 {
            return Err(shim::error());
        }
        let [used, peak, free, total] = out.map(|bytes| bytes.max(0) as u64);
        Ok(Some(Memory { used, peak, free, total }))
    }

    /// Starts a new peak for [`Device::memory`].
    pub fn reset_peak(self) -> Result<()> {
        let Device::Cuda(index) = self else { return Ok(()) };
        // SAFETY: plain call.
        if unsafe { shim::festoon_cuda_reset_peak(index as c_int) } < 0 { Err(shim::error()) } else { Ok(()) }
    }

    /// Gives memory that libtorch keeps for reuse back to the device.
    pub fn empty_cache(self) -> Result<()> {
        let Device::Cuda(_) = self else { return Ok(()) };
        // SAFETY: plain call.
        if unsafe { shim::festoon_cuda_empty_cache() } < 0 { Err(shim::error()) } else { Ok(()) }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Memory of a CUDA device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Held by live tensors now.
    pub used: u64,
    /// The largest `used` since the last [`Device::reset_peak`].
    pub peak: u64,
    /// Free on the device, for any process.
    pub free: u64,
    /// Of the device.
    pub total: u64,
}

/// The libtorch version that this package was compiled for.
pub fn built_for() -> &'static str {
    // SAFETY: a string literal of the shim.
    unsafe { CStr::from_ptr(shim::festoon_built_for()) }.to_str().expect("a version is ASCII")
}

/// The version that the loaded libtorch reports.
pub fn loaded_version() -> Result<String> {
    // SAFETY: the string lives until this thread's next call; it is copied here.
    let config = unsafe {
        let config = shim::festoon_loaded_config();
        if config.is_null() {
            return Err(shim::error());
        }
        CStr::from_ptr(config).to_string_lossy().into_owned()
    };
    let version = config.split("TORCH_VERSION=").nth(1).and_then(|rest| rest.split([',', ' ', '\n']).next());
    version.map(str::to_owned).ok_or_else(|| WanError::Device("the loaded libtorch does not tell its version".into()))
}

/// Refuses a libtorch of another version than the one compiled for.
pub fn check_version() -> Result<()> {
    static OUTCOME: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let outcome = OUTCOME.get_or_init(|| {
        let loaded = loaded_version().map_err(|error| error.to_string())?;
        let release = |version: &str| version.split('+').next().unwrap_or_default().to_owned();
        if release(&loaded) == release(built_for()) {
            return Ok(());
        }
        Err(format!("libtorch {loaded} was loaded, this program was built for {}", built_for()))
    });
    outcome.clone().map_err(WanError::Device)
}

/// Threads inside one operation on the CPU, for the whole process.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads.clamp(1, 1024) as i32);
}

/// Threads inside one operation on the CPU.
pub fn threads() -> usize {
    tch::get_num_threads().max(1) as usize
}

fn load_cuda() -> Result<()> {
    static OUTCOME: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let outcome = OUTCOME.get_or_init(|| {
        // SAFETY: a constant name; the library stays loaded for the life of the process.
        let handle = unsafe { libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if !handle.is_null() {
            return Ok(());
        }
        // SAFETY: dlerror returns null or a string valid until the next dl call on this thread.
        let reason = unsafe {
            let error = libc::dlerror();
            if error.is_null() { "unknown reason".into() } else { CStr::from_ptr(error).to_string_lossy().into_owned() }
        };
        Err(format!("the CUDA half of libtorch could not be loaded: {reason}"))
    });
    outcome.clone().map_err(WanError::Device)
}

fn cpu_name() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// From the driver, which is in the process already once the device is open.
fn cuda_name(index: c_int) -> Option<String> {
    type DeviceGet = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type DeviceGetName = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    let mut name = [0u8; 128];
    // SAFETY: the two functions have had these signatures since the driver API's first version; 0 is success; the name is
    // written with its final zero into at most the length given, which leaves the last byte of the array zero.
    unsafe {
        let driver = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD);
        if driver.is_null() {
            return None;
        }
        let (get, get_name) = (libc::dlsym(driver, c"cuDeviceGet".as_ptr()), libc::dlsym(driver, c"cuDeviceGetName".as_ptr()));
        if get.is_null() || get_name.is_null() {
            return None;
        }
        let get = std::mem::transmute::<*mut c_void, DeviceGet>(get);
        let get_name = std::mem::transmute::<*mut c_void, DeviceGetName>(get_name);
        let mut device = 0;
        if get(&mut device, index) != 0 || get_name(name.as_mut_ptr().cast(), name.len() as c_int - 1, device) != 0 {
            return None;
        }
    }
    CStr::from_bytes_until_nul(&name).ok().map(|name| name.to_string_lossy().into_owned())
}

/// While it lives, this thread records nothing for gradients: cheaper operations, no growing graph.
pub struct InferenceMode {
    mode: *mut c_void,
}

impl InferenceMode {
    /// Starts it for the current thread.
    pub fn enter() -> Result<Self> {
        // SAFETY: plain call; the pointer is given back in drop, on the same thread (the type is not Send).
        let mode = unsafe { shim::festoon_inference_enter() };
        if mode.is_null() { Err(shim::error()) } else { Ok(InferenceMode { mode }) }
    }
}

impl Drop for InferenceMode {
    fn drop(&mut self) {
        // SAFETY: made by `enter`, dropped once.
        unsafe { shim::festoon_inference_leave(self.mode) }
    }
}

fn classify(message: &str) -> WanError {
    let line = message.split("\nException raised from").next().unwrap_or(message).trim().replace('\n', " ");
    if line.contains("out of memory") || line.contains("can't allocate memory") || line.contains("CUBLAS_STATUS_ALLOC_FAILED") {
        WanError::OutOfMemory(line)
    } else if line.contains("CUDA error") || line.contains("device-side assert") || line.contains("CUDNN_STATUS_EXECUTION_FAILED")
    {
        WanError::Device(line)
    } else {
        WanError::Torch(line)
    }
}

impl From<tch::TchError> for WanError {
    fn from(error: tch::TchError) -> Self {
        match error {
            tch::TchError::Torch(message) => classify(&message),
            other => WanError::Torch(other.to_string()),
        }
    }
}

mod shim {
    use super::*;

    /// The last error of this thread.
    pub(super) fn error() -> WanError {
        // SAFETY: the message lives until this thread's next call; it is copied here.
        let (message, oom) =
            unsafe { (CStr::from_ptr(festoon_error()).to_string_lossy().into_owned(), festoon_error_is_oom() != 0) };
        if oom { WanError::OutOfMemory(message) } else { classify(&message) }
    }

    unsafe extern "C" {
        fn festoon_error() -> *const c_char;
        fn festoon_error_is_oom() -> c_int;
        pub(super) fn festoon_built_for() -> *const c_char;
        pub(super) fn festoon_loaded_config() -> *const c_char;
        pub(super) fn festoon_cuda_devices() -> c_int;
        pub(super) fn festoon_randn(seed: u64, shape: *const i64, dims: usize) -> *mut c_void;
        pub(super) fn festoon_from_blob(
            data: *mut c_void,
            shape: *const i64,
            dims: usize,
            kind: c_int,
            release: extern "C" fn(*mut c_void),
            owner: *mut c_void,
        ) -> *mut c_void;
        pub(super) fn festoon_channels_last(tensor: *const c_void) -> *mut c_void;
        pub(super) fn festoon_add_scalar(tensor: *const c_void, value: f64) -> *mut c_void;
        pub(super) fn festoon_mul_scalar(tensor: *const c_void, value: f64) -> *mut c_void;
        pub(super) fn festoon_div_scalar(tensor: *const c_void, value: f64) -> *mut c_void;
        pub(super) fn festoon_clamp(tensor: *const c_void, min: f64, max: f64) -> *mut c_void;
        pub(super) fn festoon_inference_enter() -> *mut c_void;
        pub(super) fn festoon_inference_leave(mode: *mut c_void);
        pub(super) fn festoon_cuda_memory(device: c_int, out: *mut i64) -> c_int;
        pub(super) fn festoon_cuda_reset_peak(device: c_int) -> c_int;
        pub(super) fn festoon_cuda_empty_cache() -> c_int;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_loaded_libtorch_is_the_one_compiled_for() {
        assert_eq!(loaded_version().unwrap().split('+').next().unwrap(), built_for().split('+').next().unwrap());
        check_version().unwrap();
    }

    #[test]
    fn a_failed_operation_is_an_error_and_not_a_panic() {
        let tensor = Tensor::zeros(&[2, 3], Device::Cpu).unwrap();
        let error = tensor.reshape(&[7]).unwrap_err();
        assert!(matches!(&error, WanError::Torch(line) if !line.contains('\n') && line.contains("shape")), "{error}");
    }

    #[test]
    fn a_failed_operation_with_a_number_is_an_error_too() {
        let tensor = Tensor::zeros(&[2], Device::Cpu).unwrap();
        assert!(matches!(tensor.clamp(0.0, f64::MAX).unwrap_err(), WanError::Torch(_)));
        // 64 TiB by stretching one element, which is only noticed when the result is to be stored.
        let stretched = Tensor::zeros(&[1], Device::Cpu).unwrap().expand(&[1 << 44]).unwrap();
        assert!(matches!(stretched.mul_scalar(2.0).unwrap_err(), WanError::OutOfMemory(_)));
    }

    #[test]
    fn an_impossible_allocation_is_out_of_memory() {
        let error = Tensor::zeros(&[1 << 46], Device::Cpu).unwrap_err();
        assert!(matches!(error, WanError::OutOfMemory(_)), "{error}");
    }

    #[test]
    fn a_cuda_device_that_is_not_there_is_refused_with_a_reason() {
        let error = Device::Cuda(99).open().unwrap_err();
        assert!(matches!(error, WanError::Device(_)), "{error}");
    }
}
