# Compiles through ccache where it is installed. The sloppiness lets it cache files that use precompiled headers.
find_program(CIRCUITD_CCACHE ccache)
if(CIRCUITD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CIRCUITD_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()
