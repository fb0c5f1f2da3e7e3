#!/usr/bin/env bash
# Measures this server's engines beside TransformerLens and Hugging Face transformers, on this machine, and writes the
# tables of docs/performance.md.
set -euo pipefail
readonly called_from=$PWD
cd "$(dirname "$0")/.."

usage() {
  cat <<'USAGE'
Usage: bench/compare.sh [--quick] [--only SECTION]... [--model FOLDER [--prompts FILE] [--circuit NODES]] [--keep DIR]
                        [--python PYTHON] [--doc FILE]

Builds the benchmarks (after deploy/install-deps.sh), installs torch, transformers and TransformerLens into a throw-away
environment (5 GB from PyPI), runs both sides alternately on the same cores, and puts the results into the tables of
docs/performance.md. Takes about an hour; the machine should have nothing else to do.

  --quick          fewer rounds, candidates and sizes: some minutes, to see that it runs
  --only SECTION   pruning, forward, sweeps, growth, start or pieces; may be repeated; other tables stay as they are
  --model FOLDER   compare on this GPT-2 in Hugging Face's layout instead of a random one of GPT-2 small's shape;
                   pruning then follows its own decisions, unless there is a --circuit
  --prompts FILE   with --model: its prompts, a pair of token ids a line as tools/dump_prompts.cc prints them,
                   instead of 48 random pairs
  --circuit NODES  the nodes that pruning keeps, whatever the scores: A7.11,M9,… or numerals, for the published circuit
  --keep DIR       work in DIR and leave everything there; environment and models that it has already are used again
  --python PYTHON  an interpreter that has the packages, instead of the throw-away environment
  --doc FILE       the document whose tables are written (default: docs/performance.md)
USAGE
}

readonly sections=(start pruning forward sweeps growth pieces)
# Newer pyarrow wants NumPy 2, which TransformerLens 2.18 excludes.
readonly python_packages=(torch==2.11.0 transformer_lens==2.18.0 transformers==4.57.6 pyarrow==21.0.0)
readonly engine=fast

path() { if [[ $1 == /* ]]; then printf '%s' "$1"; else printf '%s' "$called_from/$1"; fi; }

quick='' only=() model='' prompts='' circuit='' keep='' python='' doc=docs/performance.md
while (($#)); do
  case "$1" in
    --quick) quick=1 ;;
    --only | --model | --prompts | --circuit | --keep | --python | --doc)
      (($# > 1)) || { usage >&2 && exit 2; }
      case "$1" in
        --only) only+=("$2") ;;
        --model) model=$(path "$2") ;;
        --prompts) prompts=$(path "$2") ;;
        --circuit) circuit=$2 ;;
        --keep) keep=$(path "$2") ;;
        --python) python=$(command -v "$2") ;;
        --doc) doc=$(path "$2") ;;
      esac
      shift
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
for section in "${only[@]}"; do
  [[ " ${sections[*]} " == *" $section "* ]] || { usage >&2 && exit 2; }
done

say() { printf 'compare: %s\n' "$*" >&2; }
wanted() { ((${#only[@]} == 0)) || [[ " ${only[*]} " == *" $1 "* ]]; }
pick() { if [[ $quick ]]; then printf '%s' "$1"; else printf '%s' "$2"; fi; } # for --quick, otherwise

if [[ $keep ]]; then
  mkdir -p -- "$keep"
  work=$keep
else
  work=$(mktemp -d)
  trap 'rm -rf -- "$work"' EXIT
fi
[[ -w $doc ]] || { say "$doc: is not there, or can't be written" && exit 1; }
readonly work results=$work/results bin=build/bench/bench
mkdir -p -- "$results"

# Idle threads of either side sleep instead of spinning.
export OMP_WAIT_POLICY=PASSIVE HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false

mapfile -t cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
readonly cores
((${#cores[@]} >= 2)) || { say "two cores are needed" && exit 1; }

# Runs on the first `threads` cores, with so many threads, whichever side it is.
on_cores() { # threads, command…
  local threads=$1 list
  shift
  list=$(IFS=, && printf '%s' "${cores[*]:0:threads}")
  OMP_NUM_THREADS=$threads taskset --cpu-list "$list" "$@"
}

build() {
  say "building"
  cmake --preset bench >"$work/build.log"
  cmake --build build/bench --parallel "$(nproc)" --target forward load_time make_inputs node_pruning \
    patching_sweep_bench pieces >>"$work/build.log"
}

install_python() {
  [[ -z $python ]] || return 0
  python=$work/venv/bin/python
  [[ ! -e $work/venv/done ]] || return 0
  say "installing ${python_packages[*]} into $work/venv"
  python3 -m venv "$work/venv" # from Debian's python3-venv
  "$python" -m pip install --quiet --disable-pip-version-check "${python_packages[@]}"
  touch "$work/venv/done"
}

# Leaves a random model of a shape, with prompts for it.
inputs() { # shape, pairs
  local folder=$work/$1
  [[ -e $folder/config.json && -e $folder.$2.jsonl ]] && return
  say "writing a random model of $1's shape and $2 pairs of prompts"
  "$bin/make_inputs" --shape "$1" --model "$folder" --prompts "$folder.$2.jsonl" --pairs "$2"
}

# The model that both sides are compared on, its prompts, and how its nodes are decided.
choose_model() {
  decisions=()
  if [[ $model ]]; then
    if [[ -z $prompts ]]; then
      prompts=$work/prompts.jsonl
      "$bin/make_inputs" --model "$model" --prompts "$prompts"
    fi
  else
    inputs gpt2 48
    model=$work/gpt2 prompts=$work/gpt2.48.jsonl
    circuit=${circuit:-numerals}
  fi
  if [[ $circuit ]]; then decisions=(--keep "$circuit"); fi
}

section_start() {
  inputs gpt2 48
  for round in 1 2 3 4 5; do
    "$bin/load_time" --model "$work/gpt2" >"$results/start-$round.json"
  done
  "$bin/load_time" --model "$work/gpt2" --dtype float16 >"$results/start-float16.json"
}

# A whole backward and forward sweep of ours, then some candidates the published way, and again.
section_pruning() {
  local rounds sample threads round name
  rounds=$(pick 1 3) sample=$(pick 2 9)
  choose_model
  for threads in 1 2; do
    for ((round = 1; round <= rounds; round++)); do
      name=$results/pruning-$threads-$round
      say "pruning on $threads thread(s), round $round of $rounds"
      on_cores "$threads" "$bin/node_pruning" --engine "$engine" --model "$model" --prompts "$prompts" \
        --threads "$threads" "${decisions[@]}" >"$name.ours.json"
      on_cores "$threads" "$python" bench/published_way.py --model "$model" --prompts "$prompts" --run "$name.ours.json" \
        --threads "$threads" --sample "$sample" --part "$round/$rounds" >"$name.published.json"
    done
  done
}

section_forward() {
  local rounds threads round name
  rounds=$(pick 1 3)
  choose_model
  for threads in 1 2; do
    for ((round = 1; round <= rounds; round++)); do
      name=$results/forward-$threads-$round
      say "forward passes on $threads thread(s), round $round of $rounds"
      on_cores "$threads" "$bin/forward" --model "$model" --prompts "$prompts" --threads "$threads" >"$name.ours.json"
      on_cores "$threads" "$python" bench/transformers_forward.py --model "$model" --prompts "$prompts" \
        --threads "$threads" >"$name.transformers.json"
    done
  done
}

# Activation patching sweeps beside TransformerLens's, which take turns in one process pair; layers 2 and 9 are as high
# on average as all are.
section_sweeps() {
  local differ threads name flags
  inputs gpt2 48
  for differ in some all; do
    name=$work/gpt2.sweeps.$differ.jsonl
    flags=()
    if [[ $differ == all ]]; then flags=(--all-differ); fi
    "$bin/make_inputs" --model "$work/gpt2" --prompts "$name" --pairs 8 --tokens 16 "${flags[@]}"
    for threads in 1 2; do
      say "activation patching sweeps, $differ tokens differ, $threads thread(s)"
      on_cores "$threads" "$python" bench/transformer_lens_sweep.py "$bin/patching_sweep_bench" "$work/gpt2" "$name" \
        --threads "$threads" --layers 2,9 --rounds "$(pick 1 2)" >"$results/sweeps-$differ-$threads.json"
    done
  done
}

# How time and memory grow: four shapes, num_samples prompts of each of three variants, a few candidates of each run.
section_growth() {
  local shape num_samples sample
  sample=$(pick 4 8)
  for shape in demo distilgpt2 gpt2 gpt2-medium; do
    inputs "$shape" 1536
    for num_samples in $(pick '8 512' '8 32 128 512'); do
      say "pruning $shape at num_samples $num_samples"
      on_cores 1 "$bin/node_pruning" --engine "$engine" --model "$work/$shape" --prompts "$work/$shape.1536.jsonl" \
        --pairs $((3 * num_samples)) --keep numerals --sample "$sample" >"$results/growth-$shape-$num_samples.json"
    done
  done
}

section_pieces() {
  say "pieces"
  on_cores 1 "$bin/pieces" --benchmark_format=json >"$results/pieces.json" 2>/dev/null
}

build
if wanted pruning || wanted forward || wanted sweeps; then install_python; fi
for section in "${sections[@]}"; do
  if wanted "$section"; then
    rm -f -- "$results/$section"[-.]*
    "section_$section"
  fi
done
say "writing $doc"
python3 bench/performance_tables.py "$results" "$doc"
