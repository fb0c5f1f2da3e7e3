#!/usr/bin/env bash
# Checks the annotations of base/mutex.h with clang's thread-safety analysis.
# Usage: thread_safety.sh GENERATED_DIR, the folder of the generated protobuf headers.
set -euo pipefail

generated=$1
cd "$(dirname "$0")/../.."

analyse() {
  clang++-14 -std=c++20 -fsyntax-only -Wthread-safety -Werror=thread-safety-analysis -Werror=thread-safety-attributes \
    -Wno-pragma-once-outside-header -I. "$@"
}

# Guarded members are private, so each is used by the file that declares it or by that header's .cc; JobManager's are used
# by several files of its folder.
mapfile -t files < <({
  grep -rlE '\bGUARDED_BY\(' --include='*.h' --include='*.cc' client server | sed 's/\.h$/.cc/'
  ls server/jobs/*.cc
} | sort -u)
for file in "${files[@]}"; do
  [ -e "$file" ] || file=${file%.cc}.h  # defined in its header
  analyse -isystem "$generated" -x c++ "$file"
done

# The analysis has to see a mistake, or it checks nothing.
if analyse -x c++ - 2>/dev/null <<'MISTAKE'; then
#include "base/mutex.h"
circuitd::Mutex mutex;
int value GUARDED_BY(mutex);
int Read() { return value; }
MISTAKE
  echo "thread_safety.sh: clang did not find the mistake it was given" >&2
  exit 1
fi
echo "thread-safety analysis of ${#files[@]} files: no errors"
