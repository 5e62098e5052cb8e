//! Random numbers by counting: Threefry2x32-20 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//!
//! A value is a pure function of a key and a counter, so a clip, a weight or a dropout mask can be drawn from its own
//! coordinates — (seed, subset, index), (seed, step, layer, element) — by any thread, in any order, on the CPU or on
//! the GPU, always the same. `shaders/lib/rng.wgsl` is the same function in WGSL.
//!
//! [`Key`] names a place in a tree of streams; [`Stream`] draws one value after the other below a key.

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY: u32 = 0x1BD1_1BDA;

/// One block of Threefry2x32 with 20 rounds: 64 random bits from a 64-bit key and a 64-bit counter.
pub fn threefry2x32(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let schedule = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let mut x = [counter[0].wrapping_add(key[0]), counter[1].wrapping_add(key[1])];
    for round in 0..20 {
        x[0] = x[0].wrapping_add(x[1]);
        x[1] = x[1].rotate_left(ROTATIONS[round % 8]) ^ x[0];
        if round % 4 == 3 {
            let injection = round / 4 + 1;
            x[0] = x[0].wrapping_add(schedule[injection % 3]);
            x[1] = x[1].wrapping_add(schedule[(injection + 1) % 3]).wrapping_add(injection as u32);
        }
    }
    x
}

/// A node in the tree of random streams: a seed, then one child per coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u32; 2]);

impl Key {
    /// The root of everything drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self([seed as u32, (seed >> 32) as u32])
    }

    /// The key of coordinate `index` below this one.
    pub fn child(self, index: u64) -> Self {
        Self(threefry2x32(self.0, [index as u32, (index >> 32) as u32]))
    }

    /// The key of a named purpose below this one (FNV-1a of the name), so that two uses of one seed never meet.
    pub fn named(self, name: &str) -> Self {
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        self.child(hash)
    }

    /// The sequence of values below this key.
    pub fn stream(self) -> Stream {
        Stream { key: self.0, counter: 0, spare: None }
    }
}

/// Values drawn one after the other below a [`Key`].
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    counter: u64,
    spare: Option<u32>,
}

impl Stream {
    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        if let Some(word) = self.spare.take() {
            return word;
        }
        let block = threefry2x32(self.key, [self.counter as u32, (self.counter >> 32) as u32]);
        self.counter += 1;
        self.spare = Some(block[1]);
        block[0]
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn unit(&mut self) -> f64 {
        let (high, low) = (u64::from(self.bits()), u64::from(self.bits()));
        ((high << 32 | low) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform integer in 0..n without bias. Panics when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).expect("more than 2^32 choices");
        assert!(n > 0, "a choice among nothing");
        // Lemire's multiply-and-reject: the low word says whether this draw falls into the incomplete last interval.
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.bits()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as usize;
            }
        }
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// One of `items`. Panics when there is none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A uniform permutation of `items`, by Fisher and Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123's published known answers for threefry2x32 with 20 rounds.
    #[test]
    fn threefry_meets_the_known_answers() {
        let ones = u32::MAX;
        assert_eq!(threefry2x32([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry2x32([ones, ones], [ones, ones]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(threefry2x32([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]), [0xc492_3a9c, 0x483d_f7a0]);
    }

    #[test]
    fn draws_are_uniform_and_permutations_complete() {
        let mut stream = Key::new(7).named("test").child(3).stream();
        let n = 60_000;
        let mean = (0..n).map(|_| stream.unit()).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.005, "mean {mean}");
        let mut counts = [0; 6];
        (0..n).for_each(|_| counts[stream.below(6)] += 1);
        assert!(counts.iter().all(|&c| (c - 10_000_i32).abs() < 500), "{counts:?}");
        let normals: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
        let mut order: Vec<usize> = (0..100).collect();
        stream.shuffle(&mut order);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn streams_of_different_keys_differ_and_equal_keys_repeat() {
        let root = Key::new(1);
        let first: Vec<u32> = (0..4).map(|i| root.child(i).stream().bits()).collect();
        let again: Vec<u32> = (0..4).map(|i| root.child(i).stream().bits()).collect();
        assert_eq!(first, again);
        assert!(first.windows(2).all(|w| w[0] != w[1]));
        assert_ne!(root.named("a"), root.named("b"));
    }
}
