/*
 * Platform functions: TCP. The CoAP client does not call them; they are declared for the ports that
 * define them. Lengths are in bytes, times in milliseconds.
 */
#ifndef WRAPPERS_TCP_H
#define WRAPPERS_TCP_H

#include "infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connects. Returns a handle; the port and its callers agree on the value that means failure. */
uintptr_t HAL_TCP_Establish(const char *host, uint16_t port);

/* Closes. 0, or a negative value. */
int32_t HAL_TCP_Destroy(uintptr_t fd);

/* Sends. Returns the bytes sent, which may be fewer than `len`, or a negative value. */
int32_t HAL_TCP_Write(uintptr_t fd, const char *buf, uint32_t len, uint32_t timeout_ms);

/* Receives. Returns the bytes received, 0 after the time, or a negative value. */
int32_t HAL_TCP_Read(uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_TCP_H */
