/*
 * Weak defaults for semaphores and threads, on POSIX threads.
 */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "deadline.h"
#include "wrappers.h"

/* ---- semaphores -------------------------------------------------------------------------------- */

/* Not a sem_t: its timed wait goes by the wall clock, which jumps when a device first learns the time. */
struct semaphore {
    pthread_mutex_t lock;
    pthread_cond_t posted;
    unsigned int count;
};

WEAK void *HAL_SemaphoreCreate(void)
{
    struct semaphore *sem = malloc(sizeof(*sem));

    if (sem == NULL) {
        return NULL;
    }
    sem->count = 0;
    if (pthread_mutex_init(&sem->lock, NULL) != 0) {
        free(sem);
        return NULL;
    }
    if (iotx_hal_monotonic_cond_init(&sem->posted) != 0) {
        (void)pthread_mutex_destroy(&sem->lock);
        free(sem);
        return NULL;
    }
    return sem;
}

WEAK void HAL_SemaphoreDestroy(void *sem)
{
    struct semaphore *semaphore = sem;

    if (semaphore != NULL) {
        (void)pthread_cond_destroy(&semaphore->posted);
        (void)pthread_mutex_destroy(&semaphore->lock);
        free(semaphore);
    }
}

WEAK void HAL_SemaphorePost(void *sem)
{
    struct semaphore *semaphore = sem;

    if (semaphore != NULL) {
        (void)pthread_mutex_lock(&semaphore->lock);
        if (semaphore->count < UINT_MAX) {
            semaphore->count++;
        }
        (void)pthread_cond_signal(&semaphore->posted);
        (void)pthread_mutex_unlock(&semaphore->lock);
    }
}

/* A thread deleted while it waits must not take the lock with it. */
static void unlock(void *mutex)
{
    (void)pthread_mutex_unlock(mutex);
}

static int take(struct semaphore *semaphore, uint32_t timeout_ms, const struct timespec *until)
{
    int error = 0;

    while (semaphore->count == 0 && error == 0) {
        if (timeout_ms == (uint32_t)PLATFORM_WAIT_INFINITE) {
            error = pthread_cond_wait(&semaphore->posted, &semaphore->lock);
        } else {
            error = pthread_cond_timedwait(&semaphore->posted, &semaphore->lock, until);
        }
    }
    if (semaphore->count == 0) {
        return -1;
    }
    semaphore->count--;
    return 0;
}

WEAK int HAL_SemaphoreWait(void *sem, uint32_t timeout_ms)
{
    struct semaphore *semaphore = sem;
    struct timespec until;
    int result;

    if (semaphore == NULL) {
        return -1;
    }
    until = iotx_hal_deadline(timeout_ms);
    (void)pthread_mutex_lock(&semaphore->lock);
    pthread_cleanup_push(unlock, &semaphore->lock);
    result = take(semaphore, timeout_ms, &until);
    pthread_cleanup_pop(1);
    return result;
}

/* ---- threads ----------------------------------------------------------------------------------- */

/*
 * A handle is a number that is never given out twice, and this list says which thread it stands for. So a
 * handle may be deleted or detached at any time, also after its thread has ended; and since no thread is
 * ever joined, all are created detached, and nobody needs to know `detach_state` - which a reader cannot,
 * because it sits at different offsets in 2.x and 3.x.
 */
struct thread {
    struct thread *next;
    uintptr_t handle;
    pthread_t pthread;
    void *(*routine)(void *);
    void *arg;
};

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;
static uintptr_t last_handle;

static void forget(void *ended)
{
    struct thread **link = &threads;

    (void)pthread_mutex_lock(&threads_lock);
    while (*link != NULL && *link != ended) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = (*link)->next;
    }
    (void)pthread_mutex_unlock(&threads_lock);
    free(ended);
}

static void *run(void *arg)
{
    struct thread *thread = arg;
    void *result;

    pthread_cleanup_push(forget, thread);
    result = thread->routine(thread->arg);
    pthread_cleanup_pop(1);
    return result;
}

/*
 * Embedded firmware asks for a few kilobytes, which the C library alone needs here: what counts is the
 * system's default, or the firmware's wish if that is greater.
 */
static int attributes(pthread_attr_t *attr, const hal_os_thread_param_t *param)
{
    size_t size = 0;

    if (pthread_attr_init(attr) != 0) {
        return -1;
    }
    (void)pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
    /* An int since 3.01, a size_t before: in both, where addresses are 32 bits or bytes little-endian first,
     * the low half of the size is here. Elsewhere a 2.x caller is seen to ask for 0, the default. */
    if (param != NULL && param->stack_size > 0 && pthread_attr_getstacksize(attr, &size) == 0 &&
        (size_t)param->stack_size > size) {
        (void)pthread_attr_setstacksize(attr, (size_t)param->stack_size);
    }
    return 0;
}

WEAK int HAL_ThreadCreate(void **thread_handle, void *(*work_routine)(void *), void *arg,
                          hal_os_thread_param_t *hal_os_thread_param, int *stack_used)
{
    struct thread *thread;
    pthread_attr_t attr;
    int failed;

    if (stack_used != NULL) {
        *stack_used = 0;
    }
    if (thread_handle == NULL || work_routine == NULL) {
        return -1;
    }
    thread = malloc(sizeof(*thread));
    if (thread == NULL) {
        return -1;
    }
    if (attributes(&attr, hal_os_thread_param) != 0) {
        free(thread);
        return -1;
    }
    thread->routine = work_routine;
    thread->arg = arg;
    /* The new thread cannot leave the list before the lock is released, so `pthread` is valid by then. */
    (void)pthread_mutex_lock(&threads_lock);
    thread->handle = ++last_handle;
    *thread_handle = (void *)thread->handle;
    failed = pthread_create(&thread->pthread, &attr, run, thread);
    if (failed) {
        *thread_handle = NULL;
        free(thread);
    } else {
        thread->next = threads;
        threads = thread;
    }
    (void)pthread_mutex_unlock(&threads_lock);
    (void)pthread_attr_destroy(&attr);
    return failed ? -1 : 0;
}

/* Every thread is detached from the start. */
WEAK void HAL_ThreadDetach(void *thread_handle)
{
    (void)thread_handle;
}

/* Another thread ends at its next cancellation point (see pthread_cancel); it may still run on return. */
WEAK void HAL_ThreadDelete(void *thread_handle)
{
    const struct thread *thread;
    int own = thread_handle == NULL;

    (void)pthread_mutex_lock(&threads_lock);
    for (thread = threads; thread != NULL; thread = thread->next) {
        if (thread_handle != NULL && thread->handle == (uintptr_t)thread_handle) {
            own = pthread_equal(thread->pthread, pthread_self());
            if (!own) {
                (void)pthread_cancel(thread->pthread);
            }
            break;
        }
    }
    (void)pthread_mutex_unlock(&threads_lock);
    if (own) {
        pthread_exit(NULL);
    }
}
