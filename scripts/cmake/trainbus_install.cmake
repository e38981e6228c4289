# cmake --install: the programs, and both SDKs for find_package(trainbus). Included last, when all targets exist.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/trainbus)

# Two sets: who writes a consumer or a sink needs nothing of what the producer needs for tiles.
install(TARGETS trainbus_schema trainbus_proto trainbus_consumer trainbus_sink
        EXPORT trainbus_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS trainbus_producer EXPORT trainbus_producer_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT trainbus_targets FILE trainbusTargets.cmake NAMESPACE trainbus:: DESTINATION ${package_dir})
install(EXPORT trainbus_producer_targets FILE trainbusProducerTargets.cmake NAMESPACE trainbus::
        DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/trainbus ${PROJECT_SOURCE_DIR}/producers/sdk/trainbus
                  ${PROJECT_SOURCE_DIR}/consumers/sdk/trainbus
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h" PATTERN "program.hpp" EXCLUDE PATTERN "heads_file.hpp" EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/proto/trainbus.pb.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/proto/trainbus.proto ${PROJECT_SOURCE_DIR}/consumers/watch/rules.example.yaml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/trainbus)

foreach(program IN ITEMS trainbus-broker trainbus-train trainbus-loadgen trainbus-spool trainbus-dashboard trainbus-log trainbus-watch
                         trainbus-ctl)
  if(TARGET ${program})  # trainbus-train is optional
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

foreach(plugin IN ITEMS trainbus-sink-postgres trainbus-sink-nats)
  if(TARGET ${plugin})
    install(TARGETS ${plugin} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/trainbus/sinks)
  endif()
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/trainbusConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/trainbusConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/trainbusConfig.cmake ${PROJECT_BINARY_DIR}/trainbusConfigVersion.cmake
        DESTINATION ${package_dir})
