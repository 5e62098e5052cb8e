// One step of the schedule for one member: the step number and the factors of the optimiser.
struct ScheduleStep {
    t: u32,
    step_size: f32,
    decay: f32,
}
