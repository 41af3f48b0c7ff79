/*
 * What every system says in its own way about the machine and this program.
 */
#ifndef CONFIG_OS_MACHINE_H
#define CONFIG_OS_MACHINE_H

/* The CPUs this process is bound to, or all; at least 1. */
int os_machine_cpus(void);

/* The path of this very program, to be freed; NULL: it cannot be told. */
char *os_machine_executable(void);

#endif
