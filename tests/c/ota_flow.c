/*
 * Firmware updates as the SDK's OTA-over-CoAP examples do them, in every mode; handles that end at
 * every point of an update; and a log that asks about the update it tells of.
 */
#include <stdarg.h>
#include <string.h>

#include "check.h"
#include "device.h"

/* The examples declare it themselves. */
extern int iotx_get_well_known(iotx_coap_context_t *p_context);

#define OTA_BUF_LEN 5000
#define VERSION "1.0"
#define ROUNDS 1000 /* far more than any of this takes */

/* The handle that every log line asks about, or NULL. */
static void *asked_by_log;

/* The program's own, in place of the library's. */
void HAL_Printf(const char *fmt, ...)
{
    uint32_t size;
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    if (asked_by_log != NULL && IOT_OTA_IsFetching(asked_by_log)) {
        CHECK_EQ(IOT_OTA_Ioctl(asked_by_log, IOT_OTAG_FILE_SIZE, &size, 4), 0);
    }
}

/* The image that the cloud offers (ota_cloud.sh). */
typedef struct {
    char bytes[200000];
    size_t len;
} image_t;

static void read_image(image_t *image)
{
    const char *name = getenv("OTA_IMAGE");
    FILE *file;

    CHECK(name != NULL);
    file = fopen(name, "rb");
    CHECK(file != NULL);
    image->len = fread(image->bytes, 1, sizeof(image->bytes), file);
    CHECK(image->len > OTA_BUF_LEN && image->len < sizeof(image->bytes));
    fclose(file);
}

/* A handle whose names are gone after the call. */
static void *ota_open(iotx_coap_context_t *client)
{
    iotx_device_info_t info;
    void *ota;

    device_info(&info, 1);
    ota = IOT_OTA_Init(info.product_key, info.device_name, client);
    memset(&info, 0xff, sizeof(info));
    CHECK(ota != NULL);
    CHECK_EQ(IOT_OTA_IsFetching(ota), 0);
    CHECK_EQ(IOT_OTA_IsFetchFinish(ota), 0);
    return ota;
}

static void await_order(iotx_coap_context_t *client, void *ota)
{
    int round;

    for (round = 0; round < ROUNDS && !IOT_OTA_IsFetching(ota); round++) {
        CHECK_EQ(IOT_OTA_ReportVersion(ota, VERSION), 0);
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }
    CHECK_EQ(IOT_OTA_IsFetching(ota), 1);
}

static void update(const char *url, const image_t *image)
{
    static char fetched_image[sizeof(image->bytes)];
    char buffer[OTA_BUF_LEN], md5[33], version[128];
    iotx_coap_context_t *client = device_start(1, url);
    void *ota = ota_open(client);
    size_t len = 0;
    uint32_t fetched = 0, size = 0, genuine = 2;
    int last_percent = -1, percent, got, round;

    asked_by_log = ota;
    await_order(client, ota);
    for (round = 0; round < ROUNDS && !IOT_OTA_IsFetchFinish(ota); round++) {
        got = IOT_OTA_FetchYield(ota, buffer, OTA_BUF_LEN, 1);
        CHECK(got >= 0 && got <= OTA_BUF_LEN);
        CHECK(len + (size_t)got <= image->len);
        memcpy(fetched_image + len, buffer, (size_t)got);
        len += (size_t)got;

        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FETCHED_SIZE, &fetched, 4), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &size, 4), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_MD5SUM, md5, sizeof(md5)), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, sizeof(version)), 0);
        CHECK_EQ(fetched, len);
        CHECK_EQ(size, image->len);
        CHECK_EQ(strlen(md5), 32);
        CHECK_EQ(strcmp(version, "1.1"), 0);

        percent = (int)(fetched * 100 / size);
        if (percent > last_percent) {
            last_percent = percent;
            CHECK_EQ(IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, NULL), 0);
            CHECK_EQ(IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, "hello"), 0);
        }
        CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS);
    }
    CHECK_EQ(IOT_OTA_IsFetchFinish(ota), 1);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &genuine, 4), 0);
    CHECK_EQ(genuine, 1);
    CHECK_EQ(len, image->len);
    CHECK_EQ(memcmp(fetched_image, image->bytes, len), 0);
    CHECK_EQ(IOT_OTA_FetchYield(ota, buffer, OTA_BUF_LEN, 1), IOT_OTAE_INVALID_STATE);
    CHECK_EQ(IOT_OTA_GetLastError(ota), IOT_OTAE_INVALID_STATE);

    asked_by_log = NULL;
    CHECK_EQ(iotx_get_well_known(client), IOTX_SUCCESS);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    IOT_CoAP_Deinit(&client);
}

/* Whatever is under way, nothing is left behind and nobody is called back. */
static void end_early(const char *url)
{
    iotx_coap_context_t *client = device_start(1, url);
    char buffer[OTA_BUF_LEN];
    void *ota;

    ota = ota_open(client);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    CHECK_EQ(IOT_OTA_Deinit(ota), IOT_OTAE_INVALID_PARAM);

    ota = ota_open(client);
    CHECK_EQ(IOT_OTA_ReportVersion(ota, VERSION), 0);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    CHECK_EQ(IOT_CoAP_Yield(client), IOTX_SUCCESS); /* the answers arrive */

    ota = ota_open(client);
    await_order(client, ota);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);

    ota = ota_open(client);
    await_order(client, ota);
    /* Left before or in the middle of the handshake, or with some bytes. */
    CHECK(IOT_OTA_FetchYield(ota, buffer, OTA_BUF_LEN, 0) >= 0);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);

    ota = ota_open(client);
    await_order(client, ota);
    CHECK(IOT_OTA_FetchYield(ota, buffer, 1, 20) == 1);
    CHECK_EQ(IOT_OTA_ReportVersion(ota, VERSION), 0);
    IOT_CoAP_Deinit(&client); /* with answers on their way, and before the handle */
    CHECK_EQ(IOT_OTA_ReportVersion(ota, VERSION), IOT_OTAE_GENERAL);
    CHECK_EQ(IOT_OTA_GetLastError(ota), IOT_OTAE_OSC_FAILED);
    CHECK_EQ(IOT_OTA_FetchYield(ota, buffer, OTA_BUF_LEN, 20), OTA_BUF_LEN);
    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
}

int main(void)
{
    const char *const urls[] = {PLAIN_URL, SYMMETRIC_URL, DTLS_URL};
    static image_t image;
    int descriptors;
    size_t i;

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    read_image(&image);
    /* What lives as long as the process is made in a first round. */
    update(DTLS_URL, &image);
    descriptors = device_descriptors();
    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        update(urls[i], &image);
        end_early(urls[i]);
        CHECK_EQ(device_descriptors(), descriptors);
    }
    return 0;
}
