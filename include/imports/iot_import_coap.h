/*
 * Platform functions under their SDK 2.x name: what the CoAP client of 2.00 to 2.21 takes from the
 * platform.
 */
#ifndef IOT_IMPORT_COAP_H
#define IOT_IMPORT_COAP_H

#include "../wrappers_defs.h"
#include "../wrappers_os.h"
#include "../wrappers_udp.h"

#define coap_malloc(size) HAL_Malloc(size)
#define coap_free(ptr) HAL_Free(ptr)

/* SDK 2.00's name and members for an address. */
typedef NetworkAddr coap_address_t;

#endif /* IOT_IMPORT_COAP_H */
