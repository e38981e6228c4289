# cmake --install: the programs with their manual, and both SDKs for find_package(trainbus). Included last, when all
# targets exist. What was not built is left out, and named. A component is a Debian package: scripts/package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# trainbus_say_what_is_missing(TARGET COMPONENT): at the time of the installation.
function(trainbus_say_what_is_missing target component)
  install(CODE "if(NOT EXISTS \"$<TARGET_FILE:${target}>\")
  message(STATUS \"Not built, so not installed: ${target}\")
endif()" COMPONENT ${component})
endfunction()

# trainbus_install_written(PROGRAM COMPONENT FLAG FILE): what the program prints with this flag, at the time of the
# installation; so its manual and its --help cannot differ.
function(trainbus_install_written program component flag file)
  install(CODE "if(EXISTS \"$<TARGET_FILE:${program}>\")
  set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${file}\")
  cmake_path(GET file PARENT_PATH folder)
  file(MAKE_DIRECTORY \"\${folder}\")
  execute_process(COMMAND \"$<TARGET_FILE:${program}>\" ${flag} OUTPUT_FILE \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)
endif()" COMPONENT ${component})
endfunction()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/trainbus)

# Two sets: who writes a consumer or a sink needs nothing of what the producer needs for tiles.
install(TARGETS trainbus_schema trainbus_proto trainbus_consumer trainbus_sink
        EXPORT trainbus_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev OPTIONAL
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Its header has the name of the C++17 one, and is found before it by who links the static library.
set(static_include ${CMAKE_INSTALL_INCLUDEDIR}/trainbus-static)
install(TARGETS trainbus_producer EXPORT trainbus_producer_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev OPTIONAL INCLUDES DESTINATION ${static_include})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/producers/sdk/trainbus DESTINATION ${static_include} COMPONENT dev FILES_MATCHING PATTERN "*.hpp")
# The C ABI stands alone: a shared object, its header, and the C++17 one over it.
install(TARGETS trainbus_capi EXPORT trainbus_capi_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT
        producer NAMELINK_COMPONENT dev OPTIONAL INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/producers/capi/trainbus.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/producers/cxx17/trainbus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(EXPORT trainbus_capi_targets FILE trainbusCapiTargets.cmake NAMESPACE trainbus:: DESTINATION ${package_dir}
  COMPONENT dev)
install(EXPORT trainbus_targets FILE trainbusTargets.cmake NAMESPACE trainbus:: DESTINATION ${package_dir} COMPONENT
  dev)
install(EXPORT trainbus_producer_targets FILE trainbusProducerTargets.cmake NAMESPACE trainbus::
        DESTINATION ${package_dir} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/trainbus ${PROJECT_SOURCE_DIR}/consumers/sdk/trainbus
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h" PATTERN "program.hpp" EXCLUDE
                         PATTERN "key_option.hpp" EXCLUDE PATTERN "configuration.hpp" EXCLUDE PATTERN "service.hpp" EXCLUDE PATTERN "heads_file.hpp" EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/proto/trainbus.pb.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/proto/trainbus.proto DESTINATION ${CMAKE_INSTALL_DATADIR}/trainbus COMPONENT dev)
install(FILES ${PROJECT_SOURCE_DIR}/consumers/watch/rules.example.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/trainbus
        COMPONENT tools)

set(broker_programs trainbus-broker)
set(dashboard_programs trainbus-dashboard)
set(train_programs trainbus-train)
set(tools_programs trainbus-keys trainbus-loadgen trainbus-spool trainbus-log trainbus-watch trainbus-ctl trainbus-grpc)
foreach(component IN ITEMS broker dashboard train tools)
  foreach(program IN LISTS ${component}_programs)
    if(TARGET ${program})  # trainbus-train and trainbus-grpc are optional
      install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component} OPTIONAL)
      trainbus_say_what_is_missing(${program} ${component})
      trainbus_install_written(${program} ${component} --man-page ${CMAKE_INSTALL_MANDIR}/man1/${program}.1)
      trainbus_install_written(${program} ${component} --bash-completion
                               ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/${program})
    endif()
  endforeach()
endforeach()

foreach(plugin IN ITEMS trainbus-sink-postgres trainbus-sink-nats)
  if(TARGET ${plugin})
    install(TARGETS ${plugin} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/trainbus/sinks COMPONENT tools OPTIONAL)
    trainbus_say_what_is_missing(${plugin} tools)
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/trainbusConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/trainbusConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/trainbusConfig.cmake ${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT dev)
