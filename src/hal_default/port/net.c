/*
 * Weak defaults for what a firmware asks about the network of the board.
 */
#define _DEFAULT_SOURCE /* getifaddrs */

#include "port.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "wrappers.h"

#define NETIF_INFO_SIZE 160
#define MAC_LEN 6

/* Up, with a carrier, and not the loopback. */
static int leads_outside(const struct ifaddrs *entry)
{
    const unsigned int wanted = IFF_UP | IFF_RUNNING;

    return (entry->ifa_flags & (wanted | IFF_LOOPBACK)) == wanted;
}

/* getifaddrs, safe from a cancellation of the thread, which would lose what it holds. 0, or -1. */
static int list_interfaces(struct ifaddrs **list)
{
    int cancel_state;
    int result;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    result = getifaddrs(list);
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    return result;
}

/* Modems and tunnels have an entry too, but no MAC in it. */
static int has_mac(const struct ifaddrs *entry)
{
    const struct sockaddr_ll *link = (const void *)entry->ifa_addr;

    return link->sll_halen == MAC_LEN;
}

/* The first entry of `family`: of the interface `name`, or without one of any that leads outside. */
static const struct ifaddrs *find(const struct ifaddrs *list, int family, const char *name)
{
    const struct ifaddrs *entry;

    for (entry = list; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == family &&
            (family != AF_PACKET || has_mac(entry)) &&
            (name != NULL ? strcmp(entry->ifa_name, name) == 0 : leads_outside(entry))) {
            return entry;
        }
    }
    return NULL;
}

/* A link-local IPv6 address is there as soon as a cable is: it says nothing. */
static int has_global_ipv6(const struct ifaddrs *list)
{
    const struct ifaddrs *entry;

    for (entry = list; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr != NULL && entry->ifa_addr->sa_family == AF_INET6 &&
            leads_outside(entry)) {
            const struct sockaddr_in6 *address = (const void *)entry->ifa_addr;

            if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) {
                return 1;
            }
        }
    }
    return 0;
}

WEAK int HAL_Sys_Net_Is_Ready(void)
{
    struct ifaddrs *list;
    int ready;

    if (list_interfaces(&list) != 0) {
        return 0;
    }
    ready = find(list, AF_INET, NULL) != NULL || has_global_ipv6(list);
    freeifaddrs(list);
    return ready;
}

/* The number is in network byte order, as in struct in_addr. */
WEAK uint32_t HAL_Wifi_Get_IP(char ip_str[NETWORK_ADDR_LEN], const char *ifname)
{
    struct ifaddrs *list;
    const struct ifaddrs *entry;
    uint32_t number = 0;

    if (ip_str == NULL) {
        return 0;
    }
    ip_str[0] = '\0';
    if (list_interfaces(&list) != 0) {
        return 0;
    }
    entry = find(list, AF_INET, ifname != NULL && ifname[0] != '\0' ? ifname : NULL);
    if (entry != NULL) {
        const struct sockaddr_in *address = (const void *)entry->ifa_addr;

        if (inet_ntop(AF_INET, &address->sin_addr, ip_str, NETWORK_ADDR_LEN) != NULL) {
            number = address->sin_addr.s_addr;
        }
    }
    freeifaddrs(list);
    return number;
}

/* "NAME|MAC" of the first interface with a MAC that leads outside, "" without one. */
WEAK int HAL_GetNetifInfo(char *nif_str)
{
    struct ifaddrs *list;
    const struct ifaddrs *entry;
    int length = 0;

    if (nif_str == NULL) {
        return -1;
    }
    nif_str[0] = '\0';
    if (list_interfaces(&list) != 0) {
        return 0;
    }
    entry = find(list, AF_PACKET, NULL);
    if (entry != NULL) {
        const struct sockaddr_ll *link = (const void *)entry->ifa_addr;
        const unsigned char *mac = link->sll_addr;

        length = snprintf(nif_str, NETIF_INFO_SIZE, "%s|%02x%02x%02x%02x%02x%02x", entry->ifa_name,
                          mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
    freeifaddrs(list);
    return length;
}

WEAK int HAL_UDP_resolveAddress(const char *p_host, char addr[NETWORK_ADDR_LEN])
{
    struct addrinfo hints;
    struct addrinfo *found;
    int cancel_state;
    int error;

    if (p_host == NULL || addr == NULL) {
        return -1;
    }
    (void)memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    error = getaddrinfo(p_host, NULL, &hints, &found);
    if (error == 0) {
        error = getnameinfo(found->ai_addr, found->ai_addrlen, addr, NETWORK_ADDR_LEN, NULL, 0,
                            NI_NUMERICHOST);
        freeaddrinfo(found);
    }
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    return error;
}
