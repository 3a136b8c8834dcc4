/*
 * What the bench programs have in common: the report, and the line each of them prints.
 *
 * The report has 259 bytes with its token of 190 bytes, the longest the service was seen to issue; its answer is
 * what the service answers, 19 bytes.
 */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BENCH_TOKEN_LEN 190
#define BENCH_PATH "/topic/a1B2c3D4e5F/dev01/update"
#define BENCH_PAYLOAD "{\"n\":1}"
#define BENCH_REQUEST_LEN 259

/* What goes wrong in a bench is a fault of the bench: it ends. */
static inline void bench_check(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static inline void bench_token(char token[BENCH_TOKEN_LEN + 1])
{
    memset(token, 't', BENCH_TOKEN_LEN);
    token[BENCH_TOKEN_LEN] = '\0';
}

static inline size_t bench_option(uint8_t *to, unsigned delta, const void *value, size_t len)
{
    uint8_t *at = to + 1;

    to[0] = (uint8_t)((delta < 13 ? delta : 13) << 4 | (len < 13 ? len : 13));
    if (delta >= 13) {
        *at++ = (uint8_t)(delta - 13);
    }
    if (len >= 13) {
        *at++ = (uint8_t)(len - 13);
    }
    memcpy(at, value, len);
    return (size_t)(at - to) + len;
}

/* The report as the bare loops send it: the same bytes as the library's. */
static inline size_t bench_request(uint8_t request[BENCH_REQUEST_LEN + 64])
{
    static const uint8_t head[] = {0x44, 0x02, 0x00, 0x01, 1, 2, 3, 4};
    static const uint8_t json = 50, octets = 42;
    char token[BENCH_TOKEN_LEN + 1];
    size_t len = sizeof(head);

    bench_token(token);
    memcpy(request, head, sizeof(head));
    len += bench_option(request + len, 11, "topic", 5);
    len += bench_option(request + len, 0, "a1B2c3D4e5F", 11);
    len += bench_option(request + len, 0, "dev01", 5);
    len += bench_option(request + len, 0, "update", 6);
    len += bench_option(request + len, 1, &json, 1);
    len += bench_option(request + len, 5, &octets, 1);
    len += bench_option(request + len, 61 - 17, token, BENCH_TOKEN_LEN);
    request[len++] = 0xff;
    memcpy(request + len, BENCH_PAYLOAD, sizeof(BENCH_PAYLOAD) - 1);
    return len + sizeof(BENCH_PAYLOAD) - 1;
}

static inline uint64_t bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A datagram socket connected to the responder at PORT, whose address is put into *server. */
static inline int bench_connect(const char *port, struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    memset(server, 0, sizeof(*server));
    server->sin_family = AF_INET;
    server->sin_port = htons((uint16_t)atoi(port));
    server->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bench_check(fd >= 0 && connect(fd, (struct sockaddr *)server, sizeof(*server)) == 0, "connect");
    return fd;
}

/* A line of /proc/self/FILE, in KiB. */
static inline unsigned long bench_memory(const char *file, const char *name)
{
    char line[256];
    unsigned long kib = 0;
    FILE *status = fopen(file, "r");

    bench_check(status != NULL, file);
    while (fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtoul(line + strlen(name), NULL, 10);
            break;
        }
    }
    fclose(status);
    bench_check(kib > 0, name);
    return kib;
}

/*
 * Number of reports, nanoseconds for all of them, nanoseconds until the first one was answered, peak resident size in
 * KiB. (Of this program alone: the peak that getrusage tells begins with what the parent had at fork.)
 */
static inline void bench_print(unsigned long reports, uint64_t begun, uint64_t first, uint64_t started, uint64_t ended)
{
    printf("%lu %llu %llu %lu\n", reports, (unsigned long long)(ended - started), (unsigned long long)(first - begun),
           bench_memory("/proc/self/status", "VmHWM:"));
}

#endif
