// State by which one model of the population differs from the next; `score` writes how far its training is.
struct Member {
    dropout_key: vec2<u32>,
    alive: u32,
    best_epoch: u32,
    best_score: f32,
    score: f32,
    improved: u32,
    epochs: u32,
}
