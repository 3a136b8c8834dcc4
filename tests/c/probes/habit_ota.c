/*
 * The SDK's example of a firmware update over CoAP, releases 2.01 to 2.30: reports its version until
 * the cloud orders another one, fetches that in pieces, and checks it. From 2.1 on the identity comes
 * from the platform, and the device info is assigned under its other name without a cast.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <stdarg.h>

#include "iot_import.h"
#include "iot_export.h"

#include "../check.h"
#ifdef PROBE_PLATFORM_IDENTITY
#include "identity_hal.h"
#else
#include "identity_macros.h"
#endif

/* Declared by the example itself, and not called. */
extern int iotx_get_well_known(iotx_coap_context_t *p_context);

#define OTA_BUF_LEN 5000
#define MOST_TURNS 100

/* Fetches all of the image into `file`; returns whether it is the one that was ordered. */
static uint32_t fetch(iotx_coap_context_t *p_ctx, void *ota, FILE *file)
{
    char buf[OTA_BUF_LEN];
    char version[128], md5sum[33];
    uint32_t fetched = 0, size = 0, percent = 0, last_percent = 0, firmware_valid = 0;

    do {
        int len = IOT_OTA_FetchYield(ota, buf, OTA_BUF_LEN, 1);

        CHECK(len >= 0);
        CHECK_EQ(fwrite(buf, 1, (size_t)len, file), len);

        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FETCHED_SIZE, &fetched, 4), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_FILE_SIZE, &size, 4), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_MD5SUM, md5sum, sizeof(md5sum)), 0);
        CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_VERSION, version, sizeof(version)), 0);
        CHECK(fetched <= size && size > OTA_BUF_LEN);
        CHECK_EQ(strlen(md5sum), 32);
        CHECK(strcmp(version, "iotx_ver_2.0.0") == 0);

        percent = fetched * 100 / size;
        if (percent > last_percent) {
            CHECK_EQ(IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, NULL), 0);
            CHECK_EQ(IOT_OTA_ReportProgress(ota, (IOT_OTA_Progress_t)percent, "hello"), 0);
            last_percent = percent;
        }
        IOT_CoAP_Yield(p_ctx);
    } while (!IOT_OTA_IsFetchFinish(ota));

    CHECK_EQ(ftell(file), size);
    CHECK_EQ(IOT_OTA_Ioctl(ota, IOT_OTAG_CHECK_FIRMWARE, &firmware_valid, 4), 0);
    if (!firmware_valid) {
        IOT_OTA_ReportProgress(ota, IOT_OTAP_FETCH_FAILED, NULL);
    }
    return firmware_valid;
}

int main(void)
{
    iotx_coap_config_t config;
    iotx_deviceinfo_t devinfo;
    iotx_coap_context_t *p_ctx;
    FILE *file = tmpfile();
    void *ota;
    int turn;

    IOT_OpenLog("ota_coap");
    IOT_SetLogLevel(IOT_LOG_DEBUG);
#ifdef PROBE_PLATFORM_IDENTITY
    give_identity_to_platform();
#endif
    CHECK(file != NULL);
    CHECK_EQ(iotx_set_devinfo(&devinfo), IOTX_SUCCESS);
    memset(&config, 0, sizeof(config)); /* wait_time_ms stays 0 */
    config.p_devinfo = &devinfo;
    config.p_url = (char *)"coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683";

    p_ctx = IOT_CoAP_Init(&config);
    CHECK(p_ctx != NULL);
    IOT_CoAP_DeviceNameAuth(p_ctx);
    ota = IOT_OTA_Init(devinfo.product_key, devinfo.device_name, p_ctx);
    CHECK(ota != NULL);

    for (turn = 0; turn < MOST_TURNS && !IOT_OTA_IsFetching(ota); turn++) {
        CHECK_EQ(IOT_OTA_ReportVersion(ota, "iotx_ver_1.0.0"), 0);
        IOT_CoAP_Yield(p_ctx);
        HAL_SleepMs(1); /* the example says 2000 */
    }
    CHECK(IOT_OTA_IsFetching(ota));
    CHECK_EQ(fetch(p_ctx, ota, file), 1);

    CHECK_EQ(IOT_OTA_Deinit(ota), 0);
    IOT_CoAP_Deinit(&p_ctx);
    IOT_CloseLog();
    fclose(file);
    HAL_Printf("fetched and right\r\n");
    return EXIT_SUCCESS;
}
