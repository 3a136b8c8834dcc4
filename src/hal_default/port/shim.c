/*
 * Weak definitions of platform functions that the CoAP client never calls but firmware may, where the
 * work is done in Rust: TCP, TLS and AES. The rules are those of ../shim.c; the prototypes come from the
 * public headers, so that the compiler compares them.
 */
#include "port.h"

#include "imports/iot_import_crypt.h"
#include "wrappers.h"

/* ---- TCP --------------------------------------------------------------------------------------- */

WEAK uintptr_t HAL_TCP_Establish(const char *host, uint16_t port)
{
    return iotx_hal_default_tcp_establish(host, port);
}

WEAK int32_t HAL_TCP_Destroy(uintptr_t fd)
{
    return iotx_hal_default_tcp_destroy(fd);
}

WEAK int32_t HAL_TCP_Write(uintptr_t fd, const char *buf, uint32_t len, uint32_t timeout_ms)
{
    return iotx_hal_default_tcp_write(fd, buf, len, timeout_ms);
}

WEAK int32_t HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms)
{
    return iotx_hal_default_tcp_read(fd, buf, len, timeout_ms);
}

/* ---- TLS --------------------------------------------------------------------------------------- */

/* As HAL_DTLSHooks_set: OpenSSL's allocator belongs to the whole process, so nothing is kept. */
WEAK int HAL_SSLHooks_set(ssl_hooks_t *hooks)
{
    return hooks != NULL ? 0 : -1;
}

WEAK uintptr_t HAL_SSL_Establish(const char *host, uint16_t port, const char *ca_crt,
                                 size_t ca_crt_len)
{
    return iotx_hal_default_tls_establish(host, port, ca_crt, ca_crt_len);
}

WEAK int32_t HAL_SSL_Destroy(uintptr_t handle)
{
    return iotx_hal_default_tls_destroy(handle);
}

WEAK int32_t HAL_SSL_Write(uintptr_t handle, const char *buf, int len, int timeout_ms)
{
    return iotx_hal_default_tls_write(handle, buf, len, timeout_ms);
}

WEAK int32_t HAL_SSL_Read(uintptr_t handle, char *buf, int len, int timeout_ms)
{
    return iotx_hal_default_tls_read(handle, buf, len, timeout_ms);
}

/* ---- AES-128 ----------------------------------------------------------------------------------- */

WEAK p_HAL_Aes128_t HAL_Aes128_Init(const uint8_t *key, const uint8_t *iv, AES_DIR_t dir)
{
    return iotx_hal_default_aes_new(key, iv, (int)dir);
}

WEAK int HAL_Aes128_Destroy(p_HAL_Aes128_t aes)
{
    return iotx_hal_default_aes_free(aes);
}

WEAK int HAL_Aes128_Cbc_Encrypt(p_HAL_Aes128_t aes, const void *src, size_t blockNum, void *dst)
{
    return iotx_hal_default_aes_update(aes, IOTX_HAL_CBC_ENCRYPT, src, blockNum, dst);
}

WEAK int HAL_Aes128_Cbc_Decrypt(p_HAL_Aes128_t aes, const void *src, size_t blockNum, void *dst)
{
    return iotx_hal_default_aes_update(aes, IOTX_HAL_CBC_DECRYPT, src, blockNum, dst);
}

WEAK int HAL_Aes128_Cfb_Encrypt(p_HAL_Aes128_t aes, const void *src, size_t length, void *dst)
{
    return iotx_hal_default_aes_update(aes, IOTX_HAL_CFB_ENCRYPT, src, length, dst);
}

WEAK int HAL_Aes128_Cfb_Decrypt(p_HAL_Aes128_t aes, const void *src, size_t length, void *dst)
{
    return iotx_hal_default_aes_update(aes, IOTX_HAL_CFB_DECRYPT, src, length, dst);
}
