// What tch 0.24 does not expose, in device-agnostic calls: this file needs no CUDA header and links only libtorch_cpu
// and libc10. Errors come back as a null pointer or -1; festoon_error() then tells the message and festoon_error_is_oom()
// whether memory ran out.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>
#include <string>

static thread_local std::string message;
static thread_local bool out_of_memory = false;

template <typename F>
static auto guarded(F work, decltype(work()) bad) -> decltype(work()) {
  out_of_memory = false;
  try {
    return work();
  } catch (const c10::OutOfMemoryError& e) {
    out_of_memory = true;
    message = e.what_without_backtrace();
  } catch (const c10::Error& e) {
    message = e.what_without_backtrace();
  } catch (const std::exception& e) {
    message = e.what();
  } catch (...) {
    message = "unknown C++ exception";
  }
  return bad;
}

extern "C" {
const char* festoon_error() { return message.c_str(); }
int festoon_error_is_oom() { return out_of_memory ? 1 : 0; }

// The version of the headers at compile time, and what the loaded library says of itself (valid until the next call).
const char* festoon_built_for() { return TORCH_VERSION; }
const char* festoon_loaded_config() {
  static thread_local std::string config;
  return guarded([&] { config = at::show_config(); return config.c_str(); }, (const char*)nullptr);
}

int festoon_cuda_devices() {
  return guarded([] { return at::detail::getCUDAHooks().hasCUDA() ? (int)at::detail::getCUDAHooks().deviceCount() : 0; }, -1);
}

// A standard normal sample drawn as torch.randn(shape, generator=torch.Generator().manual_seed(seed)) draws it on a CPU.
void* festoon_randn(uint64_t seed, const int64_t* shape, size_t dims) {
  return guarded([&]() -> void* {
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    return new at::Tensor(at::randn(at::IntArrayRef(shape, dims), generator, at::TensorOptions().dtype(at::kFloat)));
  }, nullptr);
}

// A tensor over memory that somebody else owns; `release(owner)` runs when the last view of it goes.
void* festoon_from_blob(void* data, const int64_t* shape, size_t dims, int kind, void (*release)(void*), void* owner) {
  return guarded([&]() -> void* {
    return new at::Tensor(at::from_blob(data, at::IntArrayRef(shape, dims), [release, owner](void*) { release(owner); },
                                        at::TensorOptions().dtype((at::ScalarType)kind)));
  }, nullptr);
}

// Always a copy, so that a slice does not keep the whole alive.
void* festoon_channels_last(void* tensor) {
  return guarded([&]() -> void* {
    const at::Tensor& t = *(at::Tensor*)tensor;
    return new at::Tensor(t.clone(t.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast));
  }, nullptr);
}

// tch frees its Scalar before it looks for the call's error and then panics on finding it, so arithmetic with numbers
// goes through here.
void* festoon_add_scalar(void* tensor, double value) {
  return guarded([&]() -> void* { return new at::Tensor(at::add(*(at::Tensor*)tensor, value)); }, nullptr);
}
void* festoon_mul_scalar(void* tensor, double value) {
  return guarded([&]() -> void* { return new at::Tensor(at::mul(*(at::Tensor*)tensor, value)); }, nullptr);
}
void* festoon_div_scalar(void* tensor, double value) {
  return guarded([&]() -> void* { return new at::Tensor(at::div(*(at::Tensor*)tensor, value)); }, nullptr);
}
void* festoon_clamp(void* tensor, double min, double max) {
  return guarded([&]() -> void* { return new at::Tensor(at::clamp(*(at::Tensor*)tensor, min, max)); }, nullptr);
}

void* festoon_inference_enter() {
  return guarded([]() -> void* { return new c10::InferenceMode(true); }, nullptr);
}
void festoon_inference_leave(void* mode) { delete (c10::InferenceMode*)mode; }

// out: bytes allocated now, bytes allocated at the peak, bytes free on the device, bytes of the device.
int festoon_cuda_memory(int device, int64_t* out) {
  return guarded([&] {
    auto* allocator = at::getDeviceAllocator(c10::kCUDA);
    auto stats = allocator->getDeviceStats(device);
    auto [available, total] = allocator->getMemoryInfo(device);
    out[0] = stats.allocated_bytes[0].current;
    out[1] = stats.allocated_bytes[0].peak;
    out[2] = (int64_t)available;
    out[3] = (int64_t)total;
    return 0;
  }, -1);
}
int festoon_cuda_reset_peak(int device) {
  return guarded([&] { at::getDeviceAllocator(c10::kCUDA)->resetPeakStats(device); return 0; }, -1);
}
int festoon_cuda_empty_cache() {
  return guarded([] { at::getDeviceAllocator(c10::kCUDA)->emptyCache(); return 0; }, -1);
}
}
