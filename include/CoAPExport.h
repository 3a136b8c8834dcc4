/*
 * What firmware in the field takes from the SDK's internal CoAP header of this name: the beginning of
 * the message that a response callback is given, and a print macro. Everything else of the original
 * (building and parsing messages, the fields of the client) is not offered.
 *
 * Portable firmware asks IOT_CoAP_GetMessageCode and IOT_CoAP_GetMessageToken instead.
 */
#ifndef COAP_EXPORT_H
#define COAP_EXPORT_H

#include "wrappers_os.h"

#ifdef __cplusplus
extern "C" {
#endif

/* First members of what `p_message` points to. Read them only during the callback, and through the
 * pointer: behind them there is more. */
typedef struct {
    /* RFC 7252, section 3, but with bit fields in the compiler's order: not as on the wire. */
    struct {
        unsigned char version : 2;
        unsigned char type : 2;     /* iotx_msg_type_t */
        unsigned char tokenlen : 4; /* bytes of the token */
        unsigned char code;         /* class in the upper three bits */
        unsigned short msgid;       /* host byte order */
    } header;
    unsigned char token[12];
} CoAPMessage;

/* As printf. */
#ifndef COAP_DEBUG
#define COAP_DEBUG(...) HAL_Printf(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif

#endif /* COAP_EXPORT_H */
