/*
 * The default key-value store and firmware storage: what they hold outlives the process.
 */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "iot_import.h"

static char s_directory[] = "/tmp/iotx-storage.XXXXXX";
static char s_path[sizeof(s_directory) + 32];

static const char *in_directory(const char *name)
{
    snprintf(s_path, sizeof(s_path), "%s/%s", s_directory, name);
    return s_path;
}

/* In a process of its own, which then ends without any clean-up. */
static void check_in_another_process(void (*check)(void))
{
    int status = -1;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        check();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void set_values(void)
{
    const unsigned char binary[] = {0, 255, 0, 7};

    CHECK_EQ(HAL_Kv_Set("name", "first", 5, 1), 0);
    CHECK_EQ(HAL_Kv_Set("name", "second", 6, 1), 0);
    CHECK_EQ(HAL_Kv_Set("binary", binary, sizeof(binary), 0), 0);
}

static void check_store(void)
{
    char buffer[16];
    int len = sizeof(buffer);

    CHECK(HAL_Kv_Get("name", buffer, &len) < 0);
    CHECK_EQ(len, sizeof(buffer));
    check_in_another_process(set_values);
    CHECK_EQ(HAL_Kv_Get("name", buffer, &len), 0);
    CHECK_EQ(len, 6);
    CHECK(memcmp(buffer, "second", 6) == 0);

    /* A buffer without room stays as it is; so does its length. */
    len = 3;
    memset(buffer, 'x', sizeof(buffer));
    CHECK(HAL_Kv_Get("binary", buffer, &len) < 0);
    CHECK_EQ(len, 3);
    CHECK_EQ(buffer[0], 'x');
    len = 4;
    CHECK_EQ(HAL_Kv_Get("binary", buffer, &len), 0);
    CHECK_EQ(len, 4);
    CHECK(memcmp(buffer, "\0\377\0\007x", 5) == 0);

    CHECK_EQ(HAL_Kv_Del("name"), 0);
    CHECK_EQ(HAL_Kv_Del("name"), 0);
    CHECK(HAL_Kv_Get("name", buffer, &len) < 0);
    CHECK_EQ(HAL_Kv_Erase_All(), 0);
    CHECK(HAL_Kv_Get("binary", buffer, &len) < 0);

    CHECK(HAL_Kv_Set(NULL, "x", 1, 0) < 0);
    CHECK(HAL_Kv_Set("", "x", 1, 0) < 0);
    CHECK(HAL_Kv_Set("k", NULL, 1, 0) < 0);
    CHECK(HAL_Kv_Set("k", "x", -1, 0) < 0);
    CHECK(HAL_Kv_Get(NULL, buffer, &len) < 0);
    CHECK(HAL_Kv_Get("k", NULL, &len) < 0);
    CHECK(HAL_Kv_Get("k", buffer, NULL) < 0);
    CHECK(HAL_Kv_Del(NULL) < 0);
}

/* Where nothing can be written, nothing is said to have been. */
static void check_unusable_path(void)
{
    char buffer[4];
    int len = sizeof(buffer);

    CHECK_EQ(setenv("IOTX_KV_FILE", "/dev/null/kv", 1), 0);
    CHECK(HAL_Kv_Set("k", "x", 1, 0) < 0);
    CHECK(HAL_Kv_Get("k", buffer, &len) < 0);
    CHECK(HAL_Kv_Erase_All() < 0);
}

static long size_of(const char *name)
{
    struct stat status;

    return stat(in_directory(name), &status) == 0 ? (long)status.st_size : -1;
}

static void check_firmware(void)
{
    char part[] = "firmware";

    /* Nobody has said where to. */
    CHECK_EQ(unsetenv("IOTX_FIRMWARE_FILE"), 0);
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(part, 8) < 0);
    CHECK(HAL_Firmware_Persistence_Stop() < 0);

    CHECK_EQ(setenv("IOTX_FIRMWARE_FILE", in_directory("image"), 1), 0);
    HAL_Firmware_Persistence_Start();
    CHECK_EQ(HAL_Firmware_Persistence_Write(part, 8), 0);
    CHECK_EQ(size_of("image"), -1); /* not before it is whole */
    HAL_Firmware_Persistence_Start();
    CHECK_EQ(HAL_Firmware_Persistence_Write(part, 4), 0);
    CHECK_EQ(HAL_Firmware_Persistence_Write(part, 0), 0);
    CHECK_EQ(HAL_Firmware_Persistence_Write(part + 4, 1), 0);
    CHECK_EQ(HAL_Firmware_Persistence_Stop(), 0);
    CHECK_EQ(size_of("image"), 5);
    CHECK(HAL_Firmware_Persistence_Stop() < 0);

    /* A failed write gives the whole firmware up. */
    HAL_Firmware_Persistence_Start();
    CHECK(HAL_Firmware_Persistence_Write(NULL, 1) < 0);
    CHECK(HAL_Firmware_Persistence_Write(part, 1) < 0);
    CHECK(HAL_Firmware_Persistence_Stop() < 0);
    CHECK_EQ(size_of("image"), 5);
}

int main(void)
{
    CHECK(mkdtemp(s_directory) != NULL);
    CHECK_EQ(setenv("IOTX_KV_FILE", in_directory("state/kv"), 1), 0);
    check_store();
    check_firmware();
    check_unusable_path();

    CHECK_EQ(unlink(in_directory("image")), 0);
    CHECK_EQ(unlink(in_directory("state/kv")), 0);
    CHECK_EQ(unlink(in_directory("state/kv.lock")), 0);
    CHECK_EQ(rmdir(in_directory("state")), 0);
    (void)unlink(in_directory("image.part"));
    CHECK_EQ(rmdir(s_directory), 0);
    return 0;
}
