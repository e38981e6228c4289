# How every target of the project is compiled: warnings are errors on our own code, one shared precompiled header.

function(trainbus_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                         -Wnon-virtual-dtor -Woverloaded-virtual
                         # GCC 12 sees overflows in its own std::string at -O3 that are not there (bug 105651).
                         "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds>" -Werror)
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
