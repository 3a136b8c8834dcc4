# cmake --install: the libraries, the headers, and what lets CMake and pkg-config find them. Everything is relocatable: found
# relative to the files themselves, unless an install directory was given as an absolute path.
#
# Components: runtime (the shared library), development (all the rest), and licences, which Debian packages bring in a form
# of their own.

include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/iot_sdk")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(link_compat_dir "${CMAKE_INSTALL_LIBDIR}/iot_sdk/link-compat")

install(TARGETS iot_sdk EXPORT shared
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime
    NAMELINK_COMPONENT development)
install(TARGETS iot_sdk_static iot_sdk_core EXPORT static
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk" COMPONENT development
    FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${IOTX_LINK_COMPAT_DIR}/" DESTINATION "${link_compat_dir}" COMPONENT development)

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/THIRD-PARTY.txt"
    DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT licences)

# find_package(iot_sdk). Two files, because only the static libraries ask for OpenSSL's development files.
foreach(kind IN ITEMS shared static)
    install(EXPORT ${kind} FILE "iot_sdk-${kind}-targets.cmake" NAMESPACE iot_sdk::
        DESTINATION "${config_dir}" COMPONENT development)
endforeach()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/iot_sdk-config.cmake.in"
    "${PROJECT_BINARY_DIR}/iot_sdk-config.cmake"
    INSTALL_DESTINATION "${config_dir}"
    PATH_VARS link_compat_dir
    NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/iot_sdk-config-version.cmake"
    COMPATIBILITY SameMajorVersion) # as the SONAME
install(FILES
    "${PROJECT_BINARY_DIR}/iot_sdk-config.cmake" "${PROJECT_BINARY_DIR}/iot_sdk-config-version.cmake"
    DESTINATION "${config_dir}" COMPONENT development)

# pkg-config iot_sdk, and iot_sdk_core. The libraries of IotxDependencies.cmake; with those named that are part of libc here and
# now, because elsewhere they are not, and naming them does no harm.
set(iotx_pc_system " -lpthread -ldl")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(iotx_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(iotx_pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
    set(iotx_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
    file(RELATIVE_PATH up "/${pkgconfig_dir}" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(iotx_pc_prefix "\${pcfiledir}/${up}")
    set(iotx_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(iotx_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(iotx_pc_requires "openssl >= 1.1.1")
if(IOTX_VENDORED_OPENSSL)
    set(iotx_pc_requires "")
endif()
foreach(name IN ITEMS iot_sdk iot_sdk_core)
    configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${pkgconfig_dir}" COMPONENT development)
endforeach()

if(IOTX_TOP_LEVEL)
    add_custom_target(uninstall
        COMMAND "${CMAKE_COMMAND}" "-DMANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt"
            -P "${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake"
        VERBATIM)
endif()
