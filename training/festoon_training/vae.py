"""The autoencoder: a closed-form encoder and a trained decoder."""

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor, nn

from .codec import Codec


def build(config: dict, z_dim: int) -> AutoencoderKLWan:
    """An AutoencoderKLWan with 2 x 2 patches, 8 x 8 x 4 pixels a latent."""
    return AutoencoderKLWan(
        base_dim=config["base_dim"],
        decoder_base_dim=config["decoder_base_dim"],
        z_dim=z_dim,
        dim_mult=config["dim_mult"],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        latents_mean=[0.0] * z_dim,
        latents_std=[1.0] * z_dim,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_temporal=4,
        scale_factor_spatial=8,
    )


def prepare(vae: AutoencoderKLWan, codec: Codec) -> None:
    """Installs the encoder and starts the decoder where training is fast: every residual branch silent."""
    codec.install(vae)
    with torch.no_grad():
        vae.post_quant_conv.weight.zero_()
        vae.post_quant_conv.weight[:, :, 0, 0, 0] = torch.eye(codec.z_dim)
        vae.post_quant_conv.bias.zero_()
        for name, module in vae.decoder.named_modules():
            if name.endswith("conv2"):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.zeros_(vae.decoder.mid_block.attentions[0].proj.weight)
        nn.init.zeros_(vae.decoder.mid_block.attentions[0].proj.bias)


def _upsample(resample: nn.Module, x: Tensor) -> Tensor:
    # The first moment is one frame; of all others each becomes two. It takes no part in their convolution in time.
    if resample.mode == "upsample3d" and x.shape[2] > 1:
        y = resample.time_conv(x[:, :, 1:])
        b, c, t, h, w = y.shape
        y = y.view(b, 2, c // 2, t, h, w).permute(0, 2, 3, 1, 4, 5).reshape(b, c // 2, 2 * t, h, w)
        x = torch.cat([x[:, :, :1], y], 2)
    b, c, t, h, w = x.shape
    y = resample.resample(x.permute(0, 2, 1, 3, 4).reshape(b * t, c, h, w))
    return y.view(b, t, *y.shape[1:]).permute(0, 2, 1, 3, 4)


def decode(vae: AutoencoderKLWan, z: Tensor) -> Tensor:
    """What `vae.decode` gives, all moments at once and not clamped, so that it can be trained in parallel."""
    decoder = vae.decoder
    x = decoder.mid_block(decoder.conv_in(vae.post_quant_conv(z)))
    for block in decoder.up_blocks:
        for resnet in block.resnets:
            x = resnet(x)
        if block.upsamplers is not None:
            x = _upsample(block.upsamplers[0], x)
    x = decoder.conv_out(decoder.nonlinearity(decoder.norm_out(x)))
    return unpatchify(x, 2)
