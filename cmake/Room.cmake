# A room is a static library in src/NAME whose headers are included as "NAME/file.h". Its include path holds itself and
# the rooms it USES, nothing else, and none of that is passed on: including a header of a room that is not declared does
# not compile. (Libraries to link are passed on, as static libraries need.)
#
#   restmark_room(NAME SOURCES file… [USES room…] [LIBS target…])

function(restmark_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBS" ${ARGN})
  add_library(room_${name} STATIC ${ROOM_SOURCES})
  # src/ as a whole must never be on an include path, hence one folder per room with nothing but a link to the room.
  set(door "${PROJECT_BINARY_DIR}/rooms/${name}")
  file(MAKE_DIRECTORY "${door}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}/${name}" "${door}/${name}" SYMBOLIC)
  target_include_directories(room_${name} PUBLIC "${door}")
  list(TRANSFORM ROOM_USES PREPEND "room_" OUTPUT_VARIABLE used)
  target_link_libraries(room_${name} PRIVATE ${used} ${ROOM_LIBS} restmark_flags)
endfunction()
