# Run by CPack over the trees of all packages, before they are packed: configuration files live in /etc.
file(GLOB folders ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/trainbus/etc)
foreach(folder IN LISTS folders)
  string(REPLACE /usr/share/trainbus/etc /etc/trainbus target ${folder})
  cmake_path(GET target PARENT_PATH parent)
  file(MAKE_DIRECTORY ${parent})
  file(RENAME ${folder} ${target})
endforeach()
# Debian wants manual pages compressed; -n leaves time and name out, so that the bytes are the same each time.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/share/man/*.1)
foreach(page IN LISTS pages)
  execute_process(COMMAND gzip -9nf ${page} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
