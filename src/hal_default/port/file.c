#define _POSIX_C_SOURCE 200809L

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port.h"

void iotx_hal_default_complain(const char *function, const char *subject, const char *problem)
{
    char reason[80];
    char line[256];

    if (problem == NULL) {
        int number = errno;

        if (strerror_r(number, reason, sizeof(reason)) != 0) {
            (void)snprintf(reason, sizeof(reason), "error %d", number);
        }
        problem = reason;
    }
    /* The end of a long path tells more than its beginning. */
    if (strlen(subject) > sizeof(line) / 2) {
        subject += strlen(subject) - sizeof(line) / 2;
    }
    (void)snprintf(line, sizeof(line), "%s: %s", subject, problem);
    iotx_hal_default_report(function, line);
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

/* A name is on the medium once its directory is. */
static int sync_directory_of(const char *path)
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
    (void)close(fd);
    return result;
}

int iotx_hal_default_put_in_place(int fd, const char *from, const char *to, int sync)
{
    if (sync && fsync(fd) != 0) {
        return -1;
    }
    if (rename(from, to) != 0) {
        return -1;
    }
    return sync ? sync_directory_of(to) : 0;
}
