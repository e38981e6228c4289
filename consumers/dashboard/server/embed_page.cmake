# cmake -DPAGE=folder -DOUT=FILE -P embed_page.cmake: a table of the folder's files, plain and compressed, each
# put into the program by the assembler (.incbin: a megabyte takes 60 ms).
cmake_minimum_required(VERSION 3.25)
file(GLOB_RECURSE files RELATIVE ${PAGE} ${PAGE}/*)
list(SORT files)
if(NOT "index.html" IN_LIST files)
  message(FATAL_ERROR "${PAGE}: no index.html in it")
endif()
set(assembly "")
set(symbols "")
set(rows "")
set(number 0)
file(MAKE_DIRECTORY ${OUT}.gz)
foreach(name IN LISTS files)
  file(SHA256 ${PAGE}/${name} sha)
  string(SUBSTRING ${sha} 0 16 tag)
  execute_process(COMMAND gzip -9nc ${PAGE}/${name} OUTPUT_FILE ${OUT}.gz/${number} COMMAND_ERROR_IS_FATAL ANY)
  foreach(form IN ITEMS plain gzip)
    set(path ${PAGE}/${name})
    if(form STREQUAL "gzip")
      set(path ${OUT}.gz/${number})
    endif()
    set(symbol page_${number}_${form})
    string(APPEND assembly "    \"${symbol}: .incbin \\\"${path}\\\"\\n\"\n    \"${symbol}_end:\\n\"\n")
    string(APPEND symbols "extern const char ${symbol}[], ${symbol}_end[];\n")
  endforeach()
  string(APPEND rows "    {\"/${name}\", {page_${number}_plain, page_${number}_plain_end}, "
         "{page_${number}_gzip, page_${number}_gzip_end}, \"\\\"${tag}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Made by embed_page.cmake.
#include \"static_files.hpp\"

__asm__(\".section .rodata\\n\"\n${assembly}    \".byte 0\\n.previous\\n\");
extern \"C\" {
${symbols}}

std::span<const trainbus::EmbeddedFile> trainbus::embedded_page() {
  static const EmbeddedFile files[] = {
${rows}  };
  return files;
}
")
