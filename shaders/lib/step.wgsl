// What varies from step to step: one entry for each row and member of the schedule.
struct ScheduleStep {
    t: u32,
    step_size: f32,
    decay: f32,
}
