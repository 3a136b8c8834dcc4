/*
 * Values of the macros that the headers publish, newest release first where releases differ, and
 * the macros that no header may define.
 */
#include "iot_import.h"

#include "coap_api.h"
#include "coap_wrapper.h"
#include "infra_compat.h"
#include "iot_export.h"
#include "static_assert.h"
#include "wrappers.h"

#define VALUE(name, value) STATIC_ASSERT((name) == (value), #name)

/* Identity and paths */
VALUE(IOTX_PRODUCT_KEY_LEN, 20);
VALUE(IOTX_PRODUCT_SECRET_LEN, 64);
VALUE(IOTX_DEVICE_NAME_LEN, 32);
VALUE(IOTX_DEVICE_ID_LEN, 64);
VALUE(IOTX_DEVICE_SECRET_LEN, 64);
VALUE(IOTX_MODULE_LEN, 64);
VALUE(IOTX_URI_MAX_LEN, 135);
VALUE(IOTX_PARTNER_ID_LEN, 64);
VALUE(IOTX_MODULE_ID_LEN, 64);
VALUE(IOTX_NETWORK_IF_LEN, 160);
VALUE(IOTX_FIRMWARE_VER_LEN, 64);
VALUE(IOTX_FIRMWARE_VERSION_LEN, 32);
VALUE(IOTX_CUSTOMIZE_INFO_LEN, 80);
VALUE(IOTX_DOMAIN_MAX_LEN, 64);
VALUE(IOTX_HTTP_DOMAIN_NUMBER, 6);
VALUE(DEV_SIGN_HOSTNAME_MAXLEN, 64);
VALUE(DEV_SIGN_SOURCE_MAXLEN, 200);
VALUE(DEV_SIGN_CLIENT_ID_MAXLEN, 200);
VALUE(DEV_SIGN_USERNAME_MAXLEN, 64);
VALUE(DEV_SIGN_PASSWORD_MAXLEN, 65);

/* The same in SDK 2.x */
VALUE(PRODUCT_KEY_LEN, 20);
VALUE(PRODUCT_SECRET_LEN, 64);
VALUE(DEVICE_NAME_LEN, 32);
VALUE(DEVICE_ID_LEN, 64);
VALUE(DEVICE_SECRET_LEN, 64);
VALUE(MODULE_VENDOR_ID, 32);
VALUE(PRODUCT_KEY_MAXLEN, 21);
VALUE(PRODUCT_SECRET_MAXLEN, 65);
VALUE(DEVICE_NAME_MAXLEN, 33);
VALUE(DEVICE_ID_MAXLEN, 65);
VALUE(DEVICE_SECRET_MAXLEN, 65);
VALUE(FIRMWARE_VERSION_MAXLEN, 33);
VALUE(HAL_CID_LEN, 65);
VALUE(PID_STRLEN_MAX, 64);
VALUE(MID_STRLEN_MAX, 64);
VALUE(PID_STR_MAXLEN, 64);
VALUE(MID_STR_MAXLEN, 64);
VALUE(NIF_STRLEN_MAX, 160);
VALUE(MAC_ADDR_LEN_MAX, 10);
VALUE(HOST_ADDRESS_LEN, 128);
VALUE(HOST_PORT_LEN, 8);
VALUE(CLIENT_ID_LEN, 256);
VALUE(USER_NAME_LEN, 512);
VALUE(PASSWORD_LEN, 256);
VALUE(AESKEY_STR_LEN, 32);
VALUE(AESKEY_HEX_LEN, 16);

/* Platform */
VALUE(IOT_TRUE, 1);
VALUE(IOT_FALSE, 0);
VALUE(NETWORK_ADDR_LEN, 16);
VALUE(OTA_CH_FETCH_HTTP, 1);
VALUE(OTA_CH_SIGNAL_COAP, 1);
VALUE(OTA_CH_SIGNAL_MQTT, 0);
VALUE(ETH_ALEN, 6);
VALUE(HAL_MAC_LEN, 18);
VALUE(HAL_IP_LEN, 16);
VALUE(HAL_MAX_SSID_LEN, 33);
VALUE(HAL_MAX_PASSWD_LEN, 65);
VALUE(HAL_CONFIG_SIZE, 2048);
VALUE(STR_SHORT_LEN, 32);
VALUE(PLATFORM_WAIT_INFINITE, -1);
VALUE(AES_ENCRYPTION, 0);
VALUE(AES_DECRYPTION, 1);
VALUE(DTLS_ERROR_BASE, 0x1000000);
VALUE(DTLS_SUCCESS, 0);
VALUE(DTLS_INVALID_PARAM, 0x1000001);
VALUE(DTLS_INVALID_CA_CERTIFICATE, 0x1000002);
VALUE(DTLS_HANDSHAKE_IN_PROGRESS, 0x1000003);
VALUE(DTLS_HANDSHAKE_FAILED, 0x1000004);
VALUE(DTLS_FATAL_ALERT_MESSAGE, 0x1000005);
VALUE(DTLS_PEER_CLOSE_NOTIFY, 0x1000006);
VALUE(DTLS_SESSION_CREATE_FAILED, 0x1000007);
VALUE(DTLS_READ_DATA_FAILED, 0x1000008);

/* Firmware updates */
VALUE(OTA_CH_SIGNAL_MQTT, 0);
VALUE(OTA_CH_SIGNAL_COAP, 1);
VALUE(OTA_CH_FETCH_HTTP, 1);

/* Settings of the original's build */
VALUE(CONFIG_COAP_AUTH_TIMEOUT, 3000);
VALUE(CONFIG_GUIDER_AUTH_TIMEOUT, 10000);
VALUE(CONFIG_HTTP_AUTH_TIMEOUT, 5000);
VALUE(CONFIG_MID_HTTP_TIMEOUT, 5000);
VALUE(CONFIG_MBEDTLS_DEBUG_LEVEL, 0);
VALUE(CONFIG_RUNTIME_LOG_LEVEL, 2);
VALUE(CONFIG_BLDTIME_MUTE_DBGLOG, 0);
VALUE(CONFIG_DISPATCH_QUEUE_MAXLEN, 50);
VALUE(CONFIG_DISPATCH_PACKET_MAXCOUNT, 0);
VALUE(CONFIG_MSGCACHE_QUEUE_MAXLEN, 50);
VALUE(CONFIG_SDK_THREAD_COST, 0);

/* Other names of one value */
VALUE(IOT_LOG_EMERG, IOT_LOG_NONE);
VALUE(IOTX_IOCTL_SET_DOMAIN, IOTX_IOCTL_SET_REGION);
VALUE(IOTX_IOCTL_GET_DOMAIN, IOTX_IOCTL_GET_REGION);
VALUE(IOTX_CLOUD_DOMAIN_GER, IOTX_CLOUD_REGION_GERMANY);

/* Text: the terminator counts. */
STATIC_ASSERT(sizeof(IOTX_SDK_VERSION) == sizeof("3.2.0"), "IOTX_SDK_VERSION");
STATIC_ASSERT(sizeof(IOTX_SDK_REVISION) ==
                  sizeof("20200603.ota-fix-wrong-device-secret-issue-in-ota-demo"),
              "IOTX_SDK_REVISION");
STATIC_ASSERT(sizeof(IOTX_ALINK_VERSION) == sizeof("20"), "IOTX_ALINK_VERSION");
STATIC_ASSERT(sizeof(LINKKIT_VERSION) == sizeof("2.3.0"), "LINKKIT_VERSION");

/* Empty: nothing stands before the struct's name. */
DLL_IOT_API DLL_HAL_API _IN_ _OU_ _IN_OPT_ being_deprecated struct annotations_are_empty;

/* As printf. */
void report_from_a_port(int code);
void report_from_a_port(int code)
{
    DTLS_ERR("handshake: %d\r\n", code);
    DTLS_ERR("no memory\r\n");
}

/* Defined by the applications themselves. */
#if defined(IOTX_PRODUCT_KEY) || defined(IOTX_DEVICE_NAME) || defined(IOTX_DEVICE_SECRET) ||       \
    defined(IOTX_DEVICE_ID) || defined(IOTX_PRODUCT_SECRET)
#error "the application's identity"
#endif
#if defined(IOTX_PRE_DTLS_SERVER_URI) || defined(IOTX_PRE_NOSEC_SERVER_URI) ||                     \
    defined(IOTX_PRE_PSK_SERVER_URI) || defined(IOTX_ONLINE_DTLS_SERVER_URL) ||                    \
    defined(IOTX_ONLINE_NOSEC_SERVER_URL) || defined(IOTX_ONLINE_PSK_SERVER_URL) ||                \
    defined(IOTX_DAILY_DTLS_SERVER_URI) || defined(IOTX_DAILY_PSK_SERVER_URI)
#error "the application's servers"
#endif

/* Functions in one release and macros in another: functions here. */
#if defined(HAL_Printf) || defined(IOT_OpenLog) || defined(IOT_CloseLog)
#error "a macro hides a function"
#endif

/* Breaks __attribute__((deprecated)). */
#ifdef deprecated
#error "an attribute's name"
#endif

/* Names that the examples give to functions and objects of their own, with external linkage. Types
 * that no header would use show that none of them is declared. */
struct application_name {
    int unused;
};
extern struct application_name iotx_set_devinfo, iotx_get_devinfo, show_usage;
extern struct application_name m_coap_client_running, m_coap_reconnect;
extern struct application_name g_product_key, g_product_secret, g_device_name, g_device_secret;
