/*
 * A firmware whose platform port was written for SDK 2.01 to 2.1: sockets are pointers, only
 * HAL_UDP_close closes them, and the clock has 32 bits, so that the upper half of what the library
 * reads is what happened to be in the register. Its write also fails in another way than -1.
 */
#include <string.h>

#include "check.h"
#include "fake_cloud.h"

typedef struct {
    int written;
    int read;
    int closed;
} port_socket_t;

static fake_cloud_t s_cloud;
static port_socket_t s_socket;
static int s_opened, s_busy;
static uint32_t s_now = UINT32_MAX - 100; /* wraps in the middle of the session */
static uint64_t s_register = UINT64_C(0x9e3779b97f4a7c15);

/* In the port this is a uint32_t function. */
uint64_t HAL_UptimeMs(void)
{
    s_register = s_register * UINT64_C(6364136223846793005) + 1;
    return (s_register & ~(uint64_t)UINT32_MAX) | s_now;
}

void HAL_SleepMs(uint32_t ms)
{
    s_now += ms;
}

/* Up to 2.1 the client asks for no random numbers; a port has the function nevertheless. */
uint32_t HAL_Random(uint32_t region)
{
    static uint32_t drawn;

    return region > 0 ? drawn++ % region : 0;
}

void HAL_Srandom(uint32_t seed)
{
    (void)seed;
}

void *HAL_UDP_create(char *host, unsigned short port)
{
    CHECK(strcmp(host, FAKE_CLOUD_HOST) == 0);
    CHECK_EQ(port, 5683);
    s_opened++;
    return &s_socket;
}

void HAL_UDP_close(void *p_socket)
{
    CHECK(p_socket == &s_socket);
    s_socket.closed++;
}

int HAL_UDP_write(void *p_socket, const unsigned char *p_data, unsigned int datalen)
{
    CHECK(p_socket == &s_socket);
    if (s_busy) {
        return -16; /* EBUSY, as AliOS Things reports it */
    }
    s_socket.written++;
    s_now += 60;
    fake_cloud_receive(&s_cloud, p_data, datalen);
    return (int)datalen;
}

int HAL_UDP_readTimeout(void *p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout_ms)
{
    size_t len = fake_cloud_answer(&s_cloud, p_data, datalen);

    CHECK(p_socket == &s_socket);
    s_socket.read++;
    if (len > 0) {
        return (int)len;
    }
    CHECK(timeout_ms > 0); /* 0 would wait for ever */
    s_now += timeout_ms;
    return -2;
}

static void never(void *user_data, void *message)
{
    (void)user_data;
    (void)message;
    CHECK(!"the answer to a report that was never sent");
}

static void check_failed_writes(char *url)
{
    iotx_coap_context_t *client = fake_cloud_connect(url);
    iotx_message_t message;
    char path[] = FAKE_CLOUD_TOPIC;

    s_busy = 1;
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_ERR_SEND_MSG_FAILED);
    s_busy = 0;
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);

    memset(&message, 0, sizeof(message));
    message.resp_callback = never;
    s_busy = 1;
    CHECK_EQ(IOT_CoAP_SendMessage(client, path, &message), IOTX_ERR_SEND_MSG_FAILED);
    s_busy = 0;
    CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    CHECK_EQ(s_cloud.reports, 0);
    IOT_CoAP_Deinit(&client);
}

int main(void)
{
    char url[] = "coap://" FAKE_CLOUD_HOST;

    check_failed_writes(url);
    CHECK_EQ(s_opened, 1);
    CHECK_EQ(s_socket.closed, 1);
    CHECK_EQ(s_cloud.auths, 1);

    fake_cloud_run_device(url);
    CHECK_EQ(s_opened, 2);
    CHECK_EQ(s_socket.closed, 2);
    CHECK_EQ(s_cloud.auths, 2);
    CHECK_EQ(s_cloud.reports, 1);
    CHECK(s_now < UINT32_MAX - 100); /* the counter did wrap */
    return EXIT_SUCCESS;
}
