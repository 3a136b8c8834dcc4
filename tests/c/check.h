/*
 * Checks that stay in a release build, where assert() is compiled away.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(EXIT_FAILURE);                                                       \
        }                                                                             \
    } while (0)

#define CHECK_EQ(actual, expected)                                                  \
    do {                                                                            \
        long long check_actual = (actual);                                          \
        long long check_expected = (expected);                                      \
        if (check_actual != check_expected) {                                       \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,    \
                    #actual, check_actual, check_expected);                         \
            exit(EXIT_FAILURE);                                                     \
        }                                                                           \
    } while (0)

#endif /* CHECK_H */
