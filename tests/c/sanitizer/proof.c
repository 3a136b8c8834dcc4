/*
 * Shows that the setup of the tests under ThreadSanitizer finds a race where there is one, in the library and in
 * the program, and none where a lock of the library guards: "library", "program" or "locked".
 */
#include <pthread.h>
#include <string.h>

#include "check.h"

/* In libraries built for ThreadSanitizer only: counts, with a lock of the library's or without. */
void iotx_tsan_proof(int locked);

static int s_count;

static void *count_in_library(void *argument)
{
    (void)argument;
    iotx_tsan_proof(0);
    return NULL;
}

static void *count_in_program(void *argument)
{
    (void)argument;
    s_count++;
    return NULL;
}

static void *count_locked(void *argument)
{
    int i;

    (void)argument;
    for (i = 0; i < 20000; i++) { /* so often that the threads wait for each other */
        iotx_tsan_proof(1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    void *(*count)(void *) = NULL;
    pthread_t threads[3];
    int i;

    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "library") == 0) {
        count = count_in_library;
    } else if (strcmp(argv[1], "program") == 0) {
        count = count_in_program;
    } else if (strcmp(argv[1], "locked") == 0) {
        count = count_locked;
    }
    CHECK(count != NULL);
    for (i = 0; i < 3; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, count, NULL), 0);
    }
    for (i = 0; i < 3; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    return EXIT_SUCCESS;
}
