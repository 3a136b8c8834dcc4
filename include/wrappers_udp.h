/*
 * Platform functions: UDP.
 *
 * The prototypes are those of SDK 2.21 and later. Releases 2.01 to 2.1 have `void *` where intptr_t
 * stands here, those of 2.00 are different altogether: a port written for them needs its prototypes
 * changed. Applications do not call these functions.
 *
 * A socket is any value but -1. Lengths are in bytes, times in milliseconds.
 */
#ifndef WRAPPERS_UDP_H
#define WRAPPERS_UDP_H

#include "infra_compat.h"
#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Resolves `host` and returns a socket connected to it, or -1. */
intptr_t HAL_UDP_create(char *host, unsigned short port);

/* Returns a socket without a peer, or -1. A port other than 0 binds it: to the local address
 * `host`, or to all if that is NULL. */
intptr_t HAL_UDP_create_without_connect(const char *host, unsigned short port);

/* Gives a socket its peer. 0, or -1. */
int HAL_UDP_connect(intptr_t sockfd, const char *host, unsigned short port);

/* Releases a socket. The second form is the one of SDK 3.x for every socket: 0, or -1. */
void HAL_UDP_close(intptr_t p_socket);
int HAL_UDP_close_without_connect(intptr_t sockfd);

/* Sends one datagram to the peer. Returns the bytes sent, or a negative value. */
int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen);

/* As HAL_UDP_write, giving up after `timeout_ms`. */
int HAL_UDP_send(intptr_t sockfd, const unsigned char *p_data, unsigned int datalen,
                 unsigned int timeout_ms);

/* Sends one datagram to `p_remote`. Returns the bytes sent, or a negative value. */
int HAL_UDP_sendto(intptr_t sockfd, const NetworkAddr *p_remote, const unsigned char *p_data,
                   unsigned int datalen, unsigned int timeout_ms);

/* Receives one datagram, waiting for it without limit. Returns its length, or a negative value. */
int HAL_UDP_read(intptr_t p_socket, unsigned char *p_data, unsigned int datalen);

/* Receives one datagram. Returns its length; -2 after `timeout` milliseconds without one (0 waits
 * without limit), -3 if a signal came first, -1 or -4 on an error. The rest of a datagram longer
 * than `datalen` is lost. */
int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout);

/* As HAL_UDP_readTimeout. */
int HAL_UDP_recv(intptr_t sockfd, unsigned char *p_data, unsigned int datalen,
                 unsigned int timeout_ms);

/* As HAL_UDP_readTimeout, and stores the sender in `*p_remote`. */
int HAL_UDP_recvfrom(intptr_t sockfd, NetworkAddr *p_remote, unsigned char *p_data,
                     unsigned int datalen, unsigned int timeout_ms);

/* Joins the multicast group `p_group`, a dotted quad. 0, or -1. */
int HAL_UDP_joinmulticast(intptr_t sockfd, char *p_group);

/* Restricts a socket to one network interface. 0, or -1. */
int HAL_UDP_bindtodevice(intptr_t fd, const char *ifname);

/* Resolves `p_host` to a dotted quad (SDK 2.00 and 2.01). 0, or another value on failure. */
int HAL_UDP_resolveAddress(const char *p_host, char addr[NETWORK_ADDR_LEN]);

/* Stores the address of the interface `ifname` (NULL: the default one) as a dotted quad and returns
 * it as a number, or 0. */
uint32_t HAL_Wifi_Get_IP(char ip_str[NETWORK_ADDR_LEN], const char *ifname);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_UDP_H */
