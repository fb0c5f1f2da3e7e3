#!/usr/bin/env bash
# Installs what circuitd needs on Debian 12. Safe to run again: what is there is left alone, without the network.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: deploy/install-deps.sh [--gpu | --runtime | --tests]

Debian packages come through apt-get (with sudo where you are not root); LibTorch, the google.rpc protos and what the
Python examples need come from PyPI into $CIRCUITD_DEPS (default: ~/.cache/circuitd). Nothing else on the system
changes.

  --gpu      LibTorch with the CUDA libraries too (4.6 GB instead of 1.2 GB), without the Python packages
  --runtime  only the Debian packages that the built programs need to run
  --tests    what the tests need, too: a browser, what drives it, and a font
USAGE
}

mode=build
case "${1-}" in
  '') ;;
  --gpu) mode=gpu ;;
  --runtime) mode=runtime ;;
  --tests) mode=tests ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
esac
if (($# > 1)); then
  usage >&2
  exit 2
fi

# Debian 12 fixes the versions of its packages; these are the ones that come from PyPI.
readonly torch_version=2.11.0 cuda_runtime_version=13.0.96 cuda_cupti_version=13.0.85 googleapis_version=1.76.0
# As examples/python/requirements.txt has them; tests/integration/CMakeLists.txt spells the folder, too.
readonly grpcio_version=1.76.0 numpy_version=2.3.5 protobuf_version=6.33.1
# With it the tests read what the client wrote.
readonly safetensors_version=0.6.2
# With these they check circuit files against their schema; jsonschema's dependencies as they were then.
readonly jsonschema=(jsonschema==4.23.0 attrs==24.2.0 jsonschema-specifications==2023.12.1 referencing==0.35.1
  rpds-py==0.20.0)

readonly deps=${CIRCUITD_DEPS:-${HOME:?is not set, and neither is CIRCUITD_DEPS}/.cache/circuitd}
readonly libtorch=$deps/libtorch-$torch_version
readonly googleapis=$deps/googleapis
readonly python_packages=$deps/python-grpcio-$grpcio_version-numpy-$numpy_version

if [[ $mode == runtime ]]; then
  packages=(ca-certificates libabsl20220623 libgrpc++1.51 libpcre2-8-0 libprometheus-cpp-core1.0 libprometheus-cpp-pull1.0
    libprotobuf32 libspdlog1.10 libsqlite3-0 libssl3)
else
  # g++ compiles; clang checks the annotations of locks. prometheus-cpp's CMake package looks for civetweb, curl and
  # zlib; their development packages are its dependencies.
  packages=(ca-certificates ccache clang-14 cmake g++ libabsl-dev libbenchmark-dev libcli11-dev libgmock-dev libgrpc++-dev libgtest-dev
    libpcre2-dev libprotobuf-dev libspdlog-dev libsqlite3-dev libssl-dev ninja-build nlohmann-json3-dev pkg-config
    prometheus-cpp-dev protobuf-compiler protobuf-compiler-grpc python3 python3-pip)
fi
# Without fonts a browser has no text to measure.
[[ $mode != tests ]] || packages+=(chromium chromium-driver fonts-dejavu-core python3-selenium)

say() { printf 'install-deps: %s\n' "$*"; }

installed() { # package
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_packages() {
  local missing=() package as_root=()
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ! grep -qs '^VERSION_ID="12"' /etc/os-release || ! grep -qs '^ID=debian' /etc/os-release; then
    say "this is not Debian 12; its packages may have other versions or names" >&2
  fi
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      say "missing: ${missing[*]}; run this as root, or install sudo" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  say "Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# Debian's Python comes first: what other Pythons have in the PATH may be too new or too old for the pinned wheels.
python() {
  if [[ -x /usr/bin/python3 ]]; then /usr/bin/python3 "$@"; else python3 "$@"; fi
}

# Installs into a temporary folder and renames it, so that an interrupted download never looks like a finished one.
install_wheels() { # folder, pip's arguments
  local folder=$1 partial old
  shift
  partial=$(mktemp -d -p "$deps" --suffix=.partial)
  # shellcheck disable=SC2064  # the folder's name as it is now
  trap "rm -rf -- '$partial'" EXIT
  chmod 755 "$partial"
  say "$folder from PyPI: $*"
  python -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --only-binary=:all: \
    --root-user-action=ignore --target "$partial" "$@"
  if [[ -e $folder || -L $folder ]]; then
    old=$(mktemp -d -p "$deps" --suffix=.partial)
    mv -T -- "$folder" "$old/old"
    mv -T -- "$partial" "$folder"
    rm -rf -- "$old"
  else
    mv -T -- "$partial" "$folder"
  fi
  trap - EXIT
}

install_libtorch() {
  if [[ $mode == gpu ]]; then
    [[ -e $libtorch/torch/lib/libtorch_cpu.so && -d $libtorch/nvidia/cudnn ]] ||
      install_wheels "$libtorch" "torch==$torch_version"
  elif [[ ! -e $libtorch/torch/lib/libtorch_cpu.so ]]; then
    # Of the CUDA libraries these two alone are needed to link, and to run on a CPU.
    install_wheels "$libtorch" --no-deps "torch==$torch_version" "nvidia-cuda-runtime==$cuda_runtime_version" \
      "nvidia-cuda-cupti==$cuda_cupti_version"
  fi
}

install_googleapis() {
  [[ -e $googleapis/google/rpc/error_details.proto ]] ||
    install_wheels "$googleapis" --no-deps "googleapis-common-protos==$googleapis_version"
}

install_python_packages() {
  [[ -d $python_packages/grpc_tools && -d $python_packages/safetensors && -d $python_packages/jsonschema ]] ||
    install_wheels "$python_packages" "grpcio==$grpcio_version" "grpcio-tools==$grpcio_version" \
      "numpy==$numpy_version" "protobuf==$protobuf_version" "safetensors==$safetensors_version" \
      "${jsonschema[@]}"
}

install_packages
if [[ $mode != runtime ]]; then
  mkdir -p -- "$deps"
  exec 9>"$deps/.lock"
  flock 9 # a second run beside this one waits, and finds everything there
  rm -rf -- "$deps"/tmp.*.partial
  install_libtorch
  install_googleapis
  [[ $mode == gpu ]] || install_python_packages
fi
say "everything is there"
