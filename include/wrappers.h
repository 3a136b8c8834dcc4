/*
 * All platform functions, under their name in SDK 3.10 and 3.2.0.
 *
 * There several parts appear only if a macro such as COAP_CLIENT is defined; here all of them
 * always do.
 */
#ifndef WRAPPERS_H
#define WRAPPERS_H

#include "infra_defs.h"
#include "infra_types.h"
#include "wrappers_defs.h"
#include "wrappers_dtls.h"
#include "wrappers_kv.h"
#include "wrappers_os.h"
#include "wrappers_tcp.h"
#include "wrappers_tls.h"
#include "wrappers_udp.h"

#endif /* WRAPPERS_H */
