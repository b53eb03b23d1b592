# Writes a C file that holds other files as constants of the type `struct page_file`. Run by the build:
#
#   cmake -D OUTPUT=made.c -D HEADER=admin/page.h "-DFILES=page_html=/path/index.html,page_css=/path/page.css" -P Embed.cmake

string(REPLACE "," ";" files "${FILES}")
set(text "/* Made by cmake/Embed.cmake. */\n#include \"${HEADER}\"\n")
foreach(file IN LISTS files)
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${file}")
  set(name "${CMAKE_MATCH_1}")
  set(path "${CMAKE_MATCH_2}")
  file(READ "${path}" hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n        " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND text "\nstatic const unsigned char ${name}_bytes[] = {\n        ${bytes}\n};\n"
                     "const struct page_file ${name} = { ${name}_bytes, sizeof ${name}_bytes };\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
