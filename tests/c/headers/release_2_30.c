/*
 * The symbols that the CoAP example of SDK 2.30 uses, and the names it defines itself.
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

#define IOTX_PRODUCT_KEY "a1B2c3D4e5F"
#define IOTX_PRODUCT_SECRET "0123456789abcdef"
#define IOTX_DEVICE_NAME "dev01"
#define IOTX_DEVICE_SECRET "0123456789abcdef0123456789ABCDEF"
#define IOTX_PRE_DTLS_SERVER_URI "coaps://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5684"
#define IOTX_PRE_NOSEC_SERVER_URI "coap://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_PRE_PSK_SERVER_URI "coap-psk://pre.iot-as-coap.cn-shanghai.aliyuncs.com:5683"
#define IOTX_ONLINE_DTLS_SERVER_URL "coaps://%s.coap.cn-shanghai.link.aliyuncs.com:5684"
#define IOTX_ONLINE_NOSEC_SERVER_URL "coap://%s.coap.cn-shanghai.link.aliyuncs.com:5683"
#define IOTX_ONLINE_PSK_SERVER_URL "coap-psk://%s.coap.cn-shanghai.link.aliyuncs.com:5682"

char g_product_key[PRODUCT_KEY_LEN + 1] = {0};
char g_product_secret[PRODUCT_SECRET_LEN + 1] = {0};
char g_device_name[DEVICE_NAME_LEN + 1] = {0};
char g_device_secret[DEVICE_SECRET_LEN + 1] = {0};

#define DEVICE_INFO iotx_device_info_t
#define PRINT HAL_Printf
#include "session.h"

int m_coap_client_running = 0;
int m_coap_reconnect = 0;

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
        case 'r':
            m_coap_reconnect = 1;
            break;
        case 'h':
            show_usage();
            break;
        default:
            break;
        }
    }
}

int linkkit_main(void *paras)
{
    app_main_paras_t *p = (app_main_paras_t *)paras;
    char *formats[] = {(char *)IOTX_ONLINE_DTLS_SERVER_URL, (char *)IOTX_ONLINE_NOSEC_SERVER_URL,
                       (char *)IOTX_ONLINE_PSK_SERVER_URL, (char *)IOTX_PRE_DTLS_SERVER_URI,
                       (char *)IOTX_PRE_NOSEC_SERVER_URI,  (char *)IOTX_PRE_PSK_SERVER_URI};
    char url[256] = {0};
    int post_default_reply = 0;
    iotx_deviceinfo_t deviceinfo;
    size_t i;

    parse_options(p->argc, p->argv, "e:s:lhr");

    HAL_SetProductKey((char *)IOTX_PRODUCT_KEY);
    HAL_SetProductSecret((char *)IOTX_PRODUCT_SECRET);
    HAL_SetDeviceName((char *)IOTX_DEVICE_NAME);
    HAL_SetDeviceSecret((char *)IOTX_DEVICE_SECRET);
    HAL_GetProductKey(g_product_key);
    HAL_GetDeviceName(g_device_name);
    HAL_GetDeviceSecret(g_device_secret);
    IOT_SetLogLevel(IOT_LOG_DEBUG);

    IOT_Ioctl(IOTX_IOCTL_SET_DYNAMIC_REGISTER, (void *)&post_default_reply);
    if (IOT_SetupConnInfo(g_product_key, g_device_name, g_device_secret, NULL) == FAIL_RETURN) {
        return -1;
    }
    iotx_set_devinfo(&deviceinfo);

    do {
        for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            const char *percent = strchr(formats[i], '%');

            if (percent == NULL) {
                snprintf(url, sizeof(url), "%s", formats[i]);
            } else {
                snprintf(url, sizeof(url), "%.*s%s%s", (int)(percent - formats[i]), formats[i],
                         g_product_key, percent + 2);
            }
            run_session(url, (iotx_device_info_t *)&deviceinfo, 3000, &m_coap_client_running);
        }
    } while (m_coap_reconnect-- > 0);

    IOT_SetLogLevel(IOT_LOG_NONE);
    IOT_DumpMemoryStats(IOT_LOG_DEBUG);
    return 0;
}
