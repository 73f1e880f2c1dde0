//! [`Tensor`]: the operations that the model needs, under the names that PyTorch gives them, each returning a `Result`.

use super::{DType, Device, Result, WanError, shim};
use std::ffi::{c_int, c_void};

/// A tensor on some device. Cloning shares the storage.
///
/// Weights may lie in memory-mapped files that cannot be written, so the operations that write in place
/// (their names end in `_`) are only for values that the caller has just computed.
#[derive(Debug)]
pub struct Tensor(tch::Tensor);

impl Clone for Tensor {
    fn clone(&self) -> Self {
        Tensor(self.0.shallow_clone())
    }
}

type Unary = std::result::Result<tch::Tensor, tch::TchError>;

fn wrap(result: Unary) -> Result<Tensor> {
    Ok(Tensor(result?))
}

fn wrap_all(result: std::result::Result<Vec<tch::Tensor>, tch::TchError>) -> Result<Vec<Tensor>> {
    Ok(result?.into_iter().map(Tensor).collect())
}

fn owned(pointer: *mut c_void) -> Result<Tensor> {
    if pointer.is_null() {
        return Err(shim::error());
    }
    // SAFETY: the shim returns a heap-allocated at::Tensor, which is what tch's pointer is; ownership passes to tch.
    Ok(Tensor(unsafe { tch::Tensor::from_ptr(pointer.cast()) }))
}

/// Making and reading.
impl Tensor {
    /// Zeros in f32.
    pub fn zeros(shape: &[i64], device: Device) -> Result<Self> {
        wrap(tch::Tensor::f_zeros(shape, (tch::Kind::Float, device.tch())))
    }

    /// `0, 1, …, end - 1` as 64-bit integers on the CPU.
    pub fn arange(end: i64) -> Result<Self> {
        Self::from_i64(&(0..end).collect::<Vec<_>>(), &[end])
    }

    /// A copy of `values` in `shape`, on the CPU.
    pub fn from_f32(values: &[f32], shape: &[i64]) -> Result<Self> {
        wrap(tch::Tensor::f_from_slice(values)?.f_reshape(shape))
    }

    /// A copy of `values` in `shape`, on the CPU.
    pub fn from_i64(values: &[i64], shape: &[i64]) -> Result<Self> {
        wrap(tch::Tensor::f_from_slice(values)?.f_reshape(shape))
    }

    /// Standard normal numbers as `torch.randn` with a CPU generator of this seed draws them.
    pub fn randn(seed: u64, shape: &[i64]) -> Result<Self> {
        // SAFETY: the shape is read during the call only.
        owned(unsafe { shim::festoon_randn(seed, shape.as_ptr(), shape.len()) })
    }

    /// A tensor over `data`, which stays where it is and alive as long as `owner` does; `owner` is dropped with the last
    /// view. `data` must be aligned for `dtype` and as long as `shape` says.
    pub(crate) fn from_shared<O: Send + Sync + 'static>(
        data: &[u8],
        shape: &[i64],
        dtype: DType,
        owner: std::sync::Arc<O>,
    ) -> Result<Self> {
        extern "C" fn release<O>(owner: *mut c_void) {
            // SAFETY: made by Arc::into_raw below, released once by the tensor's deleter.
            drop(unsafe { std::sync::Arc::from_raw(owner.cast_const().cast::<O>()) });
        }
        let elements = shape.iter().product::<i64>();
        assert!(
            elements as usize * dtype.size() == data.len() && data.as_ptr().align_offset(dtype.size()) == 0,
            "the caller measured the slice"
        );
        let kind: c_int = match dtype {
            DType::F32 => 6,
            DType::F16 => 5,
            DType::Bf16 => 15,
        };
        let owner = std::sync::Arc::into_raw(owner).cast_mut().cast::<c_void>();
        // SAFETY: the slice outlives the tensor through `owner`; c10::ScalarType numbers are fixed.
        owned(unsafe {
            shim::festoon_from_blob(data.as_ptr().cast_mut().cast(), shape.as_ptr(), shape.len(), kind, release::<O>, owner)
        })
    }

    /// Its dimensions.
    pub fn shape(&self) -> Vec<i64> {
        self.0.size()
    }

    /// The size of one dimension; negative counts from the end.
    pub fn size(&self, dim: i64) -> i64 {
        let shape = self.0.size();
        let dim = if dim < 0 { dim + shape.len() as i64 } else { dim };
        shape[dim as usize]
    }

    /// Where it lives.
    pub fn device(&self) -> Device {
        match self.0.device() {
            tch::Device::Cuda(index) => Device::Cuda(index),
            _ => Device::Cpu,
        }
    }

    /// The element type, if it is one of [`DType`].
    pub fn dtype(&self) -> Option<DType> {
        match self.0.f_kind() {
            Ok(tch::Kind::Float) => Some(DType::F32),
            Ok(tch::Kind::Half) => Some(DType::F16),
            Ok(tch::Kind::BFloat16) => Some(DType::Bf16),
            _ => None,
        }
    }

    /// All elements in order, as f32.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        let flat = self.0.f_to_device(tch::Device::Cpu)?.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
        let mut values = vec![0f32; flat.numel()];
        flat.f_copy_data(&mut values, flat.numel())?;
        Ok(values)
    }

    /// Whether every element is finite.
    pub fn all_finite(&self) -> Result<bool> {
        Ok(self.0.f_isfinite()?.f_all()?.f_int64_value(&[])? != 0)
    }

    /// Appends the elements, truncated to `u8`, in order.
    pub(crate) fn extend_bytes(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let flat = self.0.f_to_kind(tch::Kind::Uint8)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
        let start = bytes.len();
        bytes.resize(start + flat.numel(), 0);
        flat.f_copy_data(&mut bytes[start..], flat.numel())?;
        Ok(())
    }
}

/// Moving and reshaping.
impl Tensor {
    /// The same values on another device, in another element type; shared where nothing changes.
    pub fn to(&self, device: Device, dtype: DType) -> Result<Self> {
        wrap(self.0.f_to_device(device.tch())?.f_to_kind(dtype.kind()))
    }

    /// The same values on another device.
    pub fn to_device(&self, device: Device) -> Result<Self> {
        wrap(self.0.f_to_device(device.tch()))
    }

    /// The same values in another element type.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        wrap(self.0.f_to_kind(dtype.kind()))
    }

    /// One copy in memory, rows in order.
    pub fn contiguous(&self) -> Result<Self> {
        wrap(self.0.f_contiguous())
    }

    /// A copy with the channels last in memory (4 or 5 dimensions), the layout that oneDNN and cuDNN like best.
    pub fn channels_last(&self) -> Result<Self> {
        // SAFETY: a live tensor; the shim only reads it.
        owned(unsafe { shim::festoon_channels_last(self.0.as_ptr().cast()) })
    }

    /// Another shape of the same elements; copies only if it must.
    pub fn reshape(&self, shape: &[i64]) -> Result<Self> {
        wrap(self.0.f_reshape(shape))
    }

    /// Dimensions in another order.
    pub fn permute(&self, dims: &[i64]) -> Result<Self> {
        wrap(self.0.f_permute(dims))
    }

    /// Two dimensions exchanged.
    pub fn transpose(&self, a: i64, b: i64) -> Result<Self> {
        wrap(self.0.f_transpose(a, b))
    }

    /// A part along one dimension.
    pub fn narrow(&self, dim: i64, start: i64, length: i64) -> Result<Self> {
        wrap(self.0.f_narrow(dim, start, length))
    }

    /// Equal parts along one dimension.
    pub fn chunk(&self, parts: i64, dim: i64) -> Result<Vec<Self>> {
        wrap_all(self.0.f_chunk(parts, dim))
    }

    /// One tensor per index of a dimension.
    pub fn unbind(&self, dim: i64) -> Result<Vec<Self>> {
        wrap_all(self.0.f_unbind(dim))
    }

    /// A new dimension of size 1.
    pub fn unsqueeze(&self, dim: i64) -> Result<Self> {
        wrap(self.0.f_unsqueeze(dim))
    }

    /// Dimensions of size 1 stretched without copying.
    pub fn expand(&self, shape: &[i64]) -> Result<Self> {
        wrap(self.0.f_expand(shape, false))
    }

    /// Whole copies along each dimension.
    pub fn repeat(&self, repeats: &[i64]) -> Result<Self> {
        wrap(self.0.f_repeat(repeats))
    }

    /// Each index of a dimension repeated in place.
    pub fn repeat_interleave(&self, repeats: i64, dim: i64) -> Result<Self> {
        wrap(self.0.f_repeat_interleave_self_int(repeats, dim, None))
    }

    /// Joined along a dimension.
    pub fn cat(tensors: &[Tensor], dim: i64) -> Result<Self> {
        wrap(tch::Tensor::f_cat(&tensors.iter().map(|tensor| &tensor.0).collect::<Vec<_>>(), dim))
    }

    /// Joined along a new dimension.
    pub fn stack(tensors: &[Tensor], dim: i64) -> Result<Self> {
        wrap(tch::Tensor::f_stack(&tensors.iter().map(|tensor| &tensor.0).collect::<Vec<_>>(), dim))
    }

    /// Zeros (or `value`) around, in PyTorch's order: last dimension first.
    pub fn pad(&self, pad: &[i64], value: f64) -> Result<Self> {
        wrap(self.0.f_pad(pad, "constant", value))
    }
}

/// Arithmetic.
impl Tensor {
    /// Sum.
    pub fn add(&self, other: &Tensor) -> Result<Self> {
        wrap(self.0.f_add(&other.0))
    }

    /// Difference.
    pub fn sub(&self, other: &Tensor) -> Result<Self> {
        wrap(self.0.f_sub(&other.0))
    }

    /// Product, element by element.
    pub fn mul(&self, other: &Tensor) -> Result<Self> {
        wrap(self.0.f_mul(&other.0))
    }

    /// Plus a number.
    pub fn add_scalar(&self, value: f64) -> Result<Self> {
        // SAFETY: a live tensor, read only.
        owned(unsafe { shim::festoon_add_scalar(self.0.as_ptr().cast(), value) })
    }

    /// Times a number.
    pub fn mul_scalar(&self, value: f64) -> Result<Self> {
        // SAFETY: a live tensor, read only.
        owned(unsafe { shim::festoon_mul_scalar(self.0.as_ptr().cast(), value) })
    }

    /// Divided by a number.
    pub fn div_scalar(&self, value: f64) -> Result<Self> {
        // SAFETY: a live tensor, read only.
        owned(unsafe { shim::festoon_div_scalar(self.0.as_ptr().cast(), value) })
    }

    /// `self + a · b`.
    pub fn addcmul(&self, a: &Tensor, b: &Tensor) -> Result<Self> {
        wrap(self.0.f_addcmul(&a.0, &b.0))
    }

    /// Matrix product.
    pub fn matmul(&self, other: &Tensor) -> Result<Self> {
        wrap(self.0.f_matmul(&other.0))
    }

    /// Cosine.
    pub fn cos(&self) -> Result<Self> {
        wrap(self.0.f_cos())
    }

    /// Sine.
    pub fn sin(&self) -> Result<Self> {
        wrap(self.0.f_sin())
    }

    /// The exponential function.
    pub fn exp(&self) -> Result<Self> {
        wrap(self.0.f_exp())
    }

    /// Natural logarithm.
    pub fn log(&self) -> Result<Self> {
        wrap(self.0.f_log())
    }

    /// Kept within bounds.
    pub fn clamp(&self, min: f64, max: f64) -> Result<Self> {
        // SAFETY: a live tensor, read only.
        owned(unsafe { shim::festoon_clamp(self.0.as_ptr().cast(), min, max) })
    }

    /// Mean over one dimension.
    pub fn mean(&self, dim: i64) -> Result<Self> {
        wrap(self.0.f_mean_dim(dim, false, None::<tch::Kind>))
    }

    /// Rows of this table, one for each index.
    pub fn embedding(&self, indices: &Tensor) -> Result<Self> {
        wrap(tch::Tensor::f_embedding(&self.0, &indices.0, -1, false, false))
    }
}

/// Layers.
impl Tensor {
    /// `self · weightᵀ + bias`.
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        wrap(self.0.f_linear(&weight.0, bias.map(|bias| &bias.0)))
    }

    /// Layer normalisation over the last dimension, with an optional weight and bias.
    pub fn layer_norm(&self, affine: Option<(&Tensor, &Tensor)>, eps: f64) -> Result<Self> {
        let (weight, bias) = affine.map(|(weight, bias)| (&weight.0, &bias.0)).unzip();
        wrap(self.0.f_layer_norm([self.size(-1)].as_slice(), weight, bias, eps, true))
    }

    /// Division by the root mean square over the last dimension, with an optional weight.
    pub fn rms_norm(&self, weight: Option<&Tensor>, eps: f64) -> Result<Self> {
        wrap(self.0.f_rms_norm([self.size(-1)].as_slice(), weight.map(|weight| &weight.0), eps))
    }

    /// GELU in its tanh form.
    pub fn gelu_tanh(&self) -> Result<Self> {
        wrap(self.0.f_gelu("tanh"))
    }

    /// `x · sigmoid(x)`.
    pub fn silu(&self) -> Result<Self> {
        wrap(self.0.f_silu())
    }

    /// [`Tensor::silu`] in place.
    pub fn silu_(mut self) -> Result<Self> {
        wrap(self.0.f_silu_())
    }

    /// Attention of `[B, H, L, d]` over keys and values, plus an optional bias on the logits; `scale` defaults to 1/√d.
    pub fn attend(&self, key: &Tensor, value: &Tensor, bias: Option<&Tensor>, scale: Option<f64>) -> Result<Self> {
        wrap(tch::Tensor::f_scaled_dot_product_attention(
            &self.0,
            &key.0,
            &value.0,
            bias.map(|bias| &bias.0),
            0.0,
            false,
            scale,
            false,
        ))
    }

    /// The last dimension's pairs read as complex numbers: `[…, 2]` becomes `[…]`.
    pub fn view_as_complex(&self) -> Result<Self> {
        wrap(self.0.f_view_as_complex())
    }

    /// Each pair (2i, 2i+1) of the last dimension, read as a complex number, times `rotation`: a rotary embedding.
    /// Computed in f32, returned in the element type of `self`.
    pub fn rotate(&self, rotation: &Tensor) -> Result<Self> {
        let mut pairs = self.shape();
        let last = pairs.pop().unwrap_or(0);
        pairs.extend([last / 2, 2]);
        let kind = self.0.f_kind()?;
        let complex = self.0.f_to_kind(tch::Kind::Float)?.f_reshape(pairs)?.f_view_as_complex()?;
        wrap(complex.f_mul(&rotation.0)?.f_view_as_real()?.f_flatten(-2, -1)?.f_to_kind(kind))
    }

    /// Convolution in two or three dimensions, stride 1.
    ///
    /// On the CPU it calls oneDNN by name: `conv3d` would pick a much slower kernel when channels or threads are few.
    pub fn conv(&self, weight: &Tensor, bias: &Tensor, padding: &[i64]) -> Result<Self> {
        let ones = vec![1i64; padding.len()];
        let (weight, bias) = (&weight.0, Some(&bias.0));
        if self.0.device() == tch::Device::Cpu {
            return wrap(self.0.f_mkldnn_convolution(weight, bias, padding, &ones, &ones, 1));
        }
        match padding.len() {
            3 => wrap(self.0.f_conv3d(weight, bias, &ones, padding, &ones, 1)),
            2 => wrap(self.0.f_conv2d(weight, bias, &ones, padding, &ones, 1)),
            dims => Err(WanError::Torch(format!("no convolution in {dims} dimensions"))),
        }
    }

    /// Twice the height and width of `[B, C, H, W]`, each pixel repeated.
    pub fn upsample_nearest_2x(&self) -> Result<Self> {
        let (height, width) = (self.size(-2), self.size(-1));
        wrap(self.0.f_internal_upsample_nearest_exact2d([height * 2, width * 2].as_slice(), Some(2.0), Some(2.0)))
    }
}
