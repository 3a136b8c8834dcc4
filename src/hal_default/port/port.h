/*
 * The Rust functions behind the platform functions that the CoAP client itself never calls (shim.c beside
 * this file). Every one tolerates NULL and never unwinds.
 */
#ifndef IOTX_HAL_DEFAULT_PORT_H
#define IOTX_HAL_DEFAULT_PORT_H

#include <stddef.h>
#include <stdint.h>

#define WEAK __attribute__((weak))

uintptr_t iotx_hal_default_tcp_establish(const char *host, uint16_t port);
int32_t iotx_hal_default_tcp_destroy(uintptr_t handle);
int32_t iotx_hal_default_tcp_write(uintptr_t handle, const char *data, uint32_t len,
                                   uint32_t timeout_ms);
int32_t iotx_hal_default_tcp_read(uintptr_t handle, char *data, uint32_t len, uint32_t timeout_ms);

uintptr_t iotx_hal_default_tls_establish(const char *host, uint16_t port, const char *roots,
                                         size_t roots_len);
int32_t iotx_hal_default_tls_destroy(uintptr_t handle);
int32_t iotx_hal_default_tls_write(uintptr_t handle, const char *data, int len, int timeout_ms);
int32_t iotx_hal_default_tls_read(uintptr_t handle, char *data, int len, int timeout_ms);

/* What iotx_hal_default_aes_update does; the numbers are known to aes.rs. */
enum iotx_hal_aes {
    IOTX_HAL_CBC_ENCRYPT = 0,
    IOTX_HAL_CBC_DECRYPT = 1,
    IOTX_HAL_CFB_ENCRYPT = 2,
    IOTX_HAL_CFB_DECRYPT = 3
};
void *iotx_hal_default_aes_new(const uint8_t *key, const uint8_t *iv, int direction);
int iotx_hal_default_aes_free(void *aes);
int iotx_hal_default_aes_update(void *aes, int operation, const void *src, size_t count, void *dst);

/* Whether the library's frames lie below the caller, which a thread's end must not unwind. */
int iotx_hal_default_in_callback(void);

/* One error line: what `function` failed at. */
void iotx_hal_default_report(const char *function, const char *problem);

#endif
