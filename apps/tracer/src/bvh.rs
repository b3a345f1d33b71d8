//! Which triangle a ray meets first: a tree of boxes with four children a node, tested four at a time.
//!
//! It is grown as a tree of two children, split where the surface area heuristic says (16 bins an axis), and every other
//! level is then taken out.

use crate::four::{Four, Vec3x4};
use crate::math::Vec3;

const BINS: usize = 16;
const LEAF: usize = 4;
/// Levels after which halves are as good as any split: no tree is deeper than this and a 32-bit count's halvings.
const DEEPEST: usize = 48;
/// Marks a child that is a group of triangles.
const TRIANGLES: u32 = 1 << 31;

/// A half-line.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Where it starts.
    pub origin: Vec3,
    /// Where it goes, of unit length.
    pub direction: Vec3,
}

impl Ray {
    /// The point at a distance.
    #[must_use]
    pub fn at(&self, distance: f32) -> Vec3 {
        self.origin + self.direction * distance
    }
}

/// Where a ray met a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// How far along the ray.
    pub distance: f32,
    /// Index of the triangle in the list the tree was made from.
    pub triangle: u32,
    /// Weight of the triangle's second corner.
    pub u: f32,
    /// Weight of its third corner.
    pub v: f32,
}

/// A tree over triangles.
#[derive(Debug)]
pub struct Bvh {
    nodes: Vec<Node>,
    groups: Vec<Group>,
}

/// Four boxes and what is in them.
#[derive(Clone, Copy, Debug)]
struct Node {
    low: Vec3x4,
    high: Vec3x4,
    /// A node, or with [`TRIANGLES`] a group. A box that no ray enters has none.
    children: [u32; 4],
}

/// Up to four triangles, made ready for the intersection test of Möller and Trumbore; a missing one has no area.
#[derive(Clone, Copy, Debug)]
struct Group {
    corner: Vec3x4,
    first: Vec3x4,
    second: Vec3x4,
    triangles: [u32; 4],
}

#[derive(Clone, Copy)]
struct Bounds {
    low: Vec3,
    high: Vec3,
}

impl Bounds {
    const EMPTY: Self = Self { low: Vec3::splat(f32::INFINITY), high: Vec3::splat(f32::NEG_INFINITY) };

    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn around(point: Vec3) -> Self {
        Self { low: point, high: point }
    }

    fn area(self) -> f32 {
        let size = self.high - self.low;
        if size.x < 0.0 { 0.0 } else { size.x * size.y + size.y * size.z + size.z * size.x }
    }
}

struct Item {
    bounds: Bounds,
    centre: Vec3,
    triangle: u32,
}

/// A ray in the form that boxes are tested in.
struct Beam {
    origin: Vec3x4,
    direction: Vec3x4,
    inverse: Vec3x4,
}

impl Beam {
    fn new(ray: &Ray) -> Self {
        // Finite, so that a ray in the plane of a box's face never multiplies zero by infinity.
        let invert = |x: f32| if x.abs() < 1e-20 { 1e20_f32.copysign(x) } else { 1.0 / x };
        let d = ray.direction;
        Self {
            origin: Vec3x4::splat(ray.origin),
            direction: Vec3x4::splat(d),
            inverse: Vec3x4::splat(Vec3::new(invert(d.x), invert(d.y), invert(d.z))),
        }
    }
}

impl Bvh {
    /// The tree over triangles given by their corners.
    #[must_use]
    pub fn new(triangles: &[[Vec3; 3]]) -> Self {
        let mut items: Vec<Item> = (0_u32..)
            .zip(triangles)
            .map(|(triangle, corners)| {
                let bounds = corners.iter().fold(Bounds::EMPTY, |all, &corner| all.with(Bounds::around(corner)));
                Item { bounds, centre: (bounds.low + bounds.high) * 0.5, triangle }
            })
            .collect();
        let mut tree = Self { nodes: Vec::new(), groups: Vec::new() };
        tree.node(triangles, &mut items, 0);
        tree
    }

    /// Adds the node over some items; its number.
    fn node(&mut self, triangles: &[[Vec3; 3]], items: &mut [Item], depth: usize) -> u32 {
        let number = small(self.nodes.len());
        let blank = Vec3x4::splat(Vec3::splat(f32::NAN));
        self.nodes.push(Node { low: blank, high: blank, children: [TRIANGLES; 4] });
        let (mut lows, mut highs) = ([Vec3::splat(f32::NAN); 4], [Vec3::splat(f32::NAN); 4]);
        let mut children = [TRIANGLES; 4];
        let (left, right) = halves(items, depth);
        let ((a, b), (c, d)) = (halves(left, depth + 1), halves(right, depth + 1));
        let parts = [a, b, c, d].into_iter().filter(|part| !part.is_empty());
        for (lane, part) in parts.enumerate() {
            let bounds = part.iter().fold(Bounds::EMPTY, |all, item| all.with(item.bounds));
            (lows[lane], highs[lane]) = (bounds.low, bounds.high);
            children[lane] = if part.len() <= LEAF {
                self.groups.push(Group::new(triangles, part));
                TRIANGLES | small(self.groups.len() - 1)
            } else {
                self.node(triangles, part, depth + 2)
            };
        }
        self.nodes[number as usize] = Node { low: Vec3x4::new(lows), high: Vec3x4::new(highs), children };
        number
    }

    /// The nearest triangle before `limit`.
    #[must_use]
    pub fn nearest(&self, ray: &Ray, limit: f32) -> Option<Hit> {
        let mut best = None;
        self.walk(ray, limit, |hit| {
            best = Some(hit);
            Some(hit.distance)
        });
        best
    }

    /// Whether anything lies before `limit`.
    #[must_use]
    pub fn blocked(&self, ray: &Ray, limit: f32) -> bool {
        let mut blocked = false;
        self.walk(ray, limit, |_| {
            blocked = true;
            None
        });
        blocked
    }

    /// Reports each hit nearer than the limit, which `found` then moves nearer, or ends the walk by `None`.
    fn walk(&self, ray: &Ray, mut limit: f32, mut found: impl FnMut(Hit) -> Option<f32>) {
        let beam = Beam::new(ray);
        // Each level leaves at most three brothers behind.
        let mut stack = [(0.0_f32, 0_u32); 3 * (DEEPEST / 2 + 33)];
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let (entry, child) = stack[depth];
            if entry >= limit {
                continue;
            }
            if child & TRIANGLES != 0 {
                let group = &self.groups[(child & !TRIANGLES) as usize];
                if let Some(hit) = group.meet(&beam, limit) {
                    let Some(nearer) = found(hit) else { return };
                    limit = nearer;
                }
                continue;
            }
            let node = &self.nodes[child as usize];
            let (entries, mut entered) = node.entries(&beam, limit);
            let bottom = depth;
            while entered != 0 {
                let lane = entered.trailing_zeros() as usize & 3;
                entered &= entered - 1;
                let entry = entries[lane];
                // Kept in order, the nearest on top.
                let mut place = depth;
                while place > bottom && stack[place - 1].0 < entry {
                    stack[place] = stack[place - 1];
                    place -= 1;
                }
                stack[place] = (entry, node.children[lane]);
                depth += 1;
            }
        }
    }
}

impl Node {
    /// How far along the beam each box begins, and one bit for each that it passes through before `limit`.
    fn entries(&self, beam: &Beam, limit: f32) -> ([f32; 4], u8) {
        let low = self.low.sub(beam.origin).mul(beam.inverse);
        let high = self.high.sub(beam.origin).mul(beam.inverse);
        let (from, to) = (low.min(high), low.max(high));
        let enters = from.x.max(from.y).max(from.z).max(Four::splat(0.0));
        // The slack makes up for rounding, so that a box never hides a triangle in its face.
        let leaves = to.x.min(to.y).min(to.z).mul(Four::splat(1.000_001));
        let through = enters.at_most(leaves) & enters.less(Four::splat(limit));
        (enters.lanes(), through)
    }
}

impl Group {
    fn new(triangles: &[[Vec3; 3]], items: &[Item]) -> Self {
        let mut corners = [[Vec3::ZERO; 3]; 4];
        let mut numbers = [0; 4];
        for (lane, item) in items.iter().enumerate() {
            corners[lane] = triangles[item.triangle as usize];
            numbers[lane] = item.triangle;
        }
        Self {
            corner: Vec3x4::new(corners.map(|[a, _, _]| a)),
            first: Vec3x4::new(corners.map(|[a, b, _]| b - a)),
            second: Vec3x4::new(corners.map(|[a, _, c]| c - a)),
            triangles: numbers,
        }
    }

    /// The nearest of the triangles before `limit`. Without area a determinant is zero and no comparison holds.
    fn meet(&self, beam: &Beam, limit: f32) -> Option<Hit> {
        let p = beam.direction.cross(self.second);
        let inverse = self.first.dot(p).reciprocal();
        let s = beam.origin.sub(self.corner);
        let u = s.dot(p).mul(inverse);
        let q = s.cross(self.first);
        let v = beam.direction.dot(q).mul(inverse);
        let distance = self.second.dot(q).mul(inverse);
        let (zero, one) = (Four::splat(0.0), Four::splat(1.0));
        let mut met = zero.at_most(u) & zero.at_most(v) & u.add(v).at_most(one);
        met &= zero.less(distance) & distance.less(Four::splat(limit));
        if met == 0 {
            return None;
        }
        let (distances, us, vs) = (distance.lanes(), u.lanes(), v.lanes());
        let mut nearest = met.trailing_zeros() as usize & 3;
        met &= met - 1;
        while met != 0 {
            let lane = met.trailing_zeros() as usize & 3;
            met &= met - 1;
            if distances[lane] < distances[nearest] {
                nearest = lane;
            }
        }
        let triangle = self.triangles[nearest];
        Some(Hit { distance: distances[nearest], triangle, u: us[nearest], v: vs[nearest] })
    }
}

/// Two parts where one would be more than a group holds.
fn halves(items: &mut [Item], depth: usize) -> (&mut [Item], &mut [Item]) {
    let middle = if items.len() <= LEAF { items.len() } else { divide(items, depth) };
    items.split_at_mut(middle)
}

/// Sorts the items into two parts and says where the second begins.
fn divide(items: &mut [Item], depth: usize) -> usize {
    let centres = items.iter().fold(Bounds::EMPTY, |all, item| all.with(Bounds::around(item.centre)));
    let size = centres.high - centres.low;
    let mut best = (f32::INFINITY, 0, 0);
    for axis in 0..3 {
        if size[axis] <= 0.0 {
            continue;
        }
        let mut bins = [(Bounds::EMPTY, 0_u32); BINS];
        for item in items.iter() {
            let bin = &mut bins[bin_of(item, axis, centres.low[axis], size[axis])];
            *bin = (bin.0.with(item.bounds), bin.1 + 1);
        }
        let mut right = [0.0; BINS];
        let mut sum = (Bounds::EMPTY, 0);
        for bin in (1..BINS).rev() {
            sum = (sum.0.with(bins[bin].0), sum.1 + bins[bin].1);
            right[bin] = sum.0.area() * sum.1 as f32;
        }
        sum = (Bounds::EMPTY, 0);
        for bin in 1..BINS {
            sum = (sum.0.with(bins[bin - 1].0), sum.1 + bins[bin - 1].1);
            let cost = sum.0.area() * sum.1 as f32 + right[bin];
            if cost < best.0 {
                best = (cost, axis, bin);
            }
        }
    }
    let (cost, axis, bin) = best;
    let (low, size) = (centres.low[axis], size[axis]);
    let splits = cost < f32::INFINITY && depth < DEEPEST;
    let middle = if splits { gather(items, |item| bin_of(item, axis, low, size) < bin) } else { 0 };
    // All centres in one place: halves are as good as any.
    if middle == 0 || middle == items.len() { items.len() / 2 } else { middle }
}

fn bin_of(item: &Item, axis: usize, low: f32, size: f32) -> usize {
    (((item.centre[axis] - low) / size * BINS as f32) as usize).min(BINS - 1)
}

/// Moves the chosen items to the front; how many they are.
fn gather(items: &mut [Item], chosen: impl Fn(&Item) -> bool) -> usize {
    let mut front = 0;
    for next in 0..items.len() {
        if chosen(&items[next]) {
            items.swap(front, next);
            front += 1;
        }
    }
    front
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2^32 triangles fit into memory")
}

#[cfg(test)]
mod tests {
    use super::{Beam, Bounds, Bvh, Group, Hit, Item, Ray};
    use crate::math::{Vec3, vec3};
    use crate::sampler::hash;

    fn soup(count: u32, seed: u32) -> Vec<[Vec3; 3]> {
        let unit = |n: u32| hash(seed, n) as f32 / 4_294_967_296.0;
        let point = |n: u32| vec3(unit(n), unit(n + 1), unit(n + 2));
        (0..count)
            .map(|n| {
                let corner = point(n * 12) * 10.0;
                [corner, corner + point(n * 12 + 3), corner + point(n * 12 + 6)]
            })
            .collect()
    }

    fn brute(triangles: &[[Vec3; 3]], ray: &Ray) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        for triangle in (0..).take(triangles.len()) {
            let item = Item { bounds: Bounds::EMPTY, centre: Vec3::ZERO, triangle };
            let group = Group::new(triangles, &[item]);
            let limit = best.map_or(f32::INFINITY, |hit| hit.distance);
            if let Some(hit) = group.meet(&Beam::new(ray), limit) {
                best = Some(hit);
            }
        }
        best
    }

    #[test]
    fn the_tree_finds_what_trying_every_triangle_finds() {
        let mut hits = 0;
        for (seed, count) in [(1, 1), (2, 5), (3, 40), (4, 700)] {
            let triangles = soup(count, seed);
            let bvh = Bvh::new(&triangles);
            for n in 0..1000 {
                let unit = |k: u32| hash(seed ^ 77, n * 8 + k) as f32 / 4_294_967_296.0;
                let origin = vec3(unit(0), unit(1), unit(2)) * 14.0 - Vec3::splat(2.0);
                let towards = triangles[(n % count) as usize][0] + vec3(0.3, 0.2, 0.3);
                let direction = match n % 4 {
                    0 => vec3(0.0, 0.0, if n % 8 == 0 { 1.0 } else { -1.0 }),
                    _ => (towards - origin).normalized(),
                };
                let ray = Ray { origin, direction };
                let (found, wanted) = (bvh.nearest(&ray, f32::INFINITY), brute(&triangles, &ray));
                assert_eq!(found.map(|hit| hit.distance), wanted.map(|hit| hit.distance));
                if let Some(hit) = wanted {
                    hits += 1;
                    assert!(bvh.blocked(&ray, hit.distance * 1.01));
                    assert!(!bvh.blocked(&ray, hit.distance));
                }
            }
        }
        assert!(hits > 1000, "only {hits} rays met anything");
    }

    #[test]
    fn a_heap_of_equal_triangles_is_still_a_tree() {
        let triangles = vec![[Vec3::ZERO, vec3(1.0, 0.0, 0.0), vec3(0.0, 1.0, 0.0)]; 1000];
        let bvh = Bvh::new(&triangles);
        let ray = Ray { origin: vec3(0.2, 0.2, 5.0), direction: vec3(0.0, 0.0, -1.0) };
        assert_eq!(bvh.nearest(&ray, f32::INFINITY).map(|hit| hit.distance), Some(5.0));
    }
}
