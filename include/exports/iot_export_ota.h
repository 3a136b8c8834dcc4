/*
 * Firmware updates over CoAP, compatible with the device SDK 2.00 to 2.30: reports and orders go over a
 * client of iot_export_coap.h, the image comes over HTTP or HTTPS.
 *
 * HTTPS servers must prove their name; trusted are the roots of Alibaba Cloud IoT and those of the system.
 * Downloads use the operating system's sockets, not the platform's HAL_TCP_* and HAL_SSL_* functions.
 */

#ifndef IOT_EXPORT_OTA_H
#define IOT_EXPORT_OTA_H

/* Generated from src/capi/ota by cbindgen: do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * Reports go over MQTT. Not in this library.
 */
#define OTA_CH_SIGNAL_MQTT 0

/**
 * Reports go over CoAP.
 */
#define OTA_CH_SIGNAL_COAP 1

/**
 * Images come over HTTP or HTTPS.
 */
#define OTA_CH_FETCH_HTTP 1

/**
 * What went wrong last, see IOT_OTA_GetLastError.
 */
typedef enum {
    /**
     * A report could not be sent over the CoAP client.
     */
    IOT_OTAE_OSC_FAILED = -7,
    /**
     * Out of memory.
     */
    IOT_OTAE_NOMEM = -6,
    /**
     * The download failed.
     */
    IOT_OTAE_FETCH_FAILED = -5,
    /**
     * A text is too long, or does not fit.
     */
    IOT_OTAE_STR_TOO_LONG = -4,
    /**
     * The call makes no sense now.
     */
    IOT_OTAE_INVALID_STATE = -3,
    /**
     * An argument is NULL or out of range.
     */
    IOT_OTAE_INVALID_PARAM = -2,
    /**
     * Anything else.
     */
    IOT_OTAE_GENERAL = -1,
    /**
     * Nothing.
     */
    IOT_OTAE_NONE = 0,
} IOT_OTA_Err_t;

/**
 * States of an update.
 */
typedef enum {
    /**
     * There is no handle.
     */
    IOT_OTAS_UNINITED = 0,
    /**
     * Nothing is ordered.
     */
    IOT_OTAS_INITED = 1,
    /**
     * An image is ordered and not complete.
     */
    IOT_OTAS_FETCHING = 2,
    /**
     * The image is complete.
     */
    IOT_OTAS_FETCHED = 3,
} IOT_OTA_State_t;

/**
 * Kinds of updates.
 */
typedef enum {
    /**
     * None is ordered.
     */
    IOT_OTAT_NONE = 0,
    /**
     * A configuration. Never over CoAP.
     */
    IOT_OTAT_COTA = 1,
    /**
     * A firmware.
     */
    IOT_OTAT_FOTA = 2,
} IOT_OTA_Type_t;

/**
 * Steps of an update for IOT_OTA_ReportProgress: a percentage, or one of the failures.
 */
typedef enum {
    /**
     * The image could not be installed.
     */
    IOT_OTAP_BURN_FAILED = -4,
    /**
     * The image is not the one that was ordered. (The spelling is the SDK's.)
     */
    IOT_OTAP_CHECK_FALIED = -3,
    /**
     * The image could not be fetched.
     */
    IOT_OTAP_FETCH_FAILED = -2,
    /**
     * Anything else failed.
     */
    IOT_OTAP_GENERAL_FAILED = -1,
    /**
     * Nothing has been fetched yet.
     */
    IOT_OTAP_FETCH_PERCENTAGE_MIN = 0,
    /**
     * All of it has been fetched.
     */
    IOT_OTAP_FETCH_PERCENTAGE_MAX = 100,
} IOT_OTA_Progress_t;

/**
 * What IOT_OTA_Ioctl can be asked, numbered as in SDK 2.21 and 2.30.
 *
 * Programs compiled with SDK 2.00 to 2.1 use other numbers for the first five: IOT_OTAG_FETCHED_SIZE was
 * 0, FILE_SIZE 1, MD5SUM 2, VERSION 3 and CHECK_FIRMWARE 4. They get what they mean, because the numbers
 * 0 to 4 stand for nothing else here.
 */
typedef enum {
    /**
     * Configurations do not come over CoAP.
     */
    IOT_OTAG_COTA_CONFIG_ID = 0,
    /**
     * Configurations do not come over CoAP.
     */
    IOT_OTAG_COTA_CONFIG_SIZE = 1,
    /**
     * Configurations do not come over CoAP.
     */
    IOT_OTAG_COTA_SIGN = 2,
    /**
     * Configurations do not come over CoAP.
     */
    IOT_OTAG_COTA_SIGN_METHOD = 3,
    /**
     * Configurations do not come over CoAP.
     */
    IOT_OTAG_COTA_URL = 4,
    /**
     * Configurations do not come over CoAP: IOT_OTAE_GENERAL.
     */
    IOT_OTAG_COTA_GETTYPE = 5,
    /**
     * `uint32_t`: IOT_OTAT_FOTA.
     */
    IOT_OTAG_OTA_TYPE = 6,
    /**
     * `uint32_t`: bytes of the image that have been fetched.
     */
    IOT_OTAG_FETCHED_SIZE = 7,
    /**
     * `uint32_t`: bytes of the whole image.
     */
    IOT_OTAG_FILE_SIZE = 8,
    /**
     * Text: the MD5 that was ordered, 32 hexadecimal digits.
     */
    IOT_OTAG_MD5SUM = 9,
    /**
     * Text: the version that was ordered.
     */
    IOT_OTAG_VERSION = 10,
    /**
     * `uint32_t`: 1 if the complete image has the MD5 that was ordered, else 0.
     */
    IOT_OTAG_CHECK_FIRMWARE = 11,
    /**
     * Configurations do not come over CoAP: IOT_OTAE_GENERAL.
     */
    IOT_OTAG_CHECK_CONFIG = 12,
    /**
     * Begins the ordered image anew, from its first byte. Nothing is stored.
     */
    IOT_OTAG_RESET_FETCHED_SIZE = 13,
} IOT_OTA_CmdType_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Gets a client ready for firmware updates. Nothing is sent yet. A client can have several handles, a
 * process as many as it likes; they are independent.
 *
 * @param product_key  product key of the device, copied
 * @param device_name  device name, copied
 * @param ch_signal    the client, an iotx_coap_context_t *. It may be deinitialised before the handle;
 *                     reports fail from then on
 *
 * @return the handle, to be released by IOT_OTA_Deinit; NULL, with a log line, when an argument is NULL,
 *         `ch_signal` is no client (any more), a name is empty or no UTF-8, or both names together make a path of more than 135 bytes
 */
void *IOT_OTA_Init(const char *product_key,
                   const char *device_name,
                   void *ch_signal);

/**
 * Releases a handle, whatever its state: ends its download and frees what it holds. Answers to its
 * reports that arrive later are ignored. May be called from inside a callback.
 *
 * @param handle  the handle
 *
 * @retval IOT_OTAE_NONE           done
 * @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more)
 */
int IOT_OTA_Deinit(void *handle);

/**
 * Tells why the last call failed that failed.
 *
 * @param handle  the handle
 *
 * @return a value of IOT_OTA_Err_t: IOT_OTAE_NONE if no call has failed yet, IOT_OTAE_INVALID_PARAM if
 *         `handle` is NULL or no handle (any more)
 */
int IOT_OTA_GetLastError(void *handle);

/**
 * Tells the cloud which firmware runs, and asks for a newer one. If there is one, the answer orders it:
 * IOT_OTA_IsFetching says so after an IOT_CoAP_Yield.
 *
 * Two messages are posted: "inform", until the cloud has accepted one of this handle about this version,
 * and "request", every time.
 *
 * @param handle   the handle
 * @param version  NUL-terminated, 1 to 32 bytes of UTF-8
 *
 * @retval IOT_OTAE_NONE           the messages have left, or wait behind others
 * @retval IOT_OTAE_GENERAL        the version is empty or too long, or a message could not be sent;
 *                                 IOT_OTA_GetLastError tells which
 * @retval IOT_OTAE_INVALID_PARAM  an argument is NULL, or `handle` no handle (any more)
 */
int IOT_OTA_ReportVersion(void *handle,
                          const char *version);

/**
 * Asks for an image without informing the cloud of the version first. SDK 2.1 and 2.21 declare this
 * function; that it posts "request" over CoAP is this library's reading of its name.
 *
 * @param handle   the handle
 * @param version  the version that runs, as for IOT_OTA_ReportVersion
 *
 * @return as IOT_OTA_ReportVersion
 */
int IOT_OTA_RequestImage(void *handle, const char *version);

/**
 * Asks for a configuration. Configurations come over MQTT only, so this always fails.
 *
 * @return IOT_OTAE_INVALID_PARAM if `handle` is NULL or no handle (any more), else IOT_OTAE_GENERAL
 */
int IOT_OTA_GetConfig(void *handle,
                      const char *config_scope,
                      const char *get_type,
                      const char *attribute_keys);

/**
 * Tells the cloud how far the update is.
 *
 * @param handle    the handle
 * @param progress  from IOT_OTAP_BURN_FAILED to IOT_OTAP_FETCH_PERCENTAGE_MAX
 * @param msg       NUL-terminated text to go with it; NULL: none. The report as a whole has room for 255
 *                  bytes
 *
 * @retval IOT_OTAE_NONE           the message has left, or waits behind others
 * @retval IOT_OTAE_GENERAL        `progress` is out of range, `msg` too long or no UTF-8, or the message
 *                                 could not be sent; IOT_OTA_GetLastError tells which
 * @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more)
 */
int IOT_OTA_ReportProgress(void *handle,
                           IOT_OTA_Progress_t progress,
                           const char *msg);

/**
 * Says whether an image is ordered and not complete: time for IOT_OTA_FetchYield.
 *
 * @param handle  the handle
 *
 * @return 1 or 0; 0 also if `handle` is NULL or no handle (any more)
 */
int IOT_OTA_IsFetching(void *handle);

/**
 * Says whether the image is complete, right or wrong.
 *
 * @param handle  the handle
 *
 * @return 1 or 0; 0 also if `handle` is NULL or no handle (any more)
 */
int IOT_OTA_IsFetchFinish(void *handle);

/**
 * Fetches the next bytes of the image. With the first ones, progress 0 is reported.
 *
 * After IOT_OTAE_GENERAL, IOT_OTA_IsFetching tells how to go on. 1: the next call connects again and goes on
 * behind the last byte, at a new URL if the cloud has ordered the same image again. 0: the order has been
 * given up, because its URL will not give the image. That happens only while no byte of the image has been
 * handed out. Afterwards nothing but the same image's other bytes ever follow, whatever the cloud orders; a
 * program that wants no more of them resets the fetched size (IOT_OTAG_RESET_FETCHED_SIZE), and is given
 * the first byte again, or releases the handle. An attempt that has failed twice without a byte is made
 * again after a pause of a second, then two, up to a minute; calls meanwhile wait, and return 0.
 *
 * @param handle     the handle
 * @param buf        where the bytes go; what lies behind them is overwritten up to the length of what was
 *                   missing of the image
 * @param buf_len    how many it can hold
 * @param timeout_s  how long to wait at most, in seconds, as the header of every SDK release says (the
 *                   code of some took milliseconds); values above 60 count as 60. The wait ends early
 *                   when `buf` is full or the image complete. The system's resolver is not interrupted
 *
 * @return how many bytes are in `buf`, 0 if none came in time, or another thread fetched all the while;
 *         otherwise
 * @retval IOT_OTAE_GENERAL        the download failed; a log line says why
 * @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more), `buf` is NULL, or `buf_len` is 0
 * @retval IOT_OTAE_INVALID_STATE  no image is ordered, or it is complete
 */
int IOT_OTA_FetchYield(void *handle,
                       char *buf,
                       uint32_t buf_len,
                       uint32_t timeout_s);

/**
 * Tells about the image that is ordered, or fetched.
 *
 * SDK 2.21 alone stored the version as a newly allocated string through a `char **`; here it is copied
 * like the other texts, as in all other releases.
 *
 * @param handle   the handle
 * @param type     what is asked; see IOT_OTA_CmdType_t for what is stored
 * @param buf      where it goes: for numbers, an aligned `uint32_t`; for IOT_OTAG_RESET_FETCHED_SIZE, which
 *                 stores nothing, anything
 * @param buf_len  bytes in `buf`: exactly 4 for numbers; for texts at least one, the NUL included
 *
 * @retval IOT_OTAE_NONE           done
 * @retval IOT_OTAE_INVALID_PARAM  `handle` is NULL or no handle (any more), `buf` is NULL, `buf_len` or the
 *                                 alignment is wrong, or there is no such command
 * @retval IOT_OTAE_INVALID_STATE  nothing is ordered; or, for IOT_OTAG_CHECK_FIRMWARE, which then stores
 *                                 0, the image is not complete
 * @retval IOT_OTAE_STR_TOO_LONG   the text does not fit; its beginning is stored, with a NUL
 * @retval IOT_OTAE_GENERAL        the command is about configurations, which do not come over CoAP
 */
int IOT_OTA_Ioctl(void *handle,
                  IOT_OTA_CmdType_t type,
                  void *buf,
                  size_t buf_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IOT_EXPORT_OTA_H */
