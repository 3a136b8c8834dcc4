/*
 * Build configuration, which SDK 3.x generates for each build. Here it is fixed: it names what the
 * library always has, for sources that ask with #ifdef. A definition on the command line wins.
 */
#ifndef INFRA_CONFIG_H
#define INFRA_CONFIG_H

#include <stdint.h>

#ifndef PLATFORM_HAS_STDINT
#define PLATFORM_HAS_STDINT
#endif

#ifndef COAP_CLIENT
#define COAP_CLIENT
#endif

#ifndef COAP_DTLS_SUPPORT
#define COAP_DTLS_SUPPORT
#endif

#endif /* INFRA_CONFIG_H */
