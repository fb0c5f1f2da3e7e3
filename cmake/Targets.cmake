# circuitd_library(name SOURCES … DEPS …): the library of one folder, circuitd_NAME with the alias circuitd::NAME.
# Includes are spelt from the repository's root.
function(circuitd_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(circuitd_${name} STATIC ${arg_SOURCES})
  add_library(circuitd::${name} ALIAS circuitd_${name})
  target_include_directories(circuitd_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(circuitd_${name} PUBLIC ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS} circuitd::warnings)
endfunction()

# circuitd_use_torch(target TORCH_SOURCES …): links LibTorch and compiles TORCH_SOURCES with its precompiled header;
# the target's other files stay free of it.
function(circuitd_use_torch target)
  cmake_parse_arguments(arg "" "" "TORCH_SOURCES" ${ARGN})
  target_link_libraries(${target} PRIVATE circuitd::torch)
  get_target_property(sources ${target} SOURCES)
  list(REMOVE_ITEM sources ${arg_TORCH_SOURCES})
  if(sources)
    set_source_files_properties(${sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
  if(arg_TORCH_SOURCES)
    if(TARGET circuitd_torch_pch)
      target_precompile_headers(${target} REUSE_FROM circuitd_torch_pch)
    endif()
  endif()
endfunction()

# circuitd_test(name SOURCES … DEPS … [TORCH_SOURCES …] [LABEL slow|gpu]): one GoogleTest binary, one ctest entry.
function(circuitd_test name)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;TORCH_SOURCES;DEPS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL default)
  endif()
  add_executable(${name} ${arg_SOURCES} ${arg_TORCH_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} circuitd::warnings GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE CIRCUITD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(arg_TORCH_SOURCES)
    circuitd_use_torch(${name} TORCH_SOURCES ${arg_TORCH_SOURCES})
  else()
    # As gRPC's users are compiled, and so the header. In one, gcc 12 warns of std::string's own code (PR105329's kin).
    target_compile_options(${name} PRIVATE -pthread $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds$<SEMICOLON>-Wno-stringop-overflow>)
    target_precompile_headers(${name} REUSE_FROM circuitd_test_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  # Tests run side by side; OpenMP threads that spin would take each other's cores.
  set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT 600 ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
endfunction()
