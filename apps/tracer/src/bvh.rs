//! Which triangle a ray meets first: a tree of boxes, split where the surface area heuristic says (16 bins an axis).

use crate::math::{Vec3, greater, lesser, vec3};

const BINS: usize = 16;
const LEAF: usize = 4;
const DEEPEST: usize = 60;

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
    leaves: Vec<Leaf>,
}

/// A pair of boxes; an inner node's children lie side by side, so one visit tests both.
#[derive(Clone, Copy, Debug)]
struct Node {
    low: Vec3,
    high: Vec3,
    /// The first child, or the first leaf triangle.
    first: u32,
    /// 0 for an inner node.
    count: u32,
}

/// A triangle made ready for the intersection test of Möller and Trumbore.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    corner: Vec3,
    first: Vec3,
    second: Vec3,
    triangle: u32,
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
        let blank = Node { low: Vec3::ZERO, high: Vec3::ZERO, first: 0, count: 0 };
        let mut nodes = vec![blank];
        grow(&mut nodes, 0, &mut items, 0, 0);
        let leaves = items
            .iter()
            .map(|item| {
                let [a, b, c] = triangles[item.triangle as usize];
                Leaf { corner: a, first: b - a, second: c - a, triangle: item.triangle }
            })
            .collect();
        Self { nodes, leaves }
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
        let inverse = vec3(1.0 / ray.direction.x, 1.0 / ray.direction.y, 1.0 / ray.direction.z);
        let mut stack = [0_u32; DEEPEST + 4];
        let mut depth = 0;
        let root = &self.nodes[0];
        if root.entry(ray, inverse, limit) == f32::INFINITY {
            return;
        }
        let mut node = root;
        loop {
            if node.count == 0 {
                let first = node.first as usize;
                let (left, right) = (&self.nodes[first], &self.nodes[first + 1]);
                let (near, far) = (left.entry(ray, inverse, limit), right.entry(ray, inverse, limit));
                let (mut near, mut far) = ((near, left, node.first), (far, right, node.first + 1));
                if far.0 < near.0 {
                    (near, far) = (far, near);
                }
                if near.0 < f32::INFINITY {
                    if far.0 < f32::INFINITY {
                        stack[depth] = far.2;
                        depth += 1;
                    }
                    node = near.1;
                    continue;
                }
            } else {
                let first = node.first as usize;
                for leaf in &self.leaves[first..first + node.count as usize] {
                    if let Some(hit) = leaf.meet(ray, limit) {
                        let Some(nearer) = found(hit) else { return };
                        limit = nearer;
                    }
                }
            }
            // A box pushed before something nearer was found is tested again by its children.
            if depth == 0 {
                return;
            }
            depth -= 1;
            node = &self.nodes[stack[depth] as usize];
        }
    }
}

impl Node {
    /// How far along the ray its box begins, or infinity when the ray passes it by.
    fn entry(&self, ray: &Ray, inverse: Vec3, limit: f32) -> f32 {
        let low = (self.low - ray.origin) * inverse;
        let high = (self.high - ray.origin) * inverse;
        let (from, to) = (low.min(high), low.max(high));
        let enters = greater(from.max_element(), 0.0);
        let leaves = lesser(to.x, lesser(to.y, to.z));
        // The slack makes up for rounding, so that a box never hides a triangle in its face.
        if enters <= leaves * 1.000_001 && enters < limit { enters } else { f32::INFINITY }
    }
}

impl Leaf {
    fn meet(&self, ray: &Ray, limit: f32) -> Option<Hit> {
        let p = ray.direction.cross(self.second);
        let determinant = self.first.dot(p);
        if determinant == 0.0 {
            return None;
        }
        let inverse = 1.0 / determinant;
        let s = ray.origin - self.corner;
        let u = s.dot(p) * inverse;
        if !(0.0..=1.0).contains(&u) {
            return None;
        }
        let q = s.cross(self.first);
        let v = ray.direction.dot(q) * inverse;
        if v < 0.0 || u + v > 1.0 {
            return None;
        }
        let distance = self.second.dot(q) * inverse;
        (distance > 0.0 && distance < limit).then_some(Hit { distance, triangle: self.triangle, u, v })
    }
}

fn grow(nodes: &mut Vec<Node>, node: usize, items: &mut [Item], offset: usize, depth: usize) {
    let bounds = items.iter().fold(Bounds::EMPTY, |all, item| all.with(item.bounds));
    (nodes[node].low, nodes[node].high) = (bounds.low, bounds.high);
    let split = if items.len() <= LEAF || depth >= DEEPEST { None } else { divide(items, bounds) };
    let Some(middle) = split else {
        nodes[node].first = small(offset);
        nodes[node].count = small(items.len());
        return;
    };
    let children = nodes.len();
    nodes[node].first = small(children);
    let blank = Node { low: Vec3::ZERO, high: Vec3::ZERO, first: 0, count: 0 };
    nodes.extend([blank, blank]);
    let (left, right) = items.split_at_mut(middle);
    grow(nodes, children, left, offset, depth + 1);
    grow(nodes, children + 1, right, offset + middle, depth + 1);
}

/// Sorts the items into two groups and says where the second begins, if two are better than one.
fn divide(items: &mut [Item], bounds: Bounds) -> Option<usize> {
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
    // Visiting a pair of boxes costs about as much as two triangles.
    let worth = cost < bounds.area() * (items.len() as f32 - 1.0) || items.len() > 4 * LEAF;
    if !worth {
        return None;
    }
    let (low, size) = (centres.low[axis], size[axis]);
    let middle = if size > 0.0 { gather(items, |item| bin_of(item, axis, low, size) < bin) } else { 0 };
    // All centres in one place: halves are as good as any.
    Some(if middle == 0 || middle == items.len() { items.len() / 2 } else { middle })
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
    use super::{Bvh, Hit, Leaf, Ray};
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
        for (triangle, [a, b, c]) in (0..).zip(triangles) {
            let leaf = Leaf { corner: *a, first: *b - *a, second: *c - *a, triangle };
            if let Some(hit) = leaf.meet(ray, best.map_or(f32::INFINITY, |hit| hit.distance)) {
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
