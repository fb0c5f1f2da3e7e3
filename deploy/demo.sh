#!/usr/bin/env bash
# Builds circuitd, starts it on loopback with the shipped model, and has it find the numerals circuit. The server runs
# only as long as this script. The circuit is left in demo-circuit/, replacing that of an earlier run.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly output=demo-circuit build=build/release
readonly server=$build/server/circuitd client=$build/client/circuit
readonly start_limit_s=60 stop_limit_s=15

deploy/install-deps.sh
cmake --preset release
cmake --build "$build" --parallel "$(nproc)" --target circuitd circuit

work=$(mktemp -d)
server_pid=

stop() {
  local deadline=$((SECONDS + stop_limit_s))
  if [[ -n $server_pid ]] && kill -TERM "$server_pid" 2>/dev/null; then
    while kill -0 "$server_pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
    kill -KILL "$server_pid" 2>/dev/null || true
  fi
  rm -rf -- "$work"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  printf 'demo: %s\n' "$1" >&2
  [[ ! -s $work/server.log ]] || { echo "The server's log:" >&2 && cat "$work/server.log" >&2; }
  exit 1
}

# In a session of its own, so that Ctrl-C reaches the client alone; the server ends when this script is killed, too.
setsid setpriv --pdeathsig TERM "$server" --address 127.0.0.1:0 --metrics-address 127.0.0.1:0 \
  --port-file "$work/ports" --data-dir "$work/data" --model seqcont-demo=models/seqcont-demo >"$work/server.log" 2>&1 &
server_pid=$!

port=
deadline=$((SECONDS + start_limit_s))
until [[ -n $port ]]; do
  kill -0 "$server_pid" 2>/dev/null || fail "the server ended before it was ready"
  ((SECONDS < deadline)) || fail "the server was not ready within $start_limit_s seconds"
  # `read` fails on a line that is not complete yet.
  { [[ -e $work/ports ]] && IFS= read -r port <"$work/ports"; } || { port= && sleep 0.1; }
done

rm -rf -- "$output"
"$client" --server "127.0.0.1:$port" prune --model seqcont-demo --task numerals --threshold 20 --num-samples 32 \
  -o "$output" || fail "circuit prune ended with exit code $?"

cat <<END

The circuit is in $PWD/$output:
  report.html      the page to look at: open it in a browser
  circuit.svg      the picture
  circuit.json     the circuit, its score, and everything that it was made with
  circuit.dot      the same for graphviz
  decisions.jsonl  every candidate that was tried, in order
  seqcont.json     the nodes in the layout of the published results
  heads.json       what its heads look at, and what they write
END
