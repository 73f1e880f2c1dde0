"""The encoding half of the autoencoder, in closed form.

A clip is described by what its 8 x 8 x 4 blocks have most in common: truncated principal components, found level by level
as the network is built (two halvings in space and in time after the first 2 x 2 patch), and then once more at the coarsest
level. `Codec.fit` finds them from clips, `Codec.encode` applies them, and `Codec.install` writes them into the encoder of a
diffusers `AutoencoderKLWan`, which then computes the same numbers. What is left to train is the decoder.

Why it is exact: residual branches with a last convolution of zero are the identity; `norm_out` divides by a length that a
large constant channel dominates; and silu(v) - silu(-v) = v, so that a pair of channels of opposite sign passes the
non-linearity unchanged.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Beside channels of a few units, the constant that makes norm_out's length constant to 1 part in 10^4.
ANCHOR = 2048.0
# Log-variance of every latent: the posterior is a point, as it is in the flow-matching training.
LOG_VARIANCE = -12.0


def _components(covariance: Tensor, count: int) -> Tensor:
    """The `count` leading eigenvectors, as rows, each with its largest entry positive so that a fit is reproducible."""
    vectors = torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, :count].T
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    return vectors * signs


def _second_moment(rows: Tensor) -> Tensor:
    rows = rows.double()
    return rows.T @ rows / len(rows)


def _blocks(x: Tensor) -> Tensor:
    """[B, C, T, H, W] -> [B, 4C, T, H/2, W/2]; the channels of the four neighbours after one another."""
    return torch.cat([x[..., y::2, z::2] for y in (0, 1) for z in (0, 1)], 1)


def _apply(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("oc,bcthw->bothw", matrix.to(x.dtype), x)


@dataclass
class Level:
    """Halves space, then time. Channels that are left over are zero."""

    space: Tensor  # [still, 4 x channels in]: what a block of one moment is reduced to
    change: Tensor  # [moving, still]: what is kept of half the difference between two moments

    @property
    def still(self) -> int:
        return self.space.shape[0]

    @property
    def moving(self) -> int:
        return self.change.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        x = _apply(self.space, _blocks(x))
        first, early, late = x[:, :, :1], x[:, :, 1::2], x[:, :, 2::2]
        pairs = torch.cat([(early + late) / 2, _apply(self.change, (late - early) / 2)], 1)
        return torch.cat([torch.cat([first, first.new_zeros(*_moving(first, self.moving))], 1), pairs], 2)


def _moving(x: Tensor, channels: int) -> tuple[int, ...]:
    return (x.shape[0], channels, *x.shape[2:])


def patchify(clips: Tensor) -> Tensor:
    """[B, 3, T, H, W] -> [B, 12, T, H/2, W/2], in the order of the autoencoder's own patches."""
    b, c, t, h, w = clips.shape
    x = clips.reshape(b, c, t, h // 2, 2, w // 2, 2).permute(0, 1, 6, 4, 2, 3, 5)
    return x.reshape(b, c * 4, t, h // 2, w // 2)


@dataclass
class Codec:
    """Clips in -1..1, [B, 3, 4n + 1, H, W] -> latents [B, z, n + 1, H/8, W/8], not normalised."""

    levels: list[Level]
    project: Tensor  # [z, channels of the last level]

    @property
    def z_dim(self) -> int:
        return self.project.shape[0]

    def features(self, clips: Tensor) -> Tensor:
        x = patchify(clips)
        for level in self.levels:
            x = level.forward(x)
        return x

    def encode(self, clips: Tensor) -> Tensor:
        return _apply(self.project, self.features(clips))

    @staticmethod
    def fit(clips: Tensor, z_dim: int, dims: list[int], still: list[int]) -> "Codec":
        """Principal components of these clips; `dims` are the channels of the levels, `still` how many of them are spatial."""
        x = patchify(clips)
        levels: list[Level] = []
        for dim, keep in zip(dims, still, strict=True):
            blocks = _blocks(x)
            space = _components(_second_moment(blocks.transpose(0, 1).flatten(1).T), keep).float()
            level = Level(space, torch.zeros(0, keep))
            y = _apply(space, blocks)
            difference = (y[:, :, 2::2] - y[:, :, 1::2]) / 2
            level.change = _components(_second_moment(difference.transpose(0, 1).flatten(1).T), dim - keep).float()
            levels.append(level)
            x = level.forward(x)
        moment = _second_moment(x.transpose(0, 1).flatten(1).T)
        project = _components(moment, z_dim)
        # Whitened: the decoder and the transformer are given latents of one size.
        project /= torch.einsum("zc,cd,zd->z", project, moment, project).sqrt().unsqueeze(1)
        return Codec(levels, project.float())

    def state(self) -> dict[str, Tensor]:
        state = {"project": self.project}
        for index, level in enumerate(self.levels):
            state |= {f"{index}.space": level.space, f"{index}.change": level.change}
        return state

    @staticmethod
    def from_state(state: dict[str, Tensor]) -> "Codec":
        count = (len(state) - 1) // 2
        return Codec([Level(state[f"{i}.space"], state[f"{i}.change"]) for i in range(count)], state["project"])

    @torch.no_grad()
    def install(self, vae: nn.Module) -> None:
        """Makes the autoencoder's encoder compute `encode`."""
        encoder = vae.encoder
        for module in encoder.modules():
            if isinstance(module, nn.Conv3d | nn.Conv2d):
                module.weight.zero_()
                if module.bias is not None:
                    module.bias.zero_()
        centre = (2, 1, 1)  # the present moment of a causal 3 x 3 x 3 convolution
        channels = 12
        encoder.conv_in.weight[:channels, :, *centre] = torch.eye(channels)
        levels = iter(self.levels)
        for block in encoder.down_blocks:
            if hasattr(block, "resample"):
                level = next(levels)
                for index, (y, x) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
                    part = level.space[:, index * channels : (index + 1) * channels]
                    block.resample[1].weight[: level.still, :channels, y, x] = part
                # Taps: the last frame of the moment before, then the two that are made one.
                for tap, sign in ((1, -1.0), (2, 1.0)):
                    half = torch.eye(level.still) / 2
                    block.time_conv.weight[: level.still, : level.still, tap, 0, 0] = half
                    end = level.still + level.moving
                    block.time_conv.weight[level.still : end, : level.still, tap, 0, 0] = sign * level.change / 2
                channels = level.still + level.moving
            elif isinstance(block.conv_shortcut, nn.Conv3d):
                shortcut = block.conv_shortcut
                if block is encoder.down_blocks[-1]:
                    z = self.z_dim
                    shortcut.weight[:z, :channels, 0, 0, 0] = self.project
                    shortcut.weight[z : 2 * z, :channels, 0, 0, 0] = -self.project
                    shortcut.bias[2 * z] = ANCHOR
                else:
                    shortcut.weight[:channels, :channels, 0, 0, 0] = torch.eye(channels)
        # norm_out makes v into v * sqrt(C) / ANCHOR; gamma takes that back.
        width = encoder.norm_out.gamma.shape[0]
        encoder.norm_out.gamma.fill_(ANCHOR / width**0.5)
        z = self.z_dim
        encoder.conv_out.weight[:z, :z, *centre] = torch.eye(z)
        encoder.conv_out.weight[:z, z : 2 * z, *centre] = -torch.eye(z)
        encoder.conv_out.bias[z:] = LOG_VARIANCE
        for conv in (vae.quant_conv,):
            conv.weight.zero_()
            conv.weight[:, :, 0, 0, 0] = torch.eye(2 * z)
            conv.bias.zero_()
