# cmake --install: the programs, and both SDKs for find_package(trainbus). Included last, when all targets exist. What
# was not built is left out, and named.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# trainbus_say_what_is_missing(TARGET): at the time of the installation.
function(trainbus_say_what_is_missing target)
  install(CODE "if(NOT EXISTS \"$<TARGET_FILE:${target}>\")
  message(STATUS \"Not built, so not installed: ${target}\")
endif()")
endfunction()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/trainbus)

# Two sets: who writes a consumer or a sink needs nothing of what the producer needs for tiles.
install(TARGETS trainbus_schema trainbus_proto trainbus_consumer trainbus_sink
        EXPORT trainbus_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Its header has the name of the C++17 one, and is found before it by who links the static library.
set(static_include ${CMAKE_INSTALL_INCLUDEDIR}/trainbus-static)
install(TARGETS trainbus_producer EXPORT trainbus_producer_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL INCLUDES DESTINATION ${static_include})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/producers/sdk/trainbus DESTINATION ${static_include} FILES_MATCHING PATTERN "*.hpp")
# The C ABI stands alone: a shared object, its header, and the C++17 one over it.
install(TARGETS trainbus_capi EXPORT trainbus_capi_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/producers/capi/trainbus.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/producers/cxx17/trainbus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT trainbus_capi_targets FILE trainbusCapiTargets.cmake NAMESPACE trainbus:: DESTINATION ${package_dir})
install(EXPORT trainbus_targets FILE trainbusTargets.cmake NAMESPACE trainbus:: DESTINATION ${package_dir})
install(EXPORT trainbus_producer_targets FILE trainbusProducerTargets.cmake NAMESPACE trainbus::
        DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/trainbus ${PROJECT_SOURCE_DIR}/consumers/sdk/trainbus
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h" PATTERN "program.hpp" EXCLUDE
                         PATTERN "key_option.hpp" EXCLUDE PATTERN "reload_signal.hpp" EXCLUDE PATTERN "heads_file.hpp" EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/proto/trainbus.pb.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/proto/trainbus.proto ${PROJECT_SOURCE_DIR}/consumers/watch/rules.example.yaml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/trainbus)

foreach(program IN ITEMS trainbus-broker trainbus-keys trainbus-train trainbus-loadgen trainbus-spool trainbus-dashboard trainbus-log trainbus-watch
                         trainbus-ctl trainbus-grpc)
  if(TARGET ${program})  # trainbus-train and trainbus-grpc are optional
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
    trainbus_say_what_is_missing(${program})
  endif()
endforeach()

foreach(plugin IN ITEMS trainbus-sink-postgres trainbus-sink-nats)
  if(TARGET ${plugin})
    install(TARGETS ${plugin} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/trainbus/sinks OPTIONAL)
    trainbus_say_what_is_missing(${plugin})
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/trainbusConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/trainbusConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/trainbusConfig.cmake ${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake
        DESTINATION ${package_dir})
