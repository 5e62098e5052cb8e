#!/usr/bin/env bash
# Everything that the table of speed says about a GPU, measured on this machine with one command:
#
#   benches/gpu.sh WEAKLABEL [FOLDER]
#
# WEAKLABEL is the program, built elsewhere if need be; FOLDER takes the results (default: gpu-bench). Needs a Vulkan loader and
# driver. Where python3 has torch with CUDA, PyTorch takes turns with the program; where it has none, that part is left out.
# WEAKLABEL_ADAPTER chooses another adapter. Takes about twenty minutes on two cores with lavapipe; the machine should do nothing
# else. Ends with 1 when a part could not be measured, or not all of it; the others are.
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
# Prints what a part says, and keeps it. What cannot be measured does not keep the rest from being.
part() {
    local name=$1
    shift
    "$@" 2>"$folder/$name.log" | tee "$folder/$name.md" || {
        echo "not all of it, see $folder/$name.log: $(tail -n 1 "$folder/$name.log")"
        echo "$name" >>"$folder/incomplete"
    }
}

# Seconds from the start of the process to the end of a training of one epoch, the second time.
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
