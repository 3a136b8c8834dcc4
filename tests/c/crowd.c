/*
 * Every function from several threads at once, for the sake of ThreadSanitizer: some threads have clients of their
 * own, which come and go; others share one, and one of them ends it while the others are in calls with it.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "device.h"
#include "iotx_coap_ext.h"

#define LIVES 3   /* clients that one thread opens, one after the other */
#define REPORTS 8 /* of one client, and of one thread of the shared client */
#define SHARERS 3 /* threads that send with the shared client */

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
    CHECK_EQ(pthread_create(thread, NULL, function, argument), 0);
}

static void finish(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* --- What the process has one of -------------------------------------------------------------- */

static void use_globals(void)
{
    char key[IOTX_PRODUCT_KEY_LEN + 1] = "a1B2c3D4e5F";
    int region = IOTX_CLOUD_REGION_SHANGHAI;

    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_PRODUCT_KEY, key), 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_GET_PRODUCT_KEY, key), 0);
    CHECK(strcmp(key, "a1B2c3D4e5F") == 0);
    CHECK_EQ(IOT_Ioctl(IOTX_IOCTL_SET_REGION, &region), 0);
    IOT_OpenLog("crowd");
    IOT_SetLogLevel(IOT_LOG_INFO);
    IOT_DumpMemoryStats(IOT_LOG_INFO);
    IOT_SetLogLevel(IOT_LOG_WARNING);
}

/* --- Clients of one thread each --------------------------------------------------------------- */

static void *live(void *argument)
{
    const char *url = argument;
    answer_t answer;
    int lives, i;

    for (lives = 0; lives < LIVES; lives++) {
        iotx_coap_context_t *client = device_start(1, url);

        use_globals();
        for (i = 0; i < REPORTS; i++) {
            CHECK_EQ(device_send(client, i % 2 ? NO_PATH : TOPIC_1, "{}", &answer), IOTX_SUCCESS);
            device_await(client, &answer);
        }
        IOT_CoAP_Deinit(&client);
    }
    return NULL;
}

/* --- One client in several threads ------------------------------------------------------------ */

typedef struct {
    iotx_coap_context_t *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answered;
    int events;
} shared_t;

static shared_t s_shared;

static void note(int *count)
{
    CHECK_EQ(pthread_mutex_lock(&s_shared.lock), 0);
    ++*count;
    CHECK_EQ(pthread_cond_broadcast(&s_shared.changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&s_shared.lock), 0);
}

static void on_answer(void *user_data, void *message)
{
    unsigned char *payload = NULL;
    int len = 0;

    CHECK(user_data == &s_shared);
    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &len), IOTX_SUCCESS);
    (void)IOT_CoAP_GetCurToken(s_shared.client);
    note(&s_shared.answered);
}

static void on_event(void *context, iotx_coap_event_t event, void *p_data)
{
    (void)event;
    (void)p_data;
    (void)iotx_coap_is_authenticated(context);
    note(&s_shared.events);
}

static void *send_reports(void *argument)
{
    iotx_message_t message;
    int i;

    (void)argument;
    device_message(&message, NULL);
    message.resp_callback = on_answer;
    message.user_data = &s_shared;
    for (i = 0; i < REPORTS; i++) {
        CHECK_EQ(device_send_message(s_shared.client, i % 2 ? NO_PATH : TOPIC_1, &message),
                 IOTX_SUCCESS);
        CHECK(iotx_coap_process(s_shared.client) >= 0);
        (void)iotx_coap_next_timeout(s_shared.client);
        (void)iotx_coap_descriptor(s_shared.client);
    }
    return NULL;
}

/* Returns when the client is ended. */
static void *yield(void *argument)
{
    while (IOT_CoAP_Yield(argument) == IOTX_SUCCESS) {
        (void)iotx_coap_is_authenticated(argument);
    }
    return NULL;
}

static void *authenticate(void *argument)
{
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(argument), IOTX_SUCCESS);
    return NULL;
}

static void open_shared(const char *url)
{
    char url_of_our_own[128];
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_settings_t settings;

    CHECK(snprintf(url_of_our_own, sizeof(url_of_our_own), "%s", url) > 0);
    device_info(&info, 1);
    memset(&config, 0, sizeof(config));
    config.p_url = url_of_our_own;
    config.p_devinfo = &info;
    config.wait_time_ms = 50; /* those who yield notice the end within */
    config.event_handle = on_event;
    iotx_coap_settings_init(&settings, sizeof(settings));
    settings.report_events = 1;
    settings.nstart = 4;
    s_shared.client = iotx_coap_init_with(&config, &settings);
    CHECK(s_shared.client != NULL);
    CHECK_EQ(IOT_CoAP_DeviceNameAuth(s_shared.client), IOTX_SUCCESS);
}

static void share(const char *url)
{
    pthread_t senders[SHARERS], yielders[2], authenticator;
    iotx_coap_context_t *client;
    int i;

    memset(&s_shared, 0, sizeof(s_shared));
    CHECK_EQ(pthread_mutex_init(&s_shared.lock, NULL), 0);
    CHECK_EQ(pthread_cond_init(&s_shared.changed, NULL), 0);
    open_shared(url);
    for (i = 0; i < 2; i++) {
        start(&yielders[i], yield, s_shared.client);
    }
    for (i = 0; i < SHARERS; i++) {
        start(&senders[i], send_reports, NULL);
    }
    start(&authenticator, authenticate, s_shared.client);
    for (i = 0; i < SHARERS; i++) {
        finish(senders[i]);
    }
    finish(authenticator);
    CHECK_EQ(pthread_mutex_lock(&s_shared.lock), 0);
    while (s_shared.answered < SHARERS * REPORTS) {
        CHECK_EQ(pthread_cond_wait(&s_shared.changed, &s_shared.lock), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&s_shared.lock), 0);
    client = s_shared.client;
    IOT_CoAP_Deinit(&client);
    for (i = 0; i < 2; i++) {
        finish(yielders[i]);
    }
    CHECK_EQ(s_shared.answered, SHARERS * REPORTS);
    CHECK_EQ(pthread_cond_destroy(&s_shared.changed), 0);
    CHECK_EQ(pthread_mutex_destroy(&s_shared.lock), 0);
}

int main(void)
{
    static const char *const urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    pthread_t threads[3];
    int i;

    for (i = 0; i < 3; i++) {
        start(&threads[i], live, (void *)urls[i]);
    }
    for (i = 0; i < 3; i++) {
        share(urls[i]);
    }
    for (i = 0; i < 3; i++) {
        finish(threads[i]);
    }
    return EXIT_SUCCESS;
}
