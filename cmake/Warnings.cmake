# circuitd::warnings, linked privately by every target of ours and by none that holds generated code.
add_library(circuitd_warnings INTERFACE)
add_library(circuitd::warnings ALIAS circuitd_warnings)
target_compile_options(circuitd_warnings INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<BOOL:${CIRCUITD_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # gcc 12 sees overlaps in std::string's own code: gcc.gnu.org/PR105329
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(CIRCUITD_SANITIZE)
  # With them gcc loses track of what is initialised.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(circuitd_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
  add_compile_options(-fsanitize=${CIRCUITD_SANITIZE})
  add_link_options(-fsanitize=${CIRCUITD_SANITIZE})
endif()
