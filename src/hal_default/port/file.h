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

/* A variable of the environment that says where files lie; NULL if it is not set, or empty. In a program with privileges that
 * its caller lacks (set-uid, say) none is: it would write to whatever file its caller likes. */
const char *iotx_hal_default_variable(const char *name);

/* Joins `first` and `second` in `path`, of PATH_MAX bytes. 0; -1 if they do not fit. */
int iotx_hal_default_join(char *path, const char *first, const char *second);

/* Writes all of `data`. 0, or -1 and errno. */
int iotx_hal_default_write_all(int fd, const void *data, size_t len);

/* Makes a file that only its owner may read, new even if there was one with that name: what lies there, a left-over or
 * somebody's trap, is neither written to nor followed. The descriptor, or -1 and errno. */
int iotx_hal_default_new_file(const char *path);

/* Waits until the name of an existing file or directory has reached the medium. 0, or -1 and errno. */
int iotx_hal_default_sync_name(const char *path);

/* Renames `from`, open as `fd`, to `to`: after a power cut there is the old file or the new one, whole. With `sync`, it
 * is the new one from the return on. 0, or -1 and errno; it may be in place then all the same. */
int iotx_hal_default_put_in_place(int fd, const char *from, const char *to, int sync);

#endif
