/*
 * Files that are there as a whole or not at all, for what must survive a restart.
 */
#ifndef IOTX_HAL_DEFAULT_FILE_H
#define IOTX_HAL_DEFAULT_FILE_H

#include <limits.h>
#include <stddef.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* Logs that `function` failed at `subject`: with `problem`, or with what errno means if that is NULL. */
void iotx_hal_default_complain(const char *function, const char *subject, const char *problem);

/* Joins `first` and `second` in `path`, of PATH_MAX bytes. 0; -1 if they do not fit. */
int iotx_hal_default_join(char *path, const char *first, const char *second);

/* Writes all of `data`. 0, or -1 and errno. */
int iotx_hal_default_write_all(int fd, const void *data, size_t len);

/* Renames `from` to `to`. With `sync`, the open file `fd` with that name, and the new name, have reached
 * the medium on return. 0, or -1 and errno. */
int iotx_hal_default_put_in_place(int fd, const char *from, const char *to, int sync);

#endif
