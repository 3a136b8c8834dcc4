/*
 * A callback may call every function of the library, and its answer stays as it is until the
 * callback returns. The SDK overwrote such an answer, or freed what it was working on.
 */
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"

static const char *s_url;
static iotx_coap_context_t *s_client; /* of device 1; the callbacks run inside its Yield */
static int s_calls;                   /* of the callback under test */

typedef struct {
    iotx_coap_resp_code_t code;
    unsigned int token;
    unsigned char *payload;
    int len;
} view_t;

static view_t view_of(void *message)
{
    view_t view;

    memset(&view, 0, sizeof(view));
    CHECK_EQ(IOT_CoAP_GetMessageCode(message, &view.code), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessageToken(message, &view.token), IOTX_SUCCESS);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &view.payload, &view.len), IOTX_SUCCESS);
    CHECK_EQ(view.code, IOTX_COAP_RESP_CODE_NOT_FOUND);
    CHECK_EQ(view.len, strlen(NO_PATH_TEXT));
    CHECK(strcmp((const char *)view.payload, NO_PATH_TEXT) == 0);
    return view;
}

/* The message is what it was, and so is the payload seen before. */
static void check_unchanged(void *message, view_t before)
{
    view_t now = view_of(message);

    CHECK_EQ(now.token, before.token);
    CHECK(now.payload == before.payload);
    CHECK(strcmp((const char *)before.payload, NO_PATH_TEXT) == 0);
}

/* Sends a report whose answer, with a payload, goes to `callback`. */
static void ask(iotx_coap_context_t *client, iotx_response_callback_t callback, void *user_data)
{
    iotx_message_t message;

    device_message(&message, NULL);
    message.resp_callback = callback;
    message.user_data = user_data;
    CHECK_EQ(device_send_message(client, NO_PATH, &message), IOTX_SUCCESS);
}

static void yield_until_called(iotx_coap_context_t *client)
{
    int turn;

    for (turn = 0; turn < 10 && s_calls == 0; turn++) {
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }
    CHECK_EQ(s_calls, 1);
}

/* Begins a case with a client of device 1 that has asked for one answer. */
static void begin(iotx_response_callback_t callback)
{
    s_calls = 0;
    s_client = device_start(1, s_url);
    ask(s_client, callback, NULL);
}

static void must_not_come(void *user_data, void *message)
{
    (void)user_data;
    (void)message;
    CHECK(!"an answer for a client that is gone");
}

/* --- Everything but Deinit -------------------------------------------------------------------- */

static void use_everything(void *user_data, void *message)
{
    view_t view = view_of(message);
    answer_t answer, other_answer;
    iotx_coap_context_t *other;
    unsigned int token;

    (void)user_data;
    s_calls++;
    IOT_OpenLog("inner");
    IOT_SetLogLevel(IOT_LOG_DEBUG);
    IOT_DumpMemoryStats(IOT_LOG_INFO);

    /* Two answers, received by a Yield inside this one. */
    token = IOT_CoAP_GetCurToken(s_client);
    CHECK_EQ(device_send(s_client, NO_PATH, "{}", &answer), IOTX_SUCCESS);
    device_await(s_client, &answer);
    CHECK_EQ(answer.token, token);
    CHECK(strcmp(answer.payload, NO_PATH_TEXT) == 0);
    check_unchanged(message, view);
    CHECK_EQ(iotx_get_well_known(s_client), IOTX_SUCCESS);
    CHECK_EQ(device_send(s_client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(s_client, &answer);
    check_unchanged(message, view);

    /* In symmetric sessions, with another key from here on. */
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(s_client), IOTX_SUCCESS);
    check_unchanged(message, view);
    CHECK_EQ(device_send(s_client, NO_PATH, "{}", &answer), IOTX_SUCCESS);
    device_await(s_client, &answer);
    CHECK(strcmp(answer.payload, NO_PATH_TEXT) == 0);

    other = device_start(2, s_url);
    CHECK_EQ(device_send(s_client, NO_PATH, "{}", &answer), IOTX_SUCCESS);
    CHECK_EQ(device_send(other, NO_PATH, "{}", &other_answer), IOTX_SUCCESS);
    device_await(other, &other_answer);
    IOT_CoAP_Deinit(&other);
    check_unchanged(message, view);

    IOT_CloseLog();
    IOT_SetLogLevel(IOT_LOG_WARNING);
    device_await(s_client, &answer);
    check_unchanged(message, view);
}

static void check_everything(void)
{
    answer_t answer;

    begin(use_everything);
    yield_until_called(s_client);
    CHECK_EQ(device_send(s_client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(s_client, &answer);
    IOT_CoAP_Deinit(&s_client);
}

/* --- Answers inside answers ------------------------------------------------------------------- */

#define DEPTH 8

static void nest(void *user_data, void *message)
{
    view_t view = view_of(message);
    int *depth = user_data;
    int reached = ++*depth;

    if (reached < DEPTH) {
        ask(s_client, nest, depth);
        while (*depth == reached) {
            CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_SUCCESS);
        }
    } else {
        IOT_CoAP_Deinit(&s_client);
    }
    check_unchanged(message, view);
    s_calls++;
}

/* The innermost callback ends the client that all the others are in. */
static void check_nesting(void)
{
    iotx_coap_context_t *client;
    int depth = 0;

    s_calls = 0;
    s_client = device_start(1, s_url);
    client = s_client;
    ask(client, nest, &depth);
    CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    CHECK_EQ(depth, DEPTH);
    CHECK_EQ(s_calls, DEPTH);
    CHECK(s_client == NULL);
}

/* --- Deinit of the own client ----------------------------------------------------------------- */

static void end_own_client(void *user_data, void *message)
{
    view_t view = view_of(message);

    (void)user_data;
    s_calls++;
    ask(s_client, must_not_come, NULL);
    ask(s_client, must_not_come, NULL);
    IOT_CoAP_Deinit(&s_client);
    CHECK(s_client == NULL);
    check_unchanged(message, view);
    CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_ERR_INVALID_PARAM);
    IOT_CoAP_Deinit(&s_client);
    check_unchanged(message, view);
}

static void check_end_of_own_client(void)
{
    begin(end_own_client);
    ask(s_client, must_not_come, NULL);
    CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_SUCCESS);
    CHECK_EQ(s_calls, 1);
    CHECK(s_client == NULL);
}

/* The answer to a report comes while DeviceNameAuth waits for its own. */
static void check_end_during_authentication(void)
{
    begin(end_own_client);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(s_client), IOTX_ERR_SEND_MSG_FAILED);
    CHECK_EQ(s_calls, 1);
    CHECK(s_client == NULL);
}

/* --- Deinit of another client ----------------------------------------------------------------- */

static iotx_coap_context_t *s_other;

static void end_other_client(void *user_data, void *message)
{
    view_t view = view_of(message);

    (void)user_data;
    s_calls++;
    IOT_CoAP_Deinit(&s_other);
    CHECK(s_other == NULL);
    check_unchanged(message, view);
}

static void check_end_of_other_client(void)
{
    answer_t answer;

    s_other = device_start(2, s_url);
    ask(s_other, must_not_come, NULL);
    begin(end_other_client);
    yield_until_called(s_client);
    CHECK_EQ(device_send(s_client, TOPIC_1, "{}", &answer), IOTX_SUCCESS);
    device_await(s_client, &answer);
    IOT_CoAP_Deinit(&s_client);
}

static void yield_and_end(void *user_data, void *message)
{
    view_t view = view_of(message);

    (void)user_data;
    ask(s_other, end_other_client, NULL);
    while (s_other != NULL) {
        CHECK_EQ(IOT_CoAP_Yield(s_other), IOTX_SUCCESS);
    }
    check_unchanged(message, view);
    IOT_CoAP_Deinit(&s_client);
    check_unchanged(message, view);
}

/* A Yield of the one inside a Yield of the other; both clients end there. */
static void check_end_of_both(void)
{
    s_other = device_start(2, s_url);
    begin(yield_and_end);
    CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_SUCCESS);
    CHECK_EQ(s_calls, 1);
    CHECK(s_client == NULL);
}

int main(void)
{
    const char *const urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    int descriptors = 0;
    size_t i;

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        s_url = urls[i];
        check_everything();
        if (i == 0) {
            descriptors = device_descriptors();
        }
        check_nesting();
        check_end_of_own_client();
        check_end_during_authentication();
        check_end_of_other_client();
        check_end_of_both();
        CHECK_EQ(device_descriptors(), descriptors);
    }
    return EXIT_SUCCESS;
}
