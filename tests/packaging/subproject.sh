#!/usr/bin/env bash
# The library built as part of a firmware's own CMake project: by FetchContent, as samples/cmake does, and by
# add_subdirectory. Under the same target names as the installed one.
# shellcheck source=tests/packaging/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

copy_examples
# Cargo's part is the same as in the build directory; taking it from there saves a minute.
common=(-DIOTX_CARGO_TARGET_DIR="$build_dir/cargo" -DEXAMPLES="$examples" -DCMAKE_BUILD_TYPE=Release)

cp -r "$source_dir/samples/cmake" "$work/fetched"
mkdir "$work/added"
cat >"$work/added/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(firmware LANGUAGES C)
add_subdirectory("${IOT_SDK_SOURCE}" iot_sdk)
add_executable(firmware "${EXAMPLES}/coap-example.c" "${EXAMPLES}/app_entry.c")
target_link_libraries(firmware PRIVATE ${IOT_SDK_LIBRARY})
install(TARGETS firmware)
END

for way in fetched added; do
    cd "$work/$way"
    for library in iot_sdk iot_sdk_static; do
        quietly cmake -S . -B build -DIOT_SDK_SOURCE="$source_dir" -DIOT_SDK_LIBRARY="iot_sdk::$library" "${common[@]}"
        quietly cmake --build build --parallel 2
        deliver "$PWD/build/firmware"
    done
    # The firmware's installation and its tests stay its own.
    quietly cmake --install build --prefix "$work/$way/installed"
    [ -z "$(find "$work/$way" -path '*/installed/*' -name '*iot_sdk*')" ] || fail "installed into the firmware's tree"
    [ -z "$(find "$work/$way/build" -name 'CTestTestfile.cmake')" ] || fail "tests of ours in the firmware's build"
done

# With everything that a firmware may set for itself, and its sanitizers. In Debug, where the Rust side is compiled quickly.
mkdir "$work/own flags"
cd "$work/own flags"
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(firmware LANGUAGES C)
set(CMAKE_C_STANDARD 90)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
set(BUILD_SHARED_LIBS ON)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/all libraries")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/all libraries")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
add_compile_options(-Wall -Wextra -Werror -Wconversion -Wcast-qual -Wmissing-prototypes -Wshadow)
add_subdirectory("${IOT_SDK_SOURCE}" iot_sdk)
foreach(library IN ITEMS iot_sdk iot_sdk_static)
    add_executable(firmware-${library} "${EXAMPLES}/coap-example.c" "${EXAMPLES}/app_entry.c")
    set_target_properties(firmware-${library} PROPERTIES C_STANDARD 99)
    target_compile_options(firmware-${library} PRIVATE -Wno-error)
    target_link_libraries(firmware-${library} PRIVATE iot_sdk::${library})
endforeach()
END
quietly cmake -S . -B build -DIOT_SDK_SOURCE="$source_dir" "${common[@]}" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS="-fsanitize=address,undefined -fno-omit-frame-pointer"
quietly cmake --build build --parallel 2
deliver "$PWD/build/bin/firmware-iot_sdk"
deliver "$PWD/build/bin/firmware-iot_sdk_static"
