/*
 * Input that no program should give: everything NULL once, everything one beyond its limit, and in
 * memory that ends where the library has to stop reading. tests/bad_input.rs checks what is logged;
 * this one is for the linked libraries, and for the memory checkers.
 */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"
#include "iotx_coap_ext.h"

/* The members that the library reads are all that the struct of SDK 2.01 has. */
#define DEVICE_INFO_SIZE offsetof(iotx_device_info_t, module_vendor_id)

#define MOST_PATH IOTX_URI_MAX_LEN

static void *exactly(size_t size, int fill)
{
    void *memory = malloc(size);

    CHECK(memory != NULL);
    memset(memory, fill, size);
    return memory;
}

static iotx_coap_context_t *init(char *url, iotx_device_info_t *info)
{
    iotx_coap_config_t config;

    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.p_devinfo = info;
    return IOT_CoAP_Init(&config);
}

static void check_null(void)
{
    char text[] = "text", sign[33];
    char *texts[] = {text, text, text, text};
    iotx_coap_context_t *none = NULL;
    iotx_message_t message;
    iotx_coap_resp_code_t code;
    iotx_device_info_t info;
    unsigned char *payload;
    unsigned int token;
    int len, i;

    memset(&message, 0, sizeof(message));
    device_info(&info, 1);
    CHECK(IOT_CoAP_Init(NULL) == NULL);
    CHECK(iotx_coap_init_with(NULL, NULL) == NULL);
    CHECK(init(NULL, NULL) == NULL);
    iotx_coap_settings_init(NULL, sizeof(iotx_coap_settings_t));
    IOT_CoAP_Deinit(NULL);
    IOT_CoAP_Deinit(&none);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_SendMessage(NULL, text, &message), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_SendMessage(NULL, NULL, NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_Yield(NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetCurToken(NULL), 0xffffffff);
    CHECK_EQ(iotx_get_well_known(NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessageCode(NULL, &code), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(NULL, &payload, &len), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessageToken(NULL, &token), IOTX_ERR_INVALID_PARAM);
    for (i = 0; i < 4; i++) {
        texts[i] = NULL;
        CHECK_EQ(iotx_calc_sign(texts[0], texts[1], texts[2], texts[3], sign),
                 IOTX_ERR_INVALID_PARAM);
        CHECK_EQ(iotx_calc_sign_with_seq(texts[0], texts[1], texts[2], texts[3], 1, sign),
                 IOTX_ERR_INVALID_PARAM);
        CHECK(IOT_SetupConnInfo(texts[0], texts[1], texts[2], NULL) == (i < 3 ? -2 : 0));
        texts[i] = text;
    }
    CHECK_EQ(iotx_calc_sign(text, text, text, text, NULL), IOTX_ERR_INVALID_PARAM);
    for (i = -1; i <= IOTX_IOCTL_GET_MODULE + 1; i++) {
        CHECK_EQ(IOT_Ioctl(i, NULL), -1);
    }
    IOT_OpenLog(NULL);
}

static void check_levels(void)
{
    IOT_OpenLog("a name that is longer than seven characters");
    IOT_SetLogLevel((IOT_LogLevel)-1);
    IOT_SetLogLevel((IOT_LogLevel)6);
    IOT_SetLogLevel((IOT_LogLevel)INT_MAX);
    IOT_DumpMemoryStats((IOT_LogLevel)INT_MAX);
    IOT_DumpMemoryStats((IOT_LogLevel)INT_MIN);
    IOT_CloseLog();
    IOT_SetLogLevel(IOT_LOG_WARNING);
}

static void check_ioctl(void)
{
    static const struct {
        int set;
        size_t limit;
    } texts[] = {
        {IOTX_IOCTL_SET_PRODUCT_KEY, IOTX_PRODUCT_KEY_LEN},
        {IOTX_IOCTL_SET_PRODUCT_SECRET, IOTX_PRODUCT_SECRET_LEN},
        {IOTX_IOCTL_SET_DEVICE_NAME, IOTX_DEVICE_NAME_LEN},
        {IOTX_IOCTL_SET_DEVICE_SECRET, IOTX_DEVICE_SECRET_LEN},
        {IOTX_IOCTL_SET_MODULE, IOTX_MODULE_LEN},
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t limit = texts[i].limit;
        char *longest = exactly(limit + 1, 'x');
        char *too_long = exactly(limit + 2, 'y');
        char *out = exactly(limit, 0); /* a GET writes no terminator */

        longest[limit] = '\0';
        too_long[limit + 1] = '\0';
        CHECK_EQ(IOT_Ioctl(texts[i].set, longest), 0);
        CHECK_EQ(IOT_Ioctl(texts[i].set, too_long), -1);
        CHECK_EQ(IOT_Ioctl(texts[i].set + 1, out), 0);
        CHECK(memcmp(out, longest, limit) == 0);
        free(out);
        free(too_long);
        free(longest);
    }
    CHECK_EQ(IOT_Ioctl(INT_MIN, &i), -1);
    CHECK_EQ(IOT_Ioctl(INT_MAX, &i), -1);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_MQTT_PORT, &i), -1);
}

static void check_sign(void)
{
    char *longest = exactly(256, 'x');
    char *too_long = exactly(257, 'x');
    char *sign = exactly(33, '?');

    longest[255] = '\0';
    too_long[256] = '\0';
    CHECK_EQ(iotx_calc_sign(longest, longest, longest, longest, sign), IOTX_SUCCESS);
    CHECK_EQ(strlen(sign), 32);
    CHECK_EQ(iotx_calc_sign_with_seq(longest, "", "", "", UINT_MAX, sign), IOTX_SUCCESS);
    CHECK_EQ(iotx_calc_sign(too_long, "", "", "", sign), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(iotx_calc_sign("", "", too_long, "", sign), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(iotx_calc_sign("", "\xff", "", "", sign), IOTX_ERR_INVALID_PARAM);
    free(sign);
    free(too_long);
    free(longest);
}

static void check_urls(void)
{
    static const char *const urls[] = {
        "",
        ":",
        "://",
        "coap",
        "coap://",
        "coap://:5683",
        "coap://127.0.0.1:0",
        "coap://127.0.0.1:65536",
        "coap://127.0.0.1:99999999999999999999",
        "coap://[::1",
        "coap-dtls://127.0.0.1",
        "http://127.0.0.1:5683",
        "coap://caf\xe9.example",
    };
    iotx_device_info_t *info = exactly(DEVICE_INFO_SIZE, 0);
    char *url;
    size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        url = exactly(strlen(urls[i]) + 1, 0);
        strcpy(url, urls[i]);
        CHECK(init(url, info) == NULL);
        free(url);
    }
    for (i = 128; i <= 4096; i *= 2) { /* 127 characters are a host */
        url = exactly(7 + i + 1, 'x');
        memcpy(url, "coap://", 7);
        url[7 + i] = '\0';
        CHECK(init(url, info) == NULL);
        free(url);
    }
    free(info);
}

static void check_device_info(void)
{
    static const struct {
        size_t offset;
        size_t size;
    } members[] = {
        {offsetof(iotx_device_info_t, product_key), IOTX_PRODUCT_KEY_LEN + 1},
        {offsetof(iotx_device_info_t, device_name), IOTX_DEVICE_NAME_LEN + 1},
        {offsetof(iotx_device_info_t, device_id), IOTX_DEVICE_ID_LEN + 1},
        {offsetof(iotx_device_info_t, device_secret), IOTX_DEVICE_SECRET_LEN + 1},
    };
    char url[] = PLAIN_URL;
    iotx_device_info_t *info = exactly(DEVICE_INFO_SIZE, 'x');
    iotx_coap_context_t *client;
    size_t i;

    CHECK(init(url, info) == NULL);
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        memset(info, 0, DEVICE_INFO_SIZE);
        memset((char *)info + members[i].offset, 'x', members[i].size);
        CHECK(init(url, info) == NULL);
    }

    /* No device at all, and one with the longest names: the cloud refuses them. */
    memset(info, 0, DEVICE_INFO_SIZE);
    client = init(url, info);
    CHECK(client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_ERR_AUTH_FAILED);
    IOT_CoAP_Deinit(&client);
    memset(info, '"', DEVICE_INFO_SIZE);
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ((char *)info)[members[i].offset + members[i].size - 1] = '\0';
    }
    client = init(url, info);
    CHECK(client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_ERR_AUTH_FAILED);
    IOT_CoAP_Deinit(&client);
    free(info);
}

static void check_settings(void)
{
    char url[] = PLAIN_URL;
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_settings_t settings, good;
    iotx_coap_context_t *client;
    size_t *only_size = exactly(sizeof(size_t), 0);
    unsigned char *longer = exactly(sizeof(settings) + 8, 0xff);
    int i;

    device_info(&info, 1);
    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.p_devinfo = &info;
    iotx_coap_settings_init(&good, sizeof(good));
    for (i = 0; i < 7; i++) {
        settings = good;
        switch (i) {
        case 0: settings.size = 0; break;
        case 1: settings.sign_method = 3; break;
        case 2: settings.auth_encoding = -1; break;
        case 3: settings.ack_mode = 2; break;
        case 4: settings.token_option = 60; break;
        case 5: settings.dtls_offer = INT_MIN; break;
        default: settings.auth_timeout_ms = 0; break;
        }
        CHECK(iotx_coap_init_with(&config, &settings) == NULL);
    }

    /* A program compiled against fewer members, and against more. */
    iotx_coap_settings_init((iotx_coap_settings_t *)only_size, sizeof(size_t));
    CHECK_EQ(*only_size, sizeof(size_t));
    client = iotx_coap_init_with(&config, (iotx_coap_settings_t *)only_size);
    CHECK(client != NULL);
    IOT_CoAP_Deinit(&client);
    iotx_coap_settings_init((iotx_coap_settings_t *)longer, sizeof(settings) + 8);
    CHECK_EQ(longer[sizeof(settings) + 7], 0);
    client = iotx_coap_init_with(&config, (iotx_coap_settings_t *)longer);
    CHECK(client != NULL);
    IOT_CoAP_Deinit(&client);
    free(longer);
    free(only_size);
}

/* A path of `segments` segments, and as long as possible, in `path` of MOST_PATH + 1 bytes. */
static void make_path(char *path, int segments)
{
    int i;

    memset(path, 'x', MOST_PATH);
    path[MOST_PATH] = '\0';
    for (i = 0; i < segments; i++) {
        path[2 * i] = '/';
    }
}

static void check_reports(const char *url, int most_segments)
{
    static const int bad_types[] = {-1, 2, 3, 255, INT_MIN, INT_MAX};
    static unsigned char bytes[65535];
    iotx_coap_context_t *client = device_open(1, url);
    iotx_message_t message;
    answer_t answer;
    char path[MOST_PATH + 1];
    char *too_long = exactly(MOST_PATH + 2, '/');
    size_t i;

    memset(&answer, 0, sizeof(answer));
    device_message(&message, &answer);
    CHECK_EQ(IOT_CoAP_SendMessage(client, NULL, &message), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_SendMessage(client, path, NULL), IOTX_ERR_INVALID_PARAM);

    /* The SDK's order: length, authentication, path. */
    too_long[MOST_PATH + 1] = '\0';
    message.p_payload = bytes;
    message.payload_len = 1280;
    CHECK_EQ(device_send_message(client, too_long, &message), IOTX_ERR_MSG_TOO_LOOG);
    message.payload_len = 0;
    CHECK_EQ(device_send_message(client, too_long, &message), IOTX_ERR_NOT_AUTHED);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(device_send_message(client, too_long, &message), IOTX_ERR_URI_TOO_LOOG);

    make_path(path, most_segments + 1);
    CHECK_EQ(device_send_message(client, path, &message), IOTX_ERR_URI_TOO_LOOG);
    message.payload_len = 1279;
    CHECK_EQ(device_send_message(client, TOPIC_1, &message), IOTX_ERR_MSG_TOO_LOOG);
    message.payload_len = 65535;
    CHECK_EQ(device_send_message(client, TOPIC_1, &message), IOTX_ERR_MSG_TOO_LOOG);

    message.payload_len = 1;
    for (i = 0; i < sizeof(bad_types) / sizeof(bad_types[0]); i++) {
        message.msg_type = (iotx_msg_type_t)bad_types[i];
        CHECK_EQ(device_send_message(client, TOPIC_1, &message), IOTX_ERR_INVALID_PARAM);
    }
    message.msg_type = IOTX_MESSAGE_CON;
    message.p_payload = NULL;
    CHECK_EQ(IOT_CoAP_SendMessage(client, path, &message), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(answer.count, 0);

    /* What is just within the limits is sent, whatever the cloud thinks of it. */
    message.p_payload = bytes;
    message.payload_len = 500;
    make_path(path, most_segments);
    CHECK_EQ(device_send_message(client, path, &message), IOTX_SUCCESS);
    device_await(client, &answer);
    memset(&answer, 0, sizeof(answer));
    CHECK_EQ(device_send_message(client, "", &message), IOTX_SUCCESS);
    device_await(client, &answer);
    memset(&answer, 0, sizeof(answer));
    CHECK_EQ(device_send_message(client, "///\xff\x80%2f?#//", &message), IOTX_SUCCESS);
    device_await(client, &answer);
    IOT_CoAP_Deinit(&client);
    free(too_long);
}

/* The getters refuse NULL in every place, with a real message too. */
static void on_answer(void *user_data, void *message)
{
    unsigned char *payload;
    int len;

    CHECK_EQ(IOT_CoAP_GetMessageCode(message, NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessageToken(message, NULL), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, NULL, &len), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, NULL), IOTX_ERR_INVALID_PARAM);
    device_on_answer(user_data, message);
}

/* More reports than may wait: those that are refused have no callback, the others have one each. */
static void check_full_queue(void)
{
    enum { TRIES = 80 };
    static answer_t answers[TRIES];
    iotx_coap_context_t *client = device_start(1, PLAIN_URL);
    iotx_message_t message;
    int results[TRIES];
    int refused = 0;
    int i;

    for (i = 0; i < TRIES; i++) {
        device_message(&message, &answers[i]);
        message.resp_callback = on_answer;
        results[i] = device_send_message(client, NO_PATH, &message);
        if (results[i] != IOTX_SUCCESS) {
            CHECK_EQ(results[i], IOTX_ERR_SEND_MSG_FAILED);
            refused++;
        }
    }
    CHECK(refused > 0 && refused < TRIES);
    for (i = 0; i < TRIES; i++) {
        if (results[i] == IOTX_SUCCESS) {
            device_await(client, &answers[i]);
        }
    }
    for (i = 0; i < TRIES; i++) {
        CHECK_EQ(answers[i].count, results[i] == IOTX_SUCCESS ? 1 : 0);
    }
    IOT_CoAP_Deinit(&client);
}

int main(void)
{
    IOT_SetLogLevel(IOT_LOG_ERROR);
    check_null();
    check_levels();
    check_ioctl();
    check_sign();
    check_urls();
    check_device_info();
    check_settings();
    check_reports(PLAIN_URL, 9);
    check_reports(SYMMETRIC_URL, 8);
    check_reports(DTLS_URL, 9);
    check_full_queue();
    return EXIT_SUCCESS;
}
