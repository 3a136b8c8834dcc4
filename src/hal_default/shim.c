/*
 * Weak definitions of the platform seam. A firmware that defines a function of the same name gets
 * its own called: statically because a strong definition wins over a weak one, in the shared
 * library because the executable's symbols come first. gcc and clang never inline a weak function
 * and never reason about its body, so the calls made in this file go through the symbol as well.
 */
#define _POSIX_C_SOURCE 200809L

#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WEAK __attribute__((weak))

/* ---- memory ---- */

/* Callers of the seam take NULL for "no memory", also when they asked for nothing. */
static size_t at_least_one(uint32_t size)
{
    return size != 0 ? size : 1;
}

WEAK void *HAL_Malloc(uint32_t size)
{
    return malloc(at_least_one(size));
}

WEAK void *HAL_Calloc(uint32_t nmemb, uint32_t size)
{
    return calloc(at_least_one(nmemb), at_least_one(size));
}

WEAK void *HAL_Realloc(void *ptr, uint32_t size)
{
    return realloc(ptr, at_least_one(size));
}

WEAK void HAL_Free(void *ptr)
{
    free(ptr);
}

/* ---- locks ---- */

WEAK void *HAL_MutexCreate(void)
{
    pthread_mutex_t *mutex = malloc(sizeof(*mutex));

    if (mutex != NULL && pthread_mutex_init(mutex, NULL) != 0) {
        free(mutex);
        mutex = NULL;
    }
    return mutex;
}

WEAK void HAL_MutexDestroy(void *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_destroy(mutex);
        free(mutex);
    }
}

WEAK void HAL_MutexLock(void *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_lock(mutex);
    }
}

WEAK void HAL_MutexUnlock(void *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_unlock(mutex);
    }
}

/* ---- text ---- */

WEAK void HAL_Printf(const char *fmt, ...)
{
    va_list ap;

    if (fmt == NULL) {
        return;
    }
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    /* Output usually goes to a pipe or a serial line: a line must not wait for the next 4 KB. */
    (void)fflush(stdout);
}

WEAK int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap)
{
    if (fmt == NULL || len < 0 || (str == NULL && len > 0)) {
        return -1;
    }
    return vsnprintf(str, (size_t)len, fmt, ap);
}

WEAK int HAL_Snprintf(char *str, const int len, const char *fmt, ...)
{
    va_list ap;
    int written;

    va_start(ap, fmt);
    written = HAL_Vsnprintf(str, len, fmt, ap);
    va_end(ap);
    return written;
}

/* ---- time and chance ---- */

WEAK uint64_t HAL_UptimeMs(void)
{
    return iotx_hal_default_uptime_ms();
}

/*
 * A signal does not cut the sleep short. In C, because it is a cancellation point, as sleep(3) is: firmware ends
 * threads that sleep. (The library's own sleeps are safe from that, see cancel.rs.)
 */
WEAK void HAL_SleepMs(uint32_t ms)
{
    struct timespec left;

    left.tv_sec = (time_t)(ms / 1000);
    left.tv_nsec = (long)(ms % 1000) * 1000000L;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

WEAK uint32_t HAL_Random(uint32_t region)
{
    return iotx_hal_default_random(region);
}

/* The default source is the kernel's generator, which needs no seed. */
WEAK void HAL_Srandom(uint32_t seed)
{
    (void)seed;
}

/* ---- UDP ---- */

WEAK intptr_t HAL_UDP_create(char *host, unsigned short port)
{
    return iotx_hal_default_udp_create(host, port);
}

WEAK intptr_t HAL_UDP_create_without_connect(const char *host, unsigned short port)
{
    return iotx_hal_default_udp_create_unconnected(host, port);
}

WEAK int HAL_UDP_connect(intptr_t sockfd, const char *host, unsigned short port)
{
    return iotx_hal_default_udp_connect(sockfd, host, port);
}

WEAK void HAL_UDP_close(intptr_t p_socket)
{
    (void)iotx_hal_default_udp_close(p_socket);
}

/*
 * The library closes with this one. Ports written for 2.1 and before define only HAL_UDP_close,
 * later ones only HAL_UDP_close_without_connect: going through both lets either override take
 * effect.
 */
WEAK int HAL_UDP_close_without_connect(intptr_t sockfd)
{
    if (sockfd < 0) {
        return -1;
    }
    HAL_UDP_close(sockfd);
    return 0;
}

WEAK int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen)
{
    return iotx_hal_default_udp_write(p_socket, p_data, datalen);
}

/* Waits for ever, like a time-out of 0 in HAL_UDP_readTimeout. */
WEAK int HAL_UDP_read(intptr_t p_socket, unsigned char *p_data, unsigned int datalen)
{
    return iotx_hal_default_udp_read(p_socket, p_data, datalen, 0);
}

WEAK int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                             unsigned int timeout_ms)
{
    return iotx_hal_default_udp_read(p_socket, p_data, datalen, timeout_ms);
}

WEAK int HAL_UDP_send(intptr_t sockfd, const unsigned char *p_data, unsigned int datalen,
                      unsigned int timeout_ms)
{
    return iotx_hal_default_udp_send_within(sockfd, p_data, datalen, timeout_ms);
}

WEAK int HAL_UDP_recv(intptr_t sockfd, unsigned char *p_data, unsigned int datalen,
                      unsigned int timeout_ms)
{
    return iotx_hal_default_udp_read(sockfd, p_data, datalen, timeout_ms);
}

WEAK int HAL_UDP_sendto(intptr_t sockfd, const NetworkAddr *p_remote, const unsigned char *p_data,
                        unsigned int datalen, unsigned int timeout_ms)
{
    return iotx_hal_default_udp_send_to(sockfd, p_remote, p_data, datalen, timeout_ms);
}

WEAK int HAL_UDP_recvfrom(intptr_t sockfd, NetworkAddr *p_remote, unsigned char *p_data,
                          unsigned int datalen, unsigned int timeout_ms)
{
    return iotx_hal_default_udp_receive_from(sockfd, p_remote, p_data, datalen, timeout_ms);
}

WEAK int HAL_UDP_joinmulticast(intptr_t sockfd, char *p_group)
{
    return iotx_hal_default_udp_join_multicast(sockfd, p_group);
}

WEAK int HAL_UDP_bindtodevice(intptr_t fd, const char *ifname)
{
    return iotx_hal_default_udp_bind_to_device(fd, ifname);
}

/* ---- DTLS ---- */

/*
 * Checks its argument and keeps nothing: OpenSSL's allocator belongs to the whole process, and a
 * firmware may use OpenSSL for itself.
 */
WEAK int HAL_DTLSHooks_set(dtls_hooks_t *hooks)
{
    if (hooks == NULL || hooks->malloc == NULL || hooks->free == NULL) {
        return DTLS_INVALID_PARAM;
    }
    return DTLS_SUCCESS;
}

WEAK DTLSContext *HAL_DTLSSession_create(coap_dtls_options_t *p_options)
{
    return iotx_hal_default_dtls_create(p_options);
}

WEAK unsigned int HAL_DTLSSession_write(DTLSContext *context, const unsigned char *p_data,
                                        unsigned int *p_datalen)
{
    return iotx_hal_default_dtls_write(context, p_data, p_datalen);
}

WEAK unsigned int HAL_DTLSSession_read(DTLSContext *context, unsigned char *p_data,
                                       unsigned int *p_datalen, unsigned int timeout_ms)
{
    return iotx_hal_default_dtls_read(context, p_data, p_datalen, timeout_ms);
}

WEAK unsigned int HAL_DTLSSession_free(DTLSContext *context)
{
    return iotx_hal_default_dtls_free(context);
}

/* ---- identity ---- */

WEAK int HAL_SetProductKey(char *product_key)
{
    return iotx_hal_default_identity_set(IOTX_HAL_PRODUCT_KEY, product_key);
}

WEAK int HAL_SetProductSecret(char *product_secret)
{
    return iotx_hal_default_identity_set(IOTX_HAL_PRODUCT_SECRET, product_secret);
}

WEAK int HAL_SetDeviceName(char *device_name)
{
    return iotx_hal_default_identity_set(IOTX_HAL_DEVICE_NAME, device_name);
}

WEAK int HAL_SetDeviceSecret(char *device_secret)
{
    return iotx_hal_default_identity_set(IOTX_HAL_DEVICE_SECRET, device_secret);
}

WEAK int HAL_GetProductKey(char *product_key)
{
    return iotx_hal_default_identity_get(IOTX_HAL_PRODUCT_KEY, product_key);
}

WEAK int HAL_GetProductSecret(char *product_secret)
{
    return iotx_hal_default_identity_get(IOTX_HAL_PRODUCT_SECRET, product_secret);
}

WEAK int HAL_GetDeviceName(char *device_name)
{
    return iotx_hal_default_identity_get(IOTX_HAL_DEVICE_NAME, device_name);
}

WEAK int HAL_GetDeviceSecret(char *device_secret)
{
    return iotx_hal_default_identity_get(IOTX_HAL_DEVICE_SECRET, device_secret);
}

WEAK int HAL_GetDeviceID(char *device_id)
{
    return iotx_hal_default_identity_device_id(device_id);
}

/* A plain Linux box was made by no registered partner and runs no registered module. */
static int empty_text(char *out)
{
    if (out != NULL) {
        out[0] = '\0';
    }
    return 0;
}

WEAK int HAL_GetPartnerID(char *pid_str)
{
    return empty_text(pid_str);
}

WEAK int HAL_GetModuleID(char *mid_str)
{
    return empty_text(mid_str);
}

WEAK int HAL_GetFirmwareVesion(char *version)
{
    return empty_text(version);
}

/* Ports for 2.1 and 2.21 know the function by its misspelt name only. */
WEAK int HAL_GetFirmwareVersion(char *version)
{
    return HAL_GetFirmwareVesion(version);
}
