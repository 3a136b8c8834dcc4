# cmake --install: both libraries, the headers, and a pkg-config file.

set(iotx_pc_libs_private "")
foreach(library IN LISTS CMAKE_THREAD_LIBS_INIT CMAKE_DL_LIBS ITEMS m)
    if(library MATCHES "^-")
        string(APPEND iotx_pc_libs_private " ${library}")
    else()
        string(APPEND iotx_pc_libs_private " -l${library}")
    endif()
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cmake/iot_sdk.pc.in" "${PROJECT_BINARY_DIR}/iot_sdk.pc" @ONLY)

install(TARGETS iot_sdk iot_sdk_static
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk"
    FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/iot_sdk.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
