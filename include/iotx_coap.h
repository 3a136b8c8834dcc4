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
typedef enum {
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
     * Out of memory.
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
 * Event callback of iotx_coap_config_t.
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
     * How long one IOT_CoAP_Yield waits for messages, in milliseconds. 0 selects 2000.
     */
    int wait_time_ms;
    /**
     * Identity of the device, copied by Init. Must not be NULL.
     */
    iotx_device_info_t *p_devinfo;
    /**
     * Not read. No SDK release ever called it, and firmware in the field leaves it uninitialised.
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
 * The callback runs on the thread that is in IOT_CoAP_Yield or IOT_CoAP_DeviceNameAuth. It may
 * call IOT_CoAP_SendMessage.
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
 * Creates a client and connects it.
 *
 * Resolves the server's name, opens the socket and, for coaps, completes the DTLS handshake; that
 * may take several seconds. The configuration and all it points to stay the caller's and may go
 * away afterwards.
 *
 * Returns the client, to be released with IOT_CoAP_Deinit, or NULL: `p_config` or its `p_devinfo`
 * is NULL, a string is unterminated, the URL is malformed, memory ran out, or the server could not
 * be reached. The log tells which.
 */
iotx_coap_context_t *IOT_CoAP_Init(iotx_coap_config_t *p_config);

/**
 * Closes the connection, forgets messages still waiting for an answer (their callbacks do not
 * run), releases the client and stores NULL in `*p_context`. Does nothing if `p_context` or
 * `*p_context` is NULL.
 */
void IOT_CoAP_Deinit(iotx_coap_context_t **p_context);

/**
 * Authenticates the device: obtains the token that every later message carries. Waits for the
 * answer.
 *
 * Returns IOTX_SUCCESS; IOTX_ERR_INVALID_PARAM if `p_context` is NULL; IOTX_ERR_NO_MEM;
 * IOTX_ERR_SEND_MSG_FAILED if the request could not be sent; IOTX_ERR_AUTH_FAILED if the cloud
 * refused the device or did not answer.
 */
int IOT_CoAP_DeviceNameAuth(iotx_coap_context_t *p_context);

/**
 * Receives and handles messages for at most `wait_time_ms` of the configuration, runs the
 * callbacks of those that were answers, and repeats messages whose acknowledgement is overdue.
 * Call it in a loop.
 *
 * Returns IOTX_SUCCESS, or IOTX_ERR_INVALID_PARAM if `p_context` is NULL.
 */
int IOT_CoAP_Yield(iotx_coap_context_t *p_context);

/**
 * Posts a message to a path such as "/topic/product_key/device_name/update". Does not wait: the
 * answer comes to the message's callback during a later IOT_CoAP_Yield.
 *
 * `p_path` and `p_message` are copied before the call returns. `p_path` is not written to.
 *
 * Returns IOTX_SUCCESS once the message is handed to the network; IOTX_ERR_INVALID_PARAM if an
 * argument is NULL or the message's type is neither CON nor NON; IOTX_ERR_NOT_AUTHED without a
 * token; IOTX_ERR_URI_TOO_LOOG if the path is longer than IOTX_URI_MAX_LEN; IOTX_ERR_MSG_TOO_LOOG
 * if the message does not fit one datagram; IOTX_ERR_NO_MEM; IOTX_ERR_SEND_MSG_FAILED if the
 * network refused it.
 */
int IOT_CoAP_SendMessage(iotx_coap_context_t *p_context, char *p_path, iotx_message_t *p_message);

/**
 * Reads the payload of an answer, inside its callback.
 *
 * Stores the address in `*pp_payload` and the length in bytes in `*p_len`; NULL and 0 if the
 * answer has none. The payload belongs to the library and ends with the callback. A NUL stands
 * behind its last byte and is not counted.
 *
 * Returns IOTX_SUCCESS, or IOTX_ERR_INVALID_PARAM if an argument is NULL.
 */
int IOT_CoAP_GetMessagePayload(void *p_message, unsigned char **pp_payload, int *p_len);

/**
 * Reads the response code of an answer, inside its callback. Stores the byte as it came, so also
 * codes without a name in iotx_coap_resp_code_t.
 *
 * Returns IOTX_SUCCESS, or IOTX_ERR_INVALID_PARAM if an argument is NULL.
 */
int IOT_CoAP_GetMessageCode(void *p_message, iotx_coap_resp_code_t *p_resp_code);

/**
 * Reads the token of an answer, inside its callback, to be compared with IOT_CoAP_GetCurToken. Its
 * first four bytes are taken as a little-endian number.
 *
 * Returns IOTX_SUCCESS, or IOTX_ERR_INVALID_PARAM if an argument is NULL.
 */
int IOT_CoAP_GetMessageToken(void *p_message, unsigned int *token);

/**
 * Returns the token that the next message will carry, or 0xFFFFFFFF if `p_context` is NULL.
 */
uint32_t IOT_CoAP_GetCurToken(iotx_coap_context_t *p_context);

/**
 * Asks the server for "/.well-known/core" (RFC 6690); the answer goes to the log during a later
 * IOT_CoAP_Yield. Returns 0.
 */
int iotx_get_well_known(iotx_coap_context_t *p_context);

/**
 * Computes the sign of an authentication request: HMAC-MD5 with the device secret as key, as 32
 * lower-case hex digits and a terminator. `sign` must have room for 41 bytes.
 *
 * Returns 0, or IOTX_ERR_NO_MEM.
 */
int iotx_calc_sign(const char *p_device_secret,
                   const char *p_client_id,
                   const char *p_device_name,
                   const char *p_product_key,
                   char *sign);

/**
 * As iotx_calc_sign, with the sequence number of a coap-psk session in the signed text.
 */
int iotx_calc_sign_with_seq(const char *p_device_secret,
                            const char *p_client_id,
                            const char *p_device_name,
                            const char *p_product_key,
                            unsigned int seq,
                            char *sign);

/**
 * Opens the log under a name. `ident` is copied.
 */
void IOT_OpenLog(const char *ident);

/**
 * Closes the log: nothing is written any more.
 */
void IOT_CloseLog(void);

/**
 * Sets the level up to which messages are logged.
 */
void IOT_SetLogLevel(IOT_LogLevel level);

/**
 * Logs how much memory the library uses.
 */
void IOT_DumpMemoryStats(IOT_LogLevel level);

/**
 * Reads or writes one setting of the process: `option` is one of iotx_ioctl_option_t, which also
 * tells the type that `data` points to.
 *
 * A SET option copies; it refuses a string longer than its limit. A GET option copies the bytes of
 * the stored string without a terminator, so `data` has to be zeroed first and as long as the
 * limit plus 1.
 *
 * Returns 0, or -1 (FAIL_RETURN) if `data` is NULL, the string too long, or the option unknown.
 */
int IOT_Ioctl(int option, void *data);

/**
 * Sets the identity of the device for the process, as the three SET options of IOT_Ioctl do.
 *
 * If `info_ptr` is not NULL, `*info_ptr` is pointed at an iotx_conn_info_t that the library owns.
 *
 * Returns 0, or a negative code of iotx_err_t if a string is NULL or too long.
 */
int IOT_SetupConnInfo(const char *product_key,
                      const char *device_name,
                      const char *device_secret,
                      void **info_ptr);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* __IOTX_COAP_API_H__ */
