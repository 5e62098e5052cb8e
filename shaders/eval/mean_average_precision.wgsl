// The mean of average precision over the classes with a positive: mAP.
import kernel::CLASSES;

@group(0) @binding(2) var<storage, read> averages: array<f32>; // [member, class]; negative for a class without a positive

fn criterion(member: u32) -> f32 {
    var sum = 0.0;
    var present = 0u;
    for (var label = 0u; label < CLASSES; label++) {
        let average = averages[member * CLASSES + label];
        if (average >= 0.0) {
            sum += average;
            present++;
        }
    }
    return sum / f32(max(present, 1u));
}
