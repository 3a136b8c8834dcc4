/*
 * The symbols that the CoAP example of SDK 2.1 uses, and the names it defines itself.
 */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "iot_import.h"
#include "iot_export.h"

/* As the examples do: the application's own names, some with external linkage. */
#define IOTX_PRODUCT_KEY "a1B2c3D4e5F"
#define IOTX_DEVICE_NAME "dev01"
#define IOTX_DEVICE_ID "a1B2c3D4e5F.dev01"
#define IOTX_DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_DAILY_DTLS_SERVER_URI "coaps://iot-as-coap.alibaba.net:5684"

#define DEVICE_INFO iotx_device_info_t
#define PRINT HAL_Printf
#include "session.h"

int m_coap_client_running = 0;

int iotx_set_devinfo(iotx_deviceinfo_t *p_devinfo)
{
    if (NULL == p_devinfo) {
        return IOTX_ERR_INVALID_PARAM;
    }
    memset(p_devinfo, 0x00, sizeof(iotx_deviceinfo_t));
    HAL_GetProductKey(p_devinfo->product_key);
    HAL_GetDeviceName(p_devinfo->device_name);
    HAL_GetDeviceSecret(p_devinfo->device_secret);
    HAL_GetDeviceID(p_devinfo->device_id);
    return IOTX_SUCCESS;
}

void show_usage(void)
{
    PRINT("usage: -e online|pre, -s dtls, -l\r\n");
}

static void parse_options(int argc, char **argv, const char *letters)
{
    int opt;

    while ((opt = getopt(argc, argv, letters)) != -1) {
        switch (opt) {
        case 'l':
            m_coap_client_running = 1;
            break;
        case 'h':
            show_usage();
            break;
        default:
            break;
        }
    }
}

int main(int argc, char **argv)
{
    char product_key[PRODUCT_KEY_LEN + 1] = {0};
    char device_name[DEVICE_NAME_LEN + 1] = {0};
    char url[256] = {0};
    iotx_deviceinfo_t deviceinfo;

    IOT_OpenLog("coap");
    IOT_SetLogLevel(IOT_LOG_DEBUG);

    parse_options(argc, argv, "e:s:lh");
    HAL_SetProductKey((char *)IOTX_PRODUCT_KEY);
    HAL_SetDeviceName((char *)IOTX_DEVICE_NAME);
    HAL_SetDeviceSecret((char *)IOTX_DEVICE_SECRET);
    HAL_GetProductKey(product_key);
    HAL_GetDeviceName(device_name);
    iotx_set_devinfo(&deviceinfo);

    run_session((char *)IOTX_PRE_DTLS_SERVER_URI, (iotx_device_info_t *)&deviceinfo, 3000,
                &m_coap_client_running);
    run_session((char *)IOTX_PRE_NOSEC_SERVER_URI, (iotx_device_info_t *)&deviceinfo, 3000,
                &m_coap_client_running);
    run_session((char *)IOTX_DAILY_DTLS_SERVER_URI, (iotx_device_info_t *)&deviceinfo, 3000,
                &m_coap_client_running);
    snprintf(url, sizeof(url), IOTX_ONLINE_DTLS_SERVER_URL, product_key);
    run_session(url, (iotx_device_info_t *)&deviceinfo, 3000, &m_coap_client_running);

    IOT_CloseLog();
    return 0;
}
