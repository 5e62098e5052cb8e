// The step of the schedule that this dispatch computes. A struct holds it, because HLSL takes an immediate in no other
// form.
struct StepIndex {
    index: u32,
}
var<immediate> immediate_step: StepIndex;

fn step_index() -> u32 {
    return immediate_step.index;
}
