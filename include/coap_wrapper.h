/*
 * Platform functions of a CoAP firmware under their SDK 3.01 name. Later releases: wrappers.h.
 */
#ifndef COAP_WRAPPER_H
#define COAP_WRAPPER_H

#include "imports/iot_import_crypt.h"
#include "infra_compat.h"
#include "infra_defs.h"
#include "infra_types.h"
#include "wrappers_defs.h"
#include "wrappers_dtls.h"
#include "wrappers_os.h"
#include "wrappers_udp.h"

#endif /* COAP_WRAPPER_H */
