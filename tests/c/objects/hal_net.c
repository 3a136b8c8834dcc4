/*
 * The default TCP against a server on the loopback, and what a firmware asks about board and network.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"
#include "iot_import.h"
#include "wrappers.h"

#define LONG_MS 20000

static const uintptr_t s_no_handle = (uintptr_t)-1;

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int server = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(server >= 0);
    CHECK_EQ(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    CHECK_EQ(listen(server, 1), 0);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return server;
}

static void check_tcp(void)
{
    uint16_t port;
    int server = listen_on_loopback(&port);
    uintptr_t tcp = HAL_TCP_Establish("localhost", port);
    char buffer[16] = "";
    static char much[1 << 22];
    uint64_t start;
    int32_t sent;
    int peer;

    CHECK(tcp != s_no_handle);
    peer = accept(server, NULL, NULL);
    CHECK(peer >= 0);

    CHECK_EQ(HAL_TCP_Write(tcp, "hello", 5, LONG_MS), 5);
    CHECK_EQ(read(peer, buffer, sizeof(buffer)), 5);
    CHECK(memcmp(buffer, "hello", 5) == 0);

    /* Reading waits for all bytes asked for, but not longer than it may. */
    CHECK_EQ(write(peer, buffer, 5), 5);
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, 3, LONG_MS), 3);
    start = HAL_UptimeMs();
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, sizeof(buffer), 30), 2);
    CHECK(HAL_UptimeMs() - start >= 30);
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, sizeof(buffer), 30), 0);
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, sizeof(buffer), 0), 0);

    /* Nor does writing to a peer that does not read. */
    sent = HAL_TCP_Write(tcp, much, sizeof(much), 30);
    CHECK(sent > 0 && sent <= (int32_t)sizeof(much));
    while (sent > 0) { /* how much the system takes in, and how fast, is its own affair */
        sent = HAL_TCP_Write(tcp, much, sizeof(much), 30);
    }
    CHECK_EQ(sent, 0);

    /* After the peer's end: what it still sent, then the end. */
    CHECK_EQ(write(peer, "bye", 3), 3);
    CHECK_EQ(shutdown(peer, SHUT_WR), 0);
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, sizeof(buffer), LONG_MS), 3);
    CHECK_EQ(HAL_TCP_Read(tcp, buffer, sizeof(buffer), LONG_MS), -1);
    CHECK_EQ(HAL_TCP_Destroy(tcp), 0);

    CHECK_EQ(close(peer), 0);
    CHECK_EQ(close(server), 0);
    CHECK(HAL_TCP_Establish("localhost", port) == s_no_handle); /* nobody listens any more */
    CHECK(HAL_TCP_Establish("two words", port) == s_no_handle);
}

static void check_bad_arguments(void)
{
    char buffer[4];

    CHECK(HAL_TCP_Establish(NULL, 80) == s_no_handle);
    CHECK(HAL_TCP_Read(0, buffer, 4, 0) < 0); /* standard input is no connection */
    CHECK(HAL_TCP_Write(1, buffer, 4, 0) < 0);
    CHECK(HAL_TCP_Destroy(2) < 0);
    CHECK(HAL_TCP_Read(s_no_handle, buffer, 4, 0) < 0);
    CHECK(HAL_TCP_Write(s_no_handle, buffer, 4, 0) < 0);
    CHECK(HAL_TCP_Destroy(s_no_handle) < 0);
    CHECK(HAL_TCP_Read(12345, buffer, 4, 0) < 0);
    CHECK(HAL_TCP_Destroy(12345) < 0);
    CHECK(HAL_TCP_Read(3, NULL, 4, 0) < 0);
    CHECK(HAL_TCP_Write(3, NULL, 4, 0) < 0);

    CHECK_EQ(HAL_SSL_Establish(NULL, 443, NULL, 0), 0);
    CHECK_EQ(HAL_SSL_Establish("localhost", 443, "no PEM", 7), 0);
    CHECK(HAL_SSL_Read(0, buffer, 4, 0) < 0);
    CHECK(HAL_SSL_Write(0, buffer, 4, 0) < 0);
    CHECK(HAL_SSL_Destroy(0) < 0);
    CHECK(HAL_SSLHooks_set(NULL) < 0);
}

static void check_addresses(void)
{
    char text[NETWORK_ADDR_LEN];
    char info[NIF_STRLEN_MAX];
    struct in_addr address;

    CHECK_EQ(HAL_UDP_resolveAddress("127.0.0.1", text), 0);
    CHECK(strcmp(text, "127.0.0.1") == 0);
    CHECK(HAL_UDP_resolveAddress("two words", text) != 0);
    CHECK(HAL_UDP_resolveAddress(NULL, text) != 0);
    CHECK(HAL_UDP_resolveAddress("127.0.0.1", NULL) != 0);

    CHECK_EQ(HAL_Wifi_Get_IP(text, "lo"), htonl(INADDR_LOOPBACK));
    CHECK(strcmp(text, "127.0.0.1") == 0);
    CHECK_EQ(HAL_Wifi_Get_IP(text, "no-such-interface"), 0);
    CHECK(text[0] == '\0');
    CHECK_EQ(HAL_Wifi_Get_IP(NULL, "lo"), 0);

    /* Whether this machine is connected to anything is its own affair: the answers must agree. */
    address.s_addr = HAL_Wifi_Get_IP(text, NULL);
    if (address.s_addr != 0) {
        struct in_addr parsed;

        CHECK_EQ(inet_pton(AF_INET, text, &parsed), 1);
        CHECK_EQ(parsed.s_addr, address.s_addr);
        CHECK_EQ(HAL_Sys_Net_Is_Ready(), 1);
    } else {
        CHECK(text[0] == '\0');
    }
    memset(info, 'x', sizeof(info));
    CHECK_EQ(HAL_GetNetifInfo(info), strlen(info));
    CHECK(HAL_GetNetifInfo(NULL) < 0);
}

static void check_board(void)
{
    char chip[HAL_CID_LEN];

    memset(chip, 'x', sizeof(chip));
    CHECK(HAL_GetChipID(chip) == chip);
    CHECK(strlen(chip) < sizeof(chip));
    CHECK(HAL_GetChipID(NULL) == NULL);
    HAL_Reboot(); /* of the machine that runs the tests: not */
}

int main(void)
{
    check_tcp();
    check_bad_arguments();
    check_addresses();
    check_board();
    return 0;
}
