# The stand-in cloud, for tests and the demo: target iotx-cloud makes ${IOTX_CLOUD}. It runs on this machine, whatever the
# library is built for.

set(IOTX_CLOUD "${PROJECT_BINARY_DIR}/iotx-cloud")
iotx_host_rust_target(host)
set(built_by_default "")
if(IOTX_BUILD_TESTS)
    set(built_by_default ALL)
endif()
add_custom_target(iotx-cloud ${built_by_default}
    COMMAND "${CMAKE_COMMAND}" -E env ${IOTX_CARGO_ENVIRONMENT}
        "${IOTX_CARGO}" build --locked --target-dir "${IOTX_CARGO_TARGET_DIR}" --target "${host}" --package iotx-cloud
    COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${IOTX_CARGO_TARGET_DIR}/${host}/debug/iotx-cloud" "${IOTX_CLOUD}"
    BYPRODUCTS "${IOTX_CLOUD}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the stand-in cloud"
    USES_TERMINAL VERBATIM)
# Two cargos in one target directory would only wait for each other.
add_dependencies(iotx-cloud iotx_cargo)
