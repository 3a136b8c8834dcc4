/*
 * Threads: two clients in two threads; one client used by several threads at once; and a client
 * ended by another thread while a callback runs. Nothing may be lost, doubled or freed under a
 * caller.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "device.h"
#include "iot_import.h"

#define PATIENCE 30 /* seconds; a bound for failing only */
#define SENDERS 3
#define REPORTS_PER_SENDER 15

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
    CHECK_EQ(pthread_create(thread, NULL, function, argument), 0);
}

static void finish(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void await_post(sem_t *semaphore)
{
    struct timespec deadline;

    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &deadline), 0);
    deadline.tv_sec += PATIENCE;
    CHECK_EQ(sem_timedwait(semaphore, &deadline), 0);
}

/* --- Two clients in two threads --------------------------------------------------------------- */

typedef struct {
    int number;
    const char *url;
    const char *topic;
} device_t;

static void *live(void *argument)
{
    const device_t *device = argument;
    answer_t answer;
    int round, i;

    for (round = 0; round < 2; round++) {
        iotx_coap_context_t *client = device_start(device->number, device->url);

        for (i = 0; i < REPORTS_PER_SENDER; i++) {
            CHECK_EQ(device_send(client, i % 2 ? NO_PATH : device->topic, "{}", &answer),
                     IOTX_SUCCESS);
            device_await(client, &answer);
            CHECK(strcmp(answer.payload, i % 2 ? NO_PATH_TEXT : "") == 0);
        }
        IOT_CoAP_Deinit(&client);
    }
    return NULL;
}

static void check_two_clients(const char *url_1, const char *url_2)
{
    device_t devices[] = {{1, url_1, TOPIC_1}, {2, url_2, TOPIC_2}};
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++) {
        start(&threads[i], live, &devices[i]);
    }
    for (i = 0; i < 2; i++) {
        finish(threads[i]);
    }
}

/* --- One client in several threads ------------------------------------------------------------ */

typedef struct {
    iotx_coap_context_t *client;
    pthread_mutex_t lock;
    int answered;
} shared_t;

typedef struct {
    shared_t *shared;
    sem_t posted;
    int count;
} slot_t;

static void on_shared_answer(void *user_data, void *message)
{
    slot_t *slot = user_data;
    unsigned char *payload = NULL;
    int len = 0;

    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &len), IOTX_SUCCESS);
    CHECK_EQ(len, strlen(NO_PATH_TEXT));
    CHECK(memcmp(payload, NO_PATH_TEXT, (size_t)len) == 0);
    CHECK_EQ(pthread_mutex_lock(&slot->shared->lock), 0);
    slot->count++;
    slot->shared->answered++;
    CHECK_EQ(pthread_mutex_unlock(&slot->shared->lock), 0);
    CHECK_EQ(sem_post(&slot->posted), 0);
}

/* Sends some reports at once, then the others one by one, each when the one before is answered. */
static void *send_reports(void *argument)
{
    slot_t slots[REPORTS_PER_SENDER];
    shared_t *shared = argument;
    iotx_message_t message;
    int i;

    device_message(&message, NULL);
    message.resp_callback = on_shared_answer;
    for (i = 0; i < REPORTS_PER_SENDER; i++) {
        slots[i].shared = shared;
        slots[i].count = 0;
        CHECK_EQ(sem_init(&slots[i].posted, 0, 0), 0);
        message.user_data = &slots[i];
        message.msg_type = i % 4 == 3 ? IOTX_MESSAGE_NON : IOTX_MESSAGE_CON;
        (void)IOT_CoAP_GetCurToken(shared->client);
        CHECK_EQ(device_send_message(shared->client, NO_PATH, &message), IOTX_SUCCESS);
        if (i >= REPORTS_PER_SENDER / 2) {
            await_post(&slots[i].posted);
        }
    }
    for (i = 0; i < REPORTS_PER_SENDER / 2; i++) {
        await_post(&slots[i].posted);
    }
    CHECK_EQ(pthread_mutex_lock(&shared->lock), 0);
    for (i = 0; i < REPORTS_PER_SENDER; i++) {
        CHECK_EQ(slots[i].count, 1);
        CHECK_EQ(sem_destroy(&slots[i].posted), 0);
    }
    CHECK_EQ(pthread_mutex_unlock(&shared->lock), 0);
    return NULL;
}

static int answered(shared_t *shared)
{
    int count;

    CHECK_EQ(pthread_mutex_lock(&shared->lock), 0);
    count = shared->answered;
    CHECK_EQ(pthread_mutex_unlock(&shared->lock), 0);
    return count;
}

static void *yield_for_all(void *argument)
{
    shared_t *shared = argument;

    while (answered(shared) < SENDERS * REPORTS_PER_SENDER) {
        CHECK_EQ(IOT_CoAP_Yield(shared->client), IOTX_SUCCESS);
    }
    return NULL;
}

static void check_one_client(const char *url)
{
    pthread_t receiver, senders[SENDERS];
    shared_t shared;
    int i;

    shared.client = device_start(1, url);
    shared.answered = 0;
    CHECK_EQ(pthread_mutex_init(&shared.lock, NULL), 0);
    start(&receiver, yield_for_all, &shared);
    for (i = 0; i < SENDERS; i++) {
        start(&senders[i], send_reports, &shared);
    }
    for (i = 0; i < SENDERS; i++) {
        finish(senders[i]);
    }
    finish(receiver);
    CHECK_EQ(shared.answered, SENDERS * REPORTS_PER_SENDER);
    CHECK_EQ(pthread_mutex_destroy(&shared.lock), 0);
    IOT_CoAP_Deinit(&shared.client);
}

/* --- Deinit by another thread ----------------------------------------------------------------- */

typedef struct {
    iotx_coap_context_t *client;
    sem_t in_callback;
    sem_t deinitialised;
} ending_t;

static void wait_for_the_end(void *user_data, void *message)
{
    ending_t *ending = user_data;
    unsigned char *payload = NULL;
    int len = 0;

    CHECK_EQ(IOT_CoAP_GetMessagePayload(message, &payload, &len), IOTX_SUCCESS);
    CHECK_EQ(sem_post(&ending->in_callback), 0);
    await_post(&ending->deinitialised);
    CHECK_EQ(len, strlen(NO_PATH_TEXT));
    CHECK(strcmp((const char *)payload, NO_PATH_TEXT) == 0);
}

static void *yield_once(void *argument)
{
    CHECK_EQ(IOT_CoAP_Yield(argument), IOTX_SUCCESS);
    return NULL;
}

static void check_end_by_another_thread(const char *url)
{
    iotx_message_t message;
    pthread_t thread;
    ending_t ending;

    CHECK_EQ(sem_init(&ending.in_callback, 0, 0), 0);
    CHECK_EQ(sem_init(&ending.deinitialised, 0, 0), 0);
    ending.client = device_start(1, url);
    device_message(&message, NULL);
    message.resp_callback = wait_for_the_end;
    message.user_data = &ending;
    CHECK_EQ(device_send_message(ending.client, NO_PATH, &message), IOTX_SUCCESS);

    start(&thread, yield_once, ending.client);
    await_post(&ending.in_callback);
    IOT_CoAP_Deinit(&ending.client);
    CHECK_EQ(sem_post(&ending.deinitialised), 0);
    finish(thread);
    CHECK_EQ(sem_destroy(&ending.in_callback), 0);
    CHECK_EQ(sem_destroy(&ending.deinitialised), 0);
}

int main(void)
{
    const char *const urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    size_t i;

    check_two_clients(PLAIN_URL, SYMMETRIC_URL);
    check_two_clients(DTLS_URL, DTLS_URL);
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        check_one_client(urls[i]);
        check_end_by_another_thread(urls[i]);
    }
    return EXIT_SUCCESS;
}
