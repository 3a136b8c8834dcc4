# Old objects: IOT_CoAP_Init of the static libraries as a member of its own (compat/entry.c says why), and the companions
# that define it with the layouts of SDK 2.00 and 3.01: libiot_sdk_compat200.a and libiot_sdk_compat301.a.

# iotx_split_init(TARGET OBJECT): makes the static library of OBJECT without its IOT_CoAP_Init, and compat/entry.c.
function(iotx_split_init target object)
    set(rest "${PROJECT_BINARY_DIR}/${target}_rest.o")
    add_custom_command(OUTPUT "${rest}"
        COMMAND "${IOTX_GNU_OBJCOPY}" --localize-symbol=IOT_CoAP_Init "${object}" "${rest}"
        DEPENDS iotx_object "${object}"
        COMMENT "Setting IOT_CoAP_Init apart"
        VERBATIM)
    set_source_files_properties("${rest}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    set_target_properties(${target} PROPERTIES
        SOURCES "${rest};${PROJECT_SOURCE_DIR}/compat/entry.c")
    iotx_compile_compat(${target})
endfunction()

function(iotx_compile_compat target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
    target_compile_options(${target} PRIVATE -Wall -Wextra -pedantic)
endfunction()

iotx_split_init(iot_sdk_static "${IOTX_OBJECT}")
iotx_split_init(iot_sdk_core "${IOTX_CORE_OBJECT}")

foreach(release IN ITEMS 2_00 3_01)
    string(REPLACE "_" "" number "${release}")
    set(companion iot_sdk_compat${number})
    add_library(${companion} STATIC "${PROJECT_SOURCE_DIR}/compat/release_${release}.c")
    add_library(iot_sdk::${companion} ALIAS ${companion})
    # No include directories for users: the objects have been compiled already, with other headers.
    target_include_directories(${companion} PRIVATE "${PROJECT_SOURCE_DIR}/include")
    iotx_compile_compat(${companion})
    if(IOTX_INSTALL)
        install(TARGETS ${companion} EXPORT static
            ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
    endif()
endforeach()
