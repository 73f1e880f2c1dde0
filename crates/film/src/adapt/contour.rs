//! Contours without stairs.
//!
//! Whatever scales a small picture up shows where its pixels were: along a slanted edge as stairs. Along an edge a picture
//! hardly changes, so it is smoothed there, along and never across. Which way an edge runs is read off the structure tensor
//! (the mean of the products of slopes around a pixel; Förstner 1987); smoothing follows it for a few pixels either way, as line
//! integral convolution does. Where no direction prevails (dots, corners, plain surfaces) nothing is done.

use super::{
    flow::box_sums,
    raster::{Pixel, Raster, add, mix},
};

/// Pixels that are followed either way.
const STEPS: usize = 7;
/// Their weights: a normal distribution with a deviation of 3 pixels.
const WEIGHTS: [f32; STEPS + 1] = [1.0, 0.946, 0.8007, 0.6065, 0.4111, 0.2494, 0.1353, 0.0657];
/// Half the side of the square that slopes are averaged over, twice.
const HALF: usize = 2;
/// Squared slopes, in levels per pixel, summed over the lanes: well above this there is an edge.
const EDGE: f32 = 60.0;

/// Smooths each pixel along the edge that it lies on.
pub(super) fn smoothed(frame: &Raster) -> Raster {
    let (width, height) = (frame.width, frame.height);
    let tangents = tangents(frame);
    let mut smooth = frame.clone();
    for y in 0..height {
        for x in 0..width {
            let index = y * width + x;
            let Tangent { along, strength } = tangents[index];
            if strength < 0.02 {
                continue;
            }
            let mut sum = frame.pixels[index];
            let mut whole = 1.0;
            for way in [1.0, -1.0f32] {
                let mut direction = along.map(|part| part * way);
                let (mut px, mut py) = (x as f32, y as f32);
                for weight in &WEIGHTS[1..] {
                    px += direction[0];
                    py += direction[1];
                    if px < 0.0 || py < 0.0 || px > (width - 1) as f32 || py > (height - 1) as f32 {
                        break;
                    }
                    add(&mut sum, frame.bilinear(px, py), *weight);
                    whole += weight;
                    let next = tangents[(py + 0.5) as usize * width + (px + 0.5) as usize];
                    // An edge has no front and no back.
                    let turn = if next.along[0] * direction[0] + next.along[1] * direction[1] < 0.0 { -1.0 } else { 1.0 };
                    direction = next.along.map(|part| part * turn);
                }
            }
            let mean: Pixel = sum.map(|level| level / whole);
            smooth.pixels[index] = mix(frame.pixels[index], mean, strength);
        }
    }
    smooth
}

/// Which way an edge runs through a pixel.
#[derive(Debug, Clone, Copy)]
struct Tangent {
    /// Of length one.
    along: [f32; 2],
    /// From 0, where there is no edge or none with a direction, to 1.
    strength: f32,
}

fn tangents(frame: &Raster) -> Vec<Tangent> {
    let (width, height) = (frame.width, frame.height);
    let mut products = [vec![0.0; width * height], vec![0.0; width * height], vec![0.0; width * height]];
    for y in 0..height as isize {
        for x in 0..width as isize {
            let index = y as usize * width + x as usize;
            let (left, right) = (frame.at(x - 1, y), frame.at(x + 1, y));
            let (upper, lower) = (frame.at(x, y - 1), frame.at(x, y + 1));
            for lane in 0..4 {
                let (across, down) = ((right[lane] - left[lane]) * 0.5, (lower[lane] - upper[lane]) * 0.5);
                products[0][index] += across * across;
                products[1][index] += across * down;
                products[2][index] += down * down;
            }
        }
    }
    let side = (2 * HALF + 1) as f32;
    let share = 1.0 / (side * side * side * side);
    let [e, f, g] = products.map(|plane| {
        let mut sums = box_sums(&box_sums(&plane, width, height, HALF), width, height, HALF);
        for sum in &mut sums {
            *sum *= share;
        }
        sums
    });
    let tangent = |((e, f), g): ((&f32, &f32), &f32)| {
        let difference = e - g;
        let spread = (difference * difference + 4.0 * f * f).sqrt();
        // Across the edge lies the longer axis of the tensor; along it, the perpendicular.
        let [dx, dy] = if *e >= *g { [-2.0 * f, difference + spread] } else { [spread - difference, -2.0 * f] };
        let length = (dx * dx + dy * dy).sqrt();
        if length < 1e-6 {
            return Tangent { along: [1.0, 0.0], strength: 0.0 };
        }
        let coherence = spread / (e + g + 1e-6);
        let steep = (e + g) / (e + g + EDGE);
        Tangent { along: [dx / length, dy / length], strength: coherence * coherence * steep }
    };
    e.iter().zip(&f).zip(&g).map(tangent).collect()
}
