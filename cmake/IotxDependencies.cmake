# What a program that takes the static libraries in must be linked with as well.
#
# Measured, not remembered: tests/packaging/system_libraries.sh links with exactly these, and shows each to be needed. (What
# rustc's `--print native-static-libs` lists beyond them is never called, or added by the C compiler itself.)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
# Both are part of libc since glibc 2.34, and elsewhere always.
set(IOTX_CORE_LIBRARIES Threads::Threads ${CMAKE_DL_LIBS})
set(IOTX_SYSTEM_LIBRARIES ${IOTX_CORE_LIBRARIES})
if(NOT IOTX_VENDORED_OPENSSL)
    find_package(OpenSSL 1.1.1 REQUIRED)
    list(PREPEND IOTX_CORE_LIBRARIES OpenSSL::Crypto)             # AES of the coap-psk mode
    list(PREPEND IOTX_SYSTEM_LIBRARIES OpenSSL::SSL OpenSSL::Crypto) # and DTLS of the default HAL
endif()
