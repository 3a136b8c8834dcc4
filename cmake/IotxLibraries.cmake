# The libraries as targets: iot_sdk (libiot_sdk.so), iot_sdk_static (libiot_sdk.a), and iot_sdk_core (libiot_sdk_core.a,
# without the default HAL). Their names for users, iot_sdk::iot_sdk and so on, are those of the installed package.

add_library(iot_sdk SHARED "${IOTX_OBJECT}")
add_library(iot_sdk_static STATIC "${IOTX_OBJECT}")
add_library(iot_sdk_core STATIC "${IOTX_CORE_OBJECT}")
set_target_properties(iot_sdk_static PROPERTIES OUTPUT_NAME iot_sdk)

foreach(library IN ITEMS iot_sdk iot_sdk_static iot_sdk_core)
    add_library(iot_sdk::${library} ALIAS ${library})
    add_dependencies(${library} iotx_object)
    set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C)
    # Up to 2.1 the SDK's headers name their parts exports/…, imports/…; from 2.21 without the directory.
    target_include_directories(${library} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/exports>"
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/imports>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk/exports>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk/imports>")
endforeach()
target_link_libraries(iot_sdk PRIVATE ${IOTX_SYSTEM_LIBRARIES})
target_link_libraries(iot_sdk_static PUBLIC ${IOTX_SYSTEM_LIBRARIES})
target_link_libraries(iot_sdk_core PUBLIC ${IOTX_SYSTEM_LIBRARIES})

# No -Bsymbolic: calls to HAL_* go through the dynamic symbol, where an executable's own definition comes first.
set_target_properties(iot_sdk PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS "${IOTX_VERSION_SCRIPT}")
target_link_options(iot_sdk PRIVATE
    "LINKER:--version-script=${IOTX_VERSION_SCRIPT}"
    "LINKER:--gc-sections"
    "LINKER:-z,relro,-z,now,-z,defs,-z,text,-z,noexecstack"
    "$<$<NOT:$<OR:$<CONFIG:Debug>,$<CONFIG:RelWithDebInfo>>>:LINKER:--strip-all>")

# Nine tenths of the dynamic relocations say "add the base address". DT_RELR keeps these in a bit each instead of 24 bytes, but
# glibc's loader reads it from 2.36 on only, and the library runs with 2.34 otherwise.
option(IOTX_RELR "Pack the shared library's relocations: smaller, but needs glibc 2.36 or musl 1.2.4 to run" OFF)
if(IOTX_RELR)
    target_link_options(iot_sdk PRIVATE "LINKER:-z,pack-relative-relocs")
endif()

# The SDK's other libraries, empty, for link lines that name them; see the README in the directory.
set(IOTX_LINK_COMPAT_DIR "${PROJECT_BINARY_DIR}/link-compat")
configure_file("${PROJECT_SOURCE_DIR}/cmake/link-compat-README" "${IOTX_LINK_COMPAT_DIR}/README" COPYONLY)
foreach(name IN ITEMS iot_hal iot_platform iot_tls mbedtls mbedx509 mbedcrypto)
    # This magic number is all there is to an archive without members.
    file(GENERATE OUTPUT "${IOTX_LINK_COMPAT_DIR}/lib${name}.a" CONTENT "!<arch>\n")
endforeach()
