#!/usr/bin/env bash
# Measures everything in the table of speed for the GPU of this machine:
#
#   benches/gpu.sh WEAKLABEL [FOLDER]
#
# WEAKLABEL is the program, which may be built elsewhere. FOLDER receives the results (default: gpu-bench). The script needs a
# Vulkan loader and driver. If python3 has torch with CUDA, PyTorch is measured in turns with the program; otherwise that part
# is left out. WEAKLABEL_ADAPTER chooses another adapter. It takes about twenty minutes on two cores with lavapipe, on an idle
# machine. The exit code is 1 if a part could not be measured completely; the other parts are measured anyway.
set -euo pipefail

[ $# -ge 1 ] || {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
weaklabel=$(realpath "$1")
folder=${2:-gpu-bench}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
mkdir -p "$folder"
rm -f "$folder/incomplete"

say() { printf '\n## %s\n\n' "$*"; }
# Prints and saves the output of a part. A part that fails does not stop the others.
part() {
    local name=$1
    shift
    "$@" 2>"$folder/$name.log" | tee "$folder/$name.md" || {
        echo "not all of it, see $folder/$name.log: $(tail -n 1 "$folder/$name.log")"
        echo "$name" >>"$folder/incomplete"
    }
}

# Measures the seconds from the start of the process to the end of a training of one epoch, in the second of two runs.
start() {
    local begin
    for _ in 1 2; do
        begin=$(date +%s.%N)
        "$weaklabel" train --quiet --progress none -o "$folder/start" --force --set train.epochs=1 --set train.seconds=0.2 \
            --set data.train=20 --set data.validation=10 --set data.eval=10 >/dev/null || return
    done
    awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f s\n", b - a }'
}

{
    say "adapter"
    "$weaklabel" devices
    say "kernels against 64-bit arithmetic"
    part doctor "$weaklabel" doctor --quiet
    say "tiles"
    part tune "$weaklabel" tune --quiet -o "$folder/tiles.json"
    [ ! -e "$folder/tiles.json" ] || export WEAKLABEL_TILES=$folder/tiles.json
    say "kernels, and the limits of the card"
    part kernels "$weaklabel" bench kernels --quiet --markdown -o "$folder/kernels.json"
    say "one step, batch 10"
    part step "$weaklabel" bench step --quiet -o "$folder/step.json" \
        --method classifier,triplets,prototypes --frames 20,100,1000
    say "profile of a step on 500 chunks"
    part profile "$weaklabel" bench step --quiet --markdown --profile --frames 1000
    say "1 and 8 models together, 20 frames"
    part population "$weaklabel" bench step --quiet -o "$folder/population.json" \
        --method classifier,triplets,prototypes --members 1,8
    say "growth with batch, frames and models"
    part growth "$weaklabel" bench step --quiet --frames 20,100,1000 --batch 10,40,160 --members 1,4
    say "10 s clips in memory to log-mel"
    part features "$weaklabel" bench features --quiet --markdown -o "$folder/features.json"
    say "from the start of the process to the end of a training of one epoch, second time"
    part start start
    if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        for mode in eager graph; do
            say "beside PyTorch CUDA, $mode"
            part "pytorch-$mode" "$python" "$here/peers/interleaved.py" "$weaklabel" --python "$python" \
                -- --device cuda --mode "$mode"
        done
    else
        say "PyTorch"
        echo "left out: $python has no torch with CUDA"
    fi
} | tee "$folder/results.md"
[ ! -e "$folder/incomplete" ]
