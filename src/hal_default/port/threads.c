/*
 * Weak defaults for semaphores and threads, on POSIX threads.
 */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "deadline.h"
#include "trouble.h"
#include "wrappers.h"

/* ---- semaphores -------------------------------------------------------------------------------- */

/* Not a sem_t: its timed wait goes by the wall clock, which jumps when a device first learns the time. */
struct semaphore {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned int count;
    unsigned int waiting;
    int destroyed;
};

WEAK void *HAL_SemaphoreCreate(void)
{
    struct semaphore *sem = malloc(sizeof(*sem));

    if (sem == NULL) {
        return NULL;
    }
    sem->count = 0;
    sem->waiting = 0;
    sem->destroyed = 0;
    if (pthread_mutex_init(&sem->lock, NULL) != 0) {
        free(sem);
        return NULL;
    }
    if (iotx_hal_monotonic_cond_init(&sem->changed) != 0) {
        (void)pthread_mutex_destroy(&sem->lock);
        free(sem);
        return NULL;
    }
    return sem;
}

static void discard(struct semaphore *semaphore)
{
    (void)pthread_cond_destroy(&semaphore->changed);
    (void)pthread_mutex_destroy(&semaphore->lock);
    free(semaphore);
}

/* Releases the lock; who leaves a destroyed semaphore last removes it. */
static void unlock(struct semaphore *semaphore)
{
    int last = semaphore->destroyed && semaphore->waiting == 0;

    (void)pthread_mutex_unlock(&semaphore->lock);
    if (last) {
        discard(semaphore);
    }
}

/* Threads that wait are sent away: firmware that shuts down destroys what others still wait for, and
 * pthread_cond_destroy would wait for them in turn. */
WEAK void HAL_SemaphoreDestroy(void *sem)
{
    struct semaphore *semaphore = sem;

    if (semaphore != NULL) {
        (void)pthread_mutex_lock(&semaphore->lock);
        semaphore->destroyed = 1;
        (void)pthread_cond_broadcast(&semaphore->changed);
        unlock(semaphore);
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
        (void)pthread_cond_signal(&semaphore->changed);
        (void)pthread_mutex_unlock(&semaphore->lock);
    }
}

/* Also run for a thread that is deleted while it waits: it must not take the lock with it. */
static void leave(void *sem)
{
    struct semaphore *semaphore = sem;

    semaphore->waiting--;
    unlock(semaphore);
}

static int take(struct semaphore *semaphore, uint32_t timeout_ms, const struct timespec *until)
{
    int error = 0;

    while (semaphore->count == 0 && !semaphore->destroyed && error == 0) {
        if (timeout_ms == (uint32_t)PLATFORM_WAIT_INFINITE) {
            error = pthread_cond_wait(&semaphore->changed, &semaphore->lock);
        } else {
            error = pthread_cond_timedwait(&semaphore->changed, &semaphore->lock, until);
        }
    }
    if (semaphore->count == 0 || semaphore->destroyed) {
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
    pthread_cleanup_push(leave, semaphore);
    semaphore->waiting++;
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
    int error;

    if (stack_used != NULL) {
        *stack_used = 0;
    }
    if (thread_handle == NULL || work_routine == NULL) {
        iotx_hal_default_complain("HAL_ThreadCreate", "thread", "no handle or no routine (NULL)");
        return -1;
    }
    *thread_handle = NULL;
    thread = malloc(sizeof(*thread));
    if (thread == NULL || attributes(&attr, hal_os_thread_param) != 0) {
        iotx_hal_default_complain("HAL_ThreadCreate", "thread", "no memory");
        free(thread);
        return -1;
    }
    thread->routine = work_routine;
    thread->arg = arg;
    /* The new thread cannot leave the list before the lock is released, so `pthread` is valid by then. */
    (void)pthread_mutex_lock(&threads_lock);
    thread->handle = ++last_handle;
    *thread_handle = (void *)thread->handle;
    error = pthread_create(&thread->pthread, &attr, run, thread);
    if (error != 0) {
        *thread_handle = NULL;
        free(thread);
    } else {
        thread->next = threads;
        threads = thread;
    }
    (void)pthread_mutex_unlock(&threads_lock);
    (void)pthread_attr_destroy(&attr);
    if (error != 0) {
        errno = error;
        iotx_hal_default_complain("HAL_ThreadCreate", "thread", NULL);
        return -1;
    }
    return 0;
}

/* Every thread is detached from the start. */
WEAK void HAL_ThreadDetach(void *thread_handle)
{
    (void)thread_handle;
}

/* Another thread ends at its next cancellation point (see pthread_cancel); it may still run on return. So does the
 * calling one, if it is in a callback of the library. */
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
    if (own && iotx_hal_default_in_callback()) {
        (void)pthread_cancel(pthread_self()); /* kept pending until the library's call is over */
    } else if (own) {
        pthread_exit(NULL);
    }
}
