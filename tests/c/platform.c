/*
 * The platform functions that the library brings along, as an application calls them.
 */
#include <string.h>

#include "check.h"
#include "iot_import.h"
#include "wrappers.h"

static void check_memory(void)
{
    unsigned char *memory = HAL_Calloc(4, 8);
    int i;

    CHECK(memory != NULL);
    for (i = 0; i < 32; i++) {
        CHECK_EQ(memory[i], 0);
    }
    memset(memory, 0x5a, 32);
    memory = HAL_Realloc(memory, 64);
    CHECK(memory != NULL);
    CHECK_EQ(memory[31], 0x5a);
    HAL_Free(memory);
    HAL_Free(NULL);
    memory = HAL_Malloc(0); /* the SDK asks for it, and takes NULL for "no memory" */
    CHECK(memory != NULL);
    HAL_Free(memory);
}

static void check_locks(void)
{
    void *mutex = HAL_MutexCreate();

    CHECK(mutex != NULL);
    HAL_MutexLock(mutex);
    HAL_MutexUnlock(mutex);
    HAL_MutexDestroy(mutex);
    HAL_MutexLock(NULL);
    HAL_MutexUnlock(NULL);
    HAL_MutexDestroy(NULL);
}

static int format(char *out, int size, const char *fmt, ...)
{
    va_list args;
    int length;

    va_start(args, fmt);
    length = HAL_Vsnprintf(out, size, fmt, args);
    va_end(args);
    return length;
}

static void check_text(void)
{
    char out[4];

    HAL_Printf("%s %d\n", "text", 1);
    CHECK_EQ(HAL_Snprintf(out, sizeof(out), "%d", 12345), 5);
    CHECK(strcmp(out, "123") == 0);
    CHECK_EQ(format(out, sizeof(out), "%s", "ab"), 2);
    CHECK(strcmp(out, "ab") == 0);
}

static void check_time_and_chance(void)
{
    uint64_t before = HAL_UptimeMs();
    uint32_t i;

    HAL_SleepMs(1);
    CHECK(HAL_UptimeMs() > before);
    HAL_Srandom(1);
    for (i = 1; i < 1000; i++) {
        CHECK(HAL_Random(i) < i);
    }
    (void)HAL_Random(0);
}

/* The longest strings, in buffers that end behind their terminators. */
static void check_identity(void)
{
    static char texts[4][IOTX_DEVICE_SECRET_LEN + 2];
    static const size_t limits[4] = {IOTX_PRODUCT_KEY_LEN, IOTX_PRODUCT_SECRET_LEN,
                                     IOTX_DEVICE_NAME_LEN, IOTX_DEVICE_SECRET_LEN};
    int (*const set[4])(char *) = {HAL_SetProductKey, HAL_SetProductSecret, HAL_SetDeviceName,
                                   HAL_SetDeviceSecret};
    int (*const get[4])(char *) = {HAL_GetProductKey, HAL_GetProductSecret, HAL_GetDeviceName,
                                   HAL_GetDeviceSecret};
    char *out;
    int i;

    for (i = 0; i < 4; i++) {
        memset(texts[i], 'a' + i, limits[i] + 1);
        CHECK(set[i](texts[i]) < 0);
        texts[i][limits[i]] = '\0';
        CHECK(set[i](texts[i]) >= 0);
        out = malloc(limits[i] + 1);
        CHECK(out != NULL);
        CHECK_EQ(get[i](out), limits[i]);
        CHECK(strcmp(out, texts[i]) == 0);
        free(out);
    }
    out = malloc(IOTX_DEVICE_ID_LEN + 1);
    CHECK(out != NULL);
    CHECK_EQ(HAL_GetDeviceID(out), IOTX_PRODUCT_KEY_LEN + 1 + IOTX_DEVICE_NAME_LEN);
    CHECK_EQ(HAL_GetPartnerID(out), 0);
    CHECK_EQ(HAL_GetModuleID(out), 0);
    CHECK_EQ(HAL_GetFirmwareVersion(out), 0);
    CHECK_EQ(HAL_GetFirmwareVesion(out), 0);
    free(out);
}

/* Sockets of the application's own, beside the library. Nothing is sent. */
static void check_udp(void)
{
    unsigned char received[8];
    char host[] = "127.0.0.1";
    intptr_t socket = HAL_UDP_create(host, 9);

    CHECK(socket >= 0);
    CHECK_EQ(HAL_UDP_readTimeout(socket, received, sizeof(received), 1), -2);
    CHECK_EQ(HAL_UDP_close_without_connect(socket), 0);
    socket = HAL_UDP_create_without_connect(NULL, 0);
    CHECK(socket >= 0);
    CHECK_EQ(HAL_UDP_connect(socket, host, 9), 0);
    HAL_UDP_close(socket);
    CHECK(HAL_UDP_create(NULL, 9) < 0);
    CHECK(HAL_UDP_write(-1, received, 1) < 0);
    CHECK(HAL_UDP_readTimeout(-1, received, sizeof(received), 1) < 0);
    CHECK(HAL_UDP_close_without_connect(-1) < 0);
}

static void check_dtls(void)
{
    dtls_hooks_t hooks = {NULL, NULL};
    unsigned char byte = 0;
    unsigned int len = 1;

    CHECK_EQ(HAL_DTLSHooks_set(NULL), DTLS_INVALID_PARAM);
    CHECK_EQ(HAL_DTLSHooks_set(&hooks), DTLS_INVALID_PARAM);
    CHECK(HAL_DTLSSession_create(NULL) == NULL);
    CHECK(HAL_DTLSSession_write(NULL, &byte, &len) != DTLS_SUCCESS);
    len = 1;
    CHECK(HAL_DTLSSession_read(NULL, &byte, &len, 1) != DTLS_SUCCESS);
    CHECK(HAL_DTLSSession_free(NULL) != DTLS_SUCCESS);
}

int main(void)
{
    check_memory();
    check_locks();
    check_text();
    check_time_and_chance();
    check_identity();
    check_udp();
    check_dtls();
    return EXIT_SUCCESS;
}
