# Cargo's static library, relinked into one relocatable object: ${IOTX_OBJECT}, made by target iotx_object.
#
# Both shipped libraries consist of this object and nothing else, so that CMake can treat them as ordinary targets.

find_program(IOTX_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT IOTX_CARGO)
    message(FATAL_ERROR "cargo not found; scripts/bootstrap.sh tells what is missing on this machine")
endif()
# GNU ld by name: lld and gold refuse -r together with --gc-sections.
get_filename_component(binutils_dir "${CMAKE_OBJCOPY}" DIRECTORY)
find_program(IOTX_GNU_LD NAMES "${CMAKE_C_COMPILER_TARGET}-ld.bfd" ld.bfd "${CMAKE_LINKER}"
    HINTS "${binutils_dir}")
if(NOT IOTX_GNU_LD OR NOT CMAKE_OBJCOPY OR NOT CMAKE_READELF)
    message(FATAL_ERROR "GNU binutils (ld, objcopy, readelf) not found")
endif()

set(IOTX_CARGO_TARGET_DIR "${PROJECT_BINARY_DIR}/cargo")
# Our target directory and layout, whatever the caller's environment says; and the shim compiled by the same C compiler.
set(IOTX_CARGO_COMMAND
    "${CMAKE_COMMAND}" -E env --unset=CARGO_BUILD_TARGET "CC=${CMAKE_C_COMPILER}"
    "${IOTX_CARGO}" build --locked --target-dir "${IOTX_CARGO_TARGET_DIR}")

set(cargo_args --lib --features memory-stats)
set(object_args)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(cargo_archive "${IOTX_CARGO_TARGET_DIR}/debug/libiotx_coap.a")
    list(APPEND object_args --keep-debug)
else()
    set(cargo_archive "${IOTX_CARGO_TARGET_DIR}/release/libiotx_coap.a")
    list(APPEND cargo_args --release)
endif()
if(NOT IOTX_REDIRECT)
    list(APPEND cargo_args --no-default-features)
endif()

# Cargo alone knows when a Rust source has changed, so it is always asked. The copy is what the rest depends on: it changes
# exactly when the contents do, while cargo brings back an old file with its old time when an option is switched back.
set(raw_archive "${PROJECT_BINARY_DIR}/iot_sdk_raw.a")
add_custom_target(iotx_cargo
    COMMAND ${IOTX_CARGO_COMMAND} ${cargo_args}
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${cargo_archive}" "${raw_archive}"
    BYPRODUCTS "${raw_archive}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the Rust library"
    USES_TERMINAL VERBATIM)

set(symbol_list "${PROJECT_SOURCE_DIR}/abi/symbols.txt")
set(link_script "${PROJECT_SOURCE_DIR}/scripts/link-object.sh")
set(IOTX_OBJECT "${PROJECT_BINARY_DIR}/iot_sdk.o")
add_custom_command(OUTPUT "${IOTX_OBJECT}"
    COMMAND "${CMAKE_COMMAND}" -E env
        "LD=${IOTX_GNU_LD}" "OBJCOPY=${CMAKE_OBJCOPY}" "READELF=${CMAKE_READELF}"
        bash "${link_script}" ${object_args} "${raw_archive}" "${symbol_list}" "${IOTX_OBJECT}"
    DEPENDS iotx_cargo "${raw_archive}" "${symbol_list}" "${link_script}"
    COMMENT "Relinking it to the symbols of abi/symbols.txt"
    VERBATIM)
add_custom_target(iotx_object DEPENDS "${IOTX_OBJECT}")
set_source_files_properties("${IOTX_OBJECT}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

# The version script of the shared library, from the same list. A version node belongs to an ABI, as the SONAME does.
set(IOTX_VERSION_SCRIPT "${PROJECT_BINARY_DIR}/iot_sdk.map")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    "${symbol_list}" "${PROJECT_SOURCE_DIR}/Cargo.toml")
file(STRINGS "${symbol_list}" symbol_lines REGEX "^[A-Za-z_]")
set(version_script "IOT_SDK_${PROJECT_VERSION_MAJOR} {\n  global:\n")
foreach(line IN LISTS symbol_lines)
    string(REGEX REPLACE "[ \t].*" "" name "${line}")
    string(APPEND version_script "    ${name};\n")
endforeach()
string(APPEND version_script "  local: *;\n};\n")
file(GENERATE OUTPUT "${IOTX_VERSION_SCRIPT}" CONTENT "${version_script}")
