// The row of the schedule that this dispatch computes; in a struct, because HLSL takes an immediate in no other form.
struct StepIndex {
    index: u32,
}
var<immediate> immediate_step: StepIndex;

fn step_index() -> u32 {
    return immediate_step.index;
}
