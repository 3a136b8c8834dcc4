# The CoAP example against both libraries, and the user's own copy of it.

set(example_dir "${PROJECT_SOURCE_DIR}/c_examples")

function(iotx_add_example name library)
    add_executable(${name} ${ARGN})
    target_compile_options(${name} PRIVATE -Wall)
    target_link_libraries(${name} PRIVATE ${library})
endfunction()

if(IOTX_BUILD_EXAMPLES)
    iotx_add_example(coap-example iot_sdk_static "${example_dir}/coap-example.c")
    iotx_add_example(coap-example-shared iot_sdk "${example_dir}/coap-example.c")
endif()

if(IOTX_EXAMPLE)
    get_filename_component(user_example "${IOTX_EXAMPLE}" ABSOLUTE BASE_DIR "${CMAKE_BINARY_DIR}")
    if(NOT EXISTS "${user_example}")
        message(FATAL_ERROR "IOTX_EXAMPLE: no file ${user_example}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${user_example}")
    set(user_sources "${user_example}")
    # The example of 2.30 has no main: app_entry.c calls its linkkit_main.
    file(STRINGS "${user_example}" has_main REGEX "(^|[^A-Za-z0-9_])main[ \t]*\\(")
    file(STRINGS "${user_example}" has_linkkit_main REGEX "(^|[^A-Za-z0-9_])linkkit_main[ \t]*\\(")
    if(has_linkkit_main AND NOT has_main)
        list(APPEND user_sources "${example_dir}/app_entry.c")
    endif()
    iotx_add_example(coap-user-example iot_sdk_static ${user_sources})

    # Up to 3.10 the example formats its URL into an array of an inner block and passes it to IOT_CoAP_Init after that
    # block has ended. Keep the compiler from giving the array's place on the stack to something else.
    include(CheckCCompilerFlag)
    check_c_compiler_flag(-fstack-reuse=none IOTX_HAVE_STACK_REUSE)
    if(IOTX_HAVE_STACK_REUSE)
        target_compile_options(coap-user-example PRIVATE -fstack-reuse=none)
    endif()
endif()
