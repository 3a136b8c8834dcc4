#define _POSIX_C_SOURCE 200809L

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

const char *iotx_hal_default_variable(const char *name)
{
    const char *value = getauxval(AT_SECURE) != 0 ? NULL : getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

int iotx_hal_default_join(char *path, const char *first, const char *second)
{
    int len = snprintf(path, PATH_MAX, "%s%s", first, second);

    return len >= 0 && len < PATH_MAX ? 0 : -1;
}

int iotx_hal_default_write_all(int fd, const void *data, size_t len)
{
    const char *rest = data;

    while (len > 0) {
        ssize_t written = write(fd, rest, len);

        if (written > 0) {
            rest += written;
            len -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

int iotx_hal_default_new_file(const char *path)
{
    (void)unlink(path); /* if it cannot go, O_EXCL fails */
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

/* A name is on the medium once its directory is. */
int iotx_hal_default_sync_name(const char *path)
{
    char directory[PATH_MAX];
    char *slash;
    int result;
    int fd;

    if (iotx_hal_default_join(directory, path, "") != 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    slash = strrchr(directory, '/');
    if (slash == NULL) {
        strcpy(directory, ".");
    } else {
        slash[slash == directory] = '\0';
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    result = fsync(fd);
    if (result != 0 && errno == EINVAL) {
        result = 0; /* a file system that has no such thing */
    }
    (void)close(fd);
    return result;
}

int iotx_hal_default_put_in_place(int fd, const char *from, const char *to, int sync)
{
    /* Also without `sync`: many file systems would otherwise carry out the rename first, and an empty file would be in
     * place after a power cut. */
    if (fsync(fd) != 0 || rename(from, to) != 0) {
        return -1;
    }
    return sync ? iotx_hal_default_sync_name(to) : 0;
}
