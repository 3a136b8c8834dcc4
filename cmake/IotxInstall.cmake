# cmake --install: both libraries, the headers, and a pkg-config file.

set(iotx_pc_libs_private "")
foreach(library IN LISTS CMAKE_THREAD_LIBS_INIT CMAKE_DL_LIBS ITEMS m)
    if(library MATCHES "^-")
        string(APPEND iotx_pc_libs_private " ${library}")
    else()
        string(APPEND iotx_pc_libs_private " -l${library}")
    endif()
endforeach()
# Relative to the file itself, so that `cmake --install --prefix` and staged trees come out right.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(iotx_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(iotx_pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
    set(iotx_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
    file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" up "${up}")
    set(iotx_pc_prefix "\${pcfiledir}/${up}")
    set(iotx_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(iotx_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/iot_sdk.pc.in" "${PROJECT_BINARY_DIR}/iot_sdk.pc" @ONLY)

install(TARGETS iot_sdk iot_sdk_static
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/iot_sdk"
    FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/iot_sdk.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
