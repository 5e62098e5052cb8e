// Sizes of a convolution layer: a square kernel with zero padding that keeps the size of the plane, then a max-pool.
const MEMBERS: u32 = 1u;
const IN: u32 = 2u;
const OUT: u32 = 5u;
const TIME: u32 = 6u;
const MEL: u32 = 8u;
const KERNEL: u32 = 3u; // side
const POOL_T: u32 = 2u;
const POOL_M: u32 = 2u;

const PAD: u32 = KERNEL / 2u;
const TAPS: u32 = KERNEL * KERNEL;
const WINDOWS_T: u32 = TIME / POOL_T;
const WINDOWS_M: u32 = MEL / POOL_M;
