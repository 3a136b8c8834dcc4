# The stand-in cloud, for tests and the demo: target iotx-cloud makes ${IOTX_CLOUD}.

set(IOTX_CLOUD "${IOTX_CARGO_TARGET_DIR}/debug/iotx-cloud")
set(built_by_default "")
if(IOTX_BUILD_TESTS)
    set(built_by_default ALL)
endif()
add_custom_target(iotx-cloud ${built_by_default}
    COMMAND ${IOTX_CARGO_COMMAND} --package iotx-cloud
    BYPRODUCTS "${IOTX_CLOUD}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    COMMENT "Building the stand-in cloud"
    USES_TERMINAL VERBATIM)
# Two cargos in one target directory would only wait for each other.
add_dependencies(iotx-cloud iotx_cargo)
