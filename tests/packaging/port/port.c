/*
 * A platform port as a firmware brings it in an archive of its own: UDP, clock, chance, console and identity on POSIX, and no
 * DTLS. It announces the sockets it opens, which shows that it is the one that is used.
 *
 * With PORT_OF_2_1 it lacks what the SDK's ports got after release 2.1.
 */
#define _XOPEN_SOURCE 700

#include "iot_import.h"

#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- time, chance, console ---- */

uint64_t HAL_UptimeMs(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void HAL_SleepMs(uint32_t ms)
{
    (void)poll(NULL, 0, (int)ms);
}

void HAL_Srandom(uint32_t seed)
{
    srandom(seed);
}

uint32_t HAL_Random(uint32_t region)
{
    return region > 0 ? (uint32_t)random() % region : 0;
}

void HAL_Printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
}

int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap)
{
    return vsnprintf(str, (size_t)len, fmt, ap);
}

int HAL_Snprintf(char *str, const int len, const char *fmt, ...)
{
    va_list ap;
    int written;

    va_start(ap, fmt);
    written = HAL_Vsnprintf(str, len, fmt, ap);
    va_end(ap);
    return written;
}

/* ---- UDP ---- */

intptr_t HAL_UDP_create(char *host, unsigned short port)
{
    struct addrinfo hints, *addresses = NULL;
    char service[8];
    int fd = -1;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_DGRAM;
    (void)snprintf(service, sizeof(service), "%hu", port);
    if (getaddrinfo(host, service, &hints, &addresses) != 0) {
        return -1;
    }
    fd = socket(addresses->ai_family, SOCK_DGRAM, 0);
    if (fd >= 0 && connect(fd, addresses->ai_addr, addresses->ai_addrlen) != 0) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(addresses);
    printf("the port's socket to %s\n", host);
    return fd;
}

void HAL_UDP_close(intptr_t p_socket)
{
    (void)close((int)p_socket);
    printf("the port has closed its socket\n");
}

int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen)
{
    return (int)send((int)p_socket, p_data, datalen, 0);
}

int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout)
{
    struct pollfd socket;
    int ready;

    socket.fd = (int)p_socket;
    socket.events = POLLIN;
    ready = poll(&socket, 1, timeout > 0 ? (int)timeout : -1);
    if (ready <= 0) {
        return ready == 0 ? -2 : -4;
    }
    return (int)recv(socket.fd, p_data, datalen, 0);
}

/* ---- identity: the program gives it to IOT_CoAP_Init, none is stored here ---- */

static int store(const char *value)
{
    return (int)strlen(value);
}

static int nothing(char *value)
{
    value[0] = '\0';
    return 0;
}

int HAL_SetProductKey(char *product_key)
{
    return store(product_key);
}

int HAL_SetProductSecret(char *product_secret)
{
    return store(product_secret);
}

int HAL_SetDeviceName(char *device_name)
{
    return store(device_name);
}

int HAL_SetDeviceSecret(char *device_secret)
{
    return store(device_secret);
}

int HAL_GetProductKey(char product_key[20])
{
    return nothing(product_key);
}

int HAL_GetProductSecret(char product_secret[64])
{
    return nothing(product_secret);
}

int HAL_GetDeviceName(char device_name[32])
{
    return nothing(device_name);
}

int HAL_GetDeviceSecret(char device_secret[64])
{
    return nothing(device_secret);
}

int HAL_GetDeviceID(char device_id[64])
{
    return nothing(device_id);
}

int HAL_GetPartnerID(char pid_str[64])
{
    return nothing(pid_str);
}

int HAL_GetModuleID(char mid_str[64])
{
    return nothing(mid_str);
}

/* ---- no DTLS ---- */

DTLSContext *HAL_DTLSSession_create(coap_dtls_options_t *p_options)
{
    (void)p_options;
    return NULL;
}

unsigned int HAL_DTLSSession_write(DTLSContext *context, const unsigned char *p_data,
                                   unsigned int *p_datalen)
{
    (void)context;
    (void)p_data;
    (void)p_datalen;
    return DTLS_INVALID_PARAM;
}

unsigned int HAL_DTLSSession_read(DTLSContext *context, unsigned char *p_data,
                                  unsigned int *p_datalen, unsigned int timeout_ms)
{
    (void)context;
    (void)p_data;
    (void)p_datalen;
    (void)timeout_ms;
    return DTLS_INVALID_PARAM;
}

unsigned int HAL_DTLSSession_free(DTLSContext *context)
{
    (void)context;
    return DTLS_INVALID_PARAM;
}

#ifndef PORT_OF_2_1

int HAL_UDP_close_without_connect(intptr_t sockfd)
{
    HAL_UDP_close(sockfd);
    return 0;
}

int HAL_GetFirmwareVersion(char *version)
{
    return nothing(version);
}

#endif
