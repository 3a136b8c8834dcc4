/*
 * The default semaphores, threads and timers, and what becomes of a thread that is ended while it is inside
 * the library.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <string.h>

#include "../check.h"
#include "iot_export.h"
#include "iot_import.h"

/* Long enough for any machine; only a failing test waits so long. */
#define LONG_MS 20000

/* hal_os_thread_param_t as the compiler laid it out for objects of 2.21 and 2.30. */
typedef struct {
    int priority;
    void *stack_addr;
    size_t stack_size;
    int detach_state;
    char *name;
} thread_param_2_x_t;

static void check_semaphores(void)
{
    void *sem = HAL_SemaphoreCreate();
    uint64_t start;

    CHECK(sem != NULL);
    CHECK(HAL_SemaphoreWait(sem, 0) < 0);
    start = HAL_UptimeMs();
    CHECK(HAL_SemaphoreWait(sem, 30) < 0);
    CHECK(HAL_UptimeMs() - start >= 30);

    /* It counts. */
    HAL_SemaphorePost(sem);
    HAL_SemaphorePost(sem);
    CHECK_EQ(HAL_SemaphoreWait(sem, 0), 0);
    CHECK_EQ(HAL_SemaphoreWait(sem, PLATFORM_WAIT_INFINITE), 0);
    CHECK(HAL_SemaphoreWait(sem, 0) < 0);
    HAL_SemaphoreDestroy(sem);

    CHECK(HAL_SemaphoreWait(NULL, 0) < 0);
    HAL_SemaphorePost(NULL);
    HAL_SemaphoreDestroy(NULL);
}

/* ---- threads ----------------------------------------------------------------------------------- */

static void *s_begun;
static void *s_ended;
static pthread_key_t s_key;

static void on_thread_end(void *value)
{
    (void)value;
    HAL_SemaphorePost(s_ended);
}

/* Makes the end of the calling thread, however it comes, post s_ended. */
static void announce_end(void)
{
    CHECK_EQ(pthread_setspecific(s_key, &s_key), 0);
    HAL_SemaphorePost(s_begun);
}

static void *return_at_once(void *arg)
{
    announce_end();
    *(int *)arg += 1;
    return arg;
}

static void *delete_itself(void *arg)
{
    announce_end();
    HAL_ThreadDelete(NULL);
    *(int *)arg += 1;
    return NULL;
}

static void *delete_itself_by_handle(void *arg)
{
    announce_end();
    HAL_ThreadDelete(*(void **)arg);
    CHECK(!"still there");
    return NULL;
}

static void *wait_for_ever(void *semaphore)
{
    announce_end();
    (void)HAL_SemaphoreWait(semaphore, PLATFORM_WAIT_INFINITE);
    return NULL;
}

static void *sleep_on_and_on(void *arg)
{
    announce_end();
    for (;;) {
        HAL_SleepMs(20);
    }
    return arg;
}

static void delete_this_thread(int event)
{
    (void)event;
    HAL_ThreadDelete(NULL);
}

static void *delete_itself_in_a_callback(void *arg)
{
    announce_end();
    CHECK_EQ(iotx_event_regist_cb(delete_this_thread), 0);
    CHECK_EQ(iotx_event_post(1), 0);
    HAL_SleepMs(UINT32_MAX);
    CHECK(!"still there");
    return arg;
}

static void *yield_on_and_on(void *client)
{
    announce_end();
    for (;;) {
        (void)IOT_CoAP_Yield(client);
    }
    return client;
}

static void *start(void *(*routine)(void *), void *arg, void *param)
{
    void *handle = NULL;
    int stack_used = -1;

    CHECK_EQ(HAL_ThreadCreate(&handle, routine, arg, param, &stack_used), 0);
    CHECK(handle != NULL);
    CHECK_EQ(stack_used, 0);
    CHECK_EQ(HAL_SemaphoreWait(s_begun, LONG_MS), 0);
    return handle;
}

static void await_end(void)
{
    CHECK_EQ(HAL_SemaphoreWait(s_ended, LONG_MS), 0);
}

static void check_params_of_both_layouts(void)
{
    static char name[] = "worker";
    thread_param_2_x_t old = {0};
    hal_os_thread_param_t new = {0};
    int runs = 0;

    old.priority = os_thread_priority_normal;
    old.stack_size = 2048; /* what a microcontroller would be content with */
    old.detach_state = 1;
    old.name = name;
    (void)start(return_at_once, &runs, &old);
    await_end();

    new.priority = os_thread_priority_high;
    new.stack_size = 16 * 1024 * 1024;
    new.detach_state = 1;
    new.name = name;
    (void)start(return_at_once, &runs, &new);
    await_end();
    CHECK_EQ(runs, 2);
}

static void check_threads(void)
{
    void *never = HAL_SemaphoreCreate();
    void *handle;
    int runs = 0;

    /* A handle may be used after its thread has ended, and is not given out again. */
    handle = start(return_at_once, &runs, NULL);
    await_end();
    CHECK(start(return_at_once, &runs, NULL) != handle);
    await_end();
    HAL_ThreadDetach(handle);
    HAL_ThreadDelete(handle);
    HAL_ThreadDelete(handle);
    CHECK_EQ(runs, 2);

    (void)start(delete_itself, &runs, NULL);
    await_end();
    CHECK_EQ(runs, 2);
    CHECK_EQ(HAL_ThreadCreate(&handle, delete_itself_by_handle, &handle, NULL, NULL), 0);
    CHECK_EQ(HAL_SemaphoreWait(s_begun, LONG_MS), 0);
    await_end();

    /* Inside the library's calls that is kept pending. */
    (void)start(delete_itself_in_a_callback, NULL, NULL);
    await_end();
    CHECK_EQ(iotx_event_regist_cb(NULL), 0);

    /* A thread that is deleted while it waits leaves the semaphore usable. */
    handle = start(wait_for_ever, never, NULL);
    HAL_ThreadDelete(handle);
    await_end();
    HAL_SemaphorePost(never);
    CHECK_EQ(HAL_SemaphoreWait(never, LONG_MS), 0);
    HAL_SemaphoreDestroy(never);

    handle = start(sleep_on_and_on, NULL, NULL);
    HAL_ThreadDelete(handle);
    await_end();

    CHECK(HAL_ThreadCreate(NULL, return_at_once, NULL, NULL, NULL) != 0);
    CHECK(HAL_ThreadCreate(&handle, NULL, NULL, NULL, NULL) != 0);
    HAL_ThreadDetach(NULL);
}

/* Ended in the middle of a Yield, a thread leaves a client that still works. */
static void check_deletion_inside_the_library(void)
{
    iotx_device_info_t info;
    iotx_coap_config_t config;
    iotx_coap_context_t *client;
    void *handle;

    memset(&info, 0, sizeof(info));
    strcpy(info.product_key, "a1B2c3D4e5F");
    strcpy(info.device_name, "dev01");
    strcpy(info.device_secret, "secret");
    memset(&config, 0, sizeof(config));
    config.p_url = "coap://127.0.0.1:9";
    config.p_devinfo = &info;
    config.wait_time_ms = 50;
    client = IOT_CoAP_Init(&config);
    CHECK(client != NULL);

    handle = start(yield_on_and_on, client, NULL);
    HAL_ThreadDelete(handle);
    await_end();
    CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    IOT_CoAP_Deinit(&client);
}

/* ---- timers ------------------------------------------------------------------------------------ */

typedef struct {
    void *fired;
    void *timer;
    int calls;
    int restarts; /* how often the callback starts its own timer */
    int deletes;  /* whether it deletes it in the end */
} timer_test_t;

static void on_timer(void *arg)
{
    timer_test_t *test = arg;

    test->calls++;
    if (test->restarts > 0) {
        test->restarts--;
        CHECK_EQ(HAL_Timer_Start(test->timer, 1), 0);
    } else if (test->deletes) {
        CHECK_EQ(HAL_Timer_Delete(test->timer), 0);
        /* Until the callback returns, a deleted timer can be told from a living one. */
        CHECK(HAL_Timer_Start(test->timer, 1) < 0);
        CHECK(HAL_Timer_Stop(test->timer) < 0);
        CHECK(HAL_Timer_Delete(test->timer) < 0);
    }
    HAL_SemaphorePost(test->fired);
}

static void timer_open(timer_test_t *test)
{
    memset(test, 0, sizeof(*test));
    test->fired = HAL_SemaphoreCreate();
    test->timer = HAL_Timer_Create("test", on_timer, test);
    CHECK(test->fired != NULL && test->timer != NULL);
}

static void check_timers(void)
{
    timer_test_t test;
    timer_test_t stopped;
    uint64_t start;

    timer_open(&test);
    start = HAL_UptimeMs();
    CHECK_EQ(HAL_Timer_Start(test.timer, 30), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK(HAL_UptimeMs() - start >= 30);
    CHECK_EQ(test.calls, 1);

    /* Starting anew counts from then on: the first start would never come. */
    CHECK_EQ(HAL_Timer_Start(test.timer, 60 * 60 * 1000), 0);
    CHECK_EQ(HAL_Timer_Start(test.timer, 0), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK_EQ(test.calls, 2);

    /* A stopped timer is silent while a later one fires; and can be started again. */
    timer_open(&stopped);
    CHECK_EQ(HAL_Timer_Start(stopped.timer, 50), 0);
    CHECK_EQ(HAL_Timer_Stop(stopped.timer), 0);
    CHECK_EQ(HAL_Timer_Start(test.timer, 100), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK(HAL_SemaphoreWait(stopped.fired, 0) < 0);
    CHECK_EQ(HAL_Timer_Start(stopped.timer, 1), 0);
    CHECK_EQ(HAL_SemaphoreWait(stopped.fired, LONG_MS), 0);
    CHECK_EQ(HAL_Timer_Delete(stopped.timer), 0);
    HAL_SemaphoreDestroy(stopped.fired);

    /* A callback may start its own timer, and delete it. */
    test.restarts = 2;
    test.deletes = 1;
    CHECK_EQ(HAL_Timer_Start(test.timer, 1), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK_EQ(HAL_SemaphoreWait(test.fired, LONG_MS), 0);
    CHECK_EQ(test.calls, 6);
    HAL_SemaphoreDestroy(test.fired);

    /* A timer that was started may be deleted before it is due. */
    timer_open(&test);
    CHECK_EQ(HAL_Timer_Start(test.timer, 60 * 60 * 1000), 0);
    CHECK_EQ(HAL_Timer_Delete(test.timer), 0);
    HAL_SemaphoreDestroy(test.fired);

    CHECK(HAL_Timer_Create("none", NULL, NULL) == NULL);
    CHECK(HAL_Timer_Start(NULL, 1) < 0);
    CHECK(HAL_Timer_Stop(NULL) < 0);
    CHECK(HAL_Timer_Delete(NULL) < 0);
    timer_open(&test);
    CHECK(HAL_Timer_Start(test.timer, -1) < 0);
    CHECK_EQ(HAL_Timer_Delete(test.timer), 0);
    HAL_SemaphoreDestroy(test.fired);
}

int main(void)
{
    CHECK_EQ(pthread_key_create(&s_key, on_thread_end), 0);
    s_begun = HAL_SemaphoreCreate();
    s_ended = HAL_SemaphoreCreate();
    CHECK(s_begun != NULL && s_ended != NULL);

    check_semaphores();
    check_params_of_both_layouts();
    check_threads();
    check_deletion_inside_the_library();
    check_timers();
    return 0;
}
