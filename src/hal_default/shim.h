/*
 * Prototypes of the platform seam as releases 2.01 to 3.2.0 of the C SDK declare them (the 2.21
 * form where they differ; handles were "void *" before, which every usual ABI passes like
 * "intptr_t"), and of the Rust functions behind the default definitions. Private to the default
 * HAL.
 */
#ifndef IOTX_HAL_DEFAULT_SHIM_H
#define IOTX_HAL_DEFAULT_SHIM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORK_ADDR_LEN 16

typedef struct {
    unsigned char addr[NETWORK_ADDR_LEN]; /* dotted-quad text */
    unsigned short port;
} NetworkAddr;

typedef struct {
    unsigned char *p_ca_cert_pem;
    char *p_host;
    unsigned short port;
} coap_dtls_options_t;

typedef struct {
    void *(*malloc)(uint32_t size);
    void (*free)(void *ptr);
} dtls_hooks_t;

typedef void DTLSContext;

#define DTLS_ERROR_BASE (1 << 24)
#define DTLS_SUCCESS 0
#define DTLS_INVALID_PARAM (DTLS_ERROR_BASE | 1)

/* Memory and locks. */
void *HAL_Malloc(uint32_t size);
void *HAL_Calloc(uint32_t nmemb, uint32_t size);
void *HAL_Realloc(void *ptr, uint32_t size);
void HAL_Free(void *ptr);
void *HAL_MutexCreate(void);
void HAL_MutexDestroy(void *mutex);
void HAL_MutexLock(void *mutex);
void HAL_MutexUnlock(void *mutex);

/* Text. */
void HAL_Printf(const char *fmt, ...);
int HAL_Snprintf(char *str, const int len, const char *fmt, ...);
int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap);

/* Time and chance. */
uint64_t HAL_UptimeMs(void);
void HAL_SleepMs(uint32_t ms);
uint32_t HAL_Random(uint32_t region);
void HAL_Srandom(uint32_t seed);

/* UDP. */
intptr_t HAL_UDP_create(char *host, unsigned short port);
intptr_t HAL_UDP_create_without_connect(const char *host, unsigned short port);
int HAL_UDP_connect(intptr_t sockfd, const char *host, unsigned short port);
void HAL_UDP_close(intptr_t p_socket);
int HAL_UDP_close_without_connect(intptr_t sockfd);
int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen);
int HAL_UDP_read(intptr_t p_socket, unsigned char *p_data, unsigned int datalen);
int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout_ms);
int HAL_UDP_send(intptr_t sockfd, const unsigned char *p_data, unsigned int datalen,
                 unsigned int timeout_ms);
int HAL_UDP_recv(intptr_t sockfd, unsigned char *p_data, unsigned int datalen,
                 unsigned int timeout_ms);
int HAL_UDP_sendto(intptr_t sockfd, const NetworkAddr *p_remote, const unsigned char *p_data,
                   unsigned int datalen, unsigned int timeout_ms);
int HAL_UDP_recvfrom(intptr_t sockfd, NetworkAddr *p_remote, unsigned char *p_data,
                     unsigned int datalen, unsigned int timeout_ms);
int HAL_UDP_joinmulticast(intptr_t sockfd, char *p_group);
int HAL_UDP_bindtodevice(intptr_t fd, const char *ifname);

/* DTLS. */
int HAL_DTLSHooks_set(dtls_hooks_t *hooks);
DTLSContext *HAL_DTLSSession_create(coap_dtls_options_t *p_options);
unsigned int HAL_DTLSSession_write(DTLSContext *context, const unsigned char *p_data,
                                   unsigned int *p_datalen);
unsigned int HAL_DTLSSession_read(DTLSContext *context, unsigned char *p_data,
                                  unsigned int *p_datalen, unsigned int timeout_ms);
unsigned int HAL_DTLSSession_free(DTLSContext *context);

/*
 * Device identity. The declared bounds leave no room for the terminator, which is written all the
 * same: give every getter one byte more.
 */
int HAL_SetProductKey(char *product_key);
int HAL_SetProductSecret(char *product_secret);
int HAL_SetDeviceName(char *device_name);
int HAL_SetDeviceSecret(char *device_secret);
int HAL_GetProductKey(char *product_key);
int HAL_GetProductSecret(char *product_secret);
int HAL_GetDeviceName(char *device_name);
int HAL_GetDeviceSecret(char *device_secret);
int HAL_GetDeviceID(char *device_id);
int HAL_GetPartnerID(char *pid_str);
int HAL_GetModuleID(char *mid_str);
int HAL_GetFirmwareVersion(char *version);
int HAL_GetFirmwareVesion(char *version); /* spelled so in 2.1 and 2.21 */

/* The Rust side. Every function tolerates NULL and never unwinds. */
uint64_t iotx_hal_default_uptime_ms(void);
uint32_t iotx_hal_default_random(uint32_t region);

intptr_t iotx_hal_default_udp_create(const char *host, unsigned short port);
intptr_t iotx_hal_default_udp_create_unconnected(const char *host, unsigned short port);
int iotx_hal_default_udp_connect(intptr_t handle, const char *host, unsigned short port);
int iotx_hal_default_udp_close(intptr_t handle);
int iotx_hal_default_udp_write(intptr_t handle, const unsigned char *data, unsigned int len);
int iotx_hal_default_udp_read(intptr_t handle, unsigned char *data, unsigned int len,
                              unsigned int timeout_ms);
int iotx_hal_default_udp_send_within(intptr_t handle, const unsigned char *data, unsigned int len,
                                     unsigned int timeout_ms);
int iotx_hal_default_udp_send_to(intptr_t handle, const NetworkAddr *remote,
                                 const unsigned char *data, unsigned int len,
                                 unsigned int timeout_ms);
int iotx_hal_default_udp_receive_from(intptr_t handle, NetworkAddr *remote, unsigned char *data,
                                      unsigned int len, unsigned int timeout_ms);
int iotx_hal_default_udp_join_multicast(intptr_t handle, const char *group);
int iotx_hal_default_udp_bind_to_device(intptr_t handle, const char *interface_name);

void *iotx_hal_default_dtls_create(const coap_dtls_options_t *options);
unsigned int iotx_hal_default_dtls_write(void *session, const unsigned char *data,
                                         unsigned int *len);
unsigned int iotx_hal_default_dtls_read(void *session, unsigned char *data, unsigned int *len,
                                        unsigned int timeout_ms);
unsigned int iotx_hal_default_dtls_free(void *session);

/* What the identity store keeps; the numbers are known to identity.rs. */
enum iotx_hal_identity {
    IOTX_HAL_PRODUCT_KEY = 0,
    IOTX_HAL_PRODUCT_SECRET = 1,
    IOTX_HAL_DEVICE_NAME = 2,
    IOTX_HAL_DEVICE_SECRET = 3
};
int iotx_hal_default_identity_set(int which, const char *value);
int iotx_hal_default_identity_get(int which, char *out);
int iotx_hal_default_identity_device_id(char *out);

#endif
