/*
 * SDK 2.30: entered at linkkit_main(), sets the identity up with IOT_Ioctl and IOT_SetupConnInfo, and
 * uses the hosts under link.aliyuncs.com. Linked with app_entry.c.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "iot_import.h"
#include "iot_export.h"
#include "app_entry.h"

#define IOTX_PRODUCT_SECRET "0123456789abcdef"
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_ONLINE_NOSEC_SERVER_URL "coap://%s.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"
#define IOTX_DAILY_DTLS_SERVER_URI "coaps://11.239.164.238:5684"
#define IOTX_DAILY_PSK_SERVER_URI "coap-psk://10.101.83.159:5682"

#define PROBE_DEVINFO iotx_deviceinfo_t
#define PROBE_P_DEVINFO iotx_device_info_t
#define PROBE_PRINT HAL_Printf
#define PROBE_WAIT_TIME_MS 3000
#include "probe.h"
#include "identity_hal.h"

char g_product_key[PRODUCT_KEY_LEN + 1];
char g_product_secret[PRODUCT_SECRET_LEN + 1];
char g_device_name[DEVICE_NAME_LEN + 1];
char g_device_secret[DEVICE_SECRET_LEN + 1];

static const struct probe_release release = {
    .letters = "e:s:lhr",
    .environment = NULL,
    .security = "nosec",
    .topic = "/topic/%s/%s/update/",
    .first_report = 1,
    .report_interval = 10,
    .url_dangles = 1,
    .message_zeroed = 1,
    .servers = {
        {"pre", "dtls", IOTX_PRE_DTLS_SERVER_URI},
        {"pre", "psk", IOTX_PRE_PSK_SERVER_URI},
        {"pre", "nosec", IOTX_PRE_NOSEC_SERVER_URI},
        {"online", "dtls", IOTX_ONLINE_DTLS_SERVER_URL},
        {"online", "psk", IOTX_ONLINE_PSK_SERVER_URL},
        {"online", "nosec", IOTX_ONLINE_NOSEC_SERVER_URL},
        {"daily", "dtls", IOTX_DAILY_DTLS_SERVER_URI},
        {"daily", "psk", IOTX_DAILY_PSK_SERVER_URI},
    },
};

int linkkit_main(void *paras)
{
    app_main_paras_t *arguments = (app_main_paras_t *)paras;
    int dynamic_register = 0;

    IOT_SetLogLevel(IOT_LOG_DEBUG);
    give_identity_to_platform();
    HAL_GetProductKey(g_product_key);
    HAL_GetDeviceName(g_device_name);
    HAL_GetDeviceSecret(g_device_secret);
    IOT_Ioctl(IOTX_IOCTL_SET_DYNAMIC_REGISTER, (void *)&dynamic_register);
    if (IOT_SetupConnInfo(g_product_key, g_device_name, g_device_secret, NULL) == FAIL_RETURN) {
        PROBE_PRINT("set-up failed\r\n");
        return -1;
    }
    probe_run(&release, arguments->argc, arguments->argv);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    IOT_SetLogLevel(IOT_LOG_NONE);
    return 0;
}
