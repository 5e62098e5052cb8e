// A value that all threads of a workgroup share. Most compilers see that for themselves.
fn workgroup_uniform(x: u32, bound: u32) -> u32 {
    return x;
}
