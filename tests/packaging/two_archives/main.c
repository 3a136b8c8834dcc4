/*
 * Runs the example on each of two copies of the library, the second under other names, with somebody
 * else's Rust library in the same program.
 */
#include "app_entry.h"

#include <stdio.h>
#include <unistd.h>

int linkkit_main(void *paras);
int second_linkkit_main(void *paras);
int other_library(void);

int main(int argc, char **argv)
{
    app_main_paras_t paras;
    int results[3];

    paras.argc = argc;
    paras.argv = argv;
    results[0] = linkkit_main(&paras);
    results[1] = other_library();
    optind = 1; /* the example reads its options with getopt */
    results[2] = second_linkkit_main(&paras);
    printf("results %d %d %d\n", results[0], results[1], results[2]);
    return results[0] == 0 && results[1] == 42 && results[2] == 0 ? 0 : 1;
}
