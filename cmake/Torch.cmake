# circuitd::torch, an imported target over the LibTorch that PyPI's torch wheel carries.
#
# The wheel's own CMake package is not used: it demands a CUDA toolkit. Its headers include an old protobuf, so they
# come after the system's. libtorch_cuda is never linked; the server loads it when a CUDA device is asked for.
set(CIRCUITD_LIBTORCH ${CIRCUITD_DEPS}/libtorch-2.11.0/torch CACHE PATH "LibTorch's folder, with include and lib")
if(NOT EXISTS ${CIRCUITD_LIBTORCH}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch in ${CIRCUITD_LIBTORCH}: run deploy/install-deps.sh, or set CIRCUITD_LIBTORCH")
endif()

add_library(circuitd_torch INTERFACE)
add_library(circuitd::torch ALIAS circuitd_torch)
target_compile_options(circuitd_torch INTERFACE
  "SHELL:-idirafter ${CIRCUITD_LIBTORCH}/include"
  "SHELL:-idirafter ${CIRCUITD_LIBTORCH}/include/torch/csrc/api/include")
target_link_libraries(circuitd_torch INTERFACE
  ${CIRCUITD_LIBTORCH}/lib/libtorch_cpu.so ${CIRCUITD_LIBTORCH}/lib/libc10.so)
