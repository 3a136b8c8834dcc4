/*
 * Waits on the monotonic clock.
 */
#ifndef IOTX_HAL_DEFAULT_DEADLINE_H
#define IOTX_HAL_DEFAULT_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Initialises a condition variable whose timed waits go by CLOCK_MONOTONIC. 0, or an error number. */
static inline int iotx_hal_monotonic_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int error = pthread_condattr_init(&attr);

    if (error != 0) {
        return error;
    }
    error = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (error == 0) {
        error = pthread_cond_init(cond, &attr);
    }
    (void)pthread_condattr_destroy(&attr);
    return error;
}

/* The moment `ms` milliseconds from now. */
static inline struct timespec iotx_hal_deadline(uint32_t ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

/* Whether the moment `at` has come. */
static inline int iotx_hal_is_due(const struct timespec *at)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec != at->tv_sec ? now.tv_sec > at->tv_sec : now.tv_nsec >= at->tv_nsec;
}

#endif
