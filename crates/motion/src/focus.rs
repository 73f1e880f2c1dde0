//! Depth of field: layers away from the focus are painted smaller, blurred, and laid over the picture enlarged.
//!
//! What is out of focus holds no detail, so it needs few pixels: a soft layer costs about as much as a sharp one.

use crate::{
    camera::World,
    canvas::{Exposure, Light},
    scene::{Camera, Size},
};

/// How far the light of a point spreads at the widest aperture one whole depth from the focus, in units.
const WIDEST: f32 = 30.0;

/// The canvas of a layer that is out of focus.
#[derive(Debug, Clone)]
pub(crate) struct Pane {
    pub(crate) exposure: Exposure,
    /// How many times smaller than the picture it is: 2, 4 or 8.
    times: usize,
    /// How often it is softened before it is enlarged.
    passes: usize,
}

impl Pane {
    /// A pane for a layer at a depth; `None` if that is in focus.
    pub(crate) fn new(size: Size, camera: &Camera, depth: f32) -> Option<Self> {
        let radius = WIDEST * camera.aperture * (depth - camera.focus).abs() * World::new(size).unit;
        if radius < 0.8 {
            return None;
        }
        let mut times = if radius < 4.0 {
            2
        } else if radius < 12.0 {
            4
        } else {
            8
        };
        // A small picture is blurred on more pixels instead.
        while times > 2 && size.width.min(size.height) as usize / times < 24 {
            times /= 2;
        }
        // One pass over neighbours spreads light by half a pixel squared; a disc of that radius, by a quarter of its square.
        let spread = radius / times as f32;
        // The more it is enlarged, the more its pixels would show.
        let passes = ((spread * spread / 4.0 / 0.5).round() as usize + times / 4).min(12);
        let side = |pixels: u32| (pixels as usize).div_ceil(times);
        Some(Self { exposure: Exposure::new(side(size.width), side(size.height)), times, passes })
    }

    /// Pixels across and down.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.exposure.sharp.width, self.exposure.sharp.height)
    }

    /// The world as it is painted on the pane.
    pub(crate) fn world(&self, world: World) -> World {
        world.coarser(self.times)
    }

    /// Lays the pane over the picture; `covers` says that nothing of the picture shows through.
    pub(crate) fn lay_over(&mut self, picture: &mut Exposure, covers: bool) {
        for _ in 0..self.passes {
            soften(&mut self.exposure.sharp);
        }
        let times = self.times;
        match covers {
            true => enlarge(&self.exposure.sharp, &mut picture.sharp, times, |pixel, light| *pixel = light),
            false => enlarge(&self.exposure.sharp, &mut picture.sharp, times, |pixel, light| {
                let rest = 1.0 - light[3].min(1.0);
                for channel in 0..4 {
                    pixel[channel] = pixel[channel] * rest + light[channel];
                }
            }),
        }
        enlarge(&self.exposure.soft, &mut picture.soft, times, |pixel, light| {
            for channel in 0..4 {
                pixel[channel] += light[channel];
            }
        });
    }
}

/// Each pixel becomes half itself and a quarter of its neighbours on both sides, along rows, then along columns.
fn soften(light: &mut Light) {
    let (width, height) = (light.width, light.height);
    let mix = |before: [f32; 4], pixel: [f32; 4], after: [f32; 4]| -> [f32; 4] {
        std::array::from_fn(|channel| 0.5 * pixel[channel] + 0.25 * (before[channel] + after[channel]))
    };
    for y in 0..height {
        let row = light.row_mut(y);
        let mut before = row[0];
        for x in 0..width {
            let (pixel, after) = (row[x], row[(x + 1).min(width - 1)]);
            row[x] = mix(before, pixel, after);
            before = pixel;
        }
    }
    let mut above = light.row(0).to_vec();
    for y in 0..height {
        let (upper, lower) = light.pixels.split_at_mut(((y + 1) * width).min((height - 1) * width));
        // The last row is its own neighbour below.
        let (row, below) = if y + 1 < height { (&mut upper[y * width..], &*lower) } else { (lower, &[][..]) };
        for (x, (pixel, above)) in row.iter_mut().zip(&mut above).enumerate() {
            let was = *pixel;
            *pixel = mix(*above, was, below.get(x).copied().unwrap_or(was));
            *above = was;
        }
    }
}

/// Gives each pixel of `large` the light that `small`, enlarged so many times, has there.
#[inline(always)]
fn enlarge(small: &Light, large: &mut Light, times: usize, mut put: impl FnMut(&mut [f32; 4], [f32; 4])) {
    let near = |place: usize| {
        let at = ((place as f32 + 0.5) / times as f32 - 0.5).max(0.0);
        (at as usize, at - (at as usize) as f32)
    };
    let columns: Vec<_> = (0..large.width).map(near).collect();
    // One more pixel at the end, which repeats the last.
    let mut line = vec![[0.0f32; 4]; small.width + 1];
    for y in 0..large.height {
        let (row, part) = near(y);
        let (upper, lower) = (small.row(row), small.row((row + 1).min(small.height - 1)));
        for ((mixed, upper), lower) in line.iter_mut().zip(upper).zip(lower) {
            *mixed = std::array::from_fn(|channel| upper[channel] + (lower[channel] - upper[channel]) * part);
        }
        line[small.width] = line[small.width - 1];
        for (pixel, &(column, part)) in large.row_mut(y).iter_mut().zip(&columns) {
            let (a, b) = (line[column], line[column + 1]);
            put(pixel, std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * part));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::CameraMove;

    fn total(light: &Light) -> f32 {
        light.pixels.iter().map(|pixel| pixel[0]).sum()
    }

    #[test]
    fn softening_keeps_the_light_and_spreads_it_evenly() {
        let mut light = Light::new(9, 7);
        light.row_mut(3)[4] = [16.0; 4];
        soften(&mut light);
        assert_eq!([light.row(3)[4], light.row(3)[5], light.row(2)[4], light.row(4)[3]].map(|v| v[0]), [4.0, 2.0, 2.0, 1.0]);
        assert_eq!(total(&light), 16.0);
        // Edges keep their light too.
        let mut even = Light::new(5, 1);
        even.pixels.fill([1.0; 4]);
        soften(&mut even);
        assert!(even.pixels.iter().all(|pixel| *pixel == [1.0; 4]), "{even:?}");
        let mut corner = Light::new(4, 4);
        corner.row_mut(3)[3] = [16.0; 4];
        soften(&mut corner);
        assert_eq!(total(&corner), 16.0);
    }

    #[test]
    fn a_pane_covers_every_pixel_evenly_in_sizes_that_it_does_not_divide() {
        let camera = Camera { aperture: 1.0, focus: 0.0, ..Camera::new(CameraMove::Static, 1.0) };
        for (width, height) in [(1280, 720), (98, 54), (54, 98), (16, 16)] {
            for depth in [0.1, 0.4, 1.0] {
                let Some(mut pane) = Pane::new(Size { width, height }, &camera, depth) else { continue };
                pane.exposure.sharp.pixels.fill([0.25, 0.5, 1.0, 1.0]);
                let mut picture = Exposure::new(width as usize, height as usize);
                picture.sharp.pixels.fill([9.0; 4]);
                pane.lay_over(&mut picture, false);
                let off = |pixel: &[f32; 4]| (pixel[1] - 0.5).abs();
                assert!(picture.sharp.pixels.iter().all(|pixel| off(pixel) < 1e-5), "{width}×{height} at {depth}");
            }
        }
    }

    #[test]
    fn the_focus_is_sharp_and_so_is_everything_with_a_small_aperture() {
        let size = Size { width: 1280, height: 720 };
        let camera = |aperture| Camera { aperture, focus: 0.4, ..Camera::new(CameraMove::Static, 1.0) };
        assert!(Pane::new(size, &camera(1.0), 0.4).is_none() && Pane::new(size, &camera(0.0), 1.0).is_none());
        let blur = |depth| Pane::new(size, &camera(1.0), depth).map(|pane| (pane.times, pane.passes));
        assert_eq!([blur(0.3), blur(0.0), blur(1.0)].map(|blur| blur.map(|(times, _)| times)), [Some(2), Some(8), Some(8)]);
        assert!(blur(0.0) < blur(1.0), "farther from the focus is softer");
    }
}
