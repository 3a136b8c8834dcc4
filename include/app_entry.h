/*
 * Entry point of the SDK 2.30 examples: app_entry.c holds main(), which calls linkkit_main() with
 * an app_main_paras_t.
 */
#ifndef APP_ENTRY_H
#define APP_ENTRY_H

#ifdef __cplusplus
extern "C" {
#endif

/* The arguments of main(). */
typedef struct {
    int argc;
    char **argv;
} app_main_paras_t;

/* The application. `paras` points to an app_main_paras_t that outlives the call. */
int linkkit_main(void *paras);

#ifdef __cplusplus
}
#endif

#endif /* APP_ENTRY_H */
