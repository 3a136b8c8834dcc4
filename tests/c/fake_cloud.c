#include "fake_cloud.h"

#include <string.h>

#include "check.h"

#define TOKEN "a-token-of-the-fake-cloud"
#define REPORT "{\"name\":\"hello world\"}"
#define YIELDS 10 /* far more turns than an answer that waits already can need */

enum {
    CON = 0,
    ACK = 2,
    POST = 0x02,
    CONTENT = 0x45,
    URI_PATH = 11,
    AUTH_TOKEN = 2088, /* SDK 2.20 to 2.30, and the cloud's documents since late 2018 */
    AUTH_TOKEN_61 = 61 /* the other releases */
};

typedef struct {
    char path[128];
    char token[64];
    const unsigned char *payload;
    size_t payload_len;
} request_t;

/* Reads the extended form of an option's delta or length (RFC 7252, 3.1). */
static size_t extended(size_t nibble, const unsigned char **p, const unsigned char *end)
{
    size_t value = nibble;

    if (nibble == 13) {
        CHECK(end - *p >= 1);
        value = 13 + (size_t)(*p)[0];
        *p += 1;
    } else if (nibble == 14) {
        CHECK(end - *p >= 2);
        value = 269 + ((size_t)(*p)[0] << 8) + (*p)[1];
        *p += 2;
    }
    CHECK(nibble != 15);
    return value;
}

static void parse(request_t *request, const unsigned char *message, size_t len)
{
    const unsigned char *p = message + 4 + (message[0] & 0x0f);
    const unsigned char *end = message + len;
    size_t number = 0;

    memset(request, 0, sizeof(*request));
    while (p < end && *p != 0xff) {
        size_t head = *p++;
        number += extended(head >> 4, &p, end);
        size_t size = extended(head & 0x0f, &p, end);
        CHECK((size_t)(end - p) >= size);
        if (number == URI_PATH) {
            CHECK(strlen(request->path) + 1 + size < sizeof(request->path));
            strcat(request->path, "/");
            strncat(request->path, (const char *)p, size);
        } else if (number == AUTH_TOKEN || number == AUTH_TOKEN_61) {
            CHECK(size < sizeof(request->token));
            memcpy(request->token, p, size);
        }
        p += size;
    }
    if (p < end) {
        request->payload = p + 1;
        request->payload_len = (size_t)(end - p) - 1;
    }
}

void fake_cloud_receive(fake_cloud_t *cloud, const unsigned char *message, size_t len)
{
    const char *reply;
    size_t token_len;
    request_t request;

    CHECK(len >= 4);
    token_len = message[0] & 0x0f;
    CHECK_EQ(message[0] >> 6, 1);
    CHECK_EQ((message[0] >> 4) & 3, CON);
    CHECK_EQ(message[1], POST);
    CHECK(token_len <= 8 && len >= 4 + token_len);
    parse(&request, message, len);

    if (strcmp(request.path, "/auth") == 0) {
        cloud->auths++;
        reply = "{\"token\":\"" TOKEN "\"}";
    } else {
        CHECK(strcmp(request.path, "/topic/a1B2c3D4e5F/dev01/update") == 0);
        CHECK(strcmp(request.token, TOKEN) == 0);
        CHECK_EQ(request.payload_len, strlen(REPORT));
        CHECK(memcmp(request.payload, REPORT, strlen(REPORT)) == 0);
        cloud->reports++;
        reply = FAKE_CLOUD_REPLY;
    }

    /* The piggybacked response: message id and token of the request (RFC 7252, 5.2.1). */
    cloud->answer[0] = (unsigned char)(1 << 6 | ACK << 4 | token_len);
    cloud->answer[1] = CONTENT;
    memcpy(cloud->answer + 2, message + 2, 2 + token_len);
    cloud->answer_len = 4 + token_len;
    cloud->answer[cloud->answer_len++] = 0xff;
    memcpy(cloud->answer + cloud->answer_len, reply, strlen(reply));
    cloud->answer_len += strlen(reply);
}

size_t fake_cloud_answer(fake_cloud_t *cloud, unsigned char *buffer, size_t size)
{
    size_t len = cloud->answer_len;

    CHECK(size >= len);
    memcpy(buffer, cloud->answer, len);
    cloud->answer_len = 0;
    return len;
}

static int s_answered;

static void on_response(void *user, void *message)
{
    iotx_coap_resp_code_t code;
    unsigned char *payload = NULL;
    int len = 0;

    (void)user;
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &code), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &len), IOTX_SUCCESS);
    CHECK_EQ(code, IOTX_COAP_RESP_CODE_CONTENT);
    CHECK_EQ(len, strlen(FAKE_CLOUD_REPLY));
    CHECK(memcmp(payload, FAKE_CLOUD_REPLY, (size_t)len) == 0);
    s_answered++;
}

iotx_coap_context_t *fake_cloud_connect(char *url)
{
    iotx_device_info_t device;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;

    memset(&device, 0, sizeof(device));
    strcpy(device.product_key, "a1B2c3D4e5F");
    strcpy(device.device_name, "dev01");
    strcpy(device.device_id, "a1B2c3D4e5F.dev01");
    strcpy(device.device_secret, "0123456789abcdef0123456789ABCDEF");
    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.p_devinfo = &device;
    config.wait_time_ms = 3000;

    client = IOT_CoAP_Init(&config);
    CHECK(client != NULL);
    return client;
}

void fake_cloud_run_device(char *url)
{
    char path[] = FAKE_CLOUD_TOPIC;
    unsigned char payload[] = REPORT;
    iotx_message_t message;
    iotx_coap_context_t *client = fake_cloud_connect(url);
    int turn;

    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);

    memset(&message, 0, sizeof(message));
    message.p_payload = payload;
    message.payload_len = (unsigned short)strlen(REPORT);
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = IOTX_MESSAGE_CON;
    message.resp_callback = on_response;
    CHECK_EQ(IOT_CoAP_SendMessage(client, path, &message), IOTX_SUCCESS);
    for (turn = 0; turn < YIELDS && s_answered == 0; turn++) {
        IOT_CoAP_Yield(client);
    }
    CHECK_EQ(s_answered, 1);

    IOT_CoAP_Deinit(&client);
    CHECK(client == NULL);
}
