/*
 * The default key-value store and firmware storage: what they hold outlives the process.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
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

static void write_file(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(in_directory(name), "wb");

    CHECK(file != NULL);
    CHECK_EQ(fwrite(data, 1, len, file), len);
    CHECK_EQ(fclose(file), 0);
}

static mode_t mode_of(const char *name)
{
    struct stat status;

    CHECK_EQ(stat(in_directory(name), &status), 0);
    return status.st_mode & 0777;
}

static void check_secrecy(void)
{
    CHECK_EQ(HAL_Kv_Set("secret", "s", 1, 1), 0);
    CHECK_EQ(mode_of("state/kv"), 0600);
    CHECK_EQ(mode_of("state/kv.lock"), 0600);
    CHECK_EQ(mode_of("state"), 0700);
}

static void check_damage(void)
{
    unsigned char whole[64];
    char buffer[8];
    int len = sizeof(buffer);
    size_t size;
    size_t cut;
    FILE *file;

    CHECK_EQ(HAL_Kv_Erase_All(), 0);
    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 1), 0);
    file = fopen(in_directory("state/kv"), "rb");
    CHECK(file != NULL);
    size = fread(whole, 1, sizeof(whole), file);
    CHECK_EQ(fclose(file), 0);
    CHECK_EQ(size, 8 + 1 + 3 + 4 + 5);

    for (cut = 0; cut < size; cut++) {
        write_file("state/kv", whole, cut);
        CHECK(HAL_Kv_Get("key", buffer, &len) < 0);
        if (cut != 8) { /* all of an empty store */
            CHECK(HAL_Kv_Set("key", "v", 1, 0) < 0);
            CHECK(HAL_Kv_Del("key") < 0);
        }
    }
    write_file("state/kv", whole, size);
    CHECK_EQ(HAL_Kv_Get("key", buffer, &len), 0);
    whole[7] = 2; /* a format of the future */
    write_file("state/kv", whole, size);
    CHECK(HAL_Kv_Get("key", buffer, &len) < 0);
    CHECK_EQ(HAL_Kv_Erase_All(), 0);
    CHECK_EQ(HAL_Kv_Set("key", "value", 5, 0), 0);
}

static void check_limits(void)
{
    static char big[(1 << 20) + 1];
    char key[257];
    char buffer[4];
    int len = sizeof(buffer);

    memset(key, 'k', sizeof(key));
    key[256] = '\0';
    CHECK(HAL_Kv_Set(key, "v", 1, 0) < 0);
    CHECK_EQ(HAL_Kv_Set(key + 1, "v", 1, 0), 0);
    CHECK_EQ(HAL_Kv_Get(key + 1, buffer, &len), 0);
    CHECK_EQ(len, 1);
    CHECK_EQ(HAL_Kv_Set("empty", "", 0, 0), 0);
    CHECK_EQ(HAL_Kv_Get("empty", buffer, &len), 0);
    CHECK_EQ(len, 0);

    CHECK(HAL_Kv_Set("big", big, sizeof(big), 0) < 0);
    CHECK(HAL_Kv_Set("big", big, sizeof(big) - 100, 0) < 0); /* with the others */
    CHECK_EQ(HAL_Kv_Set("big", big, sizeof(big) - 1000, 0), 0);
    CHECK(HAL_Kv_Set("more", big, 1000, 0) < 0);
    len = sizeof(big);
    CHECK_EQ(HAL_Kv_Get("big", big, &len), 0);
    CHECK_EQ(len, sizeof(big) - 1000);
    CHECK_EQ(HAL_Kv_Erase_All(), 0);
}

#define WRITERS 4
#define WRITES 10

static void *write_some(void *arg)
{
    char key[16];
    int i;

    for (i = 0; i < WRITES; i++) {
        snprintf(key, sizeof(key), "%d/%d", *(int *)arg, i);
        CHECK_EQ(HAL_Kv_Set(key, key, (int)strlen(key), 0), 0);
    }
    return NULL;
}

/* Threads do not lose each other's changes, nor do processes. */
static void write_from_threads(void)
{
    pthread_t threads[WRITERS];
    int numbers[WRITERS];
    int i;

    for (i = 0; i < WRITERS; i++) {
        numbers[i] = (int)getpid() * WRITERS + i;
        CHECK_EQ(pthread_create(&threads[i], NULL, write_some, &numbers[i]), 0);
    }
    for (i = 0; i < WRITERS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

static void check_concurrency(void)
{
    pid_t children[2];
    char key[16];
    char value[16];
    int status;
    int child;
    int thread;
    int i;

    for (child = 0; child < 2; child++) {
        children[child] = fork();
        CHECK(children[child] >= 0);
        if (children[child] == 0) {
            write_from_threads();
            _exit(0);
        }
    }
    for (child = 0; child < 2; child++) {
        CHECK_EQ(waitpid(children[child], &status, 0), children[child]);
        CHECK_EQ(status, 0);
    }
    for (child = 0; child < 2; child++) {
        for (thread = 0; thread < WRITERS; thread++) {
            for (i = 0; i < WRITES; i++) {
                int len = sizeof(value);

                snprintf(key, sizeof(key), "%d/%d", (int)children[child] * WRITERS + thread, i);
                CHECK_EQ(HAL_Kv_Get(key, value, &len), 0);
                CHECK_EQ(len, strlen(key));
                CHECK(memcmp(value, key, (size_t)len) == 0);
            }
        }
    }
    CHECK_EQ(HAL_Kv_Erase_All(), 0);
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
    check_secrecy();
    check_damage();
    check_limits();
    check_concurrency();
    check_firmware();
    check_unusable_path();

    CHECK_EQ(unlink(in_directory("image")), 0);
    CHECK_EQ(unlink(in_directory("state/kv")), 0);
    CHECK_EQ(unlink(in_directory("state/kv.lock")), 0);
    CHECK_EQ(rmdir(in_directory("state")), 0);
    CHECK_EQ(rmdir(s_directory), 0);
    return 0;
}
