# The two libraries, libiot_sdk.a and libiot_sdk.so, as targets iot_sdk_static and iot_sdk.

find_package(OpenSSL 1.1.1 REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Measured with `cargo rustc --lib --crate-type staticlib -- --print native-static-libs`; what that lists beyond these
# (libc, libgcc_s) the C compiler adds by itself. `-z defs` below proves the list sufficient in every build.
set(IOTX_SYSTEM_LIBRARIES OpenSSL::SSL OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS} m)

add_library(iot_sdk_static STATIC "${IOTX_OBJECT}")
add_library(iot_sdk SHARED "${IOTX_OBJECT}")
add_library(iot_sdk::static ALIAS iot_sdk_static)
add_library(iot_sdk::shared ALIAS iot_sdk)

foreach(library IN ITEMS iot_sdk_static iot_sdk)
    add_dependencies(${library} iotx_object)
    set_target_properties(${library} PROPERTIES OUTPUT_NAME iot_sdk LINKER_LANGUAGE C)
    # Up to 2.1 the SDK's headers name their parts exports/…, imports/…; from 2.21 without the directory.
    target_include_directories(${library} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/exports>"
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/imports>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk/exports>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk/imports>")
endforeach()
target_link_libraries(iot_sdk_static PUBLIC ${IOTX_SYSTEM_LIBRARIES})
target_link_libraries(iot_sdk PRIVATE ${IOTX_SYSTEM_LIBRARIES})

# No -Bsymbolic: calls to HAL_* go through the dynamic symbol, where an executable's own definition comes first.
set_target_properties(iot_sdk PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS "${IOTX_VERSION_SCRIPT}")
target_link_options(iot_sdk PRIVATE
    "LINKER:--version-script=${IOTX_VERSION_SCRIPT}"
    "LINKER:--gc-sections"
    "LINKER:-z,relro,-z,now,-z,defs,-z,text,-z,noexecstack"
    "$<$<NOT:$<CONFIG:Debug>>:LINKER:--strip-all>")
