# Texts as C++ constants.
#
# circuitd_embed_text(out constant file …): makes `out` in the current binary folder when a file has changed: the files,
# one after the other, as circuitd::constant, an absl::string_view.
#
# Run as a script (cmake -D OUT=… -D CONSTANT=… -D FILES=…;… -P), this file makes it.
if(CMAKE_SCRIPT_MODE_FILE)
  set(pieces "")
  foreach(file IN LISTS FILES)
    file(READ "${file}" text)
    # What is embedded stands inside of an element of a page.
    string(FIND "${text}" "</script" script)
    string(FIND "${text}" "</style" style)
    string(FIND "${text}" "<!--" comment)
    if(NOT "${script}/${style}/${comment}" STREQUAL "-1/-1/-1")
      message(FATAL_ERROR "${file} has </script, </style or <!--")
    endif()
    string(APPEND pieces "R\"circuitd(${text})circuitd\"\n")
  endforeach()
  file(WRITE "${OUT}" "#include \"absl/strings/string_view.h\"\n\nnamespace circuitd {\n\n"
    "extern const absl::string_view ${CONSTANT};\nconst absl::string_view ${CONSTANT} =\n${pieces};\n\n"
    "}  // namespace circuitd\n")
  return()
endif()

set(circuitd_embed_text_script ${CMAKE_CURRENT_LIST_FILE})

function(circuitd_embed_text out constant)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${out})
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D OUT=${out} -D CONSTANT=${constant} "-DFILES=${ARGN}" -P ${circuitd_embed_text_script}
    DEPENDS ${ARGN} ${circuitd_embed_text_script} COMMENT "Embedding ${constant}" VERBATIM)
endfunction()
