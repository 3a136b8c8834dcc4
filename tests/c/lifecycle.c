/*
 * A normal life with every function of the library: over plain CoAP, with encrypted payloads and
 * over DTLS; several times in one process; and two clients side by side.
 */
#include <stdarg.h>
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"
#include "iotx_coap_ext.h"

/* No header of SDK 2.30 to 3.2.0 has these: firmware that uses them declares them. */
extern int iotx_calc_sign(const char *p_device_secret, const char *p_client_id,
                          const char *p_device_name, const char *p_product_key, char *sign);

#define QUEUED 20
#define ROUNDS 3

static char s_memory_line[256];

/* The console. Keeps the line of IOT_DumpMemoryStats, which comes nowhere else. */
void HAL_Printf(const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    fputs(line, stdout);
    if (strstr(line, "memory of the CoAP library: ") != NULL) {
        snprintf(s_memory_line, sizeof(s_memory_line), "%.200s", line);
    }
}

/* What the library holds, in bytes. */
static long memory_in_use(void)
{
    long bytes = -1;

    s_memory_line[0] = '\0';
    IOT_DumpMemoryStats(IOT_LOG_CRIT);
    CHECK_EQ(sscanf(s_memory_line, "memory of the CoAP library: %ld bytes in use", &bytes), 1);
    return bytes;
}

static void check_process_wide_functions(void)
{
    char secret[IOTX_DEVICE_SECRET_LEN + 1];
    char sign[33];
    void *info = NULL;
    int region = 3;

    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_REGION, &region), 0);
    region = 0;
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_GET_REGION, &region), 0);
    CHECK_EQ(region, 3);
    CHECK_EQ(IOT_SetupConnInfo("a1B2c3D4e5F", "dev01", "secret", &info), 0);
    CHECK(info != NULL);
    memset(secret, 0, sizeof(secret));
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_GET_DEVICE_SECRET, secret), 0);
    CHECK(strcmp(secret, "secret") == 0);

    CHECK_EQ(iotx_calc_sign("0123456789abcdef0123456789ABCDEF", "a1B2c3D4e5F.dev01", "dev01",
                            "a1B2c3D4e5F", sign),
             IOTX_SUCCESS);
    CHECK(strcmp(sign, "d9119147f59f559d84e67ed00e1f4c08") == 0);
    CHECK_EQ(iotx_calc_sign_with_seq("0123456789abcdef0123456789ABCDEF", "a1B2c3D4e5F.dev01",
                                     "dev01", "a1B2c3D4e5F", 9122, sign),
             IOTX_SUCCESS);
    CHECK(strcmp(sign, "b7c67f33a3b38ee8a9ce43b6b556f641") == 0);
}

/* One report, from the number that is to be its token to its answer. */
static void report(iotx_coap_context_t *client, const iotx_message_t *message)
{
    answer_t *answer = message->user_data;
    unsigned int token = IOT_CoAP_GetCurToken(client);

    memset(answer, 0, sizeof(*answer));
    CHECK_EQ(device_send_message(client, TOPIC_1, message), IOTX_SUCCESS);
    CHECK(IOT_CoAP_GetCurToken(client) != token);
    device_await(client, answer);
    CHECK_EQ(answer->code, IOTX_COAP_RESP_CODE_CONTENT);
    CHECK_EQ(answer->token, token);
}

static void check_reports(iotx_coap_context_t *client)
{
    static unsigned char large[1000];
    answer_t answer;
    answer_t answers[QUEUED];
    iotx_message_t message;
    size_t i;

    device_message(&message, &answer);
    report(client, &message);
    message.p_payload = large;
    for (i = 0; i < sizeof(large); i++) {
        large[i] = (unsigned char)i;
        /* Every length modulo the cipher's block. */
        if (i < 33 || i + 1 == sizeof(large)) {
            message.payload_len = (unsigned short)(i + 1);
            report(client, &message);
        }
    }
    message.content_type = IOTX_CONTENT_TYPE_CBOR;
    report(client, &message);
    message.msg_type = IOTX_MESSAGE_NON;
    report(client, &message);

    for (i = 0; i < QUEUED; i++) {
        CHECK_EQ(device_send(client, i % 2 ? NO_PATH : TOPIC_1, "{}", &answers[i]), IOTX_SUCCESS);
    }
    CHECK_EQ(iotx_get_well_known(client), IOTX_SUCCESS);
    for (i = 0; i < QUEUED; i++) {
        device_await(client, &answers[i]);
        if (i % 2) {
            CHECK_EQ(answers[i].code, IOTX_COAP_RESP_CODE_NOT_FOUND);
            CHECK(strcmp(answers[i].payload, NO_PATH_TEXT) == 0);
        } else {
            CHECK_EQ(answers[i].code, IOTX_COAP_RESP_CODE_CONTENT);
            CHECK_EQ(answers[i].len, 0);
        }
    }
}

static void live(const char *url)
{
    iotx_coap_context_t *client;
    answer_t answer;

    IOT_OpenLog("lifecycle");
    IOT_SetLogLevel(IOT_LOG_INFO);
    client = device_open(1, url);
    CHECK_EQ(device_send(client, TOPIC_1, "{}", &answer), IOTX_ERR_NOT_AUTHED);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    check_reports(client);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(device_send(client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    /* One report stays unanswered. */
    CHECK_EQ(device_send(client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    IOT_CoAP_Deinit(&client);
    CHECK(client == NULL);
    CHECK_EQ(answer.count, 0);
    IOT_CoAP_Deinit(&client);
    IOT_CloseLog();
}

/* What the SDK's configuration has no room for: here the cloud answers separately. */
static void live_with_settings(char *url, int sign_method, int auth_encoding)
{
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_settings_t settings;
    iotx_coap_context_t *client;
    answer_t answer;

    device_info(&info, 2);
    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.wait_time_ms = 20000;
    config.p_devinfo = &info;
    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.sign_method = sign_method;
    settings.auth_encoding = auth_encoding;
    settings.ack_mode = 1;
    settings.token_option = 2088;
    settings.dtls_offer = IOTX_COAP_DTLS_PSK;
    settings.auth_timeout_ms = 30000;

    client = iotx_coap_init_with(&config, &settings);
    CHECK(client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(client), IOTX_SUCCESS);
    CHECK_EQ(device_send(client, TOPIC_2, "{}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    CHECK_EQ(answer.code, IOTX_COAP_RESP_CODE_CONTENT);
    CHECK_EQ(device_send(client, NO_PATH, "{}", &answer), IOTX_SUCCESS);
    device_await(client, &answer);
    CHECK(strcmp(answer.payload, NO_PATH_TEXT) == 0);
    IOT_CoAP_Deinit(&client);
}

/* Neither client may notice the other: not while it works, and not when it goes. */
static void live_side_by_side(const char *url_1, const char *url_2)
{
    iotx_coap_context_t *one = device_open(1, url_1);
    iotx_coap_context_t *two = device_open(2, url_2);
    answer_t answer_1, answer_2;
    int turn;

    CHECK_EQ(IOT_CoAP_DeviceNameAuth(two), IOTX_SUCCESS);
    CHECK_EQ(device_send(one, TOPIC_1, "{}", &answer_1), IOTX_ERR_NOT_AUTHED);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(one), IOTX_SUCCESS);
    for (turn = 0; turn < 4; turn++) {
        CHECK_EQ(device_send(one, NO_PATH, "{\"from\":1}", &answer_1), IOTX_SUCCESS);
        CHECK_EQ(device_send(two, NO_PATH, "{\"from\":2}", &answer_2), IOTX_SUCCESS);
        device_await(turn % 2 ? one : two, turn % 2 ? &answer_1 : &answer_2);
        device_await(turn % 2 ? two : one, turn % 2 ? &answer_2 : &answer_1);
        CHECK(strcmp(answer_1.payload, NO_PATH_TEXT) == 0);
        CHECK(strcmp(answer_2.payload, NO_PATH_TEXT) == 0);
    }
    CHECK_EQ(device_send(two, NO_PATH, "{}", &answer_2), IOTX_SUCCESS);
    IOT_CoAP_Deinit(&one);
    device_await(two, &answer_2);
    CHECK(strcmp(answer_2.payload, NO_PATH_TEXT) == 0);
    IOT_CoAP_Deinit(&two);
}

static void live_once_in_every_way(void)
{
    char plain[] = PLAIN_URL, symmetric[] = SYMMETRIC_URL, dtls[] = DTLS_URL;

    live(PLAIN_URL);
    live(SYMMETRIC_URL);
    live(DTLS_URL);
    IOT_SetLogLevel(IOT_LOG_WARNING);
    live_with_settings(plain, IOTX_COAP_SIGN_HMACSHA1, IOTX_CONTENT_TYPE_JSON);
    live_with_settings(symmetric, IOTX_COAP_SIGN_HMACSHA256, IOTX_CONTENT_TYPE_CBOR);
    live_with_settings(dtls, IOTX_COAP_SIGN_HMACMD5, IOTX_CONTENT_TYPE_CBOR);
    live_side_by_side(SYMMETRIC_URL, DTLS_URL);
    live_side_by_side(PLAIN_URL, SYMMETRIC_URL);
}

int main(void)
{
    long memory;
    int descriptors;
    int round;

    check_process_wide_functions();
    /* The first round makes what stays for the life of the process. */
    live_once_in_every_way();
    memory = memory_in_use();
    descriptors = device_descriptors();
    for (round = 1; round < ROUNDS; round++) {
        live_once_in_every_way();
        CHECK_EQ(memory_in_use(), memory);
        CHECK_EQ(device_descriptors(), descriptors);
    }
    return EXIT_SUCCESS;
}
