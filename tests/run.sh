#!/usr/bin/env bash
# Installs the dependencies, builds, and runs the tests of one label. A skipped test is a failure.
#
# Usage: tests/run.sh [LABEL]     LABEL: default (the default), slow, gpu
set -euo pipefail
cd "$(dirname "$0")/.."

label=${1:-default}
build=build/dev
results=$PWD/$build/test-results/$label
install_flags=()

# Only these open a browser.
[[ $label != default ]] || install_flags=(--tests)
deploy/install-deps.sh "${install_flags[@]}"
cmake --preset dev
cmake --build "$build" --parallel "$(nproc)"

rm -rf -- "$results"
mkdir -p -- "$results/gtest"
status=0
GTEST_OUTPUT="xml:$results/gtest/" ctest --test-dir "$build" --label-regex "^$label\$" --no-tests=error \
  --output-on-failure --parallel 2 --output-junit "$results/ctest.xml" || status=$?

# ctest reports a binary as passed even if tests in it were skipped or disabled; GoogleTest's own reports tell.
if grep -rnE '<skipped|result="(skipped|suppressed)"|status="(notrun|disabled)"' "$results"; then
  echo "tests/run.sh: the tests above did not run" >&2
  status=1
fi
exit "$status"
