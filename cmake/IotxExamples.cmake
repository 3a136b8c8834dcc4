# The CoAP example against both libraries, and the user's own copy of it.

set(example_dir "${PROJECT_SOURCE_DIR}/c_examples")

# An example in the style of SDK 2.30 has no main, but a linkkit_main, which app_entry.c calls.
function(iotx_add_example name library source)
    file(STRINGS "${source}" main REGEX "^((int|void)[ \t]+)?main[ \t]*\\(")
    file(STRINGS "${source}" linkkit_main REGEX "^(int[ \t]+)?linkkit_main[ \t]*\\(")
    set(entry "")
    if(linkkit_main AND NOT main)
        set(entry "${example_dir}/app_entry.c")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    add_executable(${name} "${source}" ${entry})
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
    iotx_add_example(coap-user-example iot_sdk_static "${user_example}")

    # Up to 3.10 the example formats its URL into an array of an inner block and passes it to IOT_CoAP_Init after that
    # block has ended. Keep the compiler from giving the array's place on the stack to something else.
    include(CheckCCompilerFlag)
    check_c_compiler_flag(-fstack-reuse=none IOTX_HAVE_STACK_REUSE)
    if(IOTX_HAVE_STACK_REUSE)
        target_compile_options(coap-user-example PRIVATE -fstack-reuse=none)
    endif()
elseif(IOTX_TOP_LEVEL)
    # Not to be taken for one of this configuration.
    file(REMOVE "${PROJECT_BINARY_DIR}/coap-user-example")
endif()
