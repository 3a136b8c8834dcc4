/*
 * Sizes and offsets of the structs, as computed from the SDK's own headers. The same numbers are
 * asserted in Rust, at the end of src/capi/types.rs.
 */
#include "iot_import.h"

#include "CoAPExport.h"
#include "app_entry.h"
#include "iot_export.h"
#include "static_assert.h"

#include <stddef.h>

#if UINTPTR_MAX > 0xffffffffu
#define BY_MODEL(lp64, ilp32) (lp64)
#else
#define BY_MODEL(lp64, ilp32) (ilp32)
#endif

#define SIZE(type, size) STATIC_ASSERT(sizeof(type) == (size), #type)
#define MEMBER(type, member, offset, size)                                                         \
    STATIC_ASSERT(offsetof(type, member) == (offset), #type "." #member);                          \
    STATIC_ASSERT(sizeof(((type *)0)->member) == (size), #type "." #member)

#define POINTER BY_MODEL(8, 4)

/* The 184 bytes of SDK 2.01 to 2.30, 3.10 and 3.2.0, then one member that only 2.x had. */
#define DEVICE_INFO(type)                                                                          \
    SIZE(type, 217);                                                                               \
    MEMBER(type, product_key, 0, 21);                                                              \
    MEMBER(type, device_name, 21, 33);                                                             \
    MEMBER(type, device_id, 54, 65);                                                               \
    MEMBER(type, device_secret, 119, 65);                                                          \
    MEMBER(type, module_vendor_id, 184, 33)

DEVICE_INFO(iotx_device_info_t);
DEVICE_INFO(iotx_deviceinfo_t);
DEVICE_INFO(iotx_coap_device_info_t);

SIZE(iotx_coap_config_t, BY_MODEL(32, 16));
MEMBER(iotx_coap_config_t, p_url, 0, POINTER);
MEMBER(iotx_coap_config_t, wait_time_ms, BY_MODEL(8, 4), 4);
MEMBER(iotx_coap_config_t, p_devinfo, BY_MODEL(16, 8), POINTER);
MEMBER(iotx_coap_config_t, event_handle, BY_MODEL(24, 12), POINTER);

SIZE(iotx_message_t, BY_MODEL(40, 24));
MEMBER(iotx_message_t, p_payload, 0, POINTER);
MEMBER(iotx_message_t, payload_len, BY_MODEL(8, 4), 2);
MEMBER(iotx_message_t, content_type, BY_MODEL(12, 8), 4);
MEMBER(iotx_message_t, msg_type, BY_MODEL(16, 12), 4);
MEMBER(iotx_message_t, user_data, BY_MODEL(24, 16), POINTER);
MEMBER(iotx_message_t, resp_callback, BY_MODEL(32, 20), POINTER);

SIZE(iotx_dev_meta_info_t, 249);
MEMBER(iotx_dev_meta_info_t, product_key, 0, 21);
MEMBER(iotx_dev_meta_info_t, product_secret, 21, 65);
MEMBER(iotx_dev_meta_info_t, device_name, 86, 33);
MEMBER(iotx_dev_meta_info_t, device_secret, 119, 65);
MEMBER(iotx_dev_meta_info_t, module, 184, 65);

SIZE(iotx_conn_info_t, BY_MODEL(48, 24));
MEMBER(iotx_conn_info_t, port, 0, 2);
MEMBER(iotx_conn_info_t, init, 2, 1);
MEMBER(iotx_conn_info_t, host_name, BY_MODEL(8, 4), POINTER);
MEMBER(iotx_conn_info_t, client_id, BY_MODEL(16, 8), POINTER);
MEMBER(iotx_conn_info_t, username, BY_MODEL(24, 12), POINTER);
MEMBER(iotx_conn_info_t, password, BY_MODEL(32, 16), POINTER);
MEMBER(iotx_conn_info_t, pub_key, BY_MODEL(40, 20), POINTER);

SIZE(coap_dtls_options_t, BY_MODEL(24, 12));
MEMBER(coap_dtls_options_t, p_ca_cert_pem, 0, POINTER);
MEMBER(coap_dtls_options_t, p_host, BY_MODEL(8, 4), POINTER);
MEMBER(coap_dtls_options_t, port, BY_MODEL(16, 8), 2);

SIZE(dtls_hooks_t, BY_MODEL(16, 8));
MEMBER(dtls_hooks_t, malloc, 0, POINTER);
MEMBER(dtls_hooks_t, free, BY_MODEL(8, 4), POINTER);

SIZE(NetworkAddr, 18);
MEMBER(NetworkAddr, addr, 0, 16);
MEMBER(NetworkAddr, port, 16, 2);
SIZE(coap_address_t, 18);

SIZE(hal_os_thread_param_t, BY_MODEL(32, 20));
MEMBER(hal_os_thread_param_t, priority, 0, 4);
MEMBER(hal_os_thread_param_t, stack_addr, BY_MODEL(8, 4), POINTER);
MEMBER(hal_os_thread_param_t, stack_size, BY_MODEL(16, 8), 4);
MEMBER(hal_os_thread_param_t, detach_state, BY_MODEL(20, 12), 4);
MEMBER(hal_os_thread_param_t, name, BY_MODEL(24, 16), POINTER);

SIZE(app_main_paras_t, BY_MODEL(16, 8));
MEMBER(app_main_paras_t, argc, 0, 4);
MEMBER(app_main_paras_t, argv, BY_MODEL(8, 4), POINTER);

MEMBER(CoAPMessage, header, 0, 4);
MEMBER(CoAPMessage, header.code, 1, 1);
MEMBER(CoAPMessage, header.msgid, 2, 2);
MEMBER(CoAPMessage, token, 4, 12);
