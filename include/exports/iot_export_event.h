/*
 * Events of Wi-Fi provisioning and of the MQTT connection. A CoAP client posts none of them.
 */
#ifndef IOT_EXPORT_EVENT_H
#define IOT_EXPORT_EVENT_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    /* Wi-Fi provisioning */
    IOTX_AWSS_START = 0x1000,
    IOTX_AWSS_ENABLE,
    IOTX_AWSS_LOCK_CHAN,
    IOTX_AWSS_CS_ERR,
    IOTX_AWSS_PASSWD_ERR,
    IOTX_AWSS_GOT_SSID_PASSWD,
    IOTX_AWSS_CONNECT_ADHA,
    IOTX_AWSS_CONNECT_ADHA_FAIL,
    IOTX_AWSS_CONNECT_AHA,
    IOTX_AWSS_CONNECT_AHA_FAIL,
    IOTX_AWSS_SETUP_NOTIFY,
    IOTX_AWSS_CONNECT_ROUTER,
    IOTX_AWSS_CONNECT_ROUTER_FAIL,
    IOTX_AWSS_GOT_IP,
    IOTX_AWSS_SUC_NOTIFY,
    IOTX_AWSS_BIND_NOTIFY,
    IOTX_AWSS_ENABLE_TIMEOUT,

    /* Connection to the cloud */
    IOTX_CONN_CLOUD = 0x2000,
    IOTX_CONN_CLOUD_FAIL,
    IOTX_CONN_CLOUD_SUC,

    /* Reset to factory settings */
    IOTX_RESET = 0x3000
} iotx_event_t;

#ifdef __cplusplus
}
#endif

#endif /* IOT_EXPORT_EVENT_H */
