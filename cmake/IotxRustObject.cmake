# Cargo's static library, relinked into relocatable objects: ${IOTX_OBJECT}, of which both shipped libraries consist, and
# ${IOTX_CORE_OBJECT}, the same without the default HAL. Made by target iotx_object.
#
# The libraries hold nothing else, so that CMake can treat them as ordinary targets.

include(IotxRustTarget)

find_program(IOTX_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
find_program(IOTX_RUSTC rustc HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT IOTX_CARGO OR NOT IOTX_RUSTC)
    message(FATAL_ERROR "cargo or rustc not found; scripts/bootstrap.sh tells what is missing on this machine")
endif()
iotx_find_rust_target(rust_target)

# GNU ld by name: lld and gold refuse -r together with --gc-sections. The cross compiler's own comes first.
get_filename_component(binutils_dir "${CMAKE_OBJCOPY}" DIRECTORY)
set(ld_names ld.bfd "${CMAKE_LINKER}")
if(CMAKE_CROSSCOMPILING)
    execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine
        OUTPUT_VARIABLE gnu_triple OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    set(ld_names "${CMAKE_C_COMPILER_TARGET}-ld.bfd" "${gnu_triple}-ld.bfd" "${CMAKE_LINKER}")
endif()
find_program(IOTX_GNU_LD NAMES ${ld_names} HINTS "${binutils_dir}")
if(NOT IOTX_GNU_LD OR NOT CMAKE_OBJCOPY OR NOT CMAKE_READELF)
    message(FATAL_ERROR "GNU binutils (ld, objcopy, readelf) not found")
endif()

# Our target directory and layout, whatever the caller's environment says; and the shim compiled by the same C compiler.
set(cargo_environment --unset=CARGO_BUILD_TARGET)
set(cargo_args --lib --features memory-stats)
set(cargo_output "${IOTX_CARGO_TARGET_DIR}")
if(rust_target)
    message(STATUS "Rust target: ${rust_target}")
    list(APPEND cargo_args --target "${rust_target}")
    string(APPEND cargo_output "/${rust_target}")
    string(REPLACE "-" "_" suffix "${rust_target}")
    string(TOUPPER "${suffix}" prefix)
    set(compiler_flags "${CMAKE_C_FLAGS}")
    if(CMAKE_C_COMPILER_TARGET AND CMAKE_C_COMPILE_OPTIONS_TARGET)
        string(PREPEND compiler_flags "${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET} ")
    endif()
    if(CMAKE_SYSROOT)
        string(PREPEND compiler_flags "--sysroot=${CMAKE_SYSROOT} ")
    endif()
    list(APPEND cargo_environment
        "CC_${suffix}=${CMAKE_C_COMPILER}" "AR_${suffix}=${CMAKE_AR}" "CFLAGS_${suffix}=${compiler_flags}"
        "CARGO_TARGET_${prefix}_LINKER=${CMAKE_C_COMPILER}")
    set(openssl_prefix "${prefix}_OPENSSL")
else()
    list(APPEND cargo_environment "CC=${CMAKE_C_COMPILER}")
    set(openssl_prefix OPENSSL)
endif()
if(IOTX_VENDORED_OPENSSL)
    list(APPEND cargo_args --features vendored-openssl)
elseif(rust_target OR OPENSSL_ROOT_DIR)
    # The one that CMake has found. Otherwise openssl-sys finds the system's by itself, as CMake does.
    get_filename_component(openssl_lib_dir "${OPENSSL_CRYPTO_LIBRARY}" DIRECTORY)
    list(APPEND cargo_environment
        "${openssl_prefix}_INCLUDE_DIR=${OPENSSL_INCLUDE_DIR}" "${openssl_prefix}_LIB_DIR=${openssl_lib_dir}")
endif()
# For the machine's own programs, and for the library.
set(IOTX_CARGO_COMMAND
    "${CMAKE_COMMAND}" -E env --unset=CARGO_BUILD_TARGET
    "${IOTX_CARGO}" build --locked --target-dir "${IOTX_CARGO_TARGET_DIR}")
set(cargo_command
    "${CMAKE_COMMAND}" -E env ${cargo_environment}
    "${IOTX_CARGO}" build --locked --target-dir "${IOTX_CARGO_TARGET_DIR}")

set(object_args)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(cargo_archive "${cargo_output}/debug/libiotx_coap.a")
    list(APPEND object_args --keep-debug)
else()
    set(cargo_archive "${cargo_output}/release/libiotx_coap.a")
    list(APPEND cargo_args --release)
endif()
if(NOT IOTX_REDIRECT)
    list(APPEND cargo_args --no-default-features)
endif()

# Cargo alone knows when a Rust source has changed, so it is always asked. The copy is what the rest depends on: it changes
# exactly when the contents do, while cargo brings back an old file with its old time when an option is switched back.
set(raw_archive "${PROJECT_BINARY_DIR}/iot_sdk_raw.a")
add_custom_target(iotx_cargo
    COMMAND ${cargo_command} ${cargo_args}
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${cargo_archive}" "${raw_archive}"
    BYPRODUCTS "${raw_archive}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the Rust library"
    USES_TERMINAL VERBATIM)

set(symbol_list "${PROJECT_SOURCE_DIR}/abi/symbols.txt")
set(link_script "${PROJECT_SOURCE_DIR}/scripts/link-object.sh")
set(group_script "${PROJECT_SOURCE_DIR}/scripts/section-groups.awk")
set(prune_source "${PROJECT_SOURCE_DIR}/scripts/prune-relocs.rs")
set(prune_relocs "${PROJECT_BINARY_DIR}/prune-relocs")
add_custom_command(OUTPUT "${prune_relocs}"
    COMMAND "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MFLAGS "${IOTX_RUSTC}" --edition 2024 -O -o "${prune_relocs}" "${prune_source}"
    DEPENDS "${prune_source}"
    VERBATIM)
set(IOTX_OBJECT "${PROJECT_BINARY_DIR}/iot_sdk.o")
set(IOTX_CORE_OBJECT "${PROJECT_BINARY_DIR}/iot_sdk_core.o")
function(iotx_link_object object)
    add_custom_command(OUTPUT "${object}"
        COMMAND "${CMAKE_COMMAND}" -E env
            "LD=${IOTX_GNU_LD}" "OBJCOPY=${CMAKE_OBJCOPY}" "READELF=${CMAKE_READELF}"
            "PRUNE_RELOCS=${prune_relocs}"
            bash "${link_script}" ${object_args} ${ARGN} "${raw_archive}" "${symbol_list}" "${object}"
        DEPENDS iotx_cargo "${raw_archive}" "${symbol_list}" "${link_script}" "${group_script}" "${prune_relocs}"
        COMMENT "Relinking it to the symbols of abi/symbols.txt"
        VERBATIM)
    set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endfunction()
iotx_link_object("${IOTX_OBJECT}")
iotx_link_object("${IOTX_CORE_OBJECT}" --without-hal)
add_custom_target(iotx_object DEPENDS "${prune_relocs}" "${IOTX_OBJECT}" "${IOTX_CORE_OBJECT}")

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
