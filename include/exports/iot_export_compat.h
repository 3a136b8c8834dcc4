/*
 * Set-up interface of SDK 2.30: IOT_SetupConnInfo, IOT_Ioctl with its options and iotx_conn_info_t
 * are in iotx_coap.h, the regions in infra_defs.h.
 */
#ifndef IOT_EXPORT_COMPAT_H
#define IOT_EXPORT_COMPAT_H

#include "../infra_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Events of the MQTT client and the device model, numbered as in SDK 3.2.0. A CoAP client raises
 * none of them; the names are here for handlers that sources share between builds.
 */
typedef enum {
    ITE_AWSS_STATUS = 0,
    ITE_CONNECT_SUCC = 1,
    ITE_CONNECT_FAIL = 2,
    ITE_DISCONNECTED = 3,
    ITE_RAWDATA_ARRIVED = 4,
    ITE_SERVICE_REQUEST = 5,
    ITE_SERVICE_REQUST = ITE_SERVICE_REQUEST, /* SDK 2.30 */
    ITE_SERVICE_REQUEST_EXT = 6,
    ITE_PROPERTY_SET = 7,
    ITE_PROPERTY_GET = 8,
    ITE_REPORT_REPLY = 9,
    ITE_TRIGGER_EVENT_REPLY = 10,
    ITE_TIMESTAMP_REPLY = 11,
    ITE_TOPOLIST_REPLY = 12,
    ITE_PERMIT_JOIN = 13,
    ITE_INITIALIZE_COMPLETED = 14,
    ITE_FOTA = 15,
    ITE_FOTA_MODULE = 16,
    ITE_COTA = 17,
    ITE_MQTT_CONNECT_SUCC = 18,
    ITE_CLOUD_ERROR = 19,
    ITE_DYNREG_DEVICE_SECRET = 20,
    ITE_IDENTITY_RESPONSE = 21,
    ITE_BIND_EVENT = 22,
    ITE_STATE_EVERYTHING = 23,
    ITE_STATE_USER_INPUT = 24,
    ITE_STATE_SYS_DEPEND = 25,
    ITE_STATE_MQTT_COMM = 26,
    ITE_STATE_WIFI_PROV = 27,
    ITE_STATE_COAP_LOCAL = 28,
    ITE_STATE_HTTP_COMM = 29,
    ITE_STATE_OTA = 30,
    ITE_STATE_DEV_BIND = 31,
    ITE_STATE_DEV_MODEL = 32
} iotx_ioctl_event_t;

#ifdef __cplusplus
}
#endif

#endif /* IOT_EXPORT_COMPAT_H */
