/*
 * The default storage when things go wrong: a power cut, a full disk, a process forked in the middle, files that
 * somebody else has laid there, a HAL_Printf that stores its lines.
 *
 * Some functions of the C library are replaced here, so that what can happen between two steps of the library happens
 * in every run.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "iot_export.h"
#include "iot_import.h"

/* Only a failing test, one that waits for ever, lasts so long. */
#define BOUND_S 60

static char s_directory[] = "/tmp/iotx-hostile.XXXXXX";
static char s_path[sizeof(s_directory) + 32];

static const char *in_directory(const char *name)
{
    snprintf(s_path, sizeof(s_path), "%s/%s", s_directory, name);
    return s_path;
}

/* ---- replaced functions ------------------------------------------------------------------------ */

static int s_lines;
static void (*s_on_line)(void); /* what HAL_Printf does besides counting */

void HAL_Printf(const char *fmt, ...)
{
    (void)fmt;
    s_lines++;
    CHECK(s_lines < 1000); /* a line that causes a line that causes a line */
    if (s_on_line != NULL) {
        s_on_line();
    }
}

static int s_synced_names;   /* directories, ever */
static int s_synced;         /* files, since the last rename */
static int s_renamed_synced; /* whether the last file renamed was synced before */
static int s_sync_error;     /* what fsync fails with, on directories */
static pid_t s_child;        /* made by the next rename if -1 */
static int s_let_child_end[2];

int fsync(int fd)
{
    struct stat status;

    CHECK_EQ(fstat(fd, &status), 0);
    if (S_ISDIR(status.st_mode) && s_sync_error != 0) {
        errno = s_sync_error;
        return -1;
    }
    s_synced += S_ISREG(status.st_mode) ? 1 : 0;
    s_synced_names += S_ISDIR(status.st_mode) ? 1 : 0;
    return 0;
}

int rename(const char *from, const char *to)
{
    s_renamed_synced = s_synced > 0;
    s_synced = 0;
    if (s_child == -1) {
        s_child = fork();
        CHECK(s_child >= 0);
        if (s_child == 0) {
            char end;

            (void)close(s_let_child_end[1]);
            _exit(read(s_let_child_end[0], &end, 1) == 0 ? 0 : 1);
        }
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* ---- the key-value store ----------------------------------------------------------------------- */

static mode_t mode_of(const char *name)
{
    struct stat status;

    CHECK_EQ(stat(in_directory(name), &status), 0);
    return status.st_mode & 0777;
}

static int exists(const char *name)
{
    return access(in_directory(name), F_OK) == 0;
}

static void check_value(const char *key, const char *value)
{
    char buffer[16];
    int len = sizeof(buffer);

    CHECK_EQ(HAL_Kv_Get(key, buffer, &len), 0);
    CHECK_EQ(len, strlen(value));
    CHECK(memcmp(buffer, value, (size_t)len) == 0);
}

/* A file system may carry out a rename before it has written the file: after a power cut the store would be an empty
 * file, and every key in it lost. */
static void check_power_cut(void)
{
    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 0), 0);
    CHECK(s_renamed_synced);
    CHECK_EQ(HAL_Kv_Set("key", "other", 5, 1), 0);
    CHECK(s_renamed_synced);

    /* Some file systems cannot sync a directory. Others fail at it, and that counts. */
    s_sync_error = EINVAL;
    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 1), 0);
    s_sync_error = EIO;
    CHECK(HAL_Kv_Set("key", "value", 5, 1) < 0);
    s_sync_error = 0;
}

/* The first change makes the directories, which must be there after a power cut too. */
static void check_power_cut_after_first_change(void)
{
    CHECK_EQ(setenv("IOTX_KV_FILE", in_directory("new/newer/kv"), 1), 0);
    s_synced_names = 0;
    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 1), 0);
    CHECK_EQ(s_synced_names, 3);
    CHECK_EQ(unlink(in_directory("new/newer/kv")), 0);
    CHECK_EQ(unlink(in_directory("new/newer/kv.lock")), 0);
    CHECK_EQ(rmdir(in_directory("new/newer")), 0);
    CHECK_EQ(rmdir(in_directory("new")), 0);
    CHECK_EQ(setenv("IOTX_KV_FILE", in_directory("kv"), 1), 0);
}

/* What lies in the place of the new file, a left-over or a trap, is not written to. */
static void check_foreign_file(void)
{
    struct stat status;
    int fd = open(in_directory("kv.new"), O_RDWR | O_CREAT | O_EXCL, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(HAL_Kv_Set("secret", "s", 1, 1), 0);
    CHECK_EQ(mode_of("kv"), 0600);
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK_EQ(status.st_size, 0);
    CHECK_EQ(close(fd), 0);

    CHECK_EQ(symlink("/dev/null", in_directory("kv.new")), 0);
    CHECK_EQ(HAL_Kv_Set("secret", "t", 1, 0), 0);
    check_value("secret", "t");
}

/* A full disk: an error, the old content, and no half-written file that keeps it full. */
static void check_full_disk(void)
{
    static char big[64 * 1024];
    struct rlimit before;
    struct rlimit small;

    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 1), 0);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    small = before;
    small.rlim_cur = 4096;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    s_lines = 0;
    CHECK(HAL_Kv_Set("big", big, sizeof(big), 1) < 0);
    CHECK_EQ(s_lines, 1);
    CHECK(!exists("kv.new"));
    check_value("key", "value");

    CHECK_EQ(setenv("IOTX_FIRMWARE_FILE", in_directory("image"), 1), 0);
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(big, sizeof(big)) < 0);
    CHECK(!exists("image.part"));
    CHECK(HAL_Firmware_Persistence_Stop() < 0);
    CHECK(!exists("image"));
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* The file that was named at the start counts, whatever the environment says later. */
static void check_firmware_target(void)
{
    char part[] = "firmware";

    CHECK_EQ(setenv("IOTX_FIRMWARE_FILE", in_directory("image"), 1), 0);
    HAL_Firmware_Persistence_Start();
    CHECK_EQ(HAL_Firmware_Persistence_Write(part, 8), 0);
    CHECK_EQ(setenv("IOTX_FIRMWARE_FILE", in_directory("other"), 1), 0);
    CHECK_EQ(HAL_Firmware_Persistence_Stop(), 0);
    CHECK(exists("image") && !exists("other"));
    CHECK_EQ(unlink(in_directory("image")), 0);
}

/* A child that was forked while the store was locked does not keep it locked. */
static void check_fork(void)
{
    int status = -1;

    CHECK_EQ(pipe(s_let_child_end), 0);
    s_child = -1;
    CHECK_EQ(HAL_Kv_Set("key", "first", 5, 0), 0);
    CHECK(s_child > 0);
    CHECK_EQ(HAL_Kv_Set("key", "second", 6, 0), 0);
    check_value("key", "second");
    CHECK_EQ(close(s_let_child_end[1]), 0);
    CHECK_EQ(waitpid(s_child, &status, 0), s_child);
    CHECK_EQ(status, 0);
    CHECK_EQ(close(s_let_child_end[0]), 0);
}

/* ---- a HAL_Printf that calls back -------------------------------------------------------------- */

static void store_the_line(void)
{
    CHECK_EQ(HAL_Kv_Set("log", "line", 4, 0), 0);
}

static void use_the_firmware_file(void)
{
    HAL_Firmware_Persistence_Start();
}

static void check_printing_that_calls_back(void)
{
    static char big[1 << 20];

    s_lines = 0;
    s_on_line = store_the_line;
    CHECK(HAL_Kv_Set("big", big, sizeof(big), 0) < 0);
    CHECK_EQ(s_lines, 1);
    check_value("log", "line");

    CHECK_EQ(unsetenv("IOTX_FIRMWARE_FILE"), 0);
    s_on_line = use_the_firmware_file;
    CHECK(HAL_Firmware_Persistence_Write(big, 1) < 0);
    s_on_line = NULL;
}

int main(void)
{
    (void)alarm(BOUND_S);
    CHECK(mkdtemp(s_directory) != NULL);
    CHECK_EQ(setenv("IOTX_KV_FILE", in_directory("kv"), 1), 0);
    IOT_SetLogLevel(IOT_LOG_ERROR);

    check_power_cut();
    check_power_cut_after_first_change();
    check_foreign_file();
    check_full_disk();
    check_firmware_target();
    check_fork();
    check_printing_that_calls_back();

    CHECK_EQ(unlink(in_directory("kv")), 0);
    CHECK_EQ(unlink(in_directory("kv.lock")), 0);
    CHECK_EQ(rmdir(s_directory), 0);
    return 0;
}
