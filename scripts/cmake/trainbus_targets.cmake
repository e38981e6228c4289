# How every target of the project is compiled: warnings are errors on our own code, one shared precompiled header.

function(trainbus_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                         -Wnon-virtual-dtor -Woverloaded-virtual
                         # GCC 12 sees overflows in its own std::string at -O3 that are not there (bug 105651).
                         "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds>"
                         # In a unity build the file that has the anonymous namespace is not the main one.
                         "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>" -Werror)
endfunction()

# trainbus_library(NAME sources...): a static library of ours.
function(trainbus_library target)
  add_library(${target} STATIC ${ARGN})
  add_library(trainbus::${target} ALIAS ${target})
  trainbus_warnings(${target})
endfunction()

# trainbus_program(NAME sources...): an executable of ours, in build/bin.
function(trainbus_program target)
  add_executable(${target} ${ARGN})
  trainbus_warnings(${target})
endfunction()

# trainbus_cold(TARGETS...): what reads flags, prints and waits. It compiles in two thirds of the time.
function(trainbus_cold)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endforeach()
endfunction()

# trainbus_sink_plugin(NAME sources...): a plug-in of trainbus-log, lib<NAME>.so where trainbus-log looks for it. It takes
# the classes of trainbus from the program that loads it, and shows nothing but trainbus_sink().
function(trainbus_sink_plugin target)
  add_library(${target} MODULE ${ARGN})
  trainbus_warnings(${target})
  target_link_libraries(${target} PRIVATE trainbus_sink)
  set_target_properties(${target} PROPERTIES PREFIX lib CXX_VISIBILITY_PRESET hidden
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/sinks)
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
endfunction()
