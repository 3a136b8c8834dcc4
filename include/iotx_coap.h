/*
 * CoAP client API for Alibaba Cloud IoT, compatible with the device SDK 2.00 to 3.2.0.
 *
 * Applications include iot_export.h (SDK 2.x) or coap_api.h (SDK 3.x), which lead here.
 *
 * Threads: use one client from one thread at a time. Different clients are independent.
 */

#ifndef __IOTX_COAP_API_H__
#define __IOTX_COAP_API_H__

/* Generated from src/capi by cbindgen: do not edit. */

#include <stdint.h>

/**
 * Longest product key, in bytes without the terminator.
 */
#define IOTX_PRODUCT_KEY_LEN 20

/**
 * Longest product secret, in bytes without the terminator.
 */
#define IOTX_PRODUCT_SECRET_LEN 64

/**
 * Longest device name, in bytes without the terminator.
 */
#define IOTX_DEVICE_NAME_LEN 32

/**
 * Longest device id (the "clientId" of the cloud), in bytes without the terminator.
 */
#define IOTX_DEVICE_ID_LEN 64

/**
 * Longest device secret, in bytes without the terminator.
 */
#define IOTX_DEVICE_SECRET_LEN 64

/**
 * Longest module identifier kept by IOT_Ioctl, in bytes without the terminator.
 */
#define IOTX_MODULE_LEN 64

/**
 * Longest path that IOT_CoAP_SendMessage accepts, in bytes without the terminator.
 */
#define IOTX_URI_MAX_LEN 135

/**
 * Response codes as one byte, class in the upper three bits (RFC 7252, 12.1.2). The list is not
 * complete: IOT_CoAP_GetMessageCode stores whatever byte arrived, such as 0x82 for 4.02.
 */
typedef enum {
    /**
     * 2.05 Content: the request was served.
     */
    IOTX_COAP_RESP_CODE_CONTENT = 69,
    /**
     * 4.00 Bad Request.
     */
    IOTX_COAP_RESP_CODE_BAD_REQUEST = 128,
    /**
     * 4.01 Unauthorized: the token is void.
     */
    IOTX_COAP_RESP_CODE_UNAUTHORIZED = 129,
    /**
     * 4.04 Not Found.
     */
    IOTX_COAP_RESP_CODE_NOT_FOUND = 132,
    /**
     * 4.14: the cloud's own code for a path that is too long.
     */
    IOTX_COAP_RESP_CODE_URL_TOO_LONG = 142,
    /**
     * 5.00 Internal Server Error.
     */
    IOTX_COAP_RESP_CODE_INTERNAL_SERVER_ERROR = 160,
} iotx_coap_resp_code_t;

/**
 * Log levels, each including the ones above it.
 */
typedef enum _IOT_LogLevel {
    /**
     * Nothing.
     */
    IOT_LOG_NONE = 0,
    /**
     * The library cannot go on.
     */
    IOT_LOG_CRIT = 1,
    /**
     * A call failed.
     */
    IOT_LOG_ERROR = 2,
    /**
     * Something is odd, the call went on.
     */
    IOT_LOG_WARNING = 3,
    /**
     * Milestones of a session.
     */
    IOT_LOG_INFO = 4,
    /**
     * Every message.
     */
    IOT_LOG_DEBUG = 5,
} IOT_LogLevel;

/**
 * Options of IOT_Ioctl, numbered as in SDK 3.2.0. Those without a meaning for a CoAP client are
 * listed so that sources compile; IOT_Ioctl documents which ones it serves.
 */
typedef enum {
    /**
     * `int *`: region of the cloud, a value of iotx_cloud_region_types_t.
     */
    IOTX_IOCTL_SET_REGION = 0,
    /**
     * `int *`: receives the region.
     */
    IOTX_IOCTL_GET_REGION = 1,
    /**
     * MQTT only.
     */
    IOTX_IOCTL_SET_MQTT_DOMAIN = 2,
    /**
     * HTTP only.
     */
    IOTX_IOCTL_SET_HTTP_DOMAIN = 3,
    /**
     * `int *`: 1 if the device secret is to be obtained from the product secret, else 0.
     */
    IOTX_IOCTL_SET_DYNAMIC_REGISTER = 4,
    /**
     * `int *`: receives that setting.
     */
    IOTX_IOCTL_GET_DYNAMIC_REGISTER = 5,
    /**
     * Device model only.
     */
    IOTX_IOCTL_RECV_PROP_REPLY = 6,
    /**
     * Device model only.
     */
    IOTX_IOCTL_RECV_EVENT_REPLY = 7,
    /**
     * Device model only.
     */
    IOTX_IOCTL_SEND_PROP_SET_REPLY = 8,
    /**
     * Gateways only.
     */
    IOTX_IOCTL_SET_SUBDEV_SIGN = 9,
    /**
     * Gateways only.
     */
    IOTX_IOCTL_GET_SUBDEV_LOGIN = 10,
    /**
     * Device model only.
     */
    IOTX_IOCTL_SET_OTA_DEV_ID = 11,
    /**
     * Device model only.
     */
    IOTX_IOCTL_FOTA_TIMEOUT_MS = 12,
    /**
     * MQTT only.
     */
    IOTX_IOCTL_SET_CUSTOMIZE_INFO = 13,
    /**
     * MQTT only.
     */
    IOTX_IOCTL_SET_MQTT_PORT = 14,
    /**
     * Wi-Fi provisioning only.
     */
    IOTX_IOCTL_SET_AWSS_ENABLE_INTERVAL = 15,
    /**
     * Wi-Fi provisioning only.
     */
    IOTX_IOCTL_SET_AWSS_CHANNEL_SCAN_INTERVAL = 16,
    /**
     * Gateways only.
     */
    IOTX_IOCTL_SET_PROXY_REGISTER = 17,
    /**
     * Device model only.
     */
    IOTX_IOCTL_QUERY_DEVID = 18,
    /**
     * Device model only.
     */
    IOTX_IOCTL_SUB_USER_TOPIC = 19,
    /**
     * `const char *`: product key, at most IOTX_PRODUCT_KEY_LEN bytes and a terminator.
     */
    IOTX_IOCTL_SET_PRODUCT_KEY = 20,
    /**
     * `char *`: receives the product key.
     */
    IOTX_IOCTL_GET_PRODUCT_KEY = 21,
    /**
     * `const char *`: product secret, at most IOTX_PRODUCT_SECRET_LEN bytes and a terminator.
     */
    IOTX_IOCTL_SET_PRODUCT_SECRET = 22,
    /**
     * `char *`: receives the product secret.
     */
    IOTX_IOCTL_GET_PRODUCT_SECRET = 23,
    /**
     * `const char *`: device name, at most IOTX_DEVICE_NAME_LEN bytes and a terminator.
     */
    IOTX_IOCTL_SET_DEVICE_NAME = 24,
    /**
     * `char *`: receives the device name.
     */
    IOTX_IOCTL_GET_DEVICE_NAME = 25,
    /**
     * `const char *`: device secret, at most IOTX_DEVICE_SECRET_LEN bytes and a terminator.
     */
    IOTX_IOCTL_SET_DEVICE_SECRET = 26,
    /**
     * `char *`: receives the device secret.
     */
    IOTX_IOCTL_GET_DEVICE_SECRET = 27,
    /**
     * `const char *`: module identifier, at most IOTX_MODULE_LEN bytes and a terminator.
     */
    IOTX_IOCTL_SET_MODULE = 28,
    /**
     * `char *`: receives the module identifier.
     */
    IOTX_IOCTL_GET_MODULE = 29,
} iotx_ioctl_option_t;

/**
 * Results of the CoAP functions. Two names keep a spelling mistake of the SDK: it is the API.
 */
typedef enum {
    /**
     * An answer did not arrive in time.
     */
    IOTX_ERR_RECV_MSG_TIMEOUT = -9,
    /**
     * The transport refused to send.
     */
    IOTX_ERR_SEND_MSG_FAILED = -8,
    /**
     * The payload, or the encoded message, is larger than one datagram may be.
     */
    IOTX_ERR_MSG_TOO_LOOG = -7,
    /**
     * The path is longer than IOTX_URI_MAX_LEN.
     */
    IOTX_ERR_URI_TOO_LOOG = -6,
    /**
     * No valid token: authenticate first.
     */
    IOTX_ERR_NOT_AUTHED = -5,
    /**
     * The cloud refused the device, or did not answer.
     */
    IOTX_ERR_AUTH_FAILED = -4,
    /**
     * A buffer is too small.
     */
    IOTX_ERR_BUFF_TOO_SHORT = -3,
    /**
     * Out of memory. Not returned by this library: it asks for little at a time, and where even that
     * cannot be had, the program ends with SIGABRT.
     */
    IOTX_ERR_NO_MEM = -2,
    /**
     * An argument is NULL or out of range.
     */
    IOTX_ERR_INVALID_PARAM = -1,
    /**
     * Done.
     */
    IOTX_SUCCESS = 0,
} iotx_ret_code_t;

/**
 * Format of a payload, sent to the cloud as the Content-Format option (RFC 7252, 5.10.3).
 */
typedef enum {
    /**
     * application/json (50).
     */
    IOTX_CONTENT_TYPE_JSON = 0,
    /**
     * application/cbor (60).
     */
    IOTX_CONTENT_TYPE_CBOR = 1,
} iotx_content_type_t;

/**
 * Message types of RFC 7252, 4.2 and 4.3, with their numbers on the wire.
 */
typedef enum {
    /**
     * Confirmable: repeated until the peer acknowledges it.
     */
    IOTX_MESSAGE_CON = 0,
    /**
     * Non-confirmable: sent once.
     */
    IOTX_MESSAGE_NON = 1,
    /**
     * Acknowledgement. Not a type that an application can send.
     */
    IOTX_MESSAGE_ACK = 2,
    /**
     * Reset. Not a type that an application can send.
     */
    IOTX_MESSAGE_RST = 3,
} iotx_msg_type_t;

/**
 * Events of iotx_event_handle_t.
 */
typedef enum {
    /**
     * A message could not be sent.
     */
    IOTX_COAP_EVENT_SEND_FAILED = 0,
    /**
     * Receiving failed.
     */
    IOTX_COAP_EVENT_RECV_FAILED = 1,
    /**
     * The device is not, or no longer, authenticated.
     */
    IOTX_COAP_EVENT_AUTH_FAILED = 2,
} iotx_coap_event_t;

/**
 * One CoAP client: what IOT_CoAP_Init returns and IOT_CoAP_Deinit releases. Opaque to the
 * application.
 */
typedef void iotx_coap_context_t;

/**
 * Identity of the device. Every member is a NUL-terminated string.
 *
 * One struct serves the three names that the SDK used for it. The library reads the first four
 * members only, the whole struct of SDK 2.01.
 */
typedef struct {
    /**
     * Product key, as issued by the cloud.
     */
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    /**
     * Device name, unique within the product.
     */
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    /**
     * Client id that the device chooses for itself, by custom "product_key.device_name".
     */
    char device_id[IOTX_DEVICE_ID_LEN + 1];
    /**
     * Device secret: it signs the authentication and never leaves the device.
     */
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
    /**
     * Vendor of the radio module, in SDK 2.x. Not read.
     */
    char module_vendor_id[33];
} iotx_device_info_t;

/**
 * Event callback of iotx_coap_config_t: the client, an iotx_coap_event_t, and what it is about. Called only
 * for programs that ask for it: see iotx_coap_failure_t in iotx_coap_ext.h.
 */
typedef void (*iotx_event_handle_t)(void *context, iotx_coap_event_t event, void *p_data);

/**
 * What IOT_CoAP_Init needs. The caller keeps it; nothing of it is used after Init has returned.
 *
 * Set the whole struct to zero before filling it in.
 */
typedef struct {
    /**
     * Server, as "scheme://host:port" with the scheme coap, coaps or coap-psk. NULL selects the
     * cloud's default server for the product key.
     */
    char *p_url;
    /**
     * How long one IOT_CoAP_Yield waits for messages, in milliseconds. 0 and negative values select 2000;
     * values above 60000 count as 60000.
     */
    int wait_time_ms;
    /**
     * Identity of the device, copied by Init. Must not be NULL.
     */
    iotx_device_info_t *p_devinfo;
    /**
     * Called with events, for clients made by iotx_coap_init_with with report_events set to 1
     * (iotx_coap_ext.h). Otherwise not read: no SDK release ever called it, and firmware in the field leaves
     * it uninitialised.
     */
    iotx_event_handle_t event_handle;
} iotx_coap_config_t;

/**
 * Called with the answer to a message.
 *
 * `p_arg` is the `user_data` of that message. `p_message` is the answer: hand it to
 * IOT_CoAP_GetMessageCode and IOT_CoAP_GetMessagePayload. It ends with the callback, and so does
 * the payload.
 *
 * The callback runs on the thread that is in IOT_CoAP_Yield or IOT_CoAP_DeviceNameAuth. It may call every
 * function of this library, IOT_CoAP_Deinit included. It must return: a C++ exception or a pthread_exit
 * that leaves it ends the program, and after a longjmp the client cannot be used any more.
 */
typedef void (*iotx_response_callback_t)(void *p_arg, void *p_message);

/**
 * A message to be sent. The caller keeps it; payload and members are copied before
 * IOT_CoAP_SendMessage returns.
 */
typedef struct {
    /**
     * The payload. May be NULL when `payload_len` is 0.
     */
    unsigned char *p_payload;
    /**
     * Length of the payload in bytes.
     */
    unsigned short payload_len;
    /**
     * Format of the payload.
     */
    iotx_content_type_t content_type;
    /**
     * IOTX_MESSAGE_CON or IOTX_MESSAGE_NON.
     */
    iotx_msg_type_t msg_type;
    /**
     * Handed to `resp_callback` as its first argument. The library never looks behind it, so it
     * may stay uninitialised when the callback does not use it.
     */
    void *user_data;
    /**
     * Called with the answer. NULL: the answer is taken and forgotten.
     */
    iotx_response_callback_t resp_callback;
} iotx_message_t;

/**
 * The name in SDK 2.00 to 3.01.
 */
typedef iotx_device_info_t iotx_deviceinfo_t;

/**
 * The name in SDK 3.10 and 3.2.0.
 */
typedef iotx_device_info_t iotx_coap_device_info_t;

/**
 * Identity kept by the library for IOT_Ioctl, IOTX_IOCTL_SET_PRODUCT_KEY and its neighbours.
 */
typedef struct {
    /**
     * Product key.
     */
    char product_key[IOTX_PRODUCT_KEY_LEN + 1];
    /**
     * Product secret: only needed to obtain a device secret.
     */
    char product_secret[IOTX_PRODUCT_SECRET_LEN + 1];
    /**
     * Device name.
     */
    char device_name[IOTX_DEVICE_NAME_LEN + 1];
    /**
     * Device secret.
     */
    char device_secret[IOTX_DEVICE_SECRET_LEN + 1];
    /**
     * Module identifier. Last member, since SDK 3.2.0.
     */
    char module[IOTX_MODULE_LEN + 1];
} iotx_dev_meta_info_t;

/**
 * MQTT connection data, what IOT_SetupConnInfo can point its last argument at. A CoAP client has
 * none: port 0 and empty strings. The library owns it; it lives as long as the program.
 */
typedef struct {
    /**
     * TCP port.
     */
    uint16_t port;
    /**
     * 1 once the connection data are known.
     */
    uint8_t init;
    /**
     * Host.
     */
    char *host_name;
    /**
     * MQTT client id.
     */
    char *client_id;
    /**
     * MQTT user name.
     */
    char *username;
    /**
     * MQTT password.
     */
    char *password;
    /**
     * CA certificate in PEM.
     */
    const char *pub_key;
} iotx_conn_info_t;

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_CONTENT IOTX_COAP_RESP_CODE_CONTENT

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_BAD_REQUEST IOTX_COAP_RESP_CODE_BAD_REQUEST

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_UNAUTHORIZED IOTX_COAP_RESP_CODE_UNAUTHORIZED

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_NOT_FOUND IOTX_COAP_RESP_CODE_NOT_FOUND

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_URL_TOO_LONG IOTX_COAP_RESP_CODE_URL_TOO_LONG

/**
 * The spelling of SDK 2.00.
 */
#define IOXT_COAP_RESP_CODE_INTERNAL_SERVER_ERROR IOTX_COAP_RESP_CODE_INTERNAL_SERVER_ERROR

/**
 * The name that IOT_LOG_NONE had up to SDK 2.21.
 */
#define IOT_LOG_EMERG IOT_LOG_NONE

/**
 * The name that IOTX_IOCTL_SET_REGION had in SDK 2.21.
 */
#define IOTX_IOCTL_SET_DOMAIN IOTX_IOCTL_SET_REGION

/**
 * The name that IOTX_IOCTL_GET_REGION had in SDK 2.21.
 */
#define IOTX_IOCTL_GET_DOMAIN IOTX_IOCTL_GET_REGION

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates a client and connects it: resolves the host and, for coaps, completes the DTLS handshake.
 * Blocks meanwhile, for a bounded time. The client is not authenticated yet.
 *
 * @param p_config  see iotx_coap_config_t. Nothing of it is used after the call, neither the URL nor
 *                  the device info
 *
 * @return the client, to be released by IOT_CoAP_Deinit; NULL on failure, and one log line says why:
 *         `p_config` or its `p_devinfo` is NULL, a member of the device info is not terminated, the URL
 *         is malformed, the host cannot be resolved or reached, its certificate is not trusted,
 *         or the handshake failed
 */
iotx_coap_context_t *IOT_CoAP_Init(iotx_coap_config_t *p_config);

/**
 * Releases a client: closes its connection and frees what it holds. Callbacks of reports that are
 * still unanswered are not called. May be called from inside a callback, and while other threads are in calls
 * with this client: those return when they notice, at the latest when the wait for a datagram that they are
 * in has ended, and a callback that is running in one of them is not waited for.
 *
 * @param pp_context  where the client's pointer is kept; NULL is stored there. NULL, a NULL pointer there, or
 *                    one that is not a client's (any more) does nothing
 */
void IOT_CoAP_Deinit(iotx_coap_context_t **pp_context);

/**
 * Authenticates the device with the cloud and waits for the result: returns as soon as the cloud has
 * answered, after 10 s at the latest. The request is repeated meanwhile by the timing of RFC 7252; a
 * cloud that answers 5.00 is asked again after a pause. Answers to reports that arrive in the meantime
 * are handed to their callbacks. A connection that has ended is opened anew; what that takes (with coaps a
 * handshake, as in IOT_CoAP_Init) and the time spent in callbacks come on top of the 10 s.
 *
 * @param p_context  the client
 *
 * @retval IOTX_SUCCESS              the cloud has accepted the device; reports may be sent
 * @retval IOTX_ERR_AUTH_FAILED      the cloud refused the device or did not answer in time. After a
 *                                   timeout, an answer that arrives later, during IOT_CoAP_Yield,
 *                                   still authenticates
 * @retval IOTX_ERR_SEND_MSG_FAILED  the request could not be sent
 * @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
 */
int IOT_CoAP_DeviceNameAuth(iotx_coap_context_t *p_context);

/**
 * Sends a report by POST to a path, normally "/topic/{product key}/{device name}/...". Does not wait
 * for the answer: IOT_CoAP_Yield receives it and calls the message's callback.
 *
 * @param p_context  the client
 * @param p_path     NUL-terminated path. Empty segments mean nothing, no character but '/' is special
 * @param p_message  see iotx_message_t; copied
 *
 * @retval IOTX_SUCCESS              the report has left, or waits behind one that is under way
 * @retval IOTX_ERR_INVALID_PARAM    an argument is NULL, the client's is no client's (any more),
 *                                   `msg_type` is neither CON nor NON, or the payload is NULL and
 *                                   its length is not 0
 * @retval IOTX_ERR_MSG_TOO_LOOG     the payload has 1280 bytes or more, or does not fit into a datagram
 *                                   of 1280 bytes together with path and token
 * @retval IOTX_ERR_NOT_AUTHED       there is no valid token: call IOT_CoAP_DeviceNameAuth
 * @retval IOTX_ERR_URI_TOO_LOOG     the path has more than IOTX_URI_MAX_LEN bytes, or more than 9
 *                                   segments (8 with coap-psk)
 * @retval IOTX_ERR_SEND_MSG_FAILED  the report could not be sent, or too many are waiting; it has been
 *                                   dropped and its callback will not be called
 */
int IOT_CoAP_SendMessage(iotx_coap_context_t *p_context,
                         char *p_path,
                         iotx_message_t *p_message);

/**
 * Receives what the cloud has sent, calls the callbacks of answered reports, and repeats what has not
 * been acknowledged, by the timing of RFC 7252. Waits for at most the configured `wait_time_ms` (0:
 * 2000; values above 60000 count as 60000) and returns as soon as what arrived has been handled.
 *
 * @param p_context  the client
 *
 * @retval IOTX_SUCCESS            done
 * @retval IOTX_ERR_INVALID_PARAM  `p_context` is NULL or no client's (any more)
 */
int IOT_CoAP_Yield(iotx_coap_context_t *p_context);

/**
 * Tells the number the next request of this client will carry as its token; the answer's
 * IOT_CoAP_GetMessageToken will be the same. No header of SDK 2.30 to 3.2.0 declares it.
 *
 * @param p_context  the client
 *
 * @return the number; 0xFFFFFFFF when `p_context` is NULL
 */
uint32_t IOT_CoAP_GetCurToken(iotx_coap_context_t *p_context);

/**
 * Asks the server for its list of resources (GET /.well-known/core); the answer is only logged. No
 * header of the SDK declares it; its OTA examples do.
 *
 * @param p_context  the client; it need not be authenticated
 *
 * @retval IOTX_SUCCESS              the request has been sent
 * @retval IOTX_ERR_SEND_MSG_FAILED  it could not be sent
 * @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
 */
int iotx_get_well_known(iotx_coap_context_t *p_context);

/**
 * Sets or gets one of the process-wide settings of the SDK.
 *
 * The identity (product key and secret, device name and secret) is kept by the platform's HAL_Set* and
 * HAL_Get*. No client uses it: a client's identity is the one given to IOT_CoAP_Init.
 *
 * @param option  one of iotx_ioctl_option_t, in the numbering of SDK 3.2.0
 * @param data    what the option's description says. A SET copies a NUL-terminated string. A GET copies
 *                exactly as many bytes as the stored string has and NO terminator, as the SDK does:
 *                zero the buffer first, or what it held shows behind them
 *
 * @retval 0   done
 * @retval -1  `data` is NULL, the string is longer than the option allows, or the option does not exist or
 *             has no meaning for a CoAP client
 */
int IOT_Ioctl(int option,
              void *data);

/**
 * Stores the identity with the platform, as four IOT_Ioctl calls would. SDK 2.30's CoAP example calls it
 * before IOT_CoAP_Init; no client uses what it stores.
 *
 * @param product_key    product key
 * @param device_name    device name
 * @param device_secret  device secret; all three NUL-terminated, and copied
 * @param info_ptr       receives a pointer to an iotx_conn_info_t of empty strings, which is the library's
 *                       and must not be written to; NULL if not wanted
 *
 * @retval 0   done
 * @retval -2  one of the first three is NULL or too long, and nothing has been stored; or the platform has
 *             refused one
 */
int IOT_SetupConnInfo(const char *product_key,
                      const char *device_name,
                      const char *device_secret,
                      void **info_ptr);

/**
 * Logs in to the cloud for an MQTT connection (SDK 2.01 to 2.1). This library has no MQTT: the call
 * fails, with a log line.
 *
 * @return -1, always
 */
int IOT_SetupConnInfoSecure(const char *product_key,
                            const char *device_name,
                            const char *device_secret,
                            void **info_ptr);

/**
 * Chooses the region of MQTT connections (SDK 2.1). A CoAP client is led by its URL: the call does
 * nothing but write a log line.
 */
void IOT_SetupDomain(int domain_type);

/**
 * Makes a function the one that iotx_event_post calls (SDK 2.21 and later). A CoAP client posts
 * nothing.
 *
 * @param monitor_cb  takes the place of the one before; NULL: none. It must return, as iotx_response_callback_t
 *
 * @retval 0   done
 */
int iotx_event_regist_cb(void (*monitor_cb)(int event));

/**
 * Calls the function registered by iotx_event_regist_cb.
 *
 * @param event  handed to it
 *
 * @retval 0   it has been called
 * @retval -1  there is none
 */
int iotx_event_post(int event);

/**
 * Sets the name that log lines begin with. Logging is on without it, at IOT_LOG_WARNING.
 *
 * @param ident  NUL-terminated; its first 7 characters are kept. NULL: no name
 */
void IOT_OpenLog(const char *ident);

/**
 * Ends logging, and forgets the name given to IOT_OpenLog. IOT_SetLogLevel turns it on again.
 */
void IOT_CloseLog(void);

/**
 * Sets how much is logged, for all clients of the program. No level shows secrets: device secret,
 * token and keys are never written. Lines leave through HAL_Printf, which may call this library: what it
 * causes to be logged on the same thread meanwhile is dropped.
 *
 * @param level  from IOT_LOG_NONE to IOT_LOG_DEBUG; anything else is refused with a log line
 */
void IOT_SetLogLevel(IOT_LogLevel level);

/**
 * Prints how much memory the library holds, has held at most, and how often it has asked for some.
 * The figures are those of the library's own allocator; memory of OpenSSL is not among them.
 *
 * @param level  the line is printed if this level is logged. Above IOT_LOG_DEBUG counts as IOT_LOG_DEBUG
 */
void IOT_DumpMemoryStats(IOT_LogLevel level);

/**
 * Gives the response code of a message, any of RFC 7252's and the cloud's: 0x45 for 2.05 Content, 0x82
 * for 4.02 and so on.
 *
 * @param p_message    the message a response callback was given; valid until that callback returns
 * @param p_resp_code  where the code goes
 *
 * @retval IOTX_SUCCESS            the code has been stored
 * @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
 */
int IOT_CoAP_GetMessageCode(void *p_message,
                            iotx_coap_resp_code_t *p_resp_code);

/**
 * Gives the payload of a message, decrypted where the session encrypts it, as often as asked.
 *
 * @param p_message   the message a response callback was given; valid until that callback returns
 * @param pp_payload  where the payload's address goes: NULL when there is none. The payload belongs to
 *                    the message, ends with it, and has a NUL behind its last byte
 * @param p_len       where its length in bytes goes, the NUL not counted
 *
 * @retval IOTX_SUCCESS            address and length have been stored
 * @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
 */
int IOT_CoAP_GetMessagePayload(void *p_message,
                               unsigned char **pp_payload,
                               int *p_len);

/**
 * Gives the number that ties a response to its request: what IOT_CoAP_GetCurToken returned before the
 * request was sent. No header of SDK 2.30 to 3.2.0 declares it; firmware declares it itself.
 *
 * @param p_message  the message a response callback was given; valid until that callback returns
 * @param token      where the number goes
 *
 * @retval IOTX_SUCCESS            the number has been stored
 * @retval IOTX_ERR_INVALID_PARAM  an argument is NULL
 */
int IOT_CoAP_GetMessageToken(void *p_message,
                             unsigned int *token);

/**
 * Signs as the authentication does (HMAC-MD5): the text that coap and coaps sign.
 *
 * @param p_device_secret  the key
 * @param p_client_id      client id
 * @param p_device_name    device name
 * @param p_product_key    product key; all four NUL-terminated, at most 255 bytes
 * @param sign             receives 32 lower-case hex digits and a NUL: 33 bytes
 *
 * @retval IOTX_SUCCESS            the signature has been written
 * @retval IOTX_ERR_INVALID_PARAM  an argument is NULL, too long, or not UTF-8
 */
int iotx_calc_sign(const char *p_device_secret,
                   const char *p_client_id,
                   const char *p_device_name,
                   const char *p_product_key,
                   char *sign);

/**
 * Signs as the authentication of coap-psk does: as iotx_calc_sign, with the sequence number in the text.
 *
 * @param p_device_secret  the key
 * @param p_client_id      client id
 * @param p_device_name    device name
 * @param p_product_key    product key; all four NUL-terminated, at most 255 bytes
 * @param seq              sequence number
 * @param sign             receives 32 lower-case hex digits and a NUL: 33 bytes
 *
 * @retval IOTX_SUCCESS            the signature has been written
 * @retval IOTX_ERR_INVALID_PARAM  an argument is NULL, too long, or not UTF-8
 */
int iotx_calc_sign_with_seq(const char *p_device_secret,
                            const char *p_client_id,
                            const char *p_device_name,
                            const char *p_product_key,
                            unsigned int seq,
                            char *sign);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* __IOTX_COAP_API_H__ */
