/*
 * Entry point on systems that start a program at main(): hands the arguments to linkkit_main(), the
 * entry point that applications for SDK 2.30 have everywhere.
 */
#include "app_entry.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    app_main_paras_t paras;

    paras.argc = argc;
    paras.argv = argv;
    return linkkit_main(&paras) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
