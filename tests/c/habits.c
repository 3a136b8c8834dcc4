/*
 * Habits of firmware in the field that no document allows and the SDK let pass.
 */
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"

/* Declared by the firmware itself: no header of SDK 2.30 to 3.2.0 has them. */
extern unsigned int IOT_CoAP_GetCurToken(iotx_coap_context_t *p_context);
extern int IOT_CoAP_GetMessageToken(void *p_message, unsigned int *token);
extern int iotx_get_well_known(iotx_coap_context_t *p_context);

/* The SDK's own structs, copied into the firmware: the AT application, the NB-IoT demo. */
typedef struct {
    char *p_auth_token;
    int auth_token_len;
    char is_authed;
    iotx_device_info_t *p_devinfo;
    void *p_coap_ctx;
    unsigned int coap_token;
} peeked_client_t;

typedef struct {
    __extension__ unsigned char version : 2;
    __extension__ unsigned char type : 2;
    __extension__ unsigned char tokenlen : 4;
    unsigned char code;
    unsigned short msgid;
} peeked_header_t;

typedef struct {
    peeked_header_t header;
    unsigned char token[8];
} peeked_message_t;

static const unsigned char s_garbage[] = {0xa5, 0x5a, 0xff};
static unsigned char s_fill; /* what the memory held before the firmware set its members */

static void *s_user_data;
static int s_calls;
static iotx_coap_resp_code_t s_code;
static unsigned int s_token;

static void on_answer(void *user_data, void *message)
{
    const peeked_message_t *peeked = message;
    unsigned int token = 0;
    int i;

    s_calls++;
    CHECK(user_data == s_user_data);
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &s_code), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessageToken(message, &s_token), IOTX_SUCCESS);

    CHECK_EQ(peeked->header.version, 1);
    CHECK_EQ(peeked->header.tokenlen, 4);
    CHECK_EQ(peeked->header.code, s_code);
    for (i = peeked->header.tokenlen - 1; i >= 0; i--) {
        token = token << 8 | peeked->token[i];
    }
    CHECK_EQ(token, s_token);
}

/* Members set one by one, whatever the others hold; `wait_time_ms` among the others. */
static iotx_coap_context_t *open_unzeroed(char *url)
{
    iotx_device_info_t info;
    iotx_coap_config_t config;

    memset(&info, s_fill, sizeof(info));
    strcpy(info.product_key, "a1B2c3D4e5F");
    strcpy(info.device_name, "dev01");
    strcpy(info.device_id, "a1B2c3D4e5F.dev01");
    strcpy(info.device_secret, "0123456789abcdef0123456789ABCDEF");
    memset(&config, s_fill, sizeof(config));
    config.p_url = url;
    config.p_devinfo = &info;
    return IOT_CoAP_Init(&config);
}

static iotx_message_t unzeroed_message(void)
{
    static unsigned char payload[] = "{\"name\":\"hello world\"}";
    iotx_message_t message;

    memset(&message, s_fill, sizeof(message));
    message.p_payload = payload;
    message.payload_len = sizeof(payload) - 1;
    message.content_type = IOTX_CONTENT_TYPE_JSON;
    message.msg_type = IOTX_MESSAGE_CON;
    message.resp_callback = on_answer;
    s_user_data = message.user_data;
    return message;
}

/* Reports, and returns what the peeking firmware sees as the token of the next message. */
static void report(iotx_coap_context_t *client, const char *path, iotx_coap_resp_code_t code)
{
    const peeked_client_t *peeked = client;
    iotx_message_t message = unzeroed_message();
    unsigned int token = peeked->coap_token;

    CHECK_EQ(token, IOT_CoAP_GetCurToken(client));
    s_calls = 0;
    CHECK_EQ(IOT_CoAP_SendMessage(client, (char *)path, &message), IOTX_SUCCESS);
    CHECK_EQ(peeked->coap_token, IOT_CoAP_GetCurToken(client));
    while (s_calls == 0) { /* a refused token is replaced first, after a pause */
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }
    CHECK_EQ(s_calls, 1);
    CHECK_EQ(s_code, code);
    CHECK_EQ(s_token, token);
}

static void check_habits(char *url)
{
    iotx_coap_context_t *client = open_unzeroed(url);
    const peeked_client_t *peeked = client;
    iotx_message_t message;

    CHECK(client != NULL);
    CHECK_EQ(peeked->is_authed, 0);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(peeked->is_authed, 1);
    report(client, TOPIC_1, IOTX_COAP_RESP_CODE_CONTENT);

    /* Fire and forget: what the user's pointer holds does not matter then. */
    message = unzeroed_message();
    message.msg_type = IOTX_MESSAGE_NON;
    message.resp_callback = NULL;
    CHECK_EQ(IOT_CoAP_SendMessage(client, TOPIC_1, &message), IOTX_SUCCESS);
    CHECK_EQ(iotx_get_well_known(client), IOTX_SUCCESS);
    message.msg_type = IOTX_MESSAGE_CON;
    CHECK_EQ(IOT_CoAP_SendMessage(client, TOPIC_1, &message), IOTX_SUCCESS);
    message.resp_callback = on_answer;
    s_calls = 0;
    CHECK_EQ(IOT_CoAP_SendMessage(client, TOPIC_1, &message), IOTX_SUCCESS);
    while (s_calls == 0) {
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }

    /* The SDK took `user_data` for a client when an answer was 4.01, and wrote to it. */
    report(client, TOPIC_2, IOTX_COAP_RESP_CODE_UNAUTHORIZED);
    CHECK_EQ(peeked->is_authed, 0);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(peeked->is_authed, 1);
    report(client, TOPIC_1, IOTX_COAP_RESP_CODE_CONTENT);
    IOT_CoAP_Deinit(&client);
}

#ifdef ENDED_ARRAYS_STAY /* by the compiler's options: see CMakeLists.txt */

/* The examples up to 3.10 keep the URL in an array whose block ends before IOT_CoAP_Init. */
static void check_dangling_url(void)
{
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;

    device_info(&info, 1);
    memset(&config, 0, sizeof(config));
    if (info.product_key[0] != '\0') {
        char url[256];

        snprintf(url, sizeof(url), "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684",
                 info.product_key);
        config.p_url = url;
    }
    config.p_devinfo = &info;
    client = IOT_CoAP_Init(&config);
    CHECK(client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    IOT_CoAP_Deinit(&client);
}

#endif

int main(void)
{
    char plain[] = PLAIN_URL, symmetric[] = SYMMETRIC_URL, dtls[] = DTLS_URL;
    size_t i;

    for (i = 0; i < sizeof(s_garbage); i++) {
        s_fill = s_garbage[i];
        check_habits(plain);
        check_habits(symmetric);
        check_habits(dtls);
    }
#ifdef ENDED_ARRAYS_STAY
    check_dangling_url();
#endif
    return EXIT_SUCCESS;
}
