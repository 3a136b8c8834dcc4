# cpack: Debian packages libiot-sdk0 (the shared library) and libiot-sdk-dev (the rest).
#
# `make deb` configures for the prefix /usr, and with that for Debian's multiarch directories.

set(CPACK_PACKAGE_NAME iot-sdk)
set(CPACK_PACKAGE_VENDOR "The iotx-coap developers")
set(CPACK_PACKAGE_CONTACT "The iotx-coap developers <developers@iotx-coap.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB)

set(runtime_package "libiot-sdk${PROJECT_VERSION_MAJOR}")
set(development_package libiot-sdk-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_MULTIARCH same) # understood by CMake 3.31 and later

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON) # so that packages of firmware find this one in the same way
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
"Lets a device report to Alibaba Cloud's IoT platform over CoAP, with the C
interface of the vendor's own device SDK. This is the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
"Headers, static libraries, and what lets CMake and pkg-config find them.")
# The static libraries call OpenSSL and are linked with it by the firmware.
set(development_depends "${runtime_package} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libc6-dev")
if(NOT IOTX_VENDORED_OPENSSL)
    string(APPEND development_depends ", libssl-dev (>= 1.1.1)")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${development_depends}")

# Where Debian looks for the licences of each package; for packages only.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/THIRD-PARTY.txt")
file(READ "${PROJECT_SOURCE_DIR}/THIRD-PARTY.txt" third_party)
configure_file("${PROJECT_SOURCE_DIR}/cmake/debian-copyright.in" "${PROJECT_BINARY_DIR}/debian/copyright" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/debian/copyright"
    DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${runtime_package}" COMPONENT runtime EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_BINARY_DIR}/debian/copyright"
    DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${development_package}" COMPONENT development EXCLUDE_FROM_ALL)

include(CPack)
