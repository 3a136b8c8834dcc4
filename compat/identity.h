/*
 * Device info of one layout to device info of another.
 */
#ifndef COMPAT_IDENTITY_H
#define COMPAT_IDENTITY_H

#include <stddef.h>
#include <string.h>

#include "iotx_coap.h"

/* Copies a string from an array into a greater one. An array without a terminator becomes one without a
 * terminator: the library refuses it, and its log line names the member. */
static inline void compat_copy(char *to, size_t to_size, const char *from, size_t from_size)
{
    const char *end = memchr(from, '\0', from_size);

    if (end != NULL) {
        memset(to, '\0', to_size);
        memcpy(to, from, (size_t)(end - from));
    } else {
        memset(to, '?', to_size);
        memcpy(to, from, from_size);
    }
}

#define COMPAT_COPY(to, from) compat_copy((to), sizeof(to), (from), sizeof(from))

/* Clears a copy that is about to go out of scope, which a compiler would leave out of memset. */
static inline void compat_wipe(iotx_deviceinfo_t *info)
{
    volatile unsigned char *byte = (volatile unsigned char *)info;
    size_t left = sizeof(*info);

    while (left-- > 0) {
        *byte++ = 0;
    }
}

#endif /* COMPAT_IDENTITY_H */
