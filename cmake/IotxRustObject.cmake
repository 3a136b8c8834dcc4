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

# GNU binutils, for which scripts/link-object.sh is written: lld and gold refuse -r together with --gc-sections, llvm-objcopy
# does not strip what GNU's does. CMake prefers LLVM's beside clang, so its choices come last. The cross compiler's own
# come first.
function(iotx_find_gnu variable name)
    set(names ${name})
    if(CMAKE_CROSSCOMPILING)
        execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine
            OUTPUT_VARIABLE triple OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        set(names "${CMAKE_C_COMPILER_TARGET}-${name}" "${triple}-${name}")
    endif()
    get_filename_component(binutils_dir "${CMAKE_OBJCOPY}" DIRECTORY)
    find_program(${variable} NAMES ${names} HINTS "${binutils_dir}" DOC "GNU ${name}")
    foreach(tool IN LISTS ${variable} ARGN)
        execute_process(COMMAND "${tool}" --version OUTPUT_VARIABLE version ERROR_QUIET)
        if(version MATCHES "^GNU ")
            set(${variable} "${tool}" PARENT_SCOPE)
            return()
        endif()
    endforeach()
    message(FATAL_ERROR "GNU ${name} (binutils) not found for this target. Set ${variable} to it.")
endfunction()
iotx_find_gnu(IOTX_GNU_LD ld.bfd "${CMAKE_LINKER}")
iotx_find_gnu(IOTX_GNU_OBJCOPY objcopy "${CMAKE_OBJCOPY}")
iotx_find_gnu(IOTX_GNU_READELF readelf "${CMAKE_READELF}")

# The target is always named, also the machine's own: a .cargo/config.toml above the source tree may name another one. And
# our directory; and the shim compiled by the same C compiler with the same flags, but for those that reach beyond an object.
# (make's job server is closed to what is not make; cargo would complain about it.)
message(STATUS "Rust target: ${rust_target}")
set(cargo_args --lib --features memory-stats --target "${rust_target}")
set(cargo_output "${IOTX_CARGO_TARGET_DIR}/${rust_target}")
string(REPLACE "-" "_" suffix "${rust_target}")
string(TOUPPER "${suffix}" prefix)
set(compiler_flags "${CMAKE_C_FLAGS} -Wno-error -fno-lto -fno-sanitize=all")
if(CMAKE_C_COMPILER_TARGET AND CMAKE_C_COMPILE_OPTIONS_TARGET)
    string(PREPEND compiler_flags "${CMAKE_C_COMPILE_OPTIONS_TARGET}${CMAKE_C_COMPILER_TARGET} ")
endif()
if(CMAKE_SYSROOT)
    string(PREPEND compiler_flags "--sysroot=${CMAKE_SYSROOT} ")
endif()
set(cargo_environment
    --unset=CARGO_BUILD_TARGET --unset=MAKEFLAGS --unset=MFLAGS "CC_${suffix}=${CMAKE_C_COMPILER}" "AR_${suffix}=${CMAKE_AR}"
    "CFLAGS_${suffix}=${compiler_flags}")
iotx_host_rust_target(host)
if(NOT rust_target STREQUAL host)
    # A static library is not linked. But what cargo builds for this machine on the way is, and not by a cross compiler.
    list(APPEND cargo_environment "CARGO_TARGET_${prefix}_LINKER=${CMAKE_C_COMPILER}")
endif()
if(IOTX_VENDORED_OPENSSL)
    list(APPEND cargo_args --features vendored-openssl)
else()
    # The one that CMake has found.
    get_filename_component(openssl_lib_dir "${OPENSSL_CRYPTO_LIBRARY}" DIRECTORY)
    list(APPEND cargo_environment
        "${prefix}_OPENSSL_INCLUDE_DIR=${OPENSSL_INCLUDE_DIR}" "${prefix}_OPENSSL_LIB_DIR=${openssl_lib_dir}")
endif()
set(IOTX_CARGO_ENVIRONMENT ${cargo_environment}) # the same everywhere, or cargo compiles all of it again and again
# For the one crate type: cargo leaves out link-time optimisation, without a word, when a library is an rlib as well.
set(cargo_build "${IOTX_CARGO}" rustc --crate-type staticlib --locked --target-dir "${IOTX_CARGO_TARGET_DIR}")

set(object_args)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(cargo_archive "${cargo_output}/debug/libiotx_coap.a")
    list(APPEND object_args --keep-debug)
else()
    set(cargo_archive "${cargo_output}/release/libiotx_coap.a")
    list(APPEND cargo_args --release)
    # What is shipped does not depend on where it was built.
    list(PREPEND cargo_build
        bash "${PROJECT_SOURCE_DIR}/scripts/release-flags.sh" "${PROJECT_SOURCE_DIR}" "${IOTX_CARGO_TARGET_DIR}" "${IOTX_RUSTC}")
    if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
        list(APPEND cargo_environment CARGO_PROFILE_RELEASE_DEBUG=full)
        list(APPEND object_args --keep-debug)
    endif()
endif()
if(NOT IOTX_REDIRECT)
    list(APPEND cargo_args --no-default-features)
endif()

# Cargo alone knows when a Rust source has changed, so it is always asked. The copy is what the rest depends on: it changes
# exactly when the contents do, while cargo brings back an old file with its old time when an option is switched back.
set(raw_archive "${PROJECT_BINARY_DIR}/iot_sdk_raw.a")
add_custom_target(iotx_cargo
    COMMAND "${CMAKE_COMMAND}" -E env ${cargo_environment} ${cargo_build} ${cargo_args}
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${cargo_archive}" "${raw_archive}"
    BYPRODUCTS "${raw_archive}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the Rust library"
    USES_TERMINAL VERBATIM)

set(symbol_list "${PROJECT_SOURCE_DIR}/abi/symbols.txt")
set(link_script "${PROJECT_SOURCE_DIR}/scripts/link-object.sh")
set(link_scripts "${link_script}"
    "${PROJECT_SOURCE_DIR}/scripts/section-groups.awk" "${PROJECT_SOURCE_DIR}/scripts/short-names.awk")
set(slim_source "${PROJECT_SOURCE_DIR}/scripts/slim-relocs.rs")
set(slim_relocs "${PROJECT_BINARY_DIR}/slim-relocs")
add_custom_command(OUTPUT "${slim_relocs}"
    COMMAND "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MFLAGS "${IOTX_RUSTC}" --edition 2024 -O -o "${slim_relocs}" "${slim_source}"
    DEPENDS "${slim_source}"
    VERBATIM)
set(no_backtrace_source "${PROJECT_SOURCE_DIR}/scripts/no-backtrace.rs")
set(no_backtrace "${PROJECT_BINARY_DIR}/no-backtrace.o")
add_custom_command(OUTPUT "${no_backtrace}"
    COMMAND "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MFLAGS "${IOTX_RUSTC}" --edition 2024 --crate-type lib
        --target "${rust_target}" -O -C panic=abort --emit "obj=${no_backtrace}" "${no_backtrace_source}"
    DEPENDS "${no_backtrace_source}"
    VERBATIM)
set(IOTX_OBJECT "${PROJECT_BINARY_DIR}/iot_sdk.o")
set(IOTX_CORE_OBJECT "${PROJECT_BINARY_DIR}/iot_sdk_core.o")
function(iotx_link_object object)
    add_custom_command(OUTPUT "${object}"
        COMMAND "${CMAKE_COMMAND}" -E env
            "LD=${IOTX_GNU_LD}" "OBJCOPY=${IOTX_GNU_OBJCOPY}" "READELF=${IOTX_GNU_READELF}"
            "SLIM_RELOCS=${slim_relocs}" "NO_BACKTRACE=${no_backtrace}"
            bash "${link_script}" ${object_args} ${ARGN} "${raw_archive}" "${symbol_list}" "${object}"
        DEPENDS iotx_cargo "${raw_archive}" "${symbol_list}" ${link_scripts} "${slim_relocs}" "${no_backtrace}"
        COMMENT "Relinking it to the symbols of abi/symbols.txt"
        VERBATIM)
    set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endfunction()
iotx_link_object("${IOTX_OBJECT}")
iotx_link_object("${IOTX_CORE_OBJECT}" --without-hal)
add_custom_target(iotx_object DEPENDS "${slim_relocs}" "${no_backtrace}" "${IOTX_OBJECT}" "${IOTX_CORE_OBJECT}")

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
