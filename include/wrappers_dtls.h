/*
 * Platform functions: DTLS over UDP. The platform owns the socket.
 *
 * The prototypes are those of SDK 2.01 and later. In 2.00 the SDK owned the socket: a port written
 * for it does not fit.
 */
#ifndef WRAPPERS_DTLS_H
#define WRAPPERS_DTLS_H

#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connects to the server and completes the handshake. Returns the session, or NULL. */
DTLSContext *HAL_DTLSSession_create(coap_dtls_options_t *p_options);

/* Sends `*p_datalen` bytes as one record and stores the number sent there. Returns a DTLS_ code. */
unsigned int HAL_DTLSSession_write(DTLSContext *context, const unsigned char *p_data,
                                   unsigned int *p_datalen);

/* Receives one record of at most `*p_datalen` bytes, waiting up to `timeout_ms` milliseconds
 * (0: without limit), and stores its length there: 0 with DTLS_SUCCESS if none came. Returns a
 * DTLS_ code. */
unsigned int HAL_DTLSSession_read(DTLSContext *context, unsigned char *p_data,
                                  unsigned int *p_datalen, unsigned int timeout_ms);

/* Sends a close-notify alert and releases the session. Returns a DTLS_ code. */
unsigned int HAL_DTLSSession_free(DTLSContext *context);

/* Makes the DTLS stack allocate through `hooks` (SDK 2.30 and 3.01). Returns DTLS_SUCCESS, or
 * DTLS_INVALID_PARAM if `hooks` or a member is NULL. */
int HAL_DTLSHooks_set(dtls_hooks_t *hooks);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_DTLS_H */
