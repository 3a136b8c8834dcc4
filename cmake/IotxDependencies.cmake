# What a program that takes the static libraries in must be linked with as well.
#
# Measured, not remembered: tests/packaging/system_libraries.sh links with exactly these, and shows each to be needed. (What
# rustc's `--print native-static-libs` lists beyond them is never called, or added by the C compiler itself.)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
# Parts of libc since glibc 2.34, and elsewhere always.
set(IOTX_SYSTEM_LIBRARIES Threads::Threads ${CMAKE_DL_LIBS})
# DTLS of the default HAL, AES of the coap-psk mode. libiot_sdk_core.a calls of libssl only its initialisation.
if(NOT IOTX_VENDORED_OPENSSL)
    find_package(OpenSSL 1.1.1 REQUIRED)
    list(PREPEND IOTX_SYSTEM_LIBRARIES OpenSSL::SSL OpenSSL::Crypto)
endif()
