/*
 * Linked into programs that bring their own platform: whoever asks the system for a socket, an
 * address, the time, a pause or chance fails the test. These definitions come before the C
 * library's, for the static and for the shared library, so that no default can pass unseen.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

static void refuse(const char *function)
{
    fprintf(stderr, "a default of the library called %s\n", function);
    abort();
}

int socket(int domain, int type, int protocol)
{
    (void)domain;
    (void)type;
    (void)protocol;
    refuse("socket");
    return -1;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)result;
    refuse("getaddrinfo");
    return EAI_FAIL;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    (void)clock;
    (void)time;
    refuse("clock_gettime");
    return -1;
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    (void)wanted;
    (void)left;
    refuse("nanosleep");
    return -1;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted,
                    struct timespec *left)
{
    (void)clock;
    (void)flags;
    (void)wanted;
    (void)left;
    refuse("clock_nanosleep");
    return -1;
}

ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
    (void)buffer;
    (void)size;
    (void)flags;
    refuse("getrandom");
    return -1;
}
