/*
 * Event loops of the program's own: several clients in one poll loop, and in one epoll loop, without a
 * single IOT_CoAP_Yield. A loop never waits longer than the clients ask for, and nothing is lost.
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "check.h"
#include "device.h"
#include "iotx_coap_ext.h"

#define PATIENCE_MS 30000 /* a bound for failing only */
#define CLIENTS 3
#define REPORTS 12

typedef struct {
    iotx_coap_context_t *client;
    answer_t answers[REPORTS];
    int sent;
} device_t;

static device_t s_devices[CLIENTS];

/* Opens clients, and begins to authenticate all of them. */
static void start_devices(void)
{
    const char *const urls[CLIENTS] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    int i;

    memset(s_devices, 0, sizeof(s_devices));
    for (i = 0; i < CLIENTS; i++) {
        s_devices[i].client = device_open(1, urls[i]);
        CHECK_EQ(iotx_coap_is_authenticated(s_devices[i].client), 0);
        CHECK_EQ(iotx_coap_authenticate_begin(s_devices[i].client), IOTX_SUCCESS);
    }
}

static void end_devices(void)
{
    int i;

    for (i = 0; i < CLIENTS; i++) {
        IOT_CoAP_Deinit(&s_devices[i].client);
    }
}

/* Three reports at once, then one more for each answer. */
static int answered(const device_t *device)
{
    int i, count = 0;

    for (i = 0; i < device->sent; i++) {
        CHECK(device->answers[i].count <= 1);
        count += device->answers[i].count;
    }
    return count;
}

/* Sends what there is room for; tells whether all is done. */
static int go_on(device_t *device)
{
    int count = answered(device);

    if (!iotx_coap_is_authenticated(device->client)) {
        return 0;
    }
    while (device->sent < REPORTS && device->sent < count + 3) {
        int i = device->sent++;

        CHECK_EQ(device_send(device->client, i % 2 ? NO_PATH : TOPIC_1, "{}",
                             &device->answers[i]),
                 IOTX_SUCCESS);
    }
    return count == REPORTS;
}

static int all_go_on(void)
{
    int i, done = 1;

    for (i = 0; i < CLIENTS; i++) {
        done &= go_on(&s_devices[i]);
    }
    return done;
}

/* The shortest of the clients' time-outs. A request is under way, so there is one. */
static int next_timeout(void)
{
    int i, shortest = -1;

    for (i = 0; i < CLIENTS; i++) {
        int wait = iotx_coap_next_timeout(s_devices[i].client);

        if (wait >= 0 && (shortest < 0 || wait < shortest)) {
            shortest = wait;
        }
    }
    CHECK(shortest >= 0);
    CHECK(shortest <= PATIENCE_MS);
    return shortest;
}

static void check_answers(void)
{
    int i, j;

    for (i = 0; i < CLIENTS; i++) {
        for (j = 0; j < REPORTS; j++) {
            const answer_t *answer = &s_devices[i].answers[j];

            CHECK_EQ(answer->count, 1);
            CHECK(strcmp(answer->payload, j % 2 ? NO_PATH_TEXT : "") == 0);
        }
        CHECK(iotx_coap_next_timeout(s_devices[i].client) > PATIENCE_MS); /* the token's renewal */
        CHECK_EQ(iotx_coap_process(s_devices[i].client), 0);
    }
}

static void check_poll_loop(void)
{
    struct pollfd entries[CLIENTS];
    int i, handed_over = 0;

    start_devices();
    while (!all_go_on()) {
        for (i = 0; i < CLIENTS; i++) {
            entries[i].fd = iotx_coap_descriptor(s_devices[i].client);
            entries[i].events = POLLIN;
            CHECK(entries[i].fd > 2);
        }
        CHECK(poll(entries, CLIENTS, next_timeout()) >= 0);
        for (i = 0; i < CLIENTS; i++) {
            int count = iotx_coap_process(s_devices[i].client);

            CHECK(count >= 0);
            handed_over += count;
        }
    }
    CHECK_EQ(handed_over, CLIENTS * REPORTS);
    check_answers();
    end_devices();
}

static void check_epoll_loop(void)
{
    struct epoll_event ready[CLIENTS];
    int set = epoll_create1(EPOLL_CLOEXEC), i;

    CHECK(set >= 0);
    start_devices();
    for (i = 0; i < CLIENTS; i++) {
        struct epoll_event event;

        memset(&event, 0, sizeof(event));
        event.events = EPOLLIN;
        event.data.ptr = &s_devices[i];
        CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, iotx_coap_descriptor(s_devices[i].client), &event),
                 0);
    }
    while (!all_go_on()) {
        int count = epoll_wait(set, ready, CLIENTS, next_timeout());

        CHECK(count >= 0);
        for (i = 0; i < count; i++) {
            device_t *device = ready[i].data.ptr;

            CHECK(iotx_coap_process(device->client) >= 0);
        }
        for (i = 0; count == 0 && i < CLIENTS; i++) {
            CHECK(iotx_coap_process(s_devices[i].client) >= 0); /* a time-out: whose, they know */
        }
    }
    check_answers();
    end_devices();
    CHECK_EQ(close(set), 0);
}

/* --- A loop and a Yield, for the same client -------------------------------------------------- */

typedef struct {
    iotx_coap_context_t *client;
    pthread_mutex_t lock;
    int answered;
} shared_t;

static void on_shared_answer(void *user_data, void *message)
{
    shared_t *shared = user_data;

    (void)message;
    CHECK_EQ(pthread_mutex_lock(&shared->lock), 0);
    shared->answered++;
    CHECK_EQ(pthread_mutex_unlock(&shared->lock), 0);
}

static int shared_answered(shared_t *shared)
{
    int count;

    CHECK_EQ(pthread_mutex_lock(&shared->lock), 0);
    count = shared->answered;
    CHECK_EQ(pthread_mutex_unlock(&shared->lock), 0);
    return count;
}

static void *yield_until_answered(void *argument)
{
    shared_t *shared = argument;

    while (shared_answered(shared) < REPORTS) {
        CHECK_EQ(IOT_CoAP_Yield(shared->client), IOTX_SUCCESS);
    }
    return NULL;
}

/* Whichever of the two receives: each answer is handed over once, and neither keeps the other. */
static void check_loop_beside_yield(const char *url)
{
    shared_t shared;
    pthread_t thread;
    iotx_message_t message;
    struct pollfd entry;
    int i;

    shared.client = device_start(1, url);
    shared.answered = 0;
    CHECK_EQ(pthread_mutex_init(&shared.lock, NULL), 0);
    entry.fd = iotx_coap_descriptor(shared.client);
    entry.events = POLLIN;
    device_message(&message, NULL);
    message.resp_callback = on_shared_answer;
    message.user_data = &shared;

    CHECK_EQ(device_send_message(shared.client, NO_PATH, &message), IOTX_SUCCESS);
    CHECK_EQ(poll(&entry, 1, PATIENCE_MS), 1);
    CHECK_EQ(iotx_coap_process(shared.client), 1);
    CHECK_EQ(shared_answered(&shared), 1);

    CHECK_EQ(pthread_create(&thread, NULL, yield_until_answered, &shared), 0);
    for (i = 1; i < REPORTS; i++) {
        CHECK_EQ(device_send_message(shared.client, NO_PATH, &message), IOTX_SUCCESS);
        CHECK(iotx_coap_process(shared.client) >= 0);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(shared_answered(&shared), REPORTS);
    IOT_CoAP_Deinit(&shared.client);
    CHECK_EQ(pthread_mutex_destroy(&shared.lock), 0);
}

int main(void)
{
    check_poll_loop();
    check_epoll_loop();
    check_loop_beside_yield(PLAIN_URL);
    check_loop_beside_yield(DTLS_URL);
    return EXIT_SUCCESS;
}
