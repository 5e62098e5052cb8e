// The mean recall over the classes that are present: F(x), the paper's equation 5.
import kernel::{CLASSES, counts};

fn criterion(member: u32) -> f32 {
    var sum = 0.0;
    var present = 0u;
    for (var label = 0u; label < CLASSES; label++) {
        let at = (member * CLASSES + label) * 3u;
        let positives = counts[at] + counts[at + 2u];
        if (positives > 0u) {
            sum += f32(counts[at]) / f32(positives);
            present++;
        }
    }
    return sum / f32(max(present, 1u));
}
