#!/usr/bin/env bash
# Makes the pictures in docs/images anew, with the shipped model: the commands that README.md and docs/ show beside them.
#
# Usage: docs/pictures/make_pictures.sh     after a release build; needs chromium, python3-selenium, and a Python with
#                                           pyte and rich as $PYTHON
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly build=$PWD/build/release images=$PWD/docs/images pictures=$PWD/docs/pictures
readonly python=${PYTHON:-python3}
work=$(mktemp -d)
server_pid=
stop() {
  [[ -z $server_pid ]] || { kill "$server_pid" && wait "$server_pid"; } || true
  rm -rf -- "$work"
}
trap stop EXIT

"$build/server/circuitd" --model seqcont-demo=models/seqcont-demo --address 127.0.0.1:0 --metrics-address 127.0.0.1:0 \
  --port-file "$work/ports" --data-dir "$work/data" >"$work/server.log" 2>&1 &
server_pid=$!
until [[ -s $work/ports ]]; do kill -0 "$server_pid" || exit 1; sleep 0.1; done
CIRCUITD_SERVER=127.0.0.1:$(head -n 1 "$work/ports")
export CIRCUITD_SERVER
PATH=$build/client:$PATH
cd "$work"

terminal() { "$python" "$pictures/terminal_picture.py" "$@"; }
page() { /usr/bin/python3 "$pictures/page_picture.py" "$@"; }

circuit prune -m seqcont-demo --task numerals -n 32 -o numerals
circuit prune -m seqcont-demo --task numwords -n 32 -o numwords
circuit prune -m seqcont-demo --task months -n 32 -o months
circuit acdc -m seqcont-demo --task numerals -n 32 --metric logit_diff --ablation mean --threshold 0.1 -o acdc
circuit eval -m seqcont-demo --circuit numerals --circuit numwords --circuit months \
  --task numerals,numwords,months -n 32 --drop-one -o compared
circuit report numerals numwords months compared -o compared.html
cp numerals/circuit.svg "$images/numerals-circuit.svg"

circuit sweep -m seqcont-demo --task numerals --variants 'done' --hook hook_resid_pre --direction noising \
  --svg "$images/numerals-sweep.svg"
circuit attn -m seqcont-demo --task numerals --variants 'done' --head 1.1 --highlight late --svg "$images/numerals-attention.svg"
circuit dla -m seqcont-demo --task numerals --svg "$images/numerals-attribution.svg"

page --size 1360x1000 numerals/report.html "$images/report-nodes.png"
page --size 1360x1000 --theme dark --hover A2.3 acdc/report.html "$images/report-edges-dark.png"
page --size 1360x1000 compared.html "$images/report-comparison.png"

terminal --columns 110 --lines 16 "$images/terminal-sweep.svg" -- \
  circuit sweep -m seqcont-demo --task numerals --variants 'done' --hook hook_resid_pre --direction noising
terminal --columns 100 --lines 24 --until "A1." "$images/terminal-watch.svg" -- \
  circuit prune -m seqcont-demo --task numerals -n 128 --no-cache -o watched
job=$(circuit acdc -m seqcont-demo --task numerals -n 64 --threshold 0.01 --detach)
terminal --columns 110 --lines 24 --until "ETA" --keys q "$images/terminal-top.svg" -- circuit top
circuit cancel "$job"
