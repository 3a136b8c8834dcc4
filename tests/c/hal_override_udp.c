/*
 * A firmware with its own clock, console, random numbers and UDP: the library must use those, in
 * the static and in the shared library, and never the defaults it brings along (see no_system.c).
 */
#include <stdarg.h>
#include <string.h>

#include "check.h"
#include "fake_cloud.h"
#include "iot_import.h"
#include "wrappers.h"

#define SOCKET ((intptr_t)0x5afe)

static fake_cloud_t s_cloud;
static uint64_t s_now = 1000;
static int s_printed, s_clock_read, s_slept, s_drawn;
static int s_opened, s_closed, s_written, s_received;

void HAL_Printf(const char *fmt, ...)
{
    va_list args;

    s_printed++;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

uint64_t HAL_UptimeMs(void)
{
    s_clock_read++;
    return s_now;
}

void HAL_SleepMs(uint32_t ms)
{
    s_slept++;
    s_now += ms;
}

uint32_t HAL_Random(uint32_t region)
{
    CHECK(region > 0); /* what 0 means differs between ports */
    s_drawn++;
    return (uint32_t)s_drawn % region;
}

void HAL_Srandom(uint32_t seed)
{
    (void)seed;
}

intptr_t HAL_UDP_create(char *host, unsigned short port)
{
    CHECK(strcmp(host, FAKE_CLOUD_HOST) == 0);
    CHECK_EQ(port, 5683);
    s_opened++;
    return SOCKET;
}

intptr_t HAL_UDP_create_without_connect(const char *host, unsigned short port)
{
    (void)host;
    (void)port;
    CHECK(!"a socket without a peer was asked for");
    return -1;
}

void HAL_UDP_close(intptr_t p_socket)
{
    CHECK_EQ(p_socket, SOCKET);
    s_closed++;
}

int HAL_UDP_close_without_connect(intptr_t sockfd)
{
    HAL_UDP_close(sockfd);
    return 0;
}

int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen)
{
    CHECK_EQ(p_socket, SOCKET);
    s_written++;
    fake_cloud_receive(&s_cloud, p_data, datalen);
    return (int)datalen;
}

int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout)
{
    size_t len = fake_cloud_answer(&s_cloud, p_data, datalen);

    CHECK_EQ(p_socket, SOCKET);
    s_received++;
    if (len > 0) {
        return (int)len;
    }
    CHECK(timeout > 0); /* 0 would wait for ever */
    if (s_slept == 0) {
        return -4; /* a socket that fails: the library must not spin on it */
    }
    s_now += timeout;
    return -2;
}

int main(void)
{
    char url[] = "coap://" FAKE_CLOUD_HOST ":5683";
    iotx_coap_context_t *client;

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    client = fake_cloud_connect(url);
    CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS); /* meets the failing socket */
    CHECK(s_slept > 0);
    IOT_CoAP_Deinit(&client);
    CHECK_EQ(s_opened, 1);
    CHECK_EQ(s_closed, 1);

    fake_cloud_run_device(url);

    CHECK_EQ(s_cloud.auths, 1);
    CHECK_EQ(s_cloud.reports, 1);
    CHECK_EQ(s_opened, 2);
    CHECK_EQ(s_closed, 2);
    CHECK(s_written >= 2);
    CHECK(s_received >= 2);
    CHECK(s_clock_read > 0);
    CHECK(s_drawn > 0);
    CHECK(s_printed > 0);
    return EXIT_SUCCESS;
}
