/*
 * Types and constants of the platform functions (HAL).
 */
#ifndef WRAPPERS_DEFS_H
#define WRAPPERS_DEFS_H

#include "infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A wait without end, where a function takes a time. */
#define PLATFORM_WAIT_INFINITE (~0)

/* Priority of a thread. */
typedef enum {
    os_thread_priority_idle = -3,
    os_thread_priority_low = -2,
    os_thread_priority_belowNormal = -1,
    os_thread_priority_normal = 0,
    os_thread_priority_aboveNormal = 1,
    os_thread_priority_high = 2,
    os_thread_priority_realtime = 3,
    os_thread_priority_error = 0x84
} hal_os_thread_priority_t;

/* How HAL_ThreadCreate is to make a thread. */
typedef struct {
    hal_os_thread_priority_t priority;
    void *stack_addr;  /* NULL: the platform allocates it */
    int stack_size;    /* bytes; 0: the platform's default (a size_t before SDK 3.01) */
    int detach_state;  /* 1: nobody will join the thread */
    char *name;        /* for debuggers; may be NULL */
} hal_os_thread_param_t;

/* Where a position in a file counts from. The CoAP client uses no files. */
typedef enum {
    HAL_SEEK_SET = 0,
    HAL_SEEK_CUR = 1,
    HAL_SEEK_END = 2
} hal_fs_seek_type_t;

/* Size of a hardware address (<net/ethernet.h> says the same), and of texts about the network
 * interface, with the terminator. */
#ifndef ETH_ALEN
#define ETH_ALEN (6)
#endif
#define HAL_MAC_LEN (17 + 1)
#define HAL_IP_LEN (15 + 1)
#define HAL_MAX_SSID_LEN (32 + 1)
#define HAL_MAX_PASSWD_LEN (64 + 1)
#define HAL_CONFIG_SIZE (2048)
#define STR_SHORT_LEN (32)

/* Size of an address as text: dotted quad and terminator. */
#define NETWORK_ADDR_LEN (16)

/* IPv4 address and port of a datagram's sender or receiver. */
typedef struct {
    unsigned char addr[NETWORK_ADDR_LEN]; /* dotted quad, NUL-terminated */
    unsigned short port;                  /* host byte order */
} NetworkAddr;

/* Results of the DTLS functions. */
#define DTLS_ERROR_BASE (1 << 24)
#define DTLS_SUCCESS (0)
#define DTLS_INVALID_PARAM (DTLS_ERROR_BASE | 1)
#define DTLS_INVALID_CA_CERTIFICATE (DTLS_ERROR_BASE | 2)
#define DTLS_HANDSHAKE_IN_PROGRESS (DTLS_ERROR_BASE | 3)
#define DTLS_HANDSHAKE_FAILED (DTLS_ERROR_BASE | 4)
#define DTLS_FATAL_ALERT_MESSAGE (DTLS_ERROR_BASE | 5)
#define DTLS_PEER_CLOSE_NOTIFY (DTLS_ERROR_BASE | 6)
#define DTLS_SESSION_CREATE_FAILED (DTLS_ERROR_BASE | 7)
#define DTLS_READ_DATA_FAILED (DTLS_ERROR_BASE | 8)

/* One DTLS session, as the platform sees it. */
typedef void DTLSContext;

/* What HAL_DTLSSession_create needs. All of it is used during the call only. */
typedef struct {
    unsigned char *p_ca_cert_pem; /* trusted certificates in PEM, NUL-terminated */
    char *p_host;                 /* server: to connect to, and to find in its certificate */
    unsigned short port;          /* UDP port, host byte order */
} coap_dtls_options_t;

/* Allocator for the DTLS stack (SDK 2.30 and 3.01). */
typedef struct {
    void *(*malloc)(uint32_t size);
    void (*free)(void *ptr);
} dtls_hooks_t;

/* Allocator for the TLS stack (SDK 2.30). */
typedef struct {
    void *(*malloc)(uint32_t size);
    void (*free)(void *ptr);
} ssl_hooks_t;

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_DEFS_H */
