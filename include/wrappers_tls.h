/*
 * Platform functions: TLS over TCP. The CoAP client does not call them; they are declared for the
 * ports that define them. Lengths are in bytes, times in milliseconds.
 */
#ifndef WRAPPERS_TLS_H
#define WRAPPERS_TLS_H

#include "infra_types.h"
#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Has the TLS stack take its memory from `hooks`. 0, or a negative value. */
int HAL_SSLHooks_set(ssl_hooks_t *hooks);

/* Connects and completes the handshake, trusting the PEM certificates `ca_crt`. Returns a handle,
 * or 0. */
uintptr_t HAL_SSL_Establish(const char *host, uint16_t port, const char *ca_crt,
                            size_t ca_crt_len);

/* Closes. 0, or a negative value. */
int32_t HAL_SSL_Destroy(uintptr_t handle);

/* Sends. Returns the bytes sent, or a negative value. */
int32_t HAL_SSL_Write(uintptr_t handle, const char *buf, int len, int timeout_ms);

/* Receives. Returns the bytes received, 0 after the time, or a negative value. */
int32_t HAL_SSL_Read(uintptr_t handle, char *buf, int len, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_TLS_H */
