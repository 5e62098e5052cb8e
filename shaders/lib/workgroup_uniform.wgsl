// A value that all threads of a workgroup share, as it is: most compilers find that out by themselves.
fn workgroup_uniform(x: u32, bound: u32) -> u32 {
    return x;
}
