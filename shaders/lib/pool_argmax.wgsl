// The argmax of a max-pool window as a code: the position of the winner in its window, and the sign that says what
// LeakyReLU and dropout multiplied it with. The gradient of a window belongs to its winner alone, so neither the
// dropout mask nor a value before the pool is kept.
const DROPPED: u32 = 0u;
const POSITIVE: u32 = 1u;
const NEGATIVE: u32 = 2u;

fn argmax_code(position: u32, sign: u32) -> u32 {
    return sign | (position << 2u);
}

fn argmax_position(code: u32) -> u32 {
    return code >> 2u;
}

fn argmax_factor(code: u32, slope: f32, scale: f32) -> f32 {
    let sign = code & 3u;
    return select(select(scale, scale * slope, sign == NEGATIVE), 0.0, sign == DROPPED);
}

// Codes are packed along mel, `per_word` into each word; every row starts a new word.
fn argmax_words(row: u32, per_word: u32) -> u32 {
    return (row + per_word - 1u) / per_word;
}

fn argmax_shift(m: u32, per_word: u32) -> u32 {
    return m % per_word * (32u / per_word);
}

fn argmax_code_in(word: u32, m: u32, per_word: u32) -> u32 {
    return (word >> argmax_shift(m, per_word)) & (0xffffffffu >> (32u - 32u / per_word));
}
