/*
 * Weak defaults for timers: one thread each, asleep until its timer is due.
 *
 * One thread per timer rather than one for all: a callback that blocks delays nobody else's. Not the
 * system's timer_create: with SIGEV_THREAD a thread may be on its way to the callback when the timer, and
 * the user data with it, is deleted.
 */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "deadline.h"
#include "trouble.h"
#include "wrappers.h"

enum state { STOPPED, STARTED, DELETED };

struct timer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state;
    struct timespec due; /* while STARTED */
    void (*func)(void *);
    void *user_data;
};

static void discard(struct timer *timer)
{
    (void)pthread_cond_destroy(&timer->changed);
    (void)pthread_mutex_destroy(&timer->lock);
    free(timer);
}

/* The callback runs unlocked: it may start, stop or delete its own timer. */
static void *run(void *arg)
{
    struct timer *timer = arg;

    (void)pthread_mutex_lock(&timer->lock);
    while (timer->state != DELETED) {
        if (timer->state == STOPPED) {
            (void)pthread_cond_wait(&timer->changed, &timer->lock);
        } else if (!iotx_hal_is_due(&timer->due)) {
            struct timespec due = timer->due;

            (void)pthread_cond_timedwait(&timer->changed, &timer->lock, &due);
        } else {
            timer->state = STOPPED;
            (void)pthread_mutex_unlock(&timer->lock);
            timer->func(timer->user_data);
            (void)pthread_mutex_lock(&timer->lock);
        }
    }
    (void)pthread_mutex_unlock(&timer->lock);
    discard(timer);
    return NULL;
}

/* Signals are for the threads that the firmware knows of. 0, or an error number. */
static int start_thread(struct timer *timer)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int error = pthread_attr_init(&attr);

    if (error != 0) {
        return error;
    }
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attr, run, timer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return error;
}

/* The timer, stopped and with its thread; NULL and errno. */
static struct timer *create(void (*func)(void *), void *user_data)
{
    struct timer *timer = malloc(sizeof(*timer));
    int error;

    if (timer == NULL) {
        return NULL;
    }
    timer->state = STOPPED;
    timer->func = func;
    timer->user_data = user_data;
    error = pthread_mutex_init(&timer->lock, NULL);
    if (error == 0) {
        error = iotx_hal_monotonic_cond_init(&timer->changed);
        if (error == 0) {
            error = start_thread(timer);
            if (error == 0) {
                return timer;
            }
            (void)pthread_cond_destroy(&timer->changed);
        }
        (void)pthread_mutex_destroy(&timer->lock);
    }
    free(timer);
    errno = error;
    return NULL;
}

/* The name is for systems that show their timers. */
WEAK void *HAL_Timer_Create(const char *name, void (*func)(void *), void *user_data)
{
    struct timer *timer;

    (void)name;
    if (func == NULL) {
        iotx_hal_default_complain("HAL_Timer_Create", "timer", "no function (NULL)");
        return NULL;
    }
    timer = create(func, user_data);
    if (timer == NULL) {
        iotx_hal_default_complain("HAL_Timer_Create", "timer", NULL);
    }
    return timer;
}

/* -1 for a timer that is deleted, as it can be found while its callback runs on; `due` is for STARTED only. */
static int change(struct timer *timer, enum state state, const struct timespec *due)
{
    int result = -1;

    (void)pthread_mutex_lock(&timer->lock);
    if (timer->state != DELETED) {
        timer->state = state;
        if (due != NULL) {
            timer->due = *due;
        }
        (void)pthread_cond_signal(&timer->changed);
        result = 0;
    }
    (void)pthread_mutex_unlock(&timer->lock);
    return result;
}

/* Fires once. Starting a started timer starts it anew. */
WEAK int HAL_Timer_Start(void *t, int ms)
{
    struct timespec due;

    if (t == NULL || ms < 0) {
        iotx_hal_default_complain("HAL_Timer_Start", "timer", "NULL, or a negative time");
        return -1;
    }
    due = iotx_hal_deadline((uint32_t)ms);
    return change(t, STARTED, &due);
}

/* Like timer_settime and timer_delete, the two do not wait for a callback that has begun: firmware may hold
 * a lock here that its callback wants. */
WEAK int HAL_Timer_Stop(void *t)
{
    return t != NULL ? change(t, STOPPED, NULL) : -1;
}

WEAK int HAL_Timer_Delete(void *timer)
{
    return timer != NULL ? change(timer, DELETED, NULL) : -1;
}
