/*
 * What this library offers beyond the SDK's CoAP interface. A program that includes this header does not
 * link against the SDK any more.
 */

#ifndef IOTX_COAP_EXT_H
#define IOTX_COAP_EXT_H

/* Generated from src/capi/ext by cbindgen: do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "iotx_coap.h"

/**
 * Signatures of the authentication request, for iotx_coap_settings_t.
 */
typedef enum {
    /**
     * HMAC-MD5, what the SDK uses.
     */
    IOTX_COAP_SIGN_HMACMD5 = 0,
    /**
     * HMAC-SHA1.
     */
    IOTX_COAP_SIGN_HMACSHA1 = 1,
    /**
     * HMAC-SHA256.
     */
    IOTX_COAP_SIGN_HMACSHA256 = 2,
} iotx_coap_sign_method_t;

/**
 * What the DTLS handshake may rely on, for iotx_coap_settings_t.
 */
typedef enum {
    /**
     * The server's certificate first, the pre-shared key last; the server chooses.
     */
    IOTX_COAP_DTLS_BOTH = 0,
    /**
     * The server's certificate only.
     */
    IOTX_COAP_DTLS_CERTIFICATE = 1,
    /**
     * The pre-shared key only.
     */
    IOTX_COAP_DTLS_PSK = 2,
} iotx_coap_dtls_offer_t;

/**
 * First arguments of response callbacks, for iotx_coap_settings_t.
 */
typedef enum {
    /**
     * The report's `user_data`, as in SDK 2.03 and later.
     */
    IOTX_COAP_CALLBACK_USER_DATA = 0,
    /**
     * The client, as in SDK 2.00 and 2.01; `user_data` is ignored.
     */
    IOTX_COAP_CALLBACK_CLIENT = 1,
} iotx_coap_callback_argument_t;

/**
 * Kinds of networks, for iotx_coap_settings_preset.
 */
typedef enum {
    /**
     * Any network: the values of RFC 7252, which iotx_coap_settings_init sets too.
     */
    IOTX_COAP_PRESET_RFC7252 = 0,
    /**
     * Cellular modules for machines: slow and patient. First wait 10 s, 8 repetitions, 3 min for an
     * authentication and 3 min for a handshake. A message is given up after one to two hours.
     */
    IOTX_COAP_PRESET_NB_IOT = 1,
    /**
     * A cloud, or a gateway, in the same local network: first wait 250 ms, 5 repetitions, 5 s for an
     * authentication and 10 s for a handshake. Not for paths through the Internet.
     */
    IOTX_COAP_PRESET_LAN = 2,
} iotx_coap_preset_t;

/**
 * Events beyond those of iotx_coap_event_t, handed to event_handle as well.
 */
typedef enum {
    /**
     * The client has a new token: reports may be sent. `p_data` is NULL.
     */
    IOTX_COAP_EVENT_AUTHENTICATED = 100,
} iotx_coap_more_events_t;

/**
 * Why something failed, for iotx_coap_failure_t. Later releases may add values.
 */
typedef enum {
    /**
     * SEND_FAILED: none of the transmissions was acknowledged. The cloud may have got the report.
     */
    IOTX_COAP_FAILURE_UNACKNOWLEDGED = 1,
    /**
     * SEND_FAILED: acknowledged, or sent as IOTX_MESSAGE_NON, and not answered in its time (RFC 7252,
     * 4.8.2).
     */
    IOTX_COAP_FAILURE_UNANSWERED = 2,
    /**
     * SEND_FAILED: the cloud rejected the message (Reset).
     */
    IOTX_COAP_FAILURE_RESET = 3,
    /**
     * SEND_FAILED: the DTLS session, and with it the report, was lost more often than it is tried again.
     */
    IOTX_COAP_FAILURE_SESSION_LOST = 4,
    /**
     * SEND_FAILED: the cloud does not accept the device any more.
     */
    IOTX_COAP_FAILURE_NOT_ACCEPTED = 5,
    /**
     * SEND_FAILED: it could not leave in its time, or AUTH_FAILED: the request could not be sent.
     */
    IOTX_COAP_FAILURE_NOT_SENT = 6,
    /**
     * SEND_FAILED: it could not be written anew for the token, or the key, that is in force now.
     */
    IOTX_COAP_FAILURE_NOT_ENCODABLE = 7,
    /**
     * RECV_FAILED: a datagram was too long, and dropped.
     */
    IOTX_COAP_FAILURE_TOO_LONG = 32,
    /**
     * RECV_FAILED: the payload of an answer was not encrypted as agreed. The answer is delivered as it came.
     */
    IOTX_COAP_FAILURE_NOT_DECRYPTED = 33,
    /**
     * RECV_FAILED: the connection has ended.
     */
    IOTX_COAP_FAILURE_CONNECTION_ENDED = 34,
    /**
     * AUTH_FAILED: the cloud refused the device, or kept asking to try again later.
     */
    IOTX_COAP_FAILURE_AUTH_REFUSED = 64,
    /**
     * AUTH_FAILED: no usable answer in time.
     */
    IOTX_COAP_FAILURE_AUTH_TIMEOUT = 65,
} iotx_coap_failure_reason_t;

/**
 * Settings that the SDK's configuration has no room for. Fill it in with iotx_coap_settings_init, then
 * change what should differ from the defaults.
 */
typedef struct {
    /**
     * Size of this struct as the program was compiled; set by iotx_coap_settings_init. Later releases
     * add members at the end only.
     */
    size_t size;
    /**
     * Signature of the authentication request: iotx_coap_sign_method_t. Default: HMAC-MD5.
     */
    int sign_method;
    /**
     * Encoding of the authentication request and its answer: iotx_content_type_t. Default: JSON.
     */
    int auth_encoding;
    /**
     * "ackMode" of the authentication request: -1 leaves it out, 0 asks for piggybacked answers, 1 for
     * separate ones. Default: -1.
     */
    int ack_mode;
    /**
     * Option that carries the token: 0 chooses by the host, otherwise 61 or 2088. Default: 0.
     */
    int token_option;
    /**
     * What the DTLS handshake offers: iotx_coap_dtls_offer_t. Default: both.
     */
    int dtls_offer;
    /**
     * How long one IOT_CoAP_DeviceNameAuth may take, in milliseconds; at least 1. Default: 10000.
     */
    unsigned int auth_timeout_ms;
    /**
     * Whether the device tells the cloud about its module and SDK after an authentication, as SDK 2.03 to
     * 3.2.0 do, provided that HAL_GetPartnerID and HAL_GetModuleID give ids: 1 or 0. Default: 1.
     */
    int announce;
    /**
     * What response callbacks get as their first argument: iotx_coap_callback_argument_t. Default:
     * user_data.
     */
    int callback_argument;
    /**
     * ACK_TIMEOUT (RFC 7252, 4.8): how long the first transmission of a Confirmable message waits for its
     * acknowledgement before it is repeated, in milliseconds; each further wait is twice the one before.
     * 100 to 600000. Default: 2000.
     */
    unsigned int ack_timeout_ms;
    /**
     * ACK_RANDOM_FACTOR in percent: the first wait is drawn between ack_timeout_ms and that times this.
     * 100 (no spreading) to 1000. Default: 150.
     */
    unsigned int ack_random_percent;
    /**
     * MAX_RETRANSMIT: how often a Confirmable message is repeated before it is given up. As many as, with the
     * two above, keep one message for at most 24 hours; with their defaults 14. Default: 4.
     */
    unsigned int max_retransmit;
    /**
     * NSTART: how many Confirmable messages may be on their way at once. 1 to 64. Default: 1.
     */
    unsigned int nstart;
    /**
     * How many messages may wait behind those; IOT_CoAP_SendMessage refuses a further one. 1 to 4096.
     * Default: 64.
     */
    unsigned int queue_limit;
    /**
     * PROBING_RATE in bytes per second: how much IOTX_MESSAGE_NON traffic goes to a cloud that has stopped
     * responding; the rest waits. 0 sets no limit. Default: 1.
     */
    unsigned int probing_rate;
    /**
     * Whether the client authenticates again by itself, inside IOT_CoAP_Yield or iotx_coap_process: when
     * the cloud refuses its token, and before the token is too old. 1 or 0. Default: 1.
     */
    int reauthenticate;
    /**
     * Whether a report that was refused for its token is sent once more under the new one, and its callback
     * called with the second answer only. 1 or 0. Default: 1.
     */
    int resend_refused;
    /**
     * Whether reports wait while the cloud has asked for it: after 4.29 and 5.03, for as long as their
     * Max-Age says (60 s without one, 5 min at most). 1 or 0. Default: 1.
     */
    int heed_back_off;
    /**
     * Whether a DTLS session that the server seems to have lost is renewed while reports are under way.
     * 1 or 0. Default: 1.
     */
    int renew_session;
    /**
     * The largest IP packet that the path to the server carries, in bytes with all headers: DTLS handshakes
     * are cut to fit. 296 to 65535. Default: 1280, which every IPv6 path carries.
     */
    unsigned int path_mtu;
    /**
     * How long one DTLS handshake may take altogether, in milliseconds. 1000 to 600000. Default: 30000.
     */
    unsigned int handshake_timeout_ms;
    /**
     * Whether IOT_CoAP_Yield always takes the whole wait_time_ms, as the SDK's does, also when there is
     * nothing to wait for: for programs whose loop pauses nowhere else. 1 or 0. Default: 0.
     */
    int full_wait;
    /**
     * Whether event_handle of iotx_coap_config_t is read, and called: see iotx_coap_failure_t. Without
     * this it may hold anything, as in programs that never set it. 1 or 0. Default: 0.
     */
    int report_events;
    /**
     * After how long without an answer a flight of a DTLS handshake is sent again at first, in milliseconds;
     * each further wait is twice as long. 100 to 60000. Default: 1000 (RFC 6347); RFC 7925 recommends 9000
     * for slow networks.
     */
    unsigned int flight_timeout_ms;
} iotx_coap_settings_t;

/**
 * What failed: the `p_data` of IOTX_COAP_EVENT_SEND_FAILED, _RECV_FAILED and _AUTH_FAILED, valid until
 * event_handle returns.
 *
 * event_handle is called only for clients made by iotx_coap_init_with with report_events set to 1. Its first
 * argument is the client. Every report whose IOT_CoAP_SendMessage returned IOTX_SUCCESS ends in exactly
 * one of a call of its resp_callback and an IOTX_COAP_EVENT_SEND_FAILED, unless IOT_CoAP_Deinit ends the
 * client before.
 *
 * It runs where resp_callbacks do: on the thread that is in IOT_CoAP_Yield, IOT_CoAP_DeviceNameAuth or
 * iotx_coap_process, one at a time per such call. It may call every function, IOT_CoAP_SendMessage and
 * IOT_CoAP_Deinit of the same client included.
 */
typedef struct {
    /**
     * Size of this struct as the library was compiled. Later releases add members at the end only.
     */
    size_t size;
    /**
     * Why: iotx_coap_failure_reason_t.
     */
    int reason;
    /**
     * SEND_FAILED: how many datagrams the report has cost; 0 if it never left. Otherwise 0.
     */
    unsigned int transmissions;
    /**
     * SEND_FAILED: the message id of the report, the last one if it was sent anew; -1 if it never left.
     * Otherwise -1.
     */
    int message_id;
    /**
     * SEND_FAILED: the token of the report, as IOT_CoAP_GetCurToken told it before it was sent. Otherwise 0.
     */
    unsigned int token;
    /**
     * SEND_FAILED: what the report's resp_callback would have got as its first argument; NULL for a report
     * of the library's own (IOT_OTA_*). Otherwise NULL.
     */
    void *user_data;
} iotx_coap_failure_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Fills settings in with their defaults.
 *
 * @param settings  the caller's struct; NULL does nothing
 * @param size      sizeof(iotx_coap_settings_t)
 */
void iotx_coap_settings_init(iotx_coap_settings_t *settings, size_t size);

/**
 * Sets the transmission parameters (ack_timeout_ms to probing_rate), auth_timeout_ms, handshake_timeout_ms
 * and flight_timeout_ms for a kind of network; the other settings stay as they are. Any of them may be changed afterwards.
 *
 * @param settings  filled in by iotx_coap_settings_init; changed
 * @param preset    iotx_coap_preset_t
 *
 * @retval IOTX_SUCCESS            done
 * @retval IOTX_ERR_INVALID_PARAM  `settings` is NULL or not initialised, or there is no such preset;
 *                                 nothing has been changed
 */
int iotx_coap_settings_preset(iotx_coap_settings_t *settings,
                              int preset);

/**
 * IOT_CoAP_Init with settings.
 *
 * @param p_config  as for IOT_CoAP_Init
 * @param settings  filled in by iotx_coap_settings_init; not used after the call. NULL: the defaults
 *
 * @return as IOT_CoAP_Init; also NULL, with a log line, when a setting has a value it cannot have
 */
iotx_coap_context_t *iotx_coap_init_with(iotx_coap_config_t *p_config,
                                         const iotx_coap_settings_t *settings);

/**
 * The file descriptor to wait at: it becomes readable when there is something for iotx_coap_process.
 * Use it with poll, select or epoll, and for nothing else. It belongs to the client, and a client that
 * connects anew has another one, so ask before every wait. From any thread.
 *
 * @param p_context  the client
 *
 * @return the descriptor; -1 while there is no connection, when the firmware's own HAL_UDP_* or
 *         HAL_DTLSSession_* made it (their handles need not be descriptors: wait by the firmware's own
 *         means), and when `p_context` is NULL or no client's (any more)
 */
int iotx_coap_descriptor(iotx_coap_context_t *p_context);

/**
 * How long a loop may wait, at most, before it calls iotx_coap_process, if nothing arrives at the descriptor:
 * until a message is to be repeated, or given up, the token to be renewed, or the like. Ask before every wait, and again after a
 * message was sent: a loop that waits while another thread sends must be woken up for it, by the
 * program. From any thread.
 *
 * @param p_context  the client
 *
 * @return milliseconds, as poll and epoll_wait take them: 0 when something is due now, -1 when only what
 *         arrives moves anything, and also when `p_context` is NULL or no client's (any more)
 */
int iotx_coap_next_timeout(iotx_coap_context_t *p_context);

/**
 * Begins to authenticate the device and does not wait: iotx_coap_process or IOT_CoAP_Yield does the rest, within
 * auth_timeout_ms, or that long after the end of the pause that the cloud has asked for in an earlier answer (5 min at
 * most). How it ends is told by an event, IOTX_COAP_EVENT_AUTHENTICATED or
 * IOTX_COAP_EVENT_AUTH_FAILED (see iotx_coap_failure_t), and by iotx_coap_is_authenticated. After a failure it may be
 * begun again; while one is under way, it is that one. From any thread.
 *
 * @param p_context  the client
 *
 * @retval IOTX_SUCCESS              begun
 * @retval IOTX_ERR_SEND_MSG_FAILED  the client is being ended by another thread
 * @retval IOTX_ERR_INVALID_PARAM    `p_context` is NULL or no client's (any more)
 */
int iotx_coap_authenticate_begin(iotx_coap_context_t *p_context);

/**
 * Receives what is there, calls the callbacks of answered reports and the event_handle, and sends what is due, as IOT_CoAP_Yield
 * does, but waits for nothing. Call it when the descriptor is readable or the time-out has passed; at
 * any other time it does no harm. Only where a connection that the firmware's own HAL_DTLSSession_* made has
 * been lost does it block, while these make another one. With a firmware's own HAL_UDP_* or HAL_DTLSSession_* it waits one
 * millisecond in the read function, the shortest wait that this can express.
 *
 * From any thread; while another one is in IOT_CoAP_Yield with the same client, that one receives. The
 * callbacks run on the calling thread before the function returns, and may call every function.
 *
 * @param p_context  the client
 *
 * @return how many answers there were, 0 or more, those without a callback included;
 *         IOTX_ERR_INVALID_PARAM (negative) when `p_context` is NULL or no client's (any more)
 */
int iotx_coap_process(iotx_coap_context_t *p_context);

/**
 * Whether the cloud has accepted the device, so that IOT_CoAP_SendMessage takes reports. It stays so while the client
 * replaces a token that was refused, or has become too old, by itself (see `reauthenticate` in iotx_coap_settings_t): reports
 * are taken then, and wait for the next token. It ends when the cloud refuses the device for good
 * (IOTX_COAP_EVENT_AUTH_FAILED), or with the token where the client replaces none. From any thread.
 *
 * @param p_context  the client
 *
 * @return 1 or 0; 0 also when `p_context` is NULL or no client's (any more)
 */
int iotx_coap_is_authenticated(iotx_coap_context_t *p_context);

/**
 * Copies out what a device must keep to go on with this session after a loss of power: the DTLS session, the
 * token with what is left of its time, and which message ids and sequence numbers have been used up. One wake is
 * then iotx_coap_init_restored, one report and its answer, iotx_coap_save and IOT_CoAP_Deinit.
 *
 * Save as the last thing before IOT_CoAP_Deinit, when no answer is awaited any more: reports that are still under
 * way are not among what is kept, and what is sent afterwards makes the bytes stale. Use the bytes of one save
 * once.
 *
 * The bytes are secret: who can read them can speak for the device until the token is too old, and read what its DTLS
 * session carries. And they are trusted: who can change them can make the next session theirs. Where others may
 * reach the storage, encrypt and authenticate them. A checksum finds accidental damage only.
 *
 * From any thread.
 *
 * @param p_context  the client
 * @param p_buffer   receives the bytes; NULL asks for their number only
 * @param p_len      in: size of the buffer, ignored when it is NULL; out: number of bytes. Less than 4096 with
 *                   the servers seen so far; ask, or give more
 *
 * @retval IOTX_SUCCESS             done
 * @retval IOTX_ERR_BUFF_TOO_SHORT  `*p_len` was too small and is the number needed now; nothing was copied.
 *                                  Also for a session that cannot be saved, with 0 in `*p_len`
 * @retval IOTX_ERR_INVALID_PARAM   `p_len` is NULL, or `p_context` is NULL or no client's (any more)
 */
int iotx_coap_save(iotx_coap_context_t *p_context,
                   uint8_t *p_buffer,
                   size_t *p_len);

/**
 * iotx_coap_init_with, going on with a saved session: with coaps one abbreviated handshake, and then, while the
 * token lives, reports without IOT_CoAP_DeviceNameAuth (iotx_coap_is_authenticated tells). A server that does not know the
 * DTLS session any more leads to a full handshake. A token that the cloud does not accept any more is
 * renewed by the client itself (reauthenticate), also when `seconds_asleep` was wrong.
 *
 * @param p_config        as for IOT_CoAP_Init: the same device and server as when it was saved
 * @param settings        as for iotx_coap_init_with
 * @param p_saved         what iotx_coap_save gave; not used after the call
 * @param len             its number of bytes
 * @param seconds_asleep  how long ago it was saved, as far as the device knows; negative: it does not
 *
 * @return as iotx_coap_init_with; also NULL, with a log line, when the bytes are damaged, of another release, or
 *         another device's or server's: then nothing has been sent, and iotx_coap_init_with and
 *         IOT_CoAP_DeviceNameAuth are the way on. After another failure, such as a server that cannot be reached, the
 *         bytes are as good as before
 */
iotx_coap_context_t *iotx_coap_init_restored(iotx_coap_config_t *p_config,
                                             const iotx_coap_settings_t *settings,
                                             const uint8_t *p_saved,
                                             size_t len,
                                             long long seconds_asleep);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IOTX_COAP_EXT_H */
