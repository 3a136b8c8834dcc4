/*
 * Every report ends in exactly one of an answer and an event; events come to those who ask for them
 * only, and the handle may call every function. Over a transport in memory, by a clock that moves
 * only when the library waits.
 */
#include <string.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"
#include "iotx_coap_ext.h"
#include "wrappers.h"

#define SOCKET ((intptr_t)0x5afe)
#define URL "coap://cloud.invalid:5683"
#define RENEWAL_MS (47 * 60 * 60 * 1000) /* after the authentication */
#define LONGEST_DATAGRAM 2047 /* that the library takes */

enum { ACK = 2, RST = 3, CONTENT = 0x45 };

/* --- The transport: a cloud that grants a token and does with reports what it is told ---------- */

typedef enum { ANSWER, LOSE, RESET, ANSWER_AND_OVERFLOW } treatment_t;

static treatment_t s_treatment;
static uint64_t s_now = 1000;
static uint32_t s_drawn;
static int s_transmissions; /* of reports */
static int s_overflow;
static unsigned char s_answer[64];
static size_t s_answer_len;

uint64_t HAL_UptimeMs(void)
{
    return s_now;
}

void HAL_SleepMs(uint32_t ms)
{
    s_now += ms;
}

uint32_t HAL_Random(uint32_t region)
{
    return ++s_drawn % region;
}

void HAL_Srandom(uint32_t seed)
{
    (void)seed;
}

intptr_t HAL_UDP_create(char *host, unsigned short port)
{
    (void)host;
    (void)port;
    return SOCKET;
}

int HAL_UDP_close_without_connect(intptr_t sockfd)
{
    CHECK_EQ(sockfd, SOCKET);
    return 0;
}

int HAL_UDP_write(intptr_t p_socket, const unsigned char *p_data, unsigned int datalen)
{
    static const char auth[] = "\xb4" "auth"; /* Uri-Path, the first option */
    static const char grant[] = "\xff{\"token\":\"tok\"}";
    size_t token_len = p_data[0] & 0x0fu;
    int is_auth = datalen >= 4 + token_len + 5 && memcmp(p_data + 4 + token_len, auth, 5) == 0;
    treatment_t treatment = is_auth ? ANSWER : s_treatment;

    CHECK_EQ(p_socket, SOCKET);
    if (p_data[1] == 0) {
        return (int)datalen; /* an acknowledgement or a Reset of the library's */
    }
    s_transmissions += !is_auth;
    if (treatment == LOSE) {
        return (int)datalen;
    }
    s_overflow = treatment == ANSWER_AND_OVERFLOW;
    memcpy(s_answer, p_data, 4 + token_len);
    s_answer[0] = (unsigned char)(1 << 6 | ACK << 4 | token_len);
    s_answer[1] = CONTENT;
    s_answer_len = 4 + token_len;
    if (treatment == RESET) {
        s_answer[0] = (unsigned char)(1 << 6 | RST << 4);
        s_answer[1] = 0;
        s_answer_len = 4;
    } else if (is_auth) {
        memcpy(s_answer + s_answer_len, grant, sizeof(grant) - 1);
        s_answer_len += sizeof(grant) - 1;
    }
    return (int)datalen;
}

int HAL_UDP_readTimeout(intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
                        unsigned int timeout)
{
    size_t len = s_answer_len;

    CHECK_EQ(p_socket, SOCKET);
    CHECK(timeout > 0); /* 0 would wait for ever */
    if (s_overflow) {
        s_overflow = 0;
        CHECK(datalen > LONGEST_DATAGRAM);
        memset(p_data, 0x40, datalen);
        return (int)datalen;
    }
    if (len > 0) {
        memcpy(p_data, s_answer, len);
        s_answer_len = 0;
        return (int)len;
    }
    s_now += timeout;
    return -2;
}

/* --- The program ------------------------------------------------------------------------------ */

typedef struct {
    int calls[3]; /* by event: iotx_coap_event_t */
    int authenticated;
    iotx_coap_failure_t last;
} seen_t;

static seen_t s_seen;
static iotx_coap_context_t *s_client;
static int s_answers;

static void note(void *context, iotx_coap_event_t event, void *p_data)
{
    const iotx_coap_failure_t *failure = p_data;

    CHECK(context == s_client);
    if ((int)event == IOTX_COAP_EVENT_AUTHENTICATED) {
        CHECK(p_data == NULL);
        s_seen.authenticated++;
        return;
    }
    CHECK(event >= IOTX_COAP_EVENT_SEND_FAILED && event <= IOTX_COAP_EVENT_AUTH_FAILED);
    CHECK(failure->size >= sizeof(*failure));
    s_seen.calls[event]++;
    s_seen.last = *failure;
}

static void on_answer(void *user_data, void *message)
{
    (void)message;
    CHECK(user_data != NULL);
    s_answers++;
}

static void begin(iotx_event_handle_t handle, int report_events)
{
    char url[] = URL;
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_settings_t settings;

    device_info(&info, 1);
    memset(&config, 0, sizeof(config));
    config.p_url = url;
    config.p_devinfo = &info;
    config.wait_time_ms = 1000;
    config.event_handle = handle;
    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.report_events = report_events;

    memset(&s_seen, 0, sizeof(s_seen));
    s_answers = 0;
    s_transmissions = 0;
    s_treatment = ANSWER;
    s_client = iotx_coap_init_with(&config, &settings);
    CHECK(s_client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(s_client), IOTX_SUCCESS);
}

static void send(int *user_data, iotx_msg_type_t type)
{
    iotx_message_t message;

    device_message(&message, NULL);
    message.msg_type = type;
    message.user_data = user_data;
    message.resp_callback = on_answer;
    CHECK_EQ(device_send_message(s_client, TOPIC_1, &message), IOTX_SUCCESS);
}

/* Yields until there is nothing left to wait for, and goes on a little. */
static void run(void)
{
    int turn;

    for (turn = 0; turn < 400 && s_client != NULL; turn++) {
        CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_SUCCESS);
    }
}

/* As `run`, in an event loop of the program's own: until the next thing to do is the token's renewal. */
static void loop(void)
{
    int wait;

    CHECK_EQ(iotx_coap_descriptor(s_client), -1); /* this transport is no file */
    while ((wait = iotx_coap_next_timeout(s_client)) >= 0 && wait < RENEWAL_MS / 2) {
        s_now += (uint64_t)wait;
        CHECK(iotx_coap_process(s_client) >= 0);
    }
}

/* --- The cases -------------------------------------------------------------------------------- */

static void check_given_up(void (*go)(void))
{
    unsigned int token;
    int user_data = 0;

    begin(note, 1);
    token = IOT_CoAP_GetCurToken(s_client);
    s_treatment = LOSE;
    send(&user_data, IOTX_MESSAGE_CON);
    go();
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED], 1);
    CHECK_EQ(s_seen.last.reason, IOTX_COAP_FAILURE_UNACKNOWLEDGED);
    CHECK_EQ(s_seen.last.token, token);
    CHECK_EQ(s_seen.last.transmissions, 5);
    CHECK(s_seen.last.message_id >= 0 && s_seen.last.message_id <= 0xffff);
    CHECK(s_seen.last.user_data == &user_data);
    CHECK_EQ(s_transmissions, 5);
    CHECK_EQ(s_answers, 0);

    token = IOT_CoAP_GetCurToken(s_client);
    send(&user_data, IOTX_MESSAGE_NON);
    go();
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED], 2);
    CHECK_EQ(s_seen.last.reason, IOTX_COAP_FAILURE_UNANSWERED);
    CHECK_EQ(s_seen.last.token, token);

    s_treatment = RESET;
    token = IOT_CoAP_GetCurToken(s_client);
    send(&user_data, IOTX_MESSAGE_CON);
    go();
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED], 3);
    CHECK_EQ(s_seen.last.reason, IOTX_COAP_FAILURE_RESET);
    CHECK_EQ(s_seen.last.token, token);

    s_treatment = ANSWER;
    send(&user_data, IOTX_MESSAGE_CON);
    go();
    CHECK_EQ(s_answers, 1);
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED], 3);
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_RECV_FAILED], 0);
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_AUTH_FAILED], 0);
    IOT_CoAP_Deinit(&s_client);
}

/* A burst behind one that is lost: each ends once. */
static void check_burst(void)
{
    int user_data[20], i;

    begin(note, 1);
    s_treatment = LOSE;
    for (i = 0; i < 20; i++) {
        send(&user_data[i], i % 3 == 2 ? IOTX_MESSAGE_NON : IOTX_MESSAGE_CON);
    }
    while (s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED] < 10) {
        CHECK_EQ(IOT_CoAP_Yield(s_client), IOTX_SUCCESS);
    }
    s_treatment = ANSWER;
    run();
    CHECK_EQ(s_answers + s_seen.calls[IOTX_COAP_EVENT_SEND_FAILED], 20);
    CHECK(s_answers > 0);
    IOT_CoAP_Deinit(&s_client);
}

static void check_overlong_datagram(void)
{
    int user_data = 0;

    begin(note, 1);
    s_treatment = ANSWER_AND_OVERFLOW;
    send(&user_data, IOTX_MESSAGE_CON);
    run();
    CHECK_EQ(s_answers, 1);
    CHECK_EQ(s_seen.calls[IOTX_COAP_EVENT_RECV_FAILED], 1);
    CHECK_EQ(s_seen.last.reason, IOTX_COAP_FAILURE_TOO_LONG);
    CHECK(s_seen.last.user_data == NULL);
    IOT_CoAP_Deinit(&s_client);
}

static void must_not_be_called(void *context, iotx_coap_event_t event, void *p_data)
{
    (void)context;
    (void)event;
    (void)p_data;
    CHECK(!"an event for a program that did not ask for any");
}

static void check_nobody_asked(void)
{
    int user_data = 0, with_settings;

    for (with_settings = 0; with_settings < 2; with_settings++) {
        begin(with_settings ? must_not_be_called : NULL, !with_settings);
        s_treatment = LOSE;
        send(&user_data, IOTX_MESSAGE_CON);
        run();
        CHECK_EQ(s_transmissions, 5);
        IOT_CoAP_Deinit(&s_client);
    }
}

static int s_again;

/* Sends the failed report again, and yields inside the event until it is answered. */
static void send_again(void *context, iotx_coap_event_t event, void *p_data)
{
    const iotx_coap_failure_t *failure = p_data;
    unsigned int token;

    if (event != IOTX_COAP_EVENT_SEND_FAILED) {
        return;
    }
    token = failure->token;
    s_treatment = ANSWER;
    CHECK(context == s_client);
    send(failure->user_data, IOTX_MESSAGE_CON);
    while (s_answers == 0) {
        CHECK_EQ(IOT_CoAP_Yield(context), IOTX_SUCCESS);
    }
    CHECK_EQ(failure->token, token);
    s_again++;
}

static void check_sending_inside(void)
{
    int user_data = 0;

    begin(send_again, 1);
    s_again = 0;
    s_treatment = LOSE;
    send(&user_data, IOTX_MESSAGE_CON);
    run();
    CHECK_EQ(s_again, 1);
    CHECK_EQ(s_answers, 1);
    IOT_CoAP_Deinit(&s_client);
}

static int s_ends;

static void end_client(void *context, iotx_coap_event_t event, void *p_data)
{
    const iotx_coap_failure_t *failure = p_data;

    if (event != IOTX_COAP_EVENT_SEND_FAILED) {
        return;
    }
    CHECK(context == s_client);
    IOT_CoAP_Deinit(&s_client);
    CHECK_EQ(IOT_CoAP_Yield(context), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(iotx_coap_process(context), IOTX_ERR_INVALID_PARAM);
    CHECK_EQ(failure->reason, IOTX_COAP_FAILURE_UNACKNOWLEDGED);
    s_ends++;
}

/* Several reports fail at once; the first event ends the client, and the others do not come. */
static void check_end_inside(void (*go)(void))
{
    int user_data = 0;

    begin(end_client, 1);
    s_ends = 0;
    s_treatment = LOSE;
    send(&user_data, IOTX_MESSAGE_CON);
    send(&user_data, IOTX_MESSAGE_CON);
    send(&user_data, IOTX_MESSAGE_NON);
    go();
    CHECK_EQ(s_ends, 1);
    CHECK(s_client == NULL);
}

int main(void)
{
    check_given_up(run);
    check_given_up(loop);
    check_burst();
    check_overlong_datagram();
    check_nobody_asked();
    check_sending_inside();
    check_end_inside(run);
    check_end_inside(loop);
    return EXIT_SUCCESS;
}
