/*
 * The CoAP client API under its SDK 3.x name.
 */
#ifndef COAP_API_H
#define COAP_API_H

#include "infra_defs.h"
#include "iotx_coap.h"

#endif /* COAP_API_H */
