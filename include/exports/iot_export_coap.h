/*
 * The CoAP client API under its SDK 2.x name.
 */
#ifndef IOT_EXPORT_COAP_H
#define IOT_EXPORT_COAP_H

#include "../infra_types.h"
#include "../iotx_coap.h"

#endif /* IOT_EXPORT_COAP_H */
