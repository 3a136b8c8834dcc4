/*
 * IOT_CoAP_Init of the static libraries, in an archive member of its own.
 *
 * A linker takes a member only for a name that is still open. So where an archive named before the library
 * defines IOT_CoAP_Init, as the companions for SDK 2.00 and 3.01 do, this member stays out, and everything
 * else comes from the library all the same.
 */
#include "iotx_coap_ext.h"

iotx_coap_context_t *IOT_CoAP_Init(iotx_coap_config_t *p_config)
{
    return iotx_coap_init_with(p_config, NULL);
}
